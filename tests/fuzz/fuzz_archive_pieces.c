/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The archive's small parsers, one chosen by the first byte; what they accept must survive being written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "archive/block.h"
#include "archive/block_tail.h"
#include "archive/entry.h"
#include "archive/gz_stream.h"
#include "archive/manifest_line.h"
#include "archive/manifest_model.h"
#include "archive/pax_head.h"
#include "archive/pax_records.h"
#include "archive/posix_acl.h"
#include "archive/sparse_map.h"
#include "archive/tar_parse.h"
#include "core/json.h"
#include "core/mem.h"

static void must(int ok)
{
	if (!ok)
		abort();
}

static int on_head(void *ctx, const struct cm_entry *e, const void *raw, size_t raw_len, uint64_t at,
		   struct cm_err *err)
{
	struct cm_buf b = CM_BUF_INIT(4 << 20);

	(void)ctx;
	(void)raw;
	(void)raw_len;
	(void)at;
	(void)err;
	must(cm_entry_path_ok(e->path, e->path_len));
	cm_pax_head(&b, NULL, e);
	cm_buf_release(&b);
	return 0;
}

static int on_data(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)ctx;
	(void)data;
	(void)len;
	(void)err;
	return 0;
}

static int on_end(void *ctx, struct cm_err *err)
{
	(void)ctx;
	(void)err;
	return 0;
}

static void fuzz_tar(const uint8_t *data, size_t len)
{
	const struct cm_tar_events events = { NULL, on_head, on_data, on_end };
	struct cm_tar_parse *t = cm_tar_parse_new(&events, 0);
	struct cm_buf b = CM_BUF_INIT(2 << 20);

	/* Checksums are made right, or nothing would get behind them. */
	cm_buf_add(&b, data, len);
	for (size_t at = 0; at + 512 <= b.len; at += 512) {
		uint8_t *h = (uint8_t *)b.data + at;
		unsigned sum = 0;
		if (memcmp(h + 257, "ustar", 5) != 0)
			continue;
		memcpy(h + 257, "ustar\00000", 8);
		memset(h + 148, ' ', 8);
		for (size_t i = 0; i < 512; i++)
			sum += h[i];
		for (size_t i = 6; i-- > 0; sum >>= 3)
			h[148 + i] = (uint8_t)('0' + (sum & 7));
		h[154] = 0;
	}
	cm_tar_parse_feed(t, b.data, b.len, NULL);
	cm_tar_parse_free(t);
	cm_buf_release(&b);
}

static void fuzz_line(const char *s, size_t len)
{
	struct cm_line l, again;
	struct cm_buf b = CM_BUF_INIT(4 << 20), path = CM_BUF_INIT(1 << 20);

	if (cm_line_parse(s, len, &l, NULL) == 0) {
		cm_line_write(&b, &l.entry, l.has_sha ? l.sha : NULL, l.head, l.data, l.changed);
		must(cm_line_parse(b.data, b.len - 1, &again, NULL) == 0);
		must(strcmp(again.path.data, l.path.data) == 0 && again.entry.mtime_s == l.entry.mtime_s);
		must(cm_line_path(b.data, b.len - 1, &path) && strcmp(path.data, l.path.data) == 0);
		cm_line_release(&again);
	}
	cm_line_release(&l);
	cm_buf_reset(&path);
	cm_line_path(s, len, &path);
	cm_buf_release(&path);
	cm_buf_release(&b);
}

static void fuzz_manifest(const char *s, size_t len)
{
	struct json_object *o = NULL;
	struct cm_manifest m;

	if (cm_json_parse(s, len, &o, NULL) != 0)
		return;
	if (cm_manifest_read(o, 1 << 20, 10, &m, NULL) == 0)
		cm_manifest_release(&m);
	if (cm_manifest_read_part(o, &m, NULL) == 0)
		cm_manifest_release(&m);
	json_object_put(o);
}

static void fuzz_acl(const uint8_t *data, size_t len)
{
	struct cm_buf a = CM_BUF_INIT(8 << 20), b = CM_BUF_INIT(8 << 20), c = CM_BUF_INIT(8 << 20);

	if (cm_acl_parse(&a, (const char *)data, len)) {
		must(cm_acl_text(&b, a.data, a.len));
		must(cm_acl_parse(&c, b.data, b.len) && c.len == a.len && memcmp(a.data, c.data, a.len) == 0);
	}
	cm_buf_reset(&b);
	cm_acl_text(&b, data, len);
	cm_buf_release(&a);
	cm_buf_release(&b);
	cm_buf_release(&c);
}

static int on_put(void *ctx, uint64_t at, const void *data, size_t len, struct cm_err *err)
{
	(void)data;
	(void)err;
	must(at <= *(uint64_t *)ctx && len <= *(uint64_t *)ctx - at);
	return 0;
}

static void fuzz_sparse(const uint8_t *data, size_t len)
{
	uint64_t size = 1 << 20;
	struct cm_sparse *s = cm_sparse_new(len, size);

	cm_sparse_feed(s, data, len, on_put, &size, NULL);
	cm_sparse_free(s);
}

static void fuzz_inflate(const uint8_t *data, size_t len, enum cm_codec codec)
{
	struct cm_inflater *i = NULL;
	struct cm_buf b = CM_BUF_INIT(1 << 20);
	char *out = cm_alloc(65536);

	must(cm_inflater_new(codec, &i, NULL) == 0);
	cm_inflate(i, data, len, out, 65536, NULL);
	cm_inflate(i, data, len, out, 1, NULL);
	cm_inflate_all(i, data, len, &b, NULL);
	cm_inflater_free(i);
	cm_buf_release(&b);
	free(out);
}

struct rest {
	const uint8_t *data;
	size_t len;
};

static int read_rest(void *ctx, void *data, size_t len, size_t *ret_len, struct cm_err *err)
{
	struct rest *r = ctx;

	(void)err;
	*ret_len = r->len < len ? r->len : len;
	if (*ret_len > 7)
		*ret_len = 7;
	memcpy(data, r->data, *ret_len);
	r->data += *ret_len;
	r->len -= *ret_len;
	return 0;
}

static void fuzz_gz(const uint8_t *data, size_t len)
{
	struct rest r = { data, len };
	struct cm_gz_stream *g = cm_gz_stream_new(read_rest, &r);
	char out[4096];
	size_t n = 1;

	for (int i = 0; i < 1000 && n > 0; i++)
		if (cm_gz_stream_read(g, out, sizeof(out), &n, NULL) != 0)
			break;
	cm_gz_stream_free(g);
}

static void fuzz_table_and_tail(const uint8_t *data, size_t len)
{
	struct cm_block_table t = { 0 };
	struct cm_tail tail;
	enum cm_codec codec;

	if (cm_block_table_decode(&t, data, len, NULL) == 0)
		cm_block_table_release(&t);
	cm_tail_decode(data, len, &codec, &tail, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cm_pax_records r;

	if (len < 1 || len > 1 << 20)
		return 0;
	data++;
	len--;
	switch (data[-1] % 10) {
	case 0:
		fuzz_tar(data, len);
		break;
	case 1:
		cm_pax_records_init(&r);
		cm_pax_records_parse(&r, (const char *)data, len);
		cm_pax_records_release(&r);
		break;
	case 2:
		fuzz_line((const char *)data, len);
		break;
	case 3:
		fuzz_manifest((const char *)data, len);
		break;
	case 4:
		fuzz_acl(data, len);
		break;
	case 5:
		fuzz_sparse(data, len);
		break;
	case 6:
		fuzz_inflate(data, len, CM_CODEC_GZIP);
		break;
	case 7:
		fuzz_inflate(data, len, CM_CODEC_ZSTD);
		break;
	case 8:
		fuzz_gz(data, len);
		break;
	default:
		fuzz_table_and_tail(data, len);
		break;
	}
	return 0;
}
