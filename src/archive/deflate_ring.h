/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compresses a stream in blocks on several threads and hands the blocks out in order. One thread fills it; out is
 * called by one thread of the ring's own (or by the filling thread when threads is 0). The slots are mapped memory:
 * they return to the system with cm_deflate_ring_free(). Filling blocks while all slots are in use.
 */
#ifndef CM_ARCHIVE_DEFLATE_RING_H
#define CM_ARCHIVE_DEFLATE_RING_H

#include <stddef.h>
#include <stdint.h>

#include "archive/format.h"
#include "core/err.h"

enum { CM_RING_SLOTS = 6, CM_RING_THREADS = 4 };

struct cm_deflate_ring;

/* One finished block: size bytes compressed to len. A negative result stops everything and is given to the filler. */
typedef int (*cm_deflate_out_fn)(void *ctx, uint32_t size, const void *data, uint32_t len, struct cm_err *err);

struct cm_deflate_options {
	enum cm_codec codec;
	int level;	  /* as cm_block_level() gave it */
	unsigned threads; /* at most CM_RING_THREADS; 0: none of its own */
	uint32_t block;	  /* uncompressed bytes of a full block, at most CM_BLOCK_MAX */
};

int cm_deflate_ring_new(const struct cm_deflate_options *o, cm_deflate_out_fn out, void *ctx,
			struct cm_deflate_ring **ret, struct cm_err *err);
/* Waits for its threads; what was not drained is lost. */
void cm_deflate_ring_free(struct cm_deflate_ring *r);

/* Where the next bytes go: *ret_data has *ret_len (at least 1). */
int cm_deflate_ring_space(struct cm_deflate_ring *r, uint8_t **ret_data, size_t *ret_len, struct cm_err *err);
/* So many of them are filled. A full block goes off by itself. */
int cm_deflate_ring_grew(struct cm_deflate_ring *r, size_t len, struct cm_err *err);
int cm_deflate_ring_put(struct cm_deflate_ring *r, const void *data, size_t len, struct cm_err *err);
int cm_deflate_ring_zero(struct cm_deflate_ring *r, uint64_t len, struct cm_err *err);
/* Ends the current block when it holds at least min bytes (min 0: when it holds any). */
int cm_deflate_ring_break(struct cm_deflate_ring *r, size_t min, struct cm_err *err);
/* Ends the current block and waits until out has had everything. */
int cm_deflate_ring_drain(struct cm_deflate_ring *r, struct cm_err *err);

#endif
