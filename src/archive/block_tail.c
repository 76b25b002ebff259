/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/block_tail.h"

#include <string.h>

#include "archive/block.h"
#include "core/mem.h"

/* Version and four numbers, hash, checksum. */
enum { PAYLOAD = 4 + 4 * 8 + CM_SHA_LEN + 4, GZIP_FRONT = 16, GZIP_BACK = 10, ZSTD_FRONT = 12 };

/* Empty member with an extra field: one subfield "CM". */
static const uint8_t gzip_front[GZIP_FRONT] = { 0x1f, 0x8b, 8,		 4, 0,	 0,   0,       0,
						0,    0xff, PAYLOAD + 4, 0, 'C', 'M', PAYLOAD, 0 };
static const uint8_t gzip_back[GZIP_BACK] = { 3, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
static const uint8_t zstd_front[ZSTD_FRONT] = { 0x5c, 0x2a, 0x4d, 0x18, PAYLOAD + 4, 0, 0, 0, 'C', 'M', PAYLOAD, 0 };

void cm_put_le(void *at, uint64_t v, size_t bytes)
{
	uint8_t *p = at;

	for (size_t i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

uint64_t cm_get_le(const void *at, size_t bytes)
{
	const uint8_t *p = at;
	uint64_t v = 0;

	for (size_t i = bytes; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

size_t cm_tail_len(enum cm_codec codec)
{
	return codec == CM_CODEC_ZSTD ? ZSTD_FRONT + PAYLOAD : GZIP_FRONT + PAYLOAD + GZIP_BACK;
}

void cm_tail_encode(enum cm_codec codec, const struct cm_tail *t, uint8_t out[CM_TAIL_MAX])
{
	size_t front = codec == CM_CODEC_ZSTD ? ZSTD_FRONT : GZIP_FRONT;
	uint8_t *p = out + front;

	memcpy(out, codec == CM_CODEC_ZSTD ? zstd_front : gzip_front, front);
	cm_put_le(p, CM_ARCHIVE_VERSION, 4);
	cm_put_le(p + 4, t->index_at, 8);
	cm_put_le(p + 12, t->index_tar, 8);
	cm_put_le(p + 20, t->manifest_tar, 8);
	cm_put_le(p + 28, t->tar_size, 8);
	memcpy(p + 36, t->sha, CM_SHA_LEN);
	cm_put_le(p + PAYLOAD - 4, cm_block_crc(0, p, PAYLOAD - 4), 4);
	if (codec == CM_CODEC_GZIP)
		memcpy(p + PAYLOAD, gzip_back, GZIP_BACK);
}

static int payload_decode(const uint8_t *p, struct cm_tail *ret, struct cm_err *err)
{
	if (cm_get_le(p + PAYLOAD - 4, 4) != cm_block_crc(0, p, PAYLOAD - 4))
		return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: its last bytes are wrong.");
	if (cm_get_le(p, 4) != CM_ARCHIVE_VERSION)
		return cm_err_set(err, CM_EUNSUPPORTED,
				  "This backup was made by a newer version of the program. Update the program.");
	ret->index_at = cm_get_le(p + 4, 8);
	ret->index_tar = cm_get_le(p + 12, 8);
	ret->manifest_tar = cm_get_le(p + 20, 8);
	ret->tar_size = cm_get_le(p + 28, 8);
	memcpy(ret->sha, p + 36, CM_SHA_LEN);
	return 0;
}

int cm_tail_decode(const uint8_t *end, size_t len, enum cm_codec *ret_codec, struct cm_tail *ret, struct cm_err *err)
{
	size_t gzip = cm_tail_len(CM_CODEC_GZIP), zstd = cm_tail_len(CM_CODEC_ZSTD);

	if (len >= gzip && memcmp(end + len - gzip, gzip_front, GZIP_FRONT) == 0 &&
	    memcmp(end + len - GZIP_BACK, gzip_back, GZIP_BACK) == 0) {
		*ret_codec = CM_CODEC_GZIP;
		return payload_decode(end + len - gzip + GZIP_FRONT, ret, err);
	}
	if (len >= zstd && memcmp(end + len - zstd, zstd_front, ZSTD_FRONT) == 0) {
		*ret_codec = CM_CODEC_ZSTD;
		return payload_decode(end + len - zstd + ZSTD_FRONT, ret, err);
	}
	return cm_err_set(err, CM_ENOTFOUND, "This file does not end like a backup of this program.");
}

static const char table_magic[8] = { 'C', 'M', 'B', 'L', 'O', 'C', 'K', 'S' };
enum { TABLE_HEAD = 16, TABLE_ROW = 12, TABLE_VERSION = 1 };

int cm_block_table_add(struct cm_block_table *t, uint32_t len, uint32_t size, uint32_t crc, struct cm_err *err)
{
	if (t->count == CM_BLOCKS_MAX)
		return cm_err_set(err, CM_ETOOBIG, "The backup is larger than the format allows (8 TB).");
	if (t->count == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->rows = cm_realloc(t->rows, t->cap, sizeof(*t->rows));
	}
	t->rows[t->count++] = (struct cm_block_row){ len, size, crc };
	return 0;
}

void cm_block_table_release(struct cm_block_table *t)
{
	free(t->rows);
	*t = (struct cm_block_table){ 0 };
}

size_t cm_block_table_len(const struct cm_block_table *t)
{
	return TABLE_HEAD + t->count * TABLE_ROW;
}

void cm_block_table_encode(const struct cm_block_table *t, struct cm_buf *out)
{
	uint8_t *p = (uint8_t *)cm_buf_room(out, cm_block_table_len(t));

	if (p == NULL)
		return;
	memcpy(p, table_magic, sizeof(table_magic));
	cm_put_le(p + 8, TABLE_VERSION, 4);
	cm_put_le(p + 12, t->count, 4);
	for (size_t i = 0; i < t->count; i++) {
		uint8_t *row = p + TABLE_HEAD + i * TABLE_ROW;
		cm_put_le(row, t->rows[i].len, 4);
		cm_put_le(row + 4, t->rows[i].size, 4);
		cm_put_le(row + 8, t->rows[i].crc, 4);
	}
	cm_buf_grew(out, cm_block_table_len(t));
}

int cm_block_table_decode(struct cm_block_table *t, const void *data, size_t len, struct cm_err *err)
{
	const uint8_t *p = data;
	uint64_t count = len >= TABLE_HEAD ? cm_get_le(p + 12, 4) : 0;
	const size_t bound = cm_block_bound(CM_BLOCK_MAX);

	if (len < TABLE_HEAD || memcmp(p, table_magic, sizeof(table_magic)) != 0 ||
	    cm_get_le(p + 8, 4) != TABLE_VERSION || count > CM_BLOCKS_MAX || len != TABLE_HEAD + count * TABLE_ROW)
		return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: its table of blocks cannot be read.");
	t->rows = cm_alloc_array(count, sizeof(*t->rows));
	t->cap = t->count = count;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *row = p + TABLE_HEAD + i * TABLE_ROW;
		struct cm_block_row *r = &t->rows[i];
		*r = (struct cm_block_row){ (uint32_t)cm_get_le(row, 4), (uint32_t)cm_get_le(row + 4, 4),
					    (uint32_t)cm_get_le(row + 8, 4) };
		if (r->len == 0 || r->len > bound || r->size == 0 || r->size > CM_BLOCK_MAX) {
			cm_block_table_release(t);
			return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: its table of blocks is wrong.");
		}
	}
	return 0;
}
