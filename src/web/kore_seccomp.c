/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system calls a worker may make besides those of Kore's own list; any other ends the process (conf/kore). Not here
 * and so forbidden, among others: execve, ptrace, mount, setuid and its family, unshare, bpf, io_uring, kexec, modules,
 * inotify, and starting processes: clone is for threads only.
 */
#include <kore/kore.h>
#include <kore/hooks.h>
#include <kore/seccomp.h>

#include <errno.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>

static struct sock_filter filter[] = {
	/* Threads: glibc falls back from clone3 to clone, whose flags a filter can see. */
	KORE_SYSCALL_DENY(clone3, ENOSYS),
	KORE_SYSCALL_ALLOW_WITH_FLAG(clone, 0, CLONE_THREAD),
	KORE_SYSCALL_DENY(clone, EPERM),
	KORE_SYSCALL_ALLOW(set_robust_list),
	KORE_SYSCALL_ALLOW(get_robust_list),
	KORE_SYSCALL_ALLOW(rseq),
	KORE_SYSCALL_ALLOW(prctl),
	KORE_SYSCALL_ALLOW(gettid),
	KORE_SYSCALL_ALLOW(tgkill),
	KORE_SYSCALL_ALLOW(membarrier),
	KORE_SYSCALL_ALLOW(restart_syscall),
	KORE_SYSCALL_ALLOW(sched_yield),
	KORE_SYSCALL_ALLOW(sched_getaffinity),
	KORE_SYSCALL_ALLOW(sched_setaffinity),
	KORE_SYSCALL_ALLOW(sched_getparam),
	KORE_SYSCALL_ALLOW(sched_getscheduler),
	KORE_SYSCALL_ALLOW(sched_get_priority_min),
	KORE_SYSCALL_ALLOW(sched_get_priority_max),
	KORE_SYSCALL_ALLOW(setpriority),
	KORE_SYSCALL_ALLOW(getpriority),
	KORE_SYSCALL_ALLOW(ioprio_set),
	KORE_SYSCALL_ALLOW(getcpu),

	/* Memory. */
	KORE_SYSCALL_ALLOW(mremap),
	KORE_SYSCALL_ALLOW(msync),
	KORE_SYSCALL_ALLOW(mincore),
	KORE_SYSCALL_ALLOW(mlock),
	KORE_SYSCALL_ALLOW(munlock),
	KORE_SYSCALL_ALLOW(mlock2),
	KORE_SYSCALL_ALLOW(memfd_create),

	/* Files. */
	KORE_SYSCALL_ALLOW(newfstatat),
	KORE_SYSCALL_ALLOW(statx),
	KORE_SYSCALL_ALLOW(statfs),
	KORE_SYSCALL_ALLOW(fstatfs),
	KORE_SYSCALL_ALLOW(faccessat),
	KORE_SYSCALL_ALLOW(faccessat2),
	KORE_SYSCALL_ALLOW(openat2),
	KORE_SYSCALL_ALLOW(getdents64),
	KORE_SYSCALL_ALLOW(pread64),
	KORE_SYSCALL_ALLOW(pwrite64),
	KORE_SYSCALL_ALLOW(readv),
	KORE_SYSCALL_ALLOW(preadv),
	KORE_SYSCALL_ALLOW(pwritev),
	KORE_SYSCALL_ALLOW(preadv2),
	KORE_SYSCALL_ALLOW(pwritev2),
	KORE_SYSCALL_ALLOW(readahead),
	KORE_SYSCALL_ALLOW(fadvise64),
	KORE_SYSCALL_ALLOW(fallocate),
	KORE_SYSCALL_ALLOW(truncate),
	KORE_SYSCALL_ALLOW(ftruncate),
	KORE_SYSCALL_ALLOW(fsync),
	KORE_SYSCALL_ALLOW(fdatasync),
	KORE_SYSCALL_ALLOW(syncfs),
	KORE_SYSCALL_ALLOW(sync_file_range),
	KORE_SYSCALL_ALLOW(copy_file_range),
	KORE_SYSCALL_ALLOW(splice),
	KORE_SYSCALL_ALLOW(tee),
	KORE_SYSCALL_ALLOW(vmsplice),
	KORE_SYSCALL_ALLOW(flock),
	KORE_SYSCALL_ALLOW(renameat),
	KORE_SYSCALL_ALLOW(renameat2),
	KORE_SYSCALL_ALLOW(unlinkat),
	KORE_SYSCALL_ALLOW(linkat),
	KORE_SYSCALL_ALLOW(symlinkat),
	KORE_SYSCALL_ALLOW(mkdirat),
	KORE_SYSCALL_ALLOW(mknodat),
	KORE_SYSCALL_ALLOW(fchmod),
	KORE_SYSCALL_ALLOW(fchmodat),
	KORE_SYSCALL_ALLOW(fchown),
	KORE_SYSCALL_ALLOW(fchownat),
	KORE_SYSCALL_ALLOW(utimensat),
	KORE_SYSCALL_ALLOW(umask),
	KORE_SYSCALL_ALLOW(chdir),
	KORE_SYSCALL_ALLOW(fchdir),
	KORE_SYSCALL_ALLOW(getxattr),
	KORE_SYSCALL_ALLOW(lgetxattr),
	KORE_SYSCALL_ALLOW(fgetxattr),
	KORE_SYSCALL_ALLOW(listxattr),
	KORE_SYSCALL_ALLOW(llistxattr),
	KORE_SYSCALL_ALLOW(flistxattr),
	KORE_SYSCALL_ALLOW(setxattr),
	KORE_SYSCALL_ALLOW(lsetxattr),
	KORE_SYSCALL_ALLOW(fsetxattr),
	KORE_SYSCALL_ALLOW_ARG(ioctl, 1, FIONREAD),
	KORE_SYSCALL_ALLOW_ARG(ioctl, 1, FIONBIO),
	KORE_SYSCALL_ALLOW_ARG(ioctl, 1, FICLONE),

	/* Descriptors and waiting. */
	KORE_SYSCALL_ALLOW(dup),
	KORE_SYSCALL_ALLOW(dup3),
	KORE_SYSCALL_ALLOW(pipe2),
	KORE_SYSCALL_ALLOW(eventfd2),
	KORE_SYSCALL_ALLOW(timerfd_create),
	KORE_SYSCALL_ALLOW(timerfd_settime),
	KORE_SYSCALL_ALLOW(epoll_create1),
	KORE_SYSCALL_ALLOW(pselect6),
	KORE_SYSCALL_ALLOW(close_range),

	/* Sockets: the engine, vaults, name service, and the socket that helpers connect to. */
	KORE_SYSCALL_ALLOW(socket),
	KORE_SYSCALL_ALLOW(socketpair),
	KORE_SYSCALL_ALLOW(connect),
	KORE_SYSCALL_ALLOW(bind),
	KORE_SYSCALL_ALLOW(listen),
	KORE_SYSCALL_ALLOW(accept4),
	KORE_SYSCALL_ALLOW(shutdown),
	KORE_SYSCALL_ALLOW(getsockopt),
	KORE_SYSCALL_ALLOW(getsockname),
	KORE_SYSCALL_ALLOW(getpeername),
	KORE_SYSCALL_ALLOW(sendmsg),
	KORE_SYSCALL_ALLOW(recvmsg),
	KORE_SYSCALL_ALLOW(sendmmsg),
	KORE_SYSCALL_ALLOW(recvmmsg),

	/* Questions about ourselves and the machine. */
	KORE_SYSCALL_ALLOW(getgid),
	KORE_SYSCALL_ALLOW(getegid),
	KORE_SYSCALL_ALLOW(getresuid),
	KORE_SYSCALL_ALLOW(getresgid),
	KORE_SYSCALL_ALLOW(getgroups),
	KORE_SYSCALL_ALLOW(getppid),
	KORE_SYSCALL_ALLOW(getpgid),
	KORE_SYSCALL_ALLOW(getrusage),
	KORE_SYSCALL_ALLOW(prlimit64),
	KORE_SYSCALL_ALLOW(times),
	KORE_SYSCALL_ALLOW(sysinfo),
	KORE_SYSCALL_ALLOW(uname),
	KORE_SYSCALL_ALLOW(gettimeofday),
	KORE_SYSCALL_ALLOW(clock_getres),

#if defined(__x86_64__)
	/* The older names of calls above; other machines do not have them. */
	KORE_SYSCALL_ALLOW(rename),
	KORE_SYSCALL_ALLOW(mkdir),
	KORE_SYSCALL_ALLOW(rmdir),
	KORE_SYSCALL_ALLOW(link),
	KORE_SYSCALL_ALLOW(symlink),
	KORE_SYSCALL_ALLOW(mknod),
	KORE_SYSCALL_ALLOW(chmod),
	KORE_SYSCALL_ALLOW(chown),
	KORE_SYSCALL_ALLOW(lchown),
	KORE_SYSCALL_ALLOW(utimes),
	KORE_SYSCALL_ALLOW(futimesat),
	KORE_SYSCALL_ALLOW(getdents),
	KORE_SYSCALL_ALLOW(creat),
	KORE_SYSCALL_ALLOW(dup2),
	KORE_SYSCALL_ALLOW(pipe),
	KORE_SYSCALL_ALLOW(eventfd),
	KORE_SYSCALL_ALLOW(epoll_create),
	KORE_SYSCALL_ALLOW(select),
	KORE_SYSCALL_ALLOW(time),
	KORE_SYSCALL_ALLOW(alarm),
	KORE_SYSCALL_ALLOW(getpgrp),
	KORE_SYSCALL_ALLOW(arch_prctl),
#endif
};

/* Kore calls this in a worker before it gives up its rights; the key manager has a list of its own. */
void kore_seccomp_hook(void)
{
	kore_seccomp_filter("container-monkey", filter, KORE_FILTER_LEN(filter));
}
