/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blocks: the independent pieces an archive is compressed in. With gzip one gzip member, with zstd one frame with
 * content size and checksum. Compressor and decompressor objects are for one thread each. Does not block.
 */
#ifndef CM_ARCHIVE_BLOCK_H
#define CM_ARCHIVE_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "archive/format.h"
#include "core/buf.h"
#include "core/err.h"

struct cm_deflater;
struct cm_inflater;

/* The codec's default for level 0; CM_EINVAL when level is out of range. */
int cm_block_level(enum cm_codec codec, int level, int *ret, struct cm_err *err);
/* Room that a block of len bytes may need. */
size_t cm_block_bound(size_t len);

/* level as cm_block_level() gave it. Errors: CM_ENOMEM. */
int cm_deflater_new(enum cm_codec codec, int level, struct cm_deflater **ret, struct cm_err *err);
void cm_deflater_free(struct cm_deflater *d);
/* Compresses len (1 … CM_BLOCK_MAX) bytes into out, which has cm_block_bound(len). */
int cm_deflate(struct cm_deflater *d, const void *data, size_t len, void *out, size_t cap, size_t *ret_len,
	       struct cm_err *err);

int cm_inflater_new(enum cm_codec codec, struct cm_inflater **ret, struct cm_err *err);
void cm_inflater_free(struct cm_inflater *i);
/* Expands exactly one block of len bytes into exactly want bytes. Anything else (a header our writer would not write,
 * a wrong checksum, other lengths, bytes left over) is CM_ECORRUPT. */
int cm_inflate(struct cm_inflater *i, const void *data, size_t len, void *out, size_t want, struct cm_err *err);
/* Expands any number of blocks, appending to out, whose ceiling is the limit. Errors: CM_ECORRUPT, CM_ETOOBIG. */
int cm_inflate_all(struct cm_inflater *i, const void *data, size_t len, struct cm_buf *out, struct cm_err *err);

/* CRC-32 of compressed bytes; begin with 0. */
uint32_t cm_block_crc(uint32_t crc, const void *data, size_t len);

/* A block that holds these 512 bytes uncompressed and always has the same length, so that it can be overwritten later.
 * Returns its length. */
enum { CM_BLOCK_STORED_MAX = 560, CM_BLOCK_STORED_LEN = 512 };
size_t cm_block_stored(enum cm_codec codec, const uint8_t data[CM_BLOCK_STORED_LEN], uint8_t out[CM_BLOCK_STORED_MAX]);

#endif
