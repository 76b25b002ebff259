/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A library that is preloaded into the program (LD_PRELOAD) and makes its disk and its clock fail on command. The test
 * and the program share one file, named by FAULTS and mapped by both, laid out as struct control: what the test writes
 * there holds at once, in every process of the program. Files are known by their path at opening.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { FDS = 8192, PATH_PART = 200 };

struct control {
	int64_t clock_s; /* added to the wall clock */
	int64_t after;	 /* bytes of the matching files that still go well */
	int32_t code;	 /* errno */
	char call;	 /* 'w' write, 'r' read, 'f' fsync, 'o' open; 0: nothing fails */
	char hit;	 /* set to 1 when something failed */
	char pad[2];
	char part[PATH_PART]; /* of the path */
};

static struct control *control;
static char matching[FDS];

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAULTS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p != MAP_FAILED)
		control = p;
	if (fd >= 0)
		close(fd);
}

#define REAL(name, type)                      \
	static __typeof__(type) *real_##name; \
	if (real_##name == NULL)              \
	real_##name = (__typeof__(type) *)dlsym(RTLD_NEXT, #name)

static int fails(char call, int fd, size_t len)
{
	if (control == NULL || control->call != call || fd < 0 || fd >= FDS || !matching[fd])
		return 0;
	if (call != 'f' && __atomic_sub_fetch(&control->after, (int64_t)len, __ATOMIC_SEQ_CST) >= 0)
		return 0;
	control->hit = 1;
	errno = control->code;
	return 1;
}

/* Every file of the folder that is named matches, whatever is done to it later: the name is compared at opening. */
static int opened(int fd, const char *path)
{
	if (fd >= 0 && fd < FDS)
		matching[fd] =
		    (char)(control != NULL && control->part[0] != '\0' && strstr(path, control->part) != NULL);
	return fd;
}

static int refuses(const char *path)
{
	if (control == NULL || control->call != 'o' || strstr(path, control->part) == NULL)
		return 0;
	control->hit = 1;
	errno = control->code;
	return 1;
}

#define MODE(flags)                                                       \
	mode_t mode = 0;                                                  \
	if (((flags)&O_CREAT) != 0 || ((flags)&O_TMPFILE) == O_TMPFILE) { \
		va_list ap;                                               \
		va_start(ap, flags);                                      \
		mode = va_arg(ap, mode_t);                                \
		va_end(ap);                                               \
	}

int open(const char *path, int flags, ...)
{
	REAL(open, int(const char *, int, ...));
	MODE(flags)
	return refuses(path) ? -1 : opened(real_open(path, flags, mode), path);
}

int open64(const char *path, int flags, ...)
{
	REAL(open64, int(const char *, int, ...));
	MODE(flags)
	return refuses(path) ? -1 : opened(real_open64(path, flags, mode), path);
}

int openat(int dir, const char *path, int flags, ...)
{
	REAL(openat, int(int, const char *, int, ...));
	MODE(flags)
	return refuses(path) ? -1 : opened(real_openat(dir, path, flags, mode), path);
}

ssize_t write(int fd, const void *data, size_t len)
{
	REAL(write, ssize_t(int, const void *, size_t));
	return fails('w', fd, len) ? -1 : real_write(fd, data, len);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t off)
{
	REAL(pwrite, ssize_t(int, const void *, size_t, off_t));
	return fails('w', fd, len) ? -1 : real_pwrite(fd, data, len, off);
}

ssize_t read(int fd, void *data, size_t len)
{
	REAL(read, ssize_t(int, void *, size_t));
	return fails('r', fd, len) ? -1 : real_read(fd, data, len);
}

ssize_t pread(int fd, void *data, size_t len, off_t off)
{
	REAL(pread, ssize_t(int, void *, size_t, off_t));
	return fails('r', fd, len) ? -1 : real_pread(fd, data, len, off);
}

int fsync(int fd)
{
	REAL(fsync, int(int));
	return fails('f', fd, 0) ? -1 : real_fsync(fd);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	REAL(clock_gettime, int(clockid_t, struct timespec *));
	int rc = real_clock_gettime(clock, ret);

	if (rc == 0 && control != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		ret->tv_sec += control->clock_s;
	return rc;
}

time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret != NULL)
		*ret = now.tv_sec;
	return now.tv_sec;
}
