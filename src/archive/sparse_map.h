/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files with holes in GNU tar's format 1.0: the stored bytes begin with a map in text (number of pieces, then offset
 * and length of each, one a line, filled up to 512 bytes), then come the pieces. A last piece of length 0 at the file's
 * end marks a hole there. One thread. Does not block.
 */
#ifndef CM_ARCHIVE_SPARSE_MAP_H
#define CM_ARCHIVE_SPARSE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

enum { CM_SPARSE_PIECES = 65536 };

struct cm_sparse_piece {
	uint64_t at, len;
};

/* Appends the map, filled up. count is at most CM_SPARSE_PIECES. */
void cm_sparse_map(struct cm_buf *out, const struct cm_sparse_piece *pieces, size_t count);

struct cm_sparse;

/* Reads stored bytes of a file that is size bytes long. Caller frees. */
struct cm_sparse *cm_sparse_new(uint64_t stored, uint64_t size);
void cm_sparse_free(struct cm_sparse *s);

/* data stands at offset at of the file. */
typedef int (*cm_sparse_put_fn)(void *ctx, uint64_t at, const void *data, size_t len, struct cm_err *err);
/* Errors: CM_ECORRUPT (pieces out of order, outside of the file, or not as long as what is stored), those of put. */
int cm_sparse_feed(struct cm_sparse *s, const void *data, size_t len, cm_sparse_put_fn put, void *ctx,
		   struct cm_err *err);

#endif
