/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "helper/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/str.h"

enum { DEPTH_MAX = 4000, FIXED = FS_IMMUTABLE_FL | FS_APPEND_FL };

static int fail(const char *name, int errnum, struct cm_err *err)
{
	cm_autobuf struct cm_buf clean = CM_BUF_INIT(1024);

	cm_utf8_clean(&clean, name, strlen(name));
	return cm_err_set(err, errnum == EBUSY ? CM_EINUSE : CM_EIO, "%s could not be removed (%s).", clean.data,
			  strerrordesc_np(errnum) ? strerrordesc_np(errnum) : "?");
}

/* True when there was a flag to take off. */
static bool loosen(int fd)
{
	int flags = 0;

	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0 || (flags & FIXED) == 0)
		return false;
	flags &= ~FIXED;
	return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

static int unlink_hard(int dir_fd, const char *name, int flags)
{
	if (unlinkat(dir_fd, name, flags) == 0)
		return 0;
	if (errno != EPERM && errno != EACCES)
		return -1;
	/* The file or its folder may be immutable. */
	int e = errno;
	bool changed = loosen(dir_fd);
	cm_autoclose int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	changed |= loosen(fd);
	errno = e;
	return changed ? unlinkat(dir_fd, name, flags) : -1;
}

static int empty(int fd, unsigned depth, uint64_t *count, struct cm_err *err);

static int remove_one(int dir_fd, const char *name, unsigned depth, uint64_t *count, struct cm_err *err)
{
	if (unlink_hard(dir_fd, name, 0) == 0) {
		(*count)++;
		return 0;
	}
	if (errno != EISDIR && errno != EPERM)
		return fail(name, errno, err);
	int e = errno;
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(name, errno == ENOTDIR || errno == ELOOP ? e : errno, err);
	if (depth > DEPTH_MAX) {
		close(fd);
		return fail(name, ELOOP, err);
	}
	int rc = empty(fd, depth + 1, count, err);
	if (rc == 0 && unlink_hard(dir_fd, name, AT_REMOVEDIR) != 0)
		rc = fail(name, errno, err);
	(*count)++;
	return rc;
}

/* Takes fd. */
static int empty(int fd, unsigned depth, uint64_t *count, struct cm_err *err)
{
	DIR *d = fdopendir(fd);
	int rc = 0;

	if (d == NULL) {
		close(fd);
		return cm_err_errno(err, errno, "reading a folder");
	}
	/* Removing while reading may skip names on some file systems: again until there are none. */
	for (bool seen = true; rc == 0 && seen; rewinddir(d)) {
		const struct dirent *e;
		seen = false;
		errno = 0;
		while (rc == 0 && (e = readdir(d)) != NULL) {
			if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
				continue;
			seen = true;
			rc = remove_one(fd, e->d_name, depth, count, err);
			errno = 0;
		}
		if (rc == 0 && errno != 0)
			rc = cm_err_errno(err, errno, "reading a folder");
	}
	closedir(d);
	return rc;
}

int cm_tree_empty(int dir_fd, uint64_t *ret_files, struct cm_err *err)
{
	uint64_t count = 0;
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return cm_err_errno(err, errno, "opening a folder");
	int rc = empty(fd, 0, &count, err);
	if (rc == 0 && ret_files != NULL)
		*ret_files = count;
	return rc;
}

int cm_tree_remove(int dir_fd, const char *name, struct cm_err *err)
{
	uint64_t count = 0;

	return remove_one(dir_fd, name, 0, &count, err);
}
