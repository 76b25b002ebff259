/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listing a folder and finding an entry through the manifest's lines. */
#include <string.h>

#include "archive/foreign.h"
#include "archive/manifest_line.h"
#include "archive/reader_int.h"
#include "core/mem.h"
#include "core/str.h"

#define NO_PART UINT64_MAX

static int missing(const char *path, size_t len, struct cm_err *err)
{
	cm_autobuf struct cm_buf clean = CM_BUF_INIT(1024);

	cm_utf8_clean(&clean, path, len < 200 ? len : 200);
	return cm_err_set(err, CM_ENOTFOUND, "The backup has no \"%s\".", clean.data);
}

/* What is being looked for in one part: one entry, or the entries of one folder. */
struct query {
	const struct cm_part *part;
	const char *path; /* below the part; "" for the root's own level */
	size_t len;
	bool list;
	struct cm_buf quoted; /* how lines of what is inside path begin */
	bool inside_seen, done, no_folder;
	cm_archive_item_fn fn;
	void *ctx;
};

enum relation { OUTSIDE, SELF, CHILD, DEEPER };

static enum relation relate(const char *path, size_t len, const char *to, size_t to_len)
{
	if (len == 1 && path[0] == '.')
		return to_len == 0 ? SELF : OUTSIDE;
	if (to_len > 0) {
		if (len < to_len || memcmp(path, to, to_len) != 0)
			return OUTSIDE;
		if (len == to_len)
			return SELF;
		if (path[to_len] != '/')
			return OUTSIDE;
		path += to_len + 1;
		len -= to_len + 1;
	}
	return memchr(path, '/', len) == NULL ? CHILD : DEEPER;
}

/* The same from a line, mostly without taking it apart: a million lines may have to be passed over. */
static enum relation relate_line(const struct query *q, const char *line, size_t len, struct cm_buf *path)
{
	static const char coded[] = "{\"p64\":";

	if (len > q->quoted.len && memcmp(line, coded, sizeof(coded) - 1) != 0) {
		if (memcmp(line, q->quoted.data, q->quoted.len) == 0) {
			const char *rest = line + q->quoted.len, *end = memchr(rest, '"', len - q->quoted.len);
			if (end != NULL && end - rest == 1 && rest[0] == '.' && q->len == 0)
				return SELF;
			if (end != NULL && memchr(rest, '/', (size_t)(end - rest)) != NULL)
				return DEEPER;
			if (end != NULL && memchr(rest, '\\', (size_t)(end - rest)) == NULL)
				return CHILD;
		} else if (q->len > 0 && line[q->quoted.len - 1] != '"') {
			return OUTSIDE;
		}
	}
	cm_buf_reset(path);
	return cm_line_path(line, len, path) ? relate(path->data, path->len, q->path, q->len) : OUTSIDE;
}

/* Entries come depth first, so all between two paths lie below the folder that both are in. May a segment whose first
 * line is first (and the next one's is next) hold what is looked for? */
static bool may_hold(const struct query *q, const char *first, const char *next)
{
	size_t common = 0;

	if (first == NULL || next == NULL)
		return true;
	for (size_t i = 0;; i++) {
		bool first_ends = first[i] == '\0' || first[i] == '/', next_ends = next[i] == '\0' || next[i] == '/';
		if (first_ends && next_ends)
			common = i;
		if (first[i] != next[i] || first[i] == '\0')
			break;
	}
	if (common == 0)
		return true;
	if (relate(first, strlen(first), q->path, q->len) != OUTSIDE &&
	    relate(first, common, q->path, q->len) == CHILD && strlen(first) == common)
		return true;
	/* All of the segment is below first[0 … common). */
	switch (relate(first, common, q->path, q->len)) {
	case SELF:
		return true;
	case CHILD:
	case DEEPER:
		return false;
	default:
		return relate(q->path, q->len, first, common) != OUTSIDE;
	}
}

static void line_item(const struct cm_archive *a, const struct query *q, const struct cm_line *l,
		      struct cm_archive_item *it, struct cm_buf *path, struct cm_buf *link)
{
	const struct cm_entry *e = &l->entry;
	const struct cm_part *p = q->part;

	cm_buf_reset(path);
	cm_buf_str(path, p->prefix);
	if (!cm_str_eq(e->path, ".")) {
		cm_buf_char(path, '/');
		cm_buf_add(path, e->path, e->path_len);
	}
	cm_buf_reset(link);
	if (e->type == 'h') {
		cm_buf_str(link, p->prefix);
		cm_buf_char(link, '/');
	}
	if (e->link != NULL)
		cm_buf_add(link, e->link, e->link_len);
	*it = (struct cm_archive_item){ .path = path->data,
					.path_len = path->len,
					.type = e->type,
					.size = e->size,
					.mode = e->mode,
					.uid = e->uid,
					.gid = e->gid,
					.mtime_s = e->mtime_s,
					.mtime_ns = e->mtime_ns,
					.link = e->link != NULL ? link->data : NULL,
					.link_len = link->len,
					.sparse = e->sparse,
					.changed = l->changed,
					.part = (uint64_t)(p - a->model.parts),
					.data = p->offset + l->data,
					.stored = e->stored };
	if (l->has_sha)
		cm_hex(it->sha256, l->sha, CM_SHA_LEN);
}

static int hand_out(struct cm_archive *a, const struct query *q, const char *line, size_t len, struct cm_err *err)
{
	struct cm_line l;
	struct cm_archive_item it;
	struct cm_buf path = CM_BUF_INIT((size_t)2 * CM_PATH_MAX), link = CM_BUF_INIT((size_t)2 * CM_PATH_MAX);
	int rc = cm_line_parse(line, len, &l, err);

	if (rc == 0) {
		line_item(a, q, &l, &it, &path, &link);
		rc = q->fn(q->ctx, &it);
	}
	cm_buf_release(&path);
	cm_buf_release(&link);
	cm_line_release(&l);
	return rc;
}

/* Returns what fn returned, 0 to go on. */
static int search_text(struct cm_archive *a, struct query *q, const struct cm_buf *text, struct cm_buf *path,
		       struct cm_err *err)
{
	const char *p = text->data, *end = p + text->len;

	while (p < end && !q->done) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = nl ? (size_t)(nl - p) : (size_t)(end - p);
		enum relation r = relate_line(q, p, len, path);
		if (r == OUTSIDE && q->inside_seen) {
			q->done = true;
			break;
		}
		q->inside_seen |= r != OUTSIDE;
		if (r == SELF && q->list && memmem(p, len, ",\"t\":\"d\"", 8) == NULL)
			q->no_folder = q->done = true;
		if (r == (q->list ? CHILD : SELF)) {
			int rc = hand_out(a, q, p, len, err);
			if (rc != 0)
				return rc;
			q->done = !q->list;
		}
		p += len + 1;
	}
	return 0;
}

static int search(struct cm_archive *a, struct query *q, struct cm_err *err)
{
	struct cm_buf text = CM_BUF_INIT(CM_SEGMENT_MAX), path = CM_BUF_INIT(CM_PATH_MAX);
	int rc = 0;

	cm_buf_init(&q->quoted, (size_t)8 * CM_PATH_MAX);
	cm_buf_str(&q->quoted, "{\"p\":");
	cm_json_quote(&q->quoted, q->path, q->len);
	/* Without the closing quote; with a slash unless it is the root. */
	q->quoted.len--;
	if (q->len > 0)
		cm_buf_char(&q->quoted, '/');
	for (size_t i = 0; i < q->part->segment_count && !q->done && rc == 0; i++) {
		const struct cm_segment *s = &q->part->segments[i];
		if (!may_hold(q, s->first, i + 1 < q->part->segment_count ? s[1].first : NULL))
			continue;
		rc = cm_reader_segment(a, q->part, s, &text, err);
		if (rc == 0)
			rc = search_text(a, q, &text, &path, err);
	}
	cm_buf_release(&text);
	cm_buf_release(&path);
	cm_buf_release(&q->quoted);
	return rc;
}

/* The part that path is the root of or lies in; *ret_below is the rest. */
static const struct cm_part *part_of(const struct cm_archive *a, const char *path, size_t len, const char **ret_below,
				     size_t *ret_len)
{
	for (size_t i = 0; i < a->model.part_count; i++) {
		const struct cm_part *p = &a->model.parts[i];
		size_t n = strlen(p->prefix);
		if (len < n || memcmp(path, p->prefix, n) != 0 || (len > n && path[n] != '/'))
			continue;
		*ret_below = len > n ? path + n + 1 : path + n;
		*ret_len = len > n ? len - n - 1 : 0;
		return p;
	}
	return NULL;
}

static void member_item(const struct cm_member *m, uint64_t at, struct cm_archive_item *it)
{
	*it = (struct cm_archive_item){ .path = m->name,
					.path_len = strlen(m->name),
					.type = 'f',
					.size = m->size,
					.mode = 0600,
					.part = NO_PART,
					.data = at,
					.stored = m->size };
	cm_hex(it->sha256, m->sha, CM_SHA_LEN);
}

static struct cm_archive_item *copy_item(const struct cm_archive_item *from)
{
	struct cm_archive_item *it = cm_alloc(sizeof(*it));

	*it = *from;
	it->path = cm_alloc(from->path_len + 1);
	memcpy(it->path, from->path, from->path_len);
	if (from->link != NULL) {
		it->link = cm_alloc(from->link_len + 1);
		memcpy(it->link, from->link, from->link_len);
	}
	return it;
}

void cm_archive_item_free(struct cm_archive_item *item)
{
	if (item == NULL)
		return;
	free(item->path);
	free(item->link);
	free(item);
}

static int keep_item(void *ctx, const struct cm_archive_item *item)
{
	*(struct cm_archive_item **)ctx = copy_item(item);
	return 1;
}

static struct cm_archive_item synthetic(const char *path, size_t len)
{
	return (struct cm_archive_item){
		.path = (char *)path, .path_len = len, .type = 'd', .mode = 0755, .synthetic = true, .part = NO_PART
	};
}

static int stat_in_part(struct cm_archive *a, const struct cm_part *p, const char *below, size_t len,
			struct cm_archive_item **ret, struct cm_err *err)
{
	struct query q = { .part = p, .path = below, .len = len, .fn = keep_item, .ctx = ret };
	int rc = search(a, &q, err);

	*ret = rc < 0 ? NULL : *ret;
	if (rc < 0 || rc == 1)
		return rc < 0 ? rc : 0;
	if (len > 0)
		return missing(below, len, err);
	struct cm_archive_item root = synthetic(p->prefix, strlen(p->prefix));
	*ret = copy_item(&root);
	return 0;
}

/* "volumes/" of "volumes/data" for path "volumes": true when path is a folder that only prefixes make. */
static bool above_part(const struct cm_archive *a, const char *path, size_t len)
{
	for (size_t i = 0; i < a->model.part_count; i++) {
		const char *prefix = a->model.parts[i].prefix;
		if (strlen(prefix) > len && memcmp(prefix, path, len) == 0 && (len == 0 || prefix[len] == '/'))
			return true;
	}
	return len == 0;
}

/* Every top-level member, also those inside parts. */
static int each_member(struct cm_archive *a, cm_archive_item_fn fn, void *ctx)
{
	struct cm_archive_item it;
	int rc = 0;

	for (size_t i = 0; i < a->model.member_count && rc == 0; i++) {
		member_item(&a->model.members[i], a->model.members[i].data, &it);
		rc = fn(ctx, &it);
	}
	for (size_t i = 0; i < a->model.part_count && rc == 0; i++) {
		const struct cm_part *p = &a->model.parts[i];
		if (!p->has_deleted)
			continue;
		member_item(&p->deleted, p->offset + p->deleted.data, &it);
		rc = fn(ctx, &it);
	}
	return rc;
}

struct named {
	const char *path;
	size_t len;
	struct cm_archive_item *item;
};

static int is_named(void *ctx, const struct cm_archive_item *item)
{
	struct named *n = ctx;

	if (item->path_len != n->len || memcmp(item->path, n->path, n->len) != 0)
		return 0;
	n->item = copy_item(item);
	return 1;
}

int cm_archive_stat(struct cm_archive *a, const char *path, size_t path_len, struct cm_archive_item **ret,
		    struct cm_err *err)
{
	const char *below;
	size_t len;

	*ret = NULL;
	if (path_len > 0 && !cm_entry_path_ok(path, path_len))
		return missing(path, path_len, err);
	if (a->kind == CM_ARCHIVE_FOREIGN)
		return cm_foreign_stat(&a->source, path, path_len, ret, err);
	const struct cm_part *p = part_of(a, path, path_len, &below, &len);
	if (p != NULL)
		return stat_in_part(a, p, below, len, ret, err);
	if (above_part(a, path, path_len)) {
		struct cm_archive_item it = synthetic(path, path_len);
		*ret = copy_item(&it);
		return 0;
	}
	struct named n = { path, path_len, NULL };
	each_member(a, is_named, &n);
	*ret = n.item;
	return n.item != NULL ? 0 : missing(path, path_len, err);
}

/* One child of a folder that only prefixes make. done_before: an earlier part made the same one. */
static int list_one_above(struct cm_archive *a, size_t part, size_t skip, cm_archive_item_fn fn, void *ctx,
			  struct cm_err *err)
{
	const char *prefix = a->model.parts[part].prefix;
	size_t len = skip + strcspn(prefix + skip, "/");

	for (size_t k = 0; k < part; k++) {
		const char *other = a->model.parts[k].prefix;
		if (strncmp(other, prefix, len) == 0 && (other[len] == '\0' || other[len] == '/'))
			return 0;
	}
	if (prefix[len] != '\0') {
		struct cm_archive_item it = synthetic(prefix, len);
		return fn(ctx, &it);
	}
	struct cm_archive_item *root = NULL;
	int rc = stat_in_part(a, &a->model.parts[part], "", 0, &root, err);
	if (rc == 0)
		rc = fn(ctx, root);
	cm_archive_item_free(root);
	return rc;
}

static int list_above(struct cm_archive *a, const char *path, size_t len, cm_archive_item_fn fn, void *ctx,
		      struct cm_err *err)
{
	int rc = len == 0 ? each_member(a, fn, ctx) : 0;

	for (size_t i = 0; i < a->model.part_count && rc == 0; i++) {
		const char *prefix = a->model.parts[i].prefix;
		if (strlen(prefix) > len && memcmp(prefix, path, len) == 0 && (len == 0 || prefix[len] == '/'))
			rc = list_one_above(a, i, len > 0 ? len + 1 : 0, fn, ctx, err);
	}
	return rc;
}

int cm_archive_list(struct cm_archive *a, const char *path, size_t path_len, cm_archive_item_fn fn, void *ctx,
		    struct cm_err *err)
{
	const char *below;
	size_t len;
	int rc;

	if (path_len > 0 && !cm_entry_path_ok(path, path_len))
		return missing(path, path_len, err);
	if (a->kind == CM_ARCHIVE_FOREIGN)
		return cm_foreign_list(&a->source, path, path_len, fn, ctx, err);
	const struct cm_part *p = part_of(a, path, path_len, &below, &len);
	if (p != NULL) {
		struct query q = { .part = p, .path = below, .len = len, .list = true, .fn = fn, .ctx = ctx };
		rc = search(a, &q, err);
		if (rc == 0 && (q.no_folder || (len > 0 && !q.inside_seen)))
			rc = missing(path, path_len, err);
	} else if (above_part(a, path, path_len)) {
		rc = list_above(a, path, path_len, fn, ctx, err);
	} else {
		rc = missing(path, path_len, err);
	}
	return rc < 0 ? rc : 0;
}
