/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/part_reader.h"

#include <stdbool.h>
#include <string.h>

#include "archive/format.h"
#include "archive/manifest_line.h"
#include "archive/sha.h"
#include "archive/tar_parse.h"
#include "core/mem.h"
#include "core/str.h"

enum what { ENTRY, SEGMENT, DELETED };

struct cm_part_reader {
	const struct cm_part *part;
	struct cm_part_events events;
	struct cm_tar_parse *tar;
	size_t prefix_len;
	enum what what;
	size_t segment; /* index of the next one */
	bool deleted_seen;
	struct cm_entry entry; /* with paths below the prefix */
	uint64_t head_at, data_at;
	struct cm_sha *content, *heads;
	struct cm_buf lines; /* made anew, since the last segment */
	uint64_t line_count;
	struct cm_buf text; /* of the segment or rootfs_deleted.json that is being read */
	uint64_t files, bytes;
	bool noting; /* part is note, which grows */
	struct cm_part note;
};

static int damaged(struct cm_err *err, const char *name, size_t len, const char *what)
{
	struct cm_buf clean = CM_BUF_INIT((size_t)4 * CM_PATH_MAX);

	cm_utf8_clean(&clean, name, len);
	int rc = cm_err_set(err, CM_ECORRUPT, "The backup is damaged: %.300s: %s.", clean.data, what);
	cm_buf_release(&clean);
	return rc;
}

/* Damage that does not end the reading by itself. */
static int report(struct cm_part_reader *r, const char *name, size_t len, const char *what, struct cm_err *err)
{
	if (r->events.bad != NULL)
		return r->events.bad(r->events.ctx, name, len, what, err);
	return damaged(err, name, len, what);
}

static bool below(const char *path, size_t len, const struct cm_part_reader *r)
{
	return len > r->prefix_len && path[r->prefix_len] == '/' && memcmp(path, r->part->prefix, r->prefix_len) == 0;
}

static int entry_head(struct cm_part_reader *r, const struct cm_entry *e, struct cm_err *err)
{
	r->entry = *e;
	if (e->path_len == r->prefix_len && memcmp(e->path, r->part->prefix, r->prefix_len) == 0 && e->type == 'd') {
		r->entry.path = ".";
		r->entry.path_len = 1;
	} else if (below(e->path, e->path_len, r)) {
		r->entry.path += r->prefix_len + 1;
		r->entry.path_len -= r->prefix_len + 1;
	} else {
		return damaged(err, e->path, e->path_len, "it is not in the manifest");
	}
	if (e->type == 'h') {
		if (!below(e->link, e->link_len, r))
			return damaged(err, e->path, e->path_len, "a hard link leads out of its part");
		r->entry.link += r->prefix_len + 1;
		r->entry.link_len -= r->prefix_len + 1;
	}
	if (e->type == 'f')
		cm_sha_begin(r->content);
	return r->events.head ? r->events.head(r->events.ctx, &r->entry, err) : 0;
}

/* Is this entry the member that the record announces? */
static int member_head(struct cm_part_reader *r, const struct cm_entry *e, uint64_t at, const struct cm_member *want,
		       size_t max, struct cm_err *err)
{
	if (want == NULL || strlen(want->name) != e->path_len || memcmp(want->name, e->path, e->path_len) != 0 ||
	    e->type != 'f' || e->sparse || e->stored != want->size || at != want->offset ||
	    cm_tar_parse_at(r->tar) != want->data || want->size > max)
		return damaged(err, e->path, e->path_len, "it is not where the manifest says");
	cm_buf_reset(&r->text);
	return 0;
}

static struct cm_member note_member(struct cm_part_reader *r, const struct cm_entry *e, uint64_t at)
{
	return (struct cm_member){
		.name = cm_strdup(e->path), .offset = at, .data = cm_tar_parse_at(r->tar), .size = e->stored
	};
}

/* What a record says of it that is not known yet is taken as it is found. */
static void note_head(struct cm_part_reader *r, const struct cm_entry *e, bool segment, uint64_t at)
{
	struct cm_part *p = &r->note;

	if (segment) {
		p->segments = cm_realloc(p->segments, p->segment_count + 1, sizeof(*p->segments));
		p->segments[p->segment_count++] = (struct cm_segment){ .member = note_member(r, e, at) };
	} else if (p->kind == CM_PART_ROOTFS && !p->has_deleted && cm_str_eq(e->path, "rootfs_deleted.json")) {
		p->has_deleted = true;
		p->deleted = note_member(r, e, at);
	}
}

static int on_head(void *ctx, const struct cm_entry *e, const void *raw, size_t raw_len, uint64_t at,
		   struct cm_err *err)
{
	struct cm_part_reader *r = ctx;
	static const char manifest[] = "manifest/";

	r->head_at = at;
	r->data_at = at + raw_len;
	bool segment = e->path_len > sizeof(manifest) - 1 && memcmp(e->path, manifest, sizeof(manifest) - 1) == 0;
	if (r->noting)
		note_head(r, e, segment, at);
	if (segment) {
		bool more = r->segment < r->part->segment_count;
		r->what = SEGMENT;
		cm_sha_add(r->heads, raw, raw_len);
		return member_head(r, e, at, more ? &r->part->segments[r->segment].member : NULL, CM_SEGMENT_MAX, err);
	}
	if (r->part->has_deleted && cm_str_eq(e->path, r->part->deleted.name)) {
		r->what = DELETED;
		if (r->deleted_seen)
			return damaged(err, e->path, e->path_len, "it is there twice");
		return member_head(r, e, at, &r->part->deleted, CM_DELETED_MAX, err);
	}
	r->what = ENTRY;
	cm_sha_add(r->heads, raw, raw_len);
	return entry_head(r, e, err);
}

static int on_data(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct cm_part_reader *r = ctx;

	if (r->what != ENTRY) {
		cm_buf_add(&r->text, data, len);
		return 0;
	}
	cm_sha_add(r->content, data, len);
	return r->events.data ? r->events.data(r->events.ctx, data, len, err) : 0;
}

static int entry_end(struct cm_part_reader *r, struct cm_err *err)
{
	uint8_t sha[CM_SHA_LEN];
	bool file = r->entry.type == 'f';

	if (file)
		cm_sha_end(r->content, sha);
	cm_line_write(&r->lines, &r->entry, file ? sha : NULL, r->head_at, r->data_at, false);
	if (cm_buf_failed(&r->lines))
		return damaged(err, r->entry.path, r->entry.path_len, "a segment of the manifest is missing before it");
	r->line_count++;
	r->files++;
	r->bytes += file ? r->entry.size : 0;
	return r->events.end ? r->events.end(r->events.ctx, err) : 0;
}

static int check_text(const struct cm_buf *text, const struct cm_member *m, struct cm_err *err)
{
	uint8_t sha[CM_SHA_LEN];

	cm_sha_of(text->data, text->len, sha);
	if (cm_buf_failed(text) == 0 && memcmp(sha, m->sha, CM_SHA_LEN) == 0)
		return 0;
	return damaged(err, m->name, strlen(m->name), "its content has changed");
}

/* Are the lines equal but for the mark that only the one who read the file could know? */
static bool same_line(const char *made, size_t made_len, const char *stored, size_t stored_len)
{
	static const char mark[] = ",\"c\":1}";
	const size_t n = sizeof(mark) - 1;

	if (made_len == stored_len)
		return memcmp(made, stored, made_len) == 0;
	return stored_len == made_len + n - 1 && stored_len > n && memcmp(made, stored, made_len - 1) == 0 &&
	       memcmp(stored + stored_len - n, mark, n) == 0;
}

/* The stored hash differs, or something else does? */
static const char *difference(const char *made, size_t made_len, const char *stored, size_t stored_len)
{
	const char *a = memmem(made, made_len, ",\"h\":\"", 6), *b = memmem(stored, stored_len, ",\"h\":\"", 6);
	const size_t n = 6 + 2 * CM_SHA_LEN;

	if (a != NULL && b != NULL && a - made == b - stored && made_len - (size_t)(a - made) > n &&
	    stored_len - (size_t)(b - stored) > n && memcmp(made, stored, (size_t)(a - made)) == 0 &&
	    memcmp(a, b, n) != 0)
		return "its content has changed";
	return "it is not as the manifest says";
}

static int compare_lines(struct cm_part_reader *r, struct cm_err *err)
{
	const char *a = r->lines.data, *a_end = a + r->lines.len, *b = r->text.data, *b_end = b + r->text.len;
	const struct cm_member *m = &r->part->segments[r->segment].member;

	if (r->lines.len == r->text.len && memcmp(a, b, r->lines.len) == 0)
		return 0;
	while (a < a_end && b < b_end) {
		const char *an = memchr(a, '\n', (size_t)(a_end - a)), *bn = memchr(b, '\n', (size_t)(b_end - b));
		if (bn == NULL)
			break;
		if (!same_line(a, (size_t)(an - a), b, (size_t)(bn - b))) {
			struct cm_buf path = CM_BUF_INIT((size_t)2 * CM_PATH_MAX);
			cm_buf_str(&path, r->part->prefix);
			cm_buf_char(&path, '/');
			cm_line_path(a, (size_t)(an - a), &path);
			int rc =
			    report(r, path.data, path.len, difference(a, (size_t)(an - a), b, (size_t)(bn - b)), err);
			cm_buf_release(&path);
			if (rc < 0)
				return rc;
		}
		a = an + 1;
		b = bn + 1;
	}
	if (a != a_end || b != b_end)
		return damaged(err, m->name, strlen(m->name), "it has lines without entries, or too few lines");
	return 0;
}

static int segment_end(struct cm_part_reader *r, struct cm_err *err)
{
	const struct cm_segment *s = &r->part->segments[r->segment];
	uint8_t heads[CM_SHA_LEN];

	cm_sha_end(r->heads, heads);
	cm_sha_begin(r->heads);
	if (r->noting) {
		struct cm_segment *note = &r->note.segments[r->segment];
		cm_sha_of(r->text.data, r->text.len, note->member.sha);
		memcpy(note->heads, heads, CM_SHA_LEN);
		note->lines = r->line_count;
	}
	int rc = check_text(&r->text, &s->member, err);
	if (rc == 0 && r->line_count != s->lines)
		rc = damaged(err, s->member.name, strlen(s->member.name), "its number of lines is wrong");
	if (rc == 0)
		rc = compare_lines(r, err);
	if (rc == 0 && memcmp(heads, s->heads, CM_SHA_LEN) != 0)
		rc = report(r, s->member.name, strlen(s->member.name), "attributes of its files have changed", err);
	cm_buf_reset(&r->lines);
	r->line_count = 0;
	r->segment++;
	return rc;
}

static int on_end(void *ctx, struct cm_err *err)
{
	struct cm_part_reader *r = ctx;

	if (r->what == ENTRY)
		return entry_end(r, err);
	if (r->what == SEGMENT)
		return segment_end(r, err);
	r->deleted_seen = true;
	if (r->noting)
		cm_sha_of(r->text.data, r->text.len, r->note.deleted.sha);
	int rc = check_text(&r->text, &r->part->deleted, err);
	if (rc == 0 && r->events.deleted != NULL)
		rc = r->events.deleted(r->events.ctx, r->text.data, r->text.len, err);
	return rc;
}

struct cm_part_reader *cm_part_reader_new(const struct cm_part *part, const struct cm_part_events *events)
{
	struct cm_part_reader *r = cm_alloc(sizeof(*r));
	const struct cm_tar_events tar = { r, on_head, on_data, on_end };

	r->part = part;
	r->events = *events;
	r->prefix_len = strlen(part->prefix);
	r->tar = cm_tar_parse_new(&tar, 0);
	r->content = cm_sha_new();
	r->heads = cm_sha_new();
	cm_buf_init(&r->lines, CM_SEGMENT_MAX);
	cm_buf_init(&r->text, CM_DELETED_MAX);
	return r;
}

void cm_part_reader_free(struct cm_part_reader *r)
{
	if (r == NULL)
		return;
	cm_tar_parse_free(r->tar);
	cm_sha_free(r->content);
	cm_sha_free(r->heads);
	cm_buf_release(&r->lines);
	cm_buf_release(&r->text);
	cm_part_notes_release(&r->note);
	free(r);
}

int cm_part_reader_feed(struct cm_part_reader *r, const void *data, size_t len, struct cm_err *err)
{
	if (len > r->part->size - cm_tar_parse_at(r->tar))
		return damaged(err, r->part->prefix, r->prefix_len, "it is longer than the manifest says");
	return cm_tar_parse_feed(r->tar, data, len, err);
}

int cm_part_reader_finish(struct cm_part_reader *r, struct cm_err *err)
{
	const struct cm_part *p = r->part;

	if (cm_tar_parse_at(r->tar) != p->size || !cm_tar_parse_idle(r->tar) || cm_tar_parse_zeros(r->tar) != 0 ||
	    r->line_count != 0 || r->segment != p->segment_count || r->files != p->files || r->bytes != p->bytes ||
	    r->deleted_seen != p->has_deleted)
		return damaged(err, p->prefix, r->prefix_len, "something of it is missing");
	return 0;
}

struct cm_part_reader *cm_part_reader_noting(enum cm_part_kind kind, const char *prefix)
{
	static const struct cm_part_events none;
	struct cm_part note = { .kind = kind, .prefix = cm_strdup(prefix), .size = INT64_MAX };
	struct cm_part_reader *r = cm_part_reader_new(&note, &none);

	r->note = note;
	r->part = &r->note;
	r->noting = true;
	return r;
}

int cm_part_reader_notes(struct cm_part_reader *r, struct cm_part *ret, struct cm_err *err)
{
	struct cm_part *p = &r->note;

	p->size = cm_tar_parse_at(r->tar);
	p->files = r->files;
	p->bytes = r->bytes;
	int rc = cm_part_reader_finish(r, err);
	if (rc < 0)
		return rc;
	*ret = *p;
	*p = (struct cm_part){ 0 };
	return 0;
}

void cm_part_notes_release(struct cm_part *p)
{
	for (size_t i = 0; i < p->segment_count; i++)
		free(p->segments[i].member.name);
	free(p->segments);
	free(p->deleted.name);
	free(p->prefix);
	*p = (struct cm_part){ 0 };
}

uint64_t cm_part_reader_files(const struct cm_part_reader *r)
{
	return r->files;
}

uint64_t cm_part_reader_bytes(const struct cm_part_reader *r)
{
	return r->bytes;
}
