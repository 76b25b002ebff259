/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The last bytes of an archive: an empty gzip member with an extra field (zstd: a skippable frame) of fixed length that
 * says where the table of blocks and manifest.json are. And the table itself, the content of manifest/members:
 * "CMBLOCKS", a 32 bit version, a 32 bit count, then per block three 32 bit numbers: compressed length, uncompressed
 * length, CRC-32 of the compressed bytes. All little endian. Pure functions.
 */
#ifndef CM_ARCHIVE_BLOCK_TAIL_H
#define CM_ARCHIVE_BLOCK_TAIL_H

#include <stddef.h>
#include <stdint.h>

#include "archive/format.h"
#include "archive/sha.h"
#include "core/buf.h"
#include "core/err.h"

struct cm_tail {
	uint64_t index_at;	 /* where in the file the blocks of the index (table and manifest.json) begin */
	uint64_t index_tar;	 /* where in the tar the header of manifest/members is */
	uint64_t manifest_tar;	 /* the same of manifest.json */
	uint64_t tar_size;	 /* length of the whole tar, its two zero blocks included */
	uint8_t sha[CM_SHA_LEN]; /* of the bytes from index_at to the tail */
};

enum { CM_TAIL_MAX = 128 };

/* Length of a tail. */
size_t cm_tail_len(enum cm_codec codec);
void cm_tail_encode(enum cm_codec codec, const struct cm_tail *t, uint8_t out[CM_TAIL_MAX]);
/* Looks at the last bytes of a file. Errors: CM_ENOTFOUND (not a tail of ours), CM_ECORRUPT (one that is damaged),
 * CM_EUNSUPPORTED (of a newer version). */
int cm_tail_decode(const uint8_t *end, size_t len, enum cm_codec *ret_codec, struct cm_tail *ret, struct cm_err *err);

struct cm_block_row {
	uint32_t len;  /* in the file */
	uint32_t size; /* in the tar */
	uint32_t crc;
};

struct cm_block_table {
	struct cm_block_row *rows;
	size_t count, cap;
};

/* Errors: CM_ETOOBIG over CM_BLOCKS_MAX. */
int cm_block_table_add(struct cm_block_table *t, uint32_t len, uint32_t size, uint32_t crc, struct cm_err *err);
void cm_block_table_release(struct cm_block_table *t);
size_t cm_block_table_len(const struct cm_block_table *t);
void cm_block_table_encode(const struct cm_block_table *t, struct cm_buf *out);
/* Errors: CM_ECORRUPT. */
int cm_block_table_decode(struct cm_block_table *t, const void *data, size_t len, struct cm_err *err);

/* Little endian numbers. */
void cm_put_le(void *at, uint64_t v, size_t bytes);
uint64_t cm_get_le(const void *at, size_t bytes);

#endif
