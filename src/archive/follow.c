/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/follow.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "archive/inflate_ring.h"
#include "archive/part_reader.h"
#include "archive/reader_int.h"
#include "archive/sha.h"
#include "archive/tar_parse.h"
#include "archive/watch.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/str.h"

/* Two that expand and one that hashes: more would only take the packing's turn. */
enum { THREADS = 2, WAIT_MS = 100, MEMBERS_MAX = 1000 };

struct mark {
	size_t block; /* the first one of the part */
	enum cm_part_kind kind;
	char *prefix;
};

struct cm_follow {
	struct cm_source source;
	enum cm_codec codec;
	pthread_t thread;
	bool started;
	atomic_uint_fast64_t bytes;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Told by the writer; under the lock. */
	struct cm_block_table told;
	struct mark *marks;
	size_t mark_count;
	bool complete, quit;
	/* Told by the thread; under the lock. What it found is left alone once it is over. */
	bool over, good;

	/* The thread's own, and its ring's (one at a time). Unit 0 is the members, unit n the n-th part. */
	size_t unit, next;
	uint64_t file_at, tar_at;
	struct cm_sha *whole, *member_sha;
	struct cm_member *members;
	size_t member_count;
	struct cm_part *parts;
	size_t part_count;
};

static void *follow(void *arg);

struct cm_follow *cm_follow_new(const struct cm_source *source, enum cm_codec codec)
{
	struct cm_follow *f = cm_alloc(sizeof(*f));
	pthread_condattr_t a;

	f->source = *source;
	f->codec = codec;
	f->whole = cm_sha_new();
	f->member_sha = cm_sha_new();
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&f->changed, &a);
	pthread_condattr_destroy(&a);
	f->started = pthread_create(&f->thread, NULL, follow, f) == 0;
	f->over = !f->started;
	return f;
}

void cm_follow_give_up(struct cm_follow *f)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	f->quit = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

void cm_follow_free(struct cm_follow *f)
{
	if (f == NULL)
		return;
	cm_follow_give_up(f);
	if (f->started)
		pthread_join(f->thread, NULL);
	for (size_t i = 0; i < f->mark_count; i++)
		free(f->marks[i].prefix);
	for (size_t i = 0; i < f->member_count; i++)
		free(f->members[i].name);
	for (size_t i = 0; i < f->part_count; i++)
		cm_part_notes_release(&f->parts[i]);
	free(f->marks);
	free(f->members);
	free(f->parts);
	cm_block_table_release(&f->told);
	cm_sha_free(f->whole);
	cm_sha_free(f->member_sha);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

uint64_t cm_follow_bytes(struct cm_follow *f)
{
	return f != NULL ? atomic_load_explicit(&f->bytes, memory_order_relaxed) : 0;
}

void cm_follow_block(struct cm_follow *f, uint32_t len, uint32_t size, uint32_t crc)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	if (cm_block_table_add(&f->told, len, size, crc, NULL) < 0)
		f->quit = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

void cm_follow_part(struct cm_follow *f, enum cm_part_kind kind, const char *prefix)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	f->marks = cm_realloc(f->marks, f->mark_count + 1, sizeof(*f->marks));
	f->marks[f->mark_count++] = (struct mark){ f->told.count, kind, cm_strdup(prefix) };
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

void cm_follow_complete(struct cm_follow *f)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	f->complete = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

/* The thread's side. */

/* Under the lock: where the current unit ends, as far as it is known. */
static bool unit_ended(const struct cm_follow *f)
{
	if (f->unit < f->mark_count)
		return f->next == f->marks[f->unit].block;
	return f->complete && f->next == f->told.count;
}

/* The next block of the unit, as soon as it is in the file. */
static int fetch(void *ctx, void *data, struct cm_fetched *ret, struct cm_err *err)
{
	struct cm_follow *f = ctx;
	struct cm_block_row row = { 0 };

	pthread_mutex_lock(&f->lock);
	while (!f->quit && !unit_ended(f) && f->next == f->told.count)
		pthread_cond_wait(&f->changed, &f->lock);
	bool quit = f->quit, ended = unit_ended(f);
	if (!quit && !ended)
		row = f->told.rows[f->next];
	pthread_mutex_unlock(&f->lock);
	if (quit)
		return cm_err_set(err, CM_ECANCELLED, "Cancelled.");
	if (ended)
		return 0;
	int rc = f->source.pread(f->source.ctx, data, row.len, f->file_at, err);
	if (rc < 0)
		return rc;
	f->next++;
	f->file_at += row.len;
	cm_sha_add(f->whole, data, row.len);
	*ret = (struct cm_fetched){ row.len, row.size, row.crc, true };
	return 0;
}

static int unexpected(struct cm_err *err)
{
	return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: it is not as it was written.");
}

static int member_head(void *ctx, const struct cm_entry *e, const void *raw, size_t raw_len, uint64_t at,
		       struct cm_err *err)
{
	struct cm_follow *f = ctx;

	(void)raw;
	if (e->type != 'f' || e->sparse || f->member_count == MEMBERS_MAX)
		return unexpected(err);
	f->members = cm_realloc(f->members, f->member_count + 1, sizeof(*f->members));
	f->members[f->member_count++] =
	    (struct cm_member){ .name = cm_strdup(e->path), .offset = at, .data = at + raw_len, .size = e->stored };
	cm_sha_begin(f->member_sha);
	return 0;
}

static int member_data(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct cm_follow *f = ctx;

	(void)err;
	cm_sha_add(f->member_sha, data, len);
	return 0;
}

static int member_end(void *ctx, struct cm_err *err)
{
	struct cm_follow *f = ctx;

	(void)err;
	cm_sha_end(f->member_sha, f->members[f->member_count - 1].sha);
	return 0;
}

/* Feeds the blocks of the unit to its reader: members, or (when that is NULL) part. */
static int run_unit(struct cm_follow *f, struct cm_tar_parse *members, struct cm_part_reader *part)
{
	struct cm_inflate_ring *ring = NULL;
	struct cm_err err = { 0 };
	const uint8_t *data;
	uint64_t block;
	size_t len = 1;
	int rc = cm_inflate_ring_new(f->codec, THREADS, fetch, f, &ring, &err);

	while (rc == 0 && len > 0) {
		rc = cm_inflate_ring_next(ring, &data, &len, &block, &err);
		if (rc == 0 && len > 0)
			rc = members != NULL ? cm_tar_parse_feed(members, data, len, &err)
					     : cm_part_reader_feed(part, data, len, &err);
		f->tar_at += rc == 0 ? len : 0;
		atomic_store_explicit(&f->bytes, f->tar_at, memory_order_relaxed);
	}
	/* Its threads may be waiting for a block. */
	if (rc < 0)
		cm_follow_give_up(f);
	cm_inflate_ring_free(ring);
	return rc;
}

static int run_members(struct cm_follow *f)
{
	const struct cm_tar_events events = { f, member_head, member_data, member_end };
	struct cm_tar_parse *t = cm_tar_parse_new(&events, 0);
	int rc = run_unit(f, t, NULL);

	if (rc == 0 && (!cm_tar_parse_idle(t) || cm_tar_parse_zeros(t) != 0))
		rc = CM_ECORRUPT;
	cm_tar_parse_free(t);
	return rc;
}

static int run_part(struct cm_follow *f)
{
	struct cm_part_reader *reader;
	struct cm_part note = { 0 };
	uint64_t offset = f->tar_at, block = f->next;

	pthread_mutex_lock(&f->lock);
	reader = cm_part_reader_noting(f->marks[f->unit - 1].kind, f->marks[f->unit - 1].prefix);
	pthread_mutex_unlock(&f->lock);
	int rc = run_unit(f, NULL, reader);
	if (rc == 0)
		rc = cm_part_reader_notes(reader, &note, NULL);
	cm_part_reader_free(reader);
	if (rc < 0)
		return rc;
	note.offset = offset;
	note.block = block;
	note.blocks = f->next - block;
	f->parts = cm_realloc(f->parts, f->part_count + 1, sizeof(*f->parts));
	f->parts[f->part_count++] = note;
	return 0;
}

static void *follow(void *arg)
{
	struct cm_follow *f = arg;
	int rc = run_members(f);
	bool more = rc == 0;

	while (more) {
		pthread_mutex_lock(&f->lock);
		more = f->unit++ < f->mark_count;
		pthread_mutex_unlock(&f->lock);
		rc = more ? run_part(f) : rc;
		more = more && rc == 0;
	}
	pthread_mutex_lock(&f->lock);
	f->over = true;
	f->good = rc == 0 && f->complete && f->next == f->told.count;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* At the end: is the archive what was found? */

static bool same_member(const struct cm_member *a, const struct cm_member *b)
{
	return strcmp(a->name, b->name) == 0 && a->offset == b->offset && a->data == b->data && a->size == b->size &&
	       memcmp(a->sha, b->sha, CM_SHA_LEN) == 0;
}

static bool same_part(const struct cm_part *a, const struct cm_part *b)
{
	if (a->kind != b->kind || strcmp(a->prefix, b->prefix) != 0 || a->offset != b->offset || a->size != b->size ||
	    a->block != b->block || a->blocks != b->blocks || a->files != b->files || a->bytes != b->bytes ||
	    a->segment_count != b->segment_count || a->has_deleted != b->has_deleted)
		return false;
	for (size_t i = 0; i < a->segment_count; i++) {
		const struct cm_segment *s = &a->segments[i], *t = &b->segments[i];
		if (!same_member(&s->member, &t->member) || s->lines != t->lines ||
		    memcmp(s->heads, t->heads, CM_SHA_LEN) != 0)
			return false;
	}
	return !a->has_deleted || same_member(&a->deleted, &b->deleted);
}

static bool same_archive(const struct cm_follow *f, const struct cm_archive *a)
{
	const struct cm_manifest *m = &a->model;

	if (a->table.count != f->told.count || m->member_count != f->member_count || m->part_count != f->part_count ||
	    a->tail.index_at != f->file_at || a->tail.index_tar != f->tar_at)
		return false;
	for (size_t i = 0; i < a->table.count; i++) {
		const struct cm_block_row *r = &a->table.rows[i], *s = &f->told.rows[i];
		if (r->len != s->len || r->size != s->size || r->crc != s->crc)
			return false;
	}
	for (size_t i = 0; i < m->member_count; i++)
		if (!same_member(&m->members[i], &f->members[i]))
			return false;
	for (size_t i = 0; i < m->part_count; i++)
		if (!same_part(&m->parts[i], &f->parts[i]))
			return false;
	return true;
}

static void wait_tick(struct cm_follow *f)
{
	struct timespec t = cm_monotonic_after(WAIT_MS);

	pthread_cond_timedwait(&f->changed, &f->lock, &t);
}

/* Until the thread is done; passes on progress meanwhile. *ret_good: it read everything. */
static int await(struct cm_follow *f, const struct cm_archive_watch *watch, bool *ret_good, struct cm_err *err)
{
	struct cm_exchange x = { .watch = watch };
	bool over = false;
	int rc = 0;

	while (!over && rc == 0) {
		pthread_mutex_lock(&f->lock);
		/* What was not told by now never comes. */
		if (!f->complete && !f->quit) {
			f->quit = true;
			pthread_cond_broadcast(&f->changed);
		}
		if (!f->over)
			wait_tick(f);
		over = f->over;
		*ret_good = f->good;
		pthread_mutex_unlock(&f->lock);
		cm_exchange_progress(&x, cm_follow_bytes(f), 0);
		rc = cm_exchange_check(&x, err);
	}
	return rc;
}

static int finish(struct cm_follow *f, const struct cm_archive *a, struct cm_verify_result *ret)
{
	uint8_t sha[CM_SHA_LEN];
	int rc = cm_verify_hash_rest(a, f->whole, NULL);

	if (rc < 0)
		return rc;
	*ret = (struct cm_verify_result){ .ours = true, .files = f->member_count };
	for (size_t i = 0; i < f->part_count; i++) {
		ret->files += f->parts[i].files;
		ret->bytes += f->parts[i].bytes;
	}
	cm_sha_end(f->whole, sha);
	cm_hex(ret->sha256, sha, CM_SHA_LEN);
	return 0;
}

/* Errors: all mean that it is not proven. */
static int prove(struct cm_follow *f, const struct cm_source *source, struct cm_verify_result *ret)
{
	enum cm_codec codec;
	struct cm_tail tail;
	uint64_t tail_at;
	struct cm_archive *a = NULL;
	int rc = cm_reader_tail(source, &codec, &tail, &tail_at, NULL);

	if (rc == 0)
		rc = cm_reader_open_ours(source, codec, &tail, tail_at, false, &a, NULL);
	if (rc != 0)
		return rc;
	rc = codec == f->codec && same_archive(f, a) ? finish(f, a, ret) : CM_ECORRUPT;
	cm_archive_free(a);
	return rc;
}

int cm_follow_verify(struct cm_follow *f, const struct cm_source *source, const struct cm_archive_watch *watch,
		     struct cm_verify_result *ret, struct cm_err *err)
{
	bool good = false;
	int rc = f != NULL ? await(f, watch, &good, err) : 0;

	if (rc < 0)
		return rc;
	return good && prove(f, source, ret) == 0 ? 0 : cm_archive_verify(source, 0, watch, ret, err);
}
