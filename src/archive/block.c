/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/block.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "archive/block_tail.h"
#include "core/mem.h"
#include "core/str.h"

enum { GZIP_HEAD = 10, GZIP_TAIL = 8, STORED_HEAD = 5, ZSTD_STORED_HEAD = 10, GZIP_DEFAULT = 1, ZSTD_DEFAULT = 3 };

/* What our gzip members begin with: no name, no time, unknown system. */
static const uint8_t gzip_head[GZIP_HEAD] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff };

struct cm_deflater {
	enum cm_codec codec;
	int level;
	struct isal_zstream *gzip;
	uint8_t *gzip_work;
	uint32_t gzip_work_len;
	ZSTD_CCtx *zstd;
};

struct cm_inflater {
	enum cm_codec codec;
	struct inflate_state *gzip;
	ZSTD_DCtx *zstd;
};

const char *cm_codec_name(enum cm_codec codec)
{
	return codec == CM_CODEC_ZSTD ? "zstd" : "gzip";
}

int cm_codec_parse(const char *name, enum cm_codec *ret)
{
	if (name != NULL && !cm_str_eq(name, "gzip") && !cm_str_eq(name, "zstd"))
		return CM_EINVAL;
	*ret = cm_str_eq(name, "zstd") ? CM_CODEC_ZSTD : CM_CODEC_GZIP;
	return 0;
}

int cm_block_level(enum cm_codec codec, int level, int *ret, struct cm_err *err)
{
	int max = codec == CM_CODEC_ZSTD ? 12 : 3;

	if (level < 0 || level > max)
		return cm_err_set(err, CM_EINVAL, "The compression level for %s is 1 to %d.", cm_codec_name(codec),
				  max);
	*ret = level > 0 ? level : codec == CM_CODEC_ZSTD ? ZSTD_DEFAULT : GZIP_DEFAULT;
	return 0;
}

size_t cm_block_bound(size_t len)
{
	return len + (len >> 3) + 65536;
}

static int no_memory(struct cm_err *err)
{
	return cm_err_set(err, CM_ENOMEM, "Out of memory while compressing.");
}

int cm_deflater_new(enum cm_codec codec, int level, struct cm_deflater **ret, struct cm_err *err)
{
	static const uint32_t work[] = { 0, ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL2_DEFAULT, ISAL_DEF_LVL3_DEFAULT };
	struct cm_deflater *d = cm_alloc(sizeof(*d));

	d->codec = codec;
	d->level = level;
	if (codec == CM_CODEC_ZSTD) {
		d->zstd = ZSTD_createCCtx();
		if (d->zstd == NULL || ZSTD_isError(ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_compressionLevel, level)) ||
		    ZSTD_isError(ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_checksumFlag, 1))) {
			cm_deflater_free(d);
			return no_memory(err);
		}
	} else {
		d->gzip_work_len = work[level];
		d->gzip_work = cm_alloc(work[level]);
		d->gzip = cm_alloc(sizeof(*d->gzip));
	}
	*ret = d;
	return 0;
}

void cm_deflater_free(struct cm_deflater *d)
{
	if (d == NULL)
		return;
	free(d->gzip);
	free(d->gzip_work);
	ZSTD_freeCCtx(d->zstd);
	free(d);
}

static int deflate_gzip(struct cm_deflater *d, const void *data, size_t len, void *out, size_t cap, size_t *ret_len)
{
	struct isal_zstream *s = d->gzip;

	isal_deflate_init(s);
	s->level = (uint32_t)d->level;
	s->level_buf = d->gzip_work;
	s->level_buf_size = d->gzip_work_len;
	s->gzip_flag = IGZIP_GZIP;
	s->end_of_stream = 1;
	s->flush = NO_FLUSH;
	s->next_in = (uint8_t *)data;
	s->avail_in = (uint32_t)len;
	s->next_out = out;
	s->avail_out = (uint32_t)cap;
	if (isal_deflate(s) != COMP_OK || s->avail_in != 0 || s->internal_state.state != ZSTATE_END)
		return CM_EINTERNAL;
	*ret_len = s->total_out;
	return 0;
}

int cm_deflate(struct cm_deflater *d, const void *data, size_t len, void *out, size_t cap, size_t *ret_len,
	       struct cm_err *err)
{
	if (d->codec == CM_CODEC_ZSTD) {
		size_t n = ZSTD_compress2(d->zstd, out, cap, data, len);
		if (ZSTD_isError(n))
			return cm_err_set(err, CM_EINTERNAL, "Compressing failed: %s.", ZSTD_getErrorName(n));
		*ret_len = n;
		return 0;
	}
	if (deflate_gzip(d, data, len, out, cap, ret_len) != 0)
		return cm_err_set(err, CM_EINTERNAL, "Compressing failed.");
	return 0;
}

int cm_inflater_new(enum cm_codec codec, struct cm_inflater **ret, struct cm_err *err)
{
	struct cm_inflater *i = cm_alloc(sizeof(*i));

	i->codec = codec;
	if (codec == CM_CODEC_ZSTD) {
		i->zstd = ZSTD_createDCtx();
		if (i->zstd == NULL) {
			free(i);
			return no_memory(err);
		}
	} else {
		i->gzip = cm_alloc(sizeof(*i->gzip));
	}
	*ret = i;
	return 0;
}

void cm_inflater_free(struct cm_inflater *i)
{
	if (i == NULL)
		return;
	free(i->gzip);
	ZSTD_freeDCtx(i->zstd);
	free(i);
}

static int corrupt(struct cm_err *err, const char *what)
{
	return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: %s.", what);
}

/* Begins a gzip member at data; false when its head is not one of ours. */
static bool gzip_begin(struct inflate_state *s, const uint8_t *data, size_t len)
{
	if (len < GZIP_HEAD + GZIP_TAIL || len > UINT32_MAX || memcmp(data, gzip_head, GZIP_HEAD) != 0)
		return false;
	isal_inflate_init(s);
	s->crc_flag = ISAL_GZIP_NO_HDR_VER;
	s->next_in = (uint8_t *)data + GZIP_HEAD;
	s->avail_in = (uint32_t)(len - GZIP_HEAD);
	return true;
}

static int inflate_gzip(struct inflate_state *s, const uint8_t *data, size_t len, void *out, size_t want,
			struct cm_err *err)
{
	if (!gzip_begin(s, data, len))
		return corrupt(err, "a compressed block begins wrongly");
	s->next_out = out;
	s->avail_out = (uint32_t)want;
	int rc = isal_inflate(s);
	/* Room that ends exactly with the data may leave the trailer for a second call. */
	for (int i = 0; i < 2 && rc == ISAL_DECOMP_OK && s->block_state != ISAL_BLOCK_FINISH; i++)
		rc = isal_inflate(s);
	if (rc != ISAL_DECOMP_OK || s->block_state != ISAL_BLOCK_FINISH)
		return corrupt(err, rc == ISAL_INCORRECT_CHECKSUM ? "the checksum of a compressed block is wrong"
								  : "a compressed block cannot be read");
	if (s->avail_out != 0 || s->avail_in != 0)
		return corrupt(err, "a compressed block has another length than its index says");
	return 0;
}

static int inflate_zstd(ZSTD_DCtx *z, const void *data, size_t len, void *out, size_t want, struct cm_err *err)
{
	static const uint8_t magic[4] = { 0x28, 0xb5, 0x2f, 0xfd };

	if (len < 8 || memcmp(data, magic, 4) != 0 || ZSTD_getFrameContentSize(data, len) != want ||
	    ZSTD_findFrameCompressedSize(data, len) != len)
		return corrupt(err, "a compressed block has another length than its index says");
	size_t n = ZSTD_decompressDCtx(z, out, want, data, len);
	return !ZSTD_isError(n) && n == want ? 0 : corrupt(err, "a compressed block cannot be read");
}

int cm_inflate(struct cm_inflater *i, const void *data, size_t len, void *out, size_t want, struct cm_err *err)
{
	if (want == 0 || want > CM_BLOCK_MAX || len > cm_block_bound(CM_BLOCK_MAX))
		return corrupt(err, "its index holds a wrong length");
	return i->codec == CM_CODEC_ZSTD ? inflate_zstd(i->zstd, data, len, out, want, err)
					 : inflate_gzip(i->gzip, data, len, out, want, err);
}

/* One gzip member of unknown length in front of data; *ret_used is how long it was. */
static int gzip_member(struct inflate_state *s, const uint8_t *data, size_t len, struct cm_buf *out, size_t *ret_used,
		       struct cm_err *err)
{
	if (!gzip_begin(s, data, len))
		return corrupt(err, "a compressed block begins wrongly");
	while (s->block_state != ISAL_BLOCK_FINISH) {
		size_t room = out->max - out->len < 65536 ? out->max - out->len : 65536;
		uint32_t in_before = s->avail_in;
		char *p = cm_buf_room(out, room ? room : 1);
		if (p == NULL)
			return cm_err_set(err, CM_ETOOBIG, "The backup's index is larger than allowed.");
		s->next_out = (uint8_t *)p;
		s->avail_out = (uint32_t)room;
		if (isal_inflate(s) != ISAL_DECOMP_OK)
			return corrupt(err, "a compressed block cannot be read");
		cm_buf_grew(out, room - s->avail_out);
		if (s->avail_out == room && s->avail_in == in_before && s->block_state != ISAL_BLOCK_FINISH)
			return corrupt(err, "a compressed block is cut off");
	}
	*ret_used = len - s->avail_in;
	return 0;
}

static int zstd_frame(struct cm_inflater *i, const uint8_t *data, size_t len, struct cm_buf *out, size_t *ret_used,
		      struct cm_err *err)
{
	unsigned long long want = ZSTD_getFrameContentSize(data, len);
	size_t used = ZSTD_findFrameCompressedSize(data, len);

	if (ZSTD_isError(used) || want == 0 || want > CM_BLOCK_MAX)
		return corrupt(err, "a compressed block begins wrongly");
	char *p = cm_buf_room(out, (size_t)want);
	if (p == NULL)
		return cm_err_set(err, CM_ETOOBIG, "The backup's index is larger than allowed.");
	int rc = cm_inflate(i, data, used, p, (size_t)want, err);
	if (rc == 0)
		cm_buf_grew(out, (size_t)want);
	*ret_used = used;
	return rc;
}

int cm_inflate_all(struct cm_inflater *i, const void *data, size_t len, struct cm_buf *out, struct cm_err *err)
{
	const uint8_t *p = data;

	while (len > 0) {
		size_t used = 0;
		int rc = i->codec == CM_CODEC_ZSTD ? zstd_frame(i, p, len, out, &used, err)
						   : gzip_member(i->gzip, p, len, out, &used, err);
		if (rc < 0)
			return rc;
		p += used;
		len -= used;
	}
	return 0;
}

uint32_t cm_block_crc(uint32_t crc, const void *data, size_t len)
{
	return crc32_gzip_refl(crc, data, len);
}

size_t cm_block_stored(enum cm_codec codec, const uint8_t data[CM_BLOCK_STORED_LEN], uint8_t out[CM_BLOCK_STORED_MAX])
{
	const size_t len = CM_BLOCK_STORED_LEN;
	uint8_t *p = out;

	if (codec == CM_CODEC_ZSTD) {
		/* zstd has no call for an uncompressed block of this shape: magic, single segment with two bytes of
		 * size (less 256), then one raw block that is the last. */
		static const uint8_t frame[5] = { 0x28, 0xb5, 0x2f, 0xfd, 0x60 };
		memcpy(p, frame, sizeof(frame));
		cm_put_le(p + 5, len - 256, 2);
		cm_put_le(p + 7, 1 | len << 3, 3);
		memcpy(p + ZSTD_STORED_HEAD, data, len);
		return ZSTD_STORED_HEAD + len;
	}
	memcpy(p, gzip_head, GZIP_HEAD);
	p += GZIP_HEAD;
	p[0] = 1; /* the last block, stored */
	cm_put_le(p + 1, len, 2);
	cm_put_le(p + 3, ~len, 2);
	memcpy(p + STORED_HEAD, data, len);
	p += STORED_HEAD + len;
	cm_put_le(p, crc32_gzip_refl(0, data, len), 4);
	cm_put_le(p + 4, len, 4);
	return GZIP_HEAD + STORED_HEAD + len + GZIP_TAIL;
}
