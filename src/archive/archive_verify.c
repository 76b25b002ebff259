/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/verify.h"

#include <stdio.h>
#include <string.h>

#include "archive/foreign_verify.h"
#include "archive/inflate_ring.h"
#include "archive/part_reader.h"
#include "archive/reader_int.h"
#include "archive/sha.h"
#include "archive/tar_parse.h"
#include "archive/watch.h"
#include "core/mem.h"
#include "core/str.h"

struct verify {
	struct cm_archive *a;
	struct cm_exchange x; /* only its watch: cancel and progress */
	unsigned threads;
	struct cm_verify_result *ret;
	struct cm_sha *whole;

	/* Blocks on their way in: touched by the ring's threads, in order. */
	uint64_t next, end; /* blocks of the current unit */
	/* What the blocks are fed to: members up to the first part, or one part. */
	struct cm_tar_parse *members;
	size_t member; /* index of the next one */
	struct cm_sha *member_sha;
	struct cm_part_reader *part;
};

void cm_verify_bad(struct cm_verify_result *ret, const char *name, size_t len, const char *what)
{
	cm_autobuf struct cm_buf clean = CM_BUF_INIT(4096);

	if (ret->damaged++ >= CM_VERIFY_BAD)
		return;
	cm_utf8_clean(&clean, name, len < 180 ? len : 180);
	snprintf(ret->bad[ret->damaged - 1], sizeof(ret->bad[0]), "%s: %s", clean.data, what);
}

static int fetch(void *ctx, void *data, struct cm_fetched *ret, struct cm_err *err)
{
	struct verify *v = ctx;

	if (v->next == v->end)
		return 0;
	const struct cm_block_row *row = &v->a->table.rows[v->next];
	int rc = v->a->source.pread(v->a->source.ctx, data, row->len, v->a->file_at[v->next], err);
	if (rc < 0)
		return rc;
	v->next++;
	cm_sha_add(v->whole, data, row->len);
	*ret = (struct cm_fetched){ row->len, row->size, row->crc, true };
	return 0;
}

static int member_head(void *ctx, const struct cm_entry *e, const void *raw, size_t raw_len, uint64_t at,
		       struct cm_err *err)
{
	struct verify *v = ctx;
	const struct cm_member *m = v->member < v->a->model.member_count ? &v->a->model.members[v->member] : NULL;

	(void)raw;
	if (m == NULL || strcmp(e->path, m->name) != 0 || e->type != 'f' || e->sparse || e->stored != m->size ||
	    at != m->offset || at + raw_len != m->data)
		return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: %.200s: it is not where the manifest says.",
				  e->path);
	cm_sha_begin(v->member_sha);
	return 0;
}

static int member_data(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct verify *v = ctx;

	(void)err;
	cm_sha_add(v->member_sha, data, len);
	return 0;
}

static int member_end(void *ctx, struct cm_err *err)
{
	struct verify *v = ctx;
	const struct cm_member *m = &v->a->model.members[v->member++];
	uint8_t sha[CM_SHA_LEN];

	(void)err;
	cm_sha_end(v->member_sha, sha);
	if (memcmp(sha, m->sha, CM_SHA_LEN) != 0)
		cm_verify_bad(v->ret, m->name, strlen(m->name), "its content has changed");
	return 0;
}

static int part_bad(void *ctx, const char *path, size_t len, const char *what, struct cm_err *err)
{
	struct verify *v = ctx;

	(void)err;
	cm_verify_bad(v->ret, path, len, what);
	return 0;
}

/* A block that could not be read: says in which file it is. */
static void bad_block(struct verify *v, uint64_t block, const struct cm_err *err)
{
	cm_autobuf struct cm_buf name = CM_BUF_INIT((size_t)4 * CM_PATH_MAX);
	const char *what = strstr(err->text, "damaged: ");

	cm_reader_name_at(v->a, v->a->tar_at[block], &name);
	cm_verify_bad(v->ret, name.data, name.len, what != NULL ? what + strlen("damaged: ") : err->text);
}

static int feed(struct verify *v, const uint8_t *data, size_t len, struct cm_err *err)
{
	return v->part != NULL ? cm_part_reader_feed(v->part, data, len, err)
			       : cm_tar_parse_feed(v->members, data, len, err);
}

/* One unit's blocks. Damage that ends the unit is reported and is no error of this function. */
static int run_unit(struct verify *v, uint64_t first, uint64_t count, struct cm_err *err)
{
	struct cm_inflate_ring *ring = NULL;
	const uint8_t *data;
	size_t len;
	uint64_t block;

	v->next = first;
	v->end = first + count;
	int rc = cm_inflate_ring_new(v->a->codec, v->threads, fetch, v, &ring, err);
	while (rc == 0) {
		struct cm_err own = { 0 };
		rc = cm_inflate_ring_next(ring, &data, &len, &block, &own);
		if (rc == CM_ECORRUPT) {
			bad_block(v, first + block, &own);
		} else if (rc == 0 && len == 0) {
			break;
		} else if (rc == 0) {
			rc = feed(v, data, len, &own);
			if (rc == CM_ECORRUPT) {
				const char *what = strstr(own.text, "damaged: ");
				what = what != NULL ? what + strlen("damaged: ") : own.text;
				cm_verify_bad(v->ret, what, strcspn(what, ":"),
					      strstr(what, ": ") ? strstr(what, ": ") + 2 : what);
			}
		}
		if (rc == 0)
			rc = cm_exchange_check(&v->x, &own);
		if (rc < 0 && err != NULL)
			*err = own;
		cm_exchange_progress(&v->x, v->a->tar_at[first + block], v->ret->files);
	}
	cm_inflate_ring_free(ring);
	return rc;
}

static void verify_members(struct verify *v, uint64_t blocks, uint64_t size, int *rc, struct cm_err *err)
{
	const struct cm_tar_events events = { v, member_head, member_data, member_end };

	v->members = cm_tar_parse_new(&events, 0);
	v->member_sha = cm_sha_new();
	*rc = run_unit(v, 0, blocks, err);
	if (*rc == 0 && (v->member != v->a->model.member_count || !cm_tar_parse_idle(v->members) ||
			 cm_tar_parse_zeros(v->members) != 0 || cm_tar_parse_at(v->members) != size)) {
		cm_verify_bad(v->ret, "manifest.json", 13, "it does not name all members");
		*rc = CM_ECORRUPT;
	}
	v->ret->files += v->member;
	cm_tar_parse_free(v->members);
	cm_sha_free(v->member_sha);
	v->members = NULL;
	v->member_sha = NULL;
}

static void verify_part(struct verify *v, const struct cm_part *p, int *rc, struct cm_err *err)
{
	const struct cm_part_events events = { .ctx = v, .bad = part_bad };

	v->part = cm_part_reader_new(p, &events);
	*rc = run_unit(v, p->block, p->blocks, err);
	if (*rc == 0 && cm_part_reader_finish(v->part, NULL) < 0) {
		cm_verify_bad(v->ret, p->prefix, strlen(p->prefix), "something of it is missing");
		*rc = CM_ECORRUPT;
	}
	v->ret->files += cm_part_reader_files(v->part);
	v->ret->bytes += cm_part_reader_bytes(v->part);
	cm_part_reader_free(v->part);
	v->part = NULL;
}

int cm_verify_hash_rest(const struct cm_archive *a, struct cm_sha *whole, struct cm_err *err)
{
	uint8_t piece[16384];
	uint64_t at = a->tail.index_at;

	while (at < a->source.size) {
		size_t n = a->source.size - at < sizeof(piece) ? (size_t)(a->source.size - at) : sizeof(piece);
		int rc = a->source.pread(a->source.ctx, piece, n, at, err);
		if (rc < 0)
			return rc;
		cm_sha_add(whole, piece, n);
		at += n;
	}
	return 0;
}

static int hash_whole(struct verify *v, struct cm_err *err)
{
	uint8_t sha[CM_SHA_LEN];
	int rc = cm_verify_hash_rest(v->a, v->whole, err);

	if (rc < 0)
		return rc;
	cm_sha_end(v->whole, sha);
	cm_hex(v->ret->sha256, sha, CM_SHA_LEN);
	return 0;
}

int cm_verify_outcome(const struct cm_verify_result *ret, struct cm_err *err)
{
	if (ret->damaged == 0)
		return 0;
	return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: %s.", ret->bad[0]);
}

static int verify_ours(struct verify *v, struct cm_err *err)
{
	const struct cm_manifest *m = &v->a->model;
	bool parts = m->part_count > 0;
	int rc = 0;

	verify_members(v, parts ? m->parts[0].block : v->a->table.count,
		       parts ? m->parts[0].offset : v->a->tail.index_tar, &rc, err);
	for (size_t i = 0; i < m->part_count && (rc == 0 || rc == CM_ECORRUPT); i++)
		verify_part(v, &m->parts[i], &rc, err);
	if (rc < 0 && rc != CM_ECORRUPT)
		return rc;
	rc = v->ret->damaged == 0 ? hash_whole(v, err) : 0;
	return rc < 0 ? rc : cm_verify_outcome(v->ret, err);
}

int cm_archive_verify(const struct cm_source *source, unsigned threads, const struct cm_archive_watch *watch,
		      struct cm_verify_result *ret, struct cm_err *err)
{
	enum cm_codec codec;
	struct cm_tail tail;
	uint64_t tail_at;
	struct verify v = { .threads = threads ? threads : 3, .ret = ret, .x = { .watch = watch } };

	*ret = (struct cm_verify_result){ .ours = true };
	int rc = cm_reader_tail(source, &codec, &tail, &tail_at, err);
	if (rc == CM_ENOTFOUND)
		return cm_foreign_verify(source, watch, ret, err);
	if (rc == 0)
		rc = cm_reader_open_ours(source, codec, &tail, tail_at, false, &v.a, err);
	if (rc == CM_ECORRUPT) {
		cm_verify_bad(ret, "manifest.json", 13, err != NULL ? err->text : "it cannot be read");
		return rc;
	}
	if (rc < 0 || v.a == NULL)
		return rc;
	v.whole = cm_sha_new();
	rc = verify_ours(&v, err);
	cm_sha_free(v.whole);
	cm_archive_free(v.a);
	return rc;
}
