/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/reader.h"

#include <string.h>
#include <sys/mman.h>

#include "archive/foreign.h"
#include "archive/pax_head.h"
#include "archive/reader_int.h"
#include "archive/sha.h"
#include "archive/tar_parse.h"
#include "core/json.h"
#include "core/mem.h"

/* Compressed and uncompressed size an index may have: the largest table and manifest, and headers. */
enum {
	INDEX_REST = CM_MANIFEST_MAX + (1 << 20),
	INDEX_MAX = 12 * CM_BLOCKS_MAX + INDEX_REST,
	BLOCK_LEAST = 12 /* bytes of the shortest zstd frame; a gzip member has 20 */
};

static int damaged(struct cm_err *err, const char *what)
{
	return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: %s.", what);
}

int cm_reader_tail(const struct cm_source *s, enum cm_codec *ret_codec, struct cm_tail *ret, uint64_t *ret_at,
		   struct cm_err *err)
{
	uint8_t end[CM_TAIL_MAX];
	size_t len = s->size < sizeof(end) ? (size_t)s->size : sizeof(end);

	*ret_codec = CM_CODEC_GZIP;
	int rc = s->pread(s->ctx, end, len, s->size - len, err);

	if (rc == 0)
		rc = cm_tail_decode(end, len, ret_codec, ret, err);
	if (rc < 0)
		return rc;
	*ret_at = s->size - cm_tail_len(*ret_codec);
	/* The index lies between the blocks and the tail, and is no larger than it may be: a block takes some bytes. */
	uint64_t max = INDEX_REST + 12 * (ret->index_at / BLOCK_LEAST);
	if (ret->index_at >= *ret_at || *ret_at - ret->index_at > INDEX_MAX || ret->index_tar >= ret->manifest_tar ||
	    ret->manifest_tar >= ret->tar_size || ret->tar_size - ret->index_tar > (max < INDEX_MAX ? max : INDEX_MAX))
		return damaged(err, "its last bytes do not fit the file");
	return 0;
}

/* The two entries of the index, found with the strict parser. */
struct index_scan {
	const struct cm_tail *tail;
	struct cm_buf table, manifest;
	unsigned seen;
};

static int scan_head(void *ctx, const struct cm_entry *e, const void *raw, size_t raw_len, uint64_t at,
		     struct cm_err *err)
{
	struct index_scan *s = ctx;
	const char *want = s->seen == 0 ? "manifest/members" : "manifest.json";
	uint64_t want_at = s->seen == 0 ? s->tail->index_tar : s->tail->manifest_tar;

	(void)raw;
	(void)raw_len;
	if (s->seen == 2 || strcmp(e->path, want) != 0 || at != want_at || e->type != 'f' || e->sparse)
		return damaged(err, "its index is not where it should be");
	return 0;
}

static int scan_data(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct index_scan *s = ctx;
	struct cm_buf *to = s->seen == 0 ? &s->table : &s->manifest;

	cm_buf_add(to, data, len);
	return cm_buf_failed(to) ? damaged(err, "its index is larger than allowed") : 0;
}

static int scan_end(void *ctx, struct cm_err *err)
{
	struct index_scan *s = ctx;

	(void)err;
	s->seen++;
	return 0;
}

static int place_blocks(struct cm_archive *a, struct cm_err *err)
{
	size_t n = a->table.count;
	uint64_t file = 0, tar = 0;

	a->file_at = cm_alloc_array(n + 1, sizeof(*a->file_at));
	a->tar_at = cm_alloc_array(n + 1, sizeof(*a->tar_at));
	for (size_t i = 0; i < n; i++) {
		a->file_at[i] = file;
		a->tar_at[i] = tar;
		file += a->table.rows[i].len;
		tar += a->table.rows[i].size;
	}
	a->file_at[n] = file;
	a->tar_at[n] = tar;
	if (file != a->tail.index_at || tar != a->tail.index_tar)
		return damaged(err, "its table of blocks does not fit the file");
	return 0;
}

/* A part begins and ends with whole blocks: it is sent to a helper as it is. */
static int check_parts(const struct cm_archive *a, struct cm_err *err)
{
	for (size_t i = 0; i < a->model.part_count; i++) {
		const struct cm_part *p = &a->model.parts[i];
		if (a->tar_at[p->block] != p->offset || a->tar_at[p->block + p->blocks] != p->offset + p->size)
			return damaged(err, "a part is not where its table of blocks says");
	}
	return 0;
}

static int parse_index(struct cm_archive *a, struct cm_err *err)
{
	struct index_scan s = { .tail = &a->tail };
	const struct cm_tar_events events = { &s, scan_head, scan_data, scan_end };
	struct cm_tar_parse *t = cm_tar_parse_new(&events, a->tail.index_tar);

	cm_buf_init(&s.table, 16 + 12 * CM_BLOCKS_MAX);
	cm_buf_init(&s.manifest, CM_MANIFEST_MAX);
	int rc = cm_tar_parse_feed(t, a->index.data, a->index.len, err);
	if (rc == 0 && (s.seen != 2 || cm_tar_parse_zeros(t) != 2 || !cm_tar_parse_idle(t) ||
			cm_tar_parse_at(t) != a->tail.tar_size))
		rc = damaged(err, "its index is not complete");
	if (rc == 0)
		rc = cm_block_table_decode(&a->table, s.table.data, s.table.len, err);
	if (rc == 0)
		rc = place_blocks(a, err);
	if (rc == 0 && cm_json_parse_bounded(s.manifest.data, s.manifest.len, &a->json, &a->manifest, NULL) != 0)
		rc = damaged(err, "its manifest cannot be read");
	if (rc == 0)
		rc = cm_manifest_read(a->manifest, a->tail.index_tar, a->table.count, &a->model, err);
	if (rc == 0)
		rc = check_parts(a, err);
	cm_tar_parse_free(t);
	cm_buf_release(&s.table);
	cm_buf_release(&s.manifest);
	return rc;
}

static int read_index(struct cm_archive *a, struct cm_err *err)
{
	size_t len = (size_t)(a->tail_at - a->tail.index_at);
	uint8_t sha[CM_SHA_LEN];
	uint8_t *packed = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (packed == MAP_FAILED)
		return cm_err_set(err, CM_ENOMEM, "Out of memory while reading the backup's index.");
	int rc = a->source.pread(a->source.ctx, packed, len, a->tail.index_at, err);
	if (rc == 0) {
		cm_sha_of(packed, len, sha);
		if (memcmp(sha, a->tail.sha, CM_SHA_LEN) != 0)
			rc = damaged(err, "its index has changed");
	}
	if (rc == 0)
		rc = cm_inflate_all(a->inflater, packed, len, &a->index, err);
	munmap(packed, len);
	return rc < 0 ? rc : parse_index(a, err);
}

int cm_reader_open_ours(const struct cm_source *s, enum cm_codec codec, const struct cm_tail *t, uint64_t tail_at,
			bool keep_index, struct cm_archive **ret, struct cm_err *err)
{
	struct cm_archive *a = cm_alloc(sizeof(*a));

	a->source = *s;
	a->kind = CM_ARCHIVE_OURS;
	a->codec = codec;
	a->tail = *t;
	a->tail_at = tail_at;
	a->in_out = UINT64_MAX;
	cm_buf_init(&a->index, INDEX_MAX);
	int rc = cm_inflater_new(codec, &a->inflater, err);
	if (rc == 0)
		rc = read_index(a, err);
	if (rc < 0) {
		cm_archive_free(a);
		return rc;
	}
	if (!keep_index)
		cm_buf_release(&a->index);
	*ret = a;
	return 0;
}

int cm_archive_open(const struct cm_source *source, struct cm_archive **ret, struct cm_err *err)
{
	enum cm_codec codec;
	struct cm_tail tail = { 0 };
	uint64_t tail_at = 0;
	int rc = cm_reader_tail(source, &codec, &tail, &tail_at, err);

	if (rc == 0)
		return cm_reader_open_ours(source, codec, &tail, tail_at, false, ret, err);
	if (rc != CM_ENOTFOUND)
		return rc;
	rc = cm_foreign_probe(source, err);
	if (rc < 0)
		return rc;
	struct cm_archive *a = cm_alloc(sizeof(*a));
	a->source = *source;
	a->kind = CM_ARCHIVE_FOREIGN;
	cm_buf_init(&a->index, 0);
	*ret = a;
	return 0;
}

void cm_archive_free(struct cm_archive *a)
{
	if (a == NULL)
		return;
	cm_inflater_free(a->inflater);
	cm_block_table_release(&a->table);
	cm_manifest_release(&a->model);
	cm_buf_release(&a->index);
	json_object_put(a->manifest);
	free(a->file_at);
	free(a->tar_at);
	if (a->in != NULL)
		munmap(a->in, cm_block_bound(CM_BLOCK_MAX));
	if (a->out != NULL)
		munmap(a->out, CM_BLOCK_MAX);
	free(a);
}

enum cm_archive_kind cm_archive_kind(const struct cm_archive *a)
{
	return a->kind;
}

enum cm_codec cm_archive_codec(const struct cm_archive *a)
{
	return a->codec;
}

struct json_object *cm_archive_manifest(const struct cm_archive *a)
{
	return a->manifest;
}

uint64_t cm_reader_block_of(const struct cm_archive *a, uint64_t tar_at)
{
	size_t lo = 0, hi = a->table.count;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		if (a->tar_at[mid] <= tar_at)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

static int map_block(struct cm_archive *a, struct cm_err *err)
{
	if (a->in != NULL)
		return 0;
	void *in = mmap(NULL, cm_block_bound(CM_BLOCK_MAX), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *out = mmap(NULL, CM_BLOCK_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	a->in = in == MAP_FAILED ? NULL : in;
	a->out = out == MAP_FAILED ? NULL : out;
	return a->in != NULL && a->out != NULL ? 0
					       : cm_err_set(err, CM_ENOMEM, "Out of memory while reading the backup.");
}

static int load_block(struct cm_archive *a, uint64_t block, struct cm_err *err)
{
	const struct cm_block_row *row = &a->table.rows[block];

	if (a->in_out == block)
		return 0;
	a->in_out = UINT64_MAX;
	int rc = map_block(a, err);
	if (rc == 0)
		rc = a->source.pread(a->source.ctx, a->in, row->len, a->file_at[block], err);
	if (rc == 0 && cm_block_crc(0, a->in, row->len) != row->crc)
		rc = damaged(err, "a compressed block has changed");
	if (rc == 0)
		rc = cm_inflate(a->inflater, a->in, row->len, a->out, row->size, err);
	if (rc == 0)
		a->in_out = block;
	return rc;
}

int cm_reader_range(struct cm_archive *a, uint64_t at, uint64_t len, cm_archive_write_fn write, void *ctx,
		    struct cm_err *err)
{
	if (len == 0)
		return 0;
	if (at > a->tail.index_tar || len > a->tail.index_tar - at)
		return damaged(err, "its manifest points outside of it");
	for (uint64_t b = cm_reader_block_of(a, at); len > 0; b++) {
		int rc = load_block(a, b, err);
		if (rc < 0)
			return rc;
		uint64_t in_block = at - a->tar_at[b], n = a->table.rows[b].size - in_block;
		if (n > len)
			n = len;
		rc = write(ctx, a->out + in_block, (size_t)n, err);
		if (rc < 0)
			return rc;
		at += n;
		len -= n;
	}
	return 0;
}

/* Passes pieces on and hashes them. */
struct hashed {
	struct cm_sha *sha;
	cm_archive_write_fn write;
	void *ctx;
};

static int hashed_write(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct hashed *h = ctx;

	cm_sha_add(h->sha, data, len);
	return h->write(h->ctx, data, len, err);
}

static int range_hashed(struct cm_archive *a, uint64_t at, const struct cm_member *m, cm_archive_write_fn write,
			void *ctx, struct cm_err *err)
{
	struct hashed h = { cm_sha_new(), write, ctx };
	uint8_t sha[CM_SHA_LEN];
	int rc = cm_reader_range(a, at, m->size, hashed_write, &h, err);

	cm_sha_end(h.sha, sha);
	cm_sha_free(h.sha);
	if (rc == 0 && memcmp(sha, m->sha, CM_SHA_LEN) != 0)
		rc = cm_err_set(err, CM_ECORRUPT, "The backup is damaged: %s: its content has changed.", m->name);
	return rc;
}

static int to_buf(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct cm_buf *b = ctx;

	cm_buf_add(b, data, len);
	return cm_buf_failed(b) ? cm_err_set(err, cm_buf_failed(b), "It is larger than allowed.") : 0;
}

int cm_reader_segment(struct cm_archive *a, const struct cm_part *part, const struct cm_segment *s, struct cm_buf *out,
		      struct cm_err *err)
{
	cm_buf_reset(out);
	return range_hashed(a, part->offset + s->member.data, &s->member, to_buf, out, err);
}

/* A top-level member, and where its content begins in the tar. */
static const struct cm_member *find_member(const struct cm_archive *a, const char *name, uint64_t *ret_at)
{
	const struct cm_member *m = cm_manifest_member(&a->model, name);

	*ret_at = m != NULL ? m->data : 0;
	for (size_t i = 0; m == NULL && i < a->model.part_count; i++) {
		const struct cm_part *p = &a->model.parts[i];
		if (p->has_deleted && strcmp(p->deleted.name, name) == 0) {
			m = &p->deleted;
			*ret_at = p->offset + m->data;
		}
	}
	return m;
}

int cm_archive_member_stream(struct cm_archive *a, const char *name, cm_archive_write_fn write, void *ctx,
			     struct cm_err *err)
{
	uint64_t at;

	if (a->kind == CM_ARCHIVE_FOREIGN)
		return cm_foreign_stream(&a->source, name, strlen(name), write, ctx, err);
	const struct cm_member *m = find_member(a, name, &at);
	if (m == NULL)
		return cm_err_set(err, CM_ENOTFOUND, "The backup has no \"%s\".", name);
	return range_hashed(a, at, m, write, ctx, err);
}

int cm_archive_member_size(struct cm_archive *a, const char *name, uint64_t *ret, struct cm_err *err)
{
	uint64_t at;

	if (a->kind == CM_ARCHIVE_FOREIGN)
		return cm_foreign_size(&a->source, name, strlen(name), ret, err);
	const struct cm_member *m = find_member(a, name, &at);
	if (m == NULL)
		return cm_err_set(err, CM_ENOTFOUND, "The backup has no \"%s\".", name);
	*ret = m->size;
	return 0;
}

int cm_archive_member(struct cm_archive *a, const char *name, struct cm_buf *out, struct cm_err *err)
{
	return cm_archive_member_stream(a, name, to_buf, out, err);
}

int cm_archive_member_json(struct cm_archive *a, const char *name, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(CM_MANIFEST_MAX);
	int rc = cm_archive_member(a, name, &text, err);

	if (rc < 0)
		return rc;
	if (cm_json_parse_bounded(text.data, text.len, &a->json, ret, NULL) != 0)
		return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: %s is not valid JSON.", name);
	return 0;
}
