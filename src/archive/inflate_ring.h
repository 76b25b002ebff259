/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Expands blocks on several threads and hands them out in order. fetch is called by the ring's threads, one at a time
 * and in order; cm_inflate_ring_next() by one thread. The slots are mapped memory.
 */
#ifndef CM_ARCHIVE_INFLATE_RING_H
#define CM_ARCHIVE_INFLATE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/format.h"
#include "core/err.h"

struct cm_inflate_ring;

struct cm_fetched {
	uint32_t len;  /* compressed bytes put into data; 0: no more blocks */
	uint32_t size; /* what they must expand to */
	uint32_t crc;  /* of the compressed bytes; compared when check_crc */
	bool check_crc;
};

/* Puts one block of at most cm_block_bound(CM_BLOCK_MAX) bytes into data. */
typedef int (*cm_inflate_fetch_fn)(void *ctx, void *data, struct cm_fetched *ret, struct cm_err *err);

int cm_inflate_ring_new(enum cm_codec codec, unsigned threads, cm_inflate_fetch_fn fetch, void *ctx,
			struct cm_inflate_ring **ret, struct cm_err *err);
/* Waits for its threads: fetch must return by itself. */
void cm_inflate_ring_free(struct cm_inflate_ring *r);
/* The next block's bytes, valid until the next call; *ret_len 0 at the end. *ret_block counts blocks from 0. Errors:
 * what fetch returned, or CM_ECORRUPT, when all blocks before were handed out. */
int cm_inflate_ring_next(struct cm_inflate_ring *r, const uint8_t **ret_data, size_t *ret_len, uint64_t *ret_block,
			 struct cm_err *err);

#endif
