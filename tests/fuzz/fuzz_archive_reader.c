/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole archives from hostile bytes. The first byte chooses: the bytes are a file as it is (for the reader,
 * verification, and the predecessor's format), or they are the uncompressed index (table and manifest) or a part of an
 * archive whose checksums are made right, so that what is behind the checksums is reached.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "archive/block.h"
#include "archive/block_tail.h"
#include "archive/legacy.h"
#include "archive/pax_head.h"
#include "archive/reader.h"
#include "archive/sha.h"
#include "archive/verify.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

static int from_memory(void *ctx, void *data, size_t len, uint64_t off, struct cm_err *err)
{
	(void)err;
	memcpy(data, (const char *)ctx + off, len);
	return 0;
}

static int swallow(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)data;
	(void)err;
	*(uint64_t *)ctx += len;
	/* A few bytes may stand for a great hole. */
	return *(uint64_t *)ctx > 64 << 20 ? CM_ETOOBIG : 0;
}

static int take_item(void *ctx, const struct cm_archive_item *item)
{
	struct cm_archive *a = ctx;
	uint64_t done = 0;

	cm_archive_extract(a, item, swallow, &done, NULL);
	return 0;
}

static void use(const void *data, size_t len)
{
	const struct cm_source s = { (void *)data, from_memory, len };
	struct cm_verify_result r;
	struct cm_archive *a = NULL;
	struct json_object *o = NULL;
	uint64_t done = 0;

	cm_archive_verify(&s, 1, NULL, &r, NULL);
	if (cm_archive_open(&s, &a, NULL) != 0)
		return;
	cm_archive_list(a, "", 0, take_item, a, NULL);
	cm_archive_list(a, "volumes/v", 9, take_item, a, NULL);
	cm_archive_list(a, "volumes/v/d", 11, take_item, a, NULL);
	cm_archive_part_tar(a, "volumes/v", swallow, &done, NULL);
	if (cm_archive_member_json(a, "backup.json", &o, NULL) == 0)
		json_object_put(o);
	cm_archive_free(a);
}

static void add_block(struct cm_buf *out, struct cm_deflater *d, const void *data, size_t len, struct cm_block_table *t)
{
	size_t n;

	if (len == 0)
		return;
	char *p = cm_buf_room(out, cm_block_bound(len));
	cm_deflate(d, data, len, p, cm_block_bound(len), &n, NULL);
	if (t != NULL)
		cm_block_table_add(t, (uint32_t)n, (uint32_t)len, cm_block_crc(0, p, n), NULL);
	cm_buf_grew(out, n);
}

static void add_entry(struct cm_buf *out, const char *name, const void *data, size_t len)
{
	static const char zeros[512];
	struct cm_entry e;

	cm_pax_member(&e, name, len, 0);
	cm_pax_head(out, NULL, &e);
	cm_buf_add(out, data, len);
	cm_buf_add(out, zeros, cm_tar_pad(len));
}

/* Blocks before, an index of these bytes, and a tail that fits both. */
static void seal(struct cm_buf *file, struct cm_deflater *d, const struct cm_buf *index, uint64_t tar,
		 uint64_t manifest)
{
	struct cm_tail t = {
		.index_at = file->len, .index_tar = tar, .manifest_tar = manifest, .tar_size = tar + index->len
	};
	uint8_t tail[CM_TAIL_MAX];

	add_block(file, d, index->data, index->len, NULL);
	cm_sha_of(file->data + t.index_at, file->len - t.index_at, t.sha);
	cm_tail_encode(CM_CODEC_GZIP, &t, tail);
	cm_buf_add(file, tail, cm_tail_len(CM_CODEC_GZIP));
	use(file->data, file->len);
}

/* The bytes are the index. */
static void fuzz_index(struct cm_deflater *d, const uint8_t *data, size_t len)
{
	struct cm_buf file = CM_BUF_INIT(16 << 20), index = CM_BUF_INIT(1 << 20);
	static const uint8_t block[1024] = "a block that there is";

	add_block(&file, d, block, sizeof(block), NULL);
	cm_buf_add(&index, data, len);
	seal(&file, d, &index, sizeof(block), sizeof(block) + len / 1024 * 512);
	cm_buf_release(&file);
	cm_buf_release(&index);
}

/* The bytes are manifest.json, beside a table that is right. */
static void fuzz_manifest(struct cm_deflater *d, const uint8_t *data, size_t len)
{
	struct cm_buf file = CM_BUF_INIT(16 << 20), index = CM_BUF_INIT(2 << 20), table = CM_BUF_INIT(4096);
	struct cm_block_table t = { 0 };
	static const uint8_t block[2048] = "a block that there is", zeros[1024];

	add_block(&file, d, block, sizeof(block), &t);
	cm_block_table_encode(&t, &table);
	add_entry(&index, "manifest/members", table.data, table.len);
	uint64_t manifest = sizeof(block) + index.len;
	add_entry(&index, "manifest.json", data, len);
	cm_buf_add(&index, zeros, sizeof(zeros));
	seal(&file, d, &index, sizeof(block), manifest);
	cm_block_table_release(&t);
	cm_buf_release(&file);
	cm_buf_release(&index);
	cm_buf_release(&table);
}

static void set_hash(struct json_object *o, const char *key, const void *data, size_t len)
{
	uint8_t sha[CM_SHA_LEN];
	char hex[2 * CM_SHA_LEN + 1];

	cm_sha_of(data, len, sha);
	cm_hex(hex, sha, CM_SHA_LEN);
	cm_json_set_str(o, key, hex);
}

/* The first half is a part's tar, the second the lines of its only segment. */
static void fuzz_part(struct cm_deflater *d, const uint8_t *data, size_t len)
{
	struct cm_buf file = CM_BUF_INIT(16 << 20), part = CM_BUF_INIT(4 << 20), manifest = CM_BUF_INIT(65536);
	size_t tar = len / 2 / 512 * 512, lines = 0;
	struct json_object *o = json_object_new_object(), *parts = json_object_new_array(),
			   *p = json_object_new_object(), *segments = json_object_new_array(),
			   *s = json_object_new_object(), *range = json_object_new_array();

	for (size_t i = tar; i < len; i++)
		lines += data[i] == '\n';
	cm_buf_add(&part, data, tar);
	add_entry(&part, "manifest/0001.jsonl", data + tar, len - tar);
	cm_json_set_str(s, "name", "manifest/0001.jsonl");
	cm_json_set_int(s, "offset", (int64_t)tar);
	cm_json_set_int(s, "data", (int64_t)tar + 512);
	cm_json_set_int(s, "size", (int64_t)(len - tar));
	cm_json_set_int(s, "lines", (int64_t)lines);
	set_hash(s, "sha256", data + tar, len - tar);
	set_hash(s, "heads", "", 0);
	json_object_array_add(segments, s);
	json_object_array_add(range, json_object_new_int(0));
	json_object_array_add(range, json_object_new_int(1));
	cm_json_set_str(p, "kind", "volume");
	cm_json_set_str(p, "prefix", "volumes/v");
	cm_json_set_int(p, "offset", 0);
	cm_json_set_int(p, "size", (int64_t)part.len);
	cm_json_set_int(p, "block", 0);
	cm_json_set_int(p, "blocks", 1);
	cm_json_set_int(p, "files", (int64_t)lines);
	cm_json_set_int(p, "bytes", 0);
	cm_json_set(p, "segments", range);
	json_object_array_add(parts, p);
	cm_json_set_str(o, "format", "container-monkey");
	cm_json_set_int(o, "version", CM_ARCHIVE_VERSION);
	cm_json_set(o, "members", json_object_new_array());
	cm_json_set(o, "parts", parts);
	cm_json_set(o, "segments", segments);

	static const uint8_t zeros[1024];
	struct cm_buf index = CM_BUF_INIT(1 << 20), table = CM_BUF_INIT(4096);
	struct cm_block_table t = { 0 };
	add_block(&file, d, part.data, part.len, &t);
	cm_block_table_encode(&t, &table);
	add_entry(&index, "manifest/members", table.data, table.len);
	uint64_t at = part.len + index.len;
	char *text = cm_json_text(o);
	add_entry(&index, "manifest.json", text, strlen(text));
	cm_buf_add(&index, zeros, sizeof(zeros));
	seal(&file, d, &index, part.len, at);
	free(text);
	json_object_put(o);
	cm_block_table_release(&t);
	cm_buf_release(&file);
	cm_buf_release(&part);
	cm_buf_release(&manifest);
	cm_buf_release(&index);
	cm_buf_release(&table);
}

static void fuzz_legacy(const uint8_t *data, size_t len)
{
	const struct cm_source s = { (void *)data, from_memory, len };
	struct cm_legacy *l = NULL;

	if (cm_legacy_open(&s, &l, NULL) == 0)
		cm_legacy_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cm_deflater *d = NULL;

	if (len < 2 || len > 1 << 20 || cm_deflater_new(CM_CODEC_GZIP, 1, &d, NULL) != 0)
		return 0;
	switch (data[0] % 5) {
	case 0:
		use(data + 1, len - 1);
		break;
	case 1:
		fuzz_legacy(data + 1, len - 1);
		break;
	case 2:
		fuzz_index(d, data + 1, len - 1);
		break;
	case 3:
		fuzz_manifest(d, data + 1, len - 1);
		break;
	default:
		fuzz_part(d, data + 1, len - 1);
		break;
	}
	cm_deflater_free(d);
	return 0;
}
