/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Preloaded: a child that fork() made is slow to learn its own process id, as on a busy machine. Made by the test that
 * uses it: cc -shared -fPIC.
 */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pid_t forked_from;

pid_t getpid(void)
{
	pid_t pid = (pid_t)syscall(SYS_getpid);

	if (forked_from != 0 && forked_from != pid) {
		forked_from = 0;
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	} else {
		forked_from = pid;
	}
	return pid;
}
