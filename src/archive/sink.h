/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where archive bytes go and where they come from. Plain structs of functions, so that a vault, a file descriptor
 * or a test can stand behind them. Whoever fills one in keeps what ctx points to alive for as long as it is used.
 */
#ifndef CM_ARCHIVE_SINK_H
#define CM_ARCHIVE_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* Takes bytes in order. Each function returns 0 or a negative code with err set; after an error it is not called
 * again. */
struct cm_sink {
	void *ctx;
	int (*write)(void *ctx, const void *data, size_t len, struct cm_err *err);
	/* Replaces bytes written before; only within the first CM_ARCHIVE_HEAD bytes. */
	int (*patch)(void *ctx, uint64_t off, const void *data, size_t len, struct cm_err *err);
};

/* Gives bytes at any place. pread reads exactly len bytes or fails, and may be called by several threads at once. */
struct cm_source {
	void *ctx;
	int (*pread)(void *ctx, void *data, size_t len, uint64_t off, struct cm_err *err);
	uint64_t size;
};

/* Takes a piece of a member or file that is being read out of an archive. A negative result ends the reading and is
 * passed on. */
typedef int (*cm_archive_write_fn)(void *ctx, const void *data, size_t len, struct cm_err *err);

/* Gives the next bytes of a foreign stream: *ret_len 1 to len bytes, 0 at its end. */
typedef int (*cm_archive_read_fn)(void *ctx, void *data, size_t len, size_t *ret_len, struct cm_err *err);

/* A source over an open descriptor of a regular file; the descriptor stays the caller's. Errors: CM_EIO. */
int cm_source_fd(struct cm_source *s, int fd, struct cm_err *err);
/* A sink over a descriptor opened for writing at its beginning; the descriptor stays the caller's. */
void cm_sink_fd(struct cm_sink *s, int fd);

#endif
