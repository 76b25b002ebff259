/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"

int cm_file_read(const char *path, struct cm_buf *out, struct cm_err *err)
{
	cm_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cm_err_errno(err, errno, "reading a file");
	for (;;) {
		size_t room = out->max - out->len;
		char *p = cm_buf_room(out, room < 65536 ? room : 65536);
		if (p == NULL)
			return cm_err_set(err, cm_buf_failed(out), "The file is larger than expected.");
		if (room == 0) {
			char probe;
			return read(fd, &probe, 1) == 0
				   ? 0
				   : cm_err_set(err, CM_ETOOBIG, "The file is larger than expected.");
		}
		ssize_t n = read(fd, p, room < 65536 ? room : 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cm_err_errno(err, errno, "reading a file");
		if (n == 0)
			return 0;
		cm_buf_grew(out, (size_t)n);
	}
}

int cm_fd_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int cm_fd_read_all(int fd, void *data, size_t len)
{
	char *p = data;
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, p + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0) {
			errno = EPIPE;
			return got == 0 ? 0 : -1;
		}
		got += (size_t)n;
	}
	return 1;
}

int cm_dir_fsync(const char *path, struct cm_err *err)
{
	cm_autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		return cm_err_errno(err, errno, "saving a folder");
	return 0;
}

static int parent_fsync(const char *path, struct cm_err *err)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return cm_dir_fsync(".", err);
	if (slash == path)
		return cm_dir_fsync("/", err);
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	return cm_dir_fsync(dir, err);
}

int cm_file_write(const char *path, const void *data, size_t len, mode_t mode, struct cm_err *err)
{
	char partial[PATH_MAX];

	if (snprintf(partial, sizeof(partial), "%s.partial", path) >= (int)sizeof(partial))
		return cm_err_set(err, CM_EINVAL, "The file name is too long.");
	cm_autoclose int fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return cm_err_errno(err, errno, "writing a file");
	if (fchmod(fd, mode) != 0 || cm_fd_write_all(fd, data, len) != 0 || fsync(fd) != 0 ||
	    rename(partial, path) != 0) {
		int e = errno;
		unlink(partial);
		return cm_err_errno(err, e, "writing a file");
	}
	return parent_fsync(path, err);
}

int cm_dir_make(const char *path, mode_t mode, struct cm_err *err)
{
	char p[PATH_MAX];

	if (snprintf(p, sizeof(p), "%s", path) >= (int)sizeof(p))
		return cm_err_set(err, CM_EINVAL, "The folder name is too long.");
	for (char *s = p + 1;; s++) {
		if (*s != '/' && *s != '\0')
			continue;
		char c = *s;
		*s = '\0';
		if (mkdir(p, mode) != 0 && errno != EEXIST)
			return cm_err_errno(err, errno, "making a folder");
		*s = c;
		if (c == '\0')
			return 0;
	}
}
