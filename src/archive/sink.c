/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/sink.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

/* The descriptor itself travels in the pointer: there is nothing else to keep. */
static int fd_of(void *ctx)
{
	return (int)(intptr_t)ctx;
}

static int sink_write(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	return cm_fd_write_all(fd_of(ctx), data, len) == 0 ? 0 : cm_err_errno(err, errno, "writing the backup");
}

static int sink_patch(void *ctx, uint64_t off, const void *data, size_t len, struct cm_err *err)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = pwrite(fd_of(ctx), p, len, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cm_err_errno(err, errno, "writing the backup");
		p += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

void cm_sink_fd(struct cm_sink *s, int fd)
{
	*s = (struct cm_sink){ (void *)(intptr_t)fd, sink_write, sink_patch };
}

static int source_pread(void *ctx, void *data, size_t len, uint64_t off, struct cm_err *err)
{
	char *p = data;

	while (len > 0) {
		ssize_t n = pread(fd_of(ctx), p, len, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cm_err_errno(err, errno, "reading the backup");
		if (n == 0)
			return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: it is shorter than it was.");
		p += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

int cm_source_fd(struct cm_source *s, int fd, struct cm_err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return cm_err_errno(err, errno, "reading the backup");
	*s = (struct cm_source){ (void *)(intptr_t)fd, source_pread, (uint64_t)st.st_size };
	return 0;
}
