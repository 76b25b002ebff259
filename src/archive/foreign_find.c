/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking into foreign archives: each look reads from the start. */
#include <string.h>

#include "archive/foreign.h"
#include "core/mem.h"
#include "core/str.h"

int cm_foreign_probe(const struct cm_source *s, struct cm_err *err)
{
	struct cm_source_stream stream = { *s, 0 };
	struct cm_foreign *f = NULL;
	struct cm_entry e;
	bool end = false;
	int rc = cm_foreign_open(cm_source_stream_read, &stream, &f, err);

	if (rc == 0)
		rc = cm_foreign_next(f, &e, &end, err);
	if (rc == 0 && (end || cm_str_eq(e.path, "backup.json")))
		rc = cm_err_set(err, CM_ECORRUPT,
				"The backup is damaged: its end is missing. It was cut off, or packed anew by another "
				"program; fetch it again from where it came.");
	cm_foreign_free(f);
	return rc;
}

/* Calls fn for every entry until it returns non-zero. */
typedef int (*visit_fn)(void *ctx, struct cm_foreign *f, const struct cm_entry *e, struct cm_err *err);

static int visit(const struct cm_source *s, visit_fn fn, void *ctx, struct cm_err *err)
{
	struct cm_source_stream stream = { *s, 0 };
	struct cm_foreign *f = NULL;
	struct cm_entry e;
	bool end = false;
	int rc = cm_foreign_open(cm_source_stream_read, &stream, &f, err);

	while (rc == 0 && !end) {
		rc = cm_foreign_next(f, &e, &end, err);
		if (rc == 0 && !end)
			rc = fn(ctx, f, &e, err);
	}
	cm_foreign_free(f);
	return rc;
}

struct find {
	const char *path;
	size_t len;
	cm_archive_write_fn write;
	void *ctx;
	uint64_t *size;
	struct cm_archive_item **item;
	/* A hard link's bytes are those of its first name. */
	bool found;
};

static bool is_it(const struct find *q, const struct cm_entry *e)
{
	return e->path_len == q->len && memcmp(e->path, q->path, q->len) == 0;
}

static int missing(const struct find *q, struct cm_err *err)
{
	cm_autobuf struct cm_buf clean = CM_BUF_INIT(1024);

	cm_utf8_clean(&clean, q->path, q->len < 200 ? q->len : 200);
	return cm_err_set(err, CM_ENOTFOUND, "The backup has no \"%s\".", clean.data);
}

static int send_data(struct cm_foreign *f, const struct find *q, struct cm_err *err)
{
	static const char zeros[65536];
	const void *data;
	size_t len;
	uint64_t at, sent = 0;

	for (;;) {
		int rc = cm_foreign_data(f, &data, &len, &at, err);
		if (rc < 0 || len == 0)
			return rc;
		while (rc == 0 && sent < at) {
			size_t n = at - sent < sizeof(zeros) ? (size_t)(at - sent) : sizeof(zeros);
			rc = q->write(q->ctx, zeros, n, err);
			sent += n;
		}
		if (rc == 0)
			rc = q->write(q->ctx, data, len, err);
		if (rc < 0)
			return rc;
		sent += len;
	}
}

static int on_stream(void *ctx, struct cm_foreign *f, const struct cm_entry *e, struct cm_err *err)
{
	struct find *q = ctx;

	if (!is_it(q, e))
		return 0;
	q->found = true;
	if (q->size != NULL)
		*q->size = e->size;
	if (q->write == NULL)
		return 1;
	if (e->type != 'f')
		return cm_err_set(err, CM_EUNSUPPORTED, "This is not a file.");
	int rc = send_data(f, q, err);
	return rc < 0 ? rc : 1;
}

int cm_foreign_stream(const struct cm_source *s, const char *path, size_t len, cm_archive_write_fn write, void *ctx,
		      struct cm_err *err)
{
	struct find q = { .path = path, .len = len, .write = write, .ctx = ctx };
	int rc = visit(s, on_stream, &q, err);

	if (rc < 0)
		return rc;
	return q.found ? 0 : missing(&q, err);
}

int cm_foreign_size(const struct cm_source *s, const char *path, size_t len, uint64_t *ret, struct cm_err *err)
{
	struct find q = { .path = path, .len = len, .size = ret };
	int rc = visit(s, on_stream, &q, err);

	if (rc < 0)
		return rc;
	return q.found ? 0 : missing(&q, err);
}

static void fill(struct cm_archive_item *it, const struct cm_entry *e)
{
	*it = (struct cm_archive_item){ .path = (char *)e->path,
					.path_len = e->path_len,
					.type = e->type,
					.size = e->size,
					.mode = e->mode,
					.uid = e->uid,
					.gid = e->gid,
					.mtime_s = e->mtime_s,
					.mtime_ns = e->mtime_ns,
					.link = (char *)e->link,
					.link_len = e->link_len };
}

static int on_stat(void *ctx, struct cm_foreign *f, const struct cm_entry *e, struct cm_err *err)
{
	struct find *q = ctx;
	struct cm_archive_item *it;

	(void)f;
	(void)err;
	if (!is_it(q, e))
		return 0;
	it = cm_alloc(sizeof(*it));
	fill(it, e);
	it->path = cm_strndup(e->path, e->path_len);
	it->link = cm_strndup(e->link, e->link_len);
	*q->item = it;
	q->found = true;
	return 1;
}

int cm_foreign_stat(const struct cm_source *s, const char *path, size_t len, struct cm_archive_item **ret,
		    struct cm_err *err)
{
	struct find q = { .path = path, .len = len, .item = ret };
	int rc = visit(s, on_stat, &q, err);

	if (rc < 0)
		return rc;
	return q.found ? 0 : missing(&q, err);
}

struct listing {
	const char *path;
	size_t len;
	cm_archive_item_fn fn;
	void *ctx;
	bool found;
};

static int on_list(void *ctx, struct cm_foreign *f, const struct cm_entry *e, struct cm_err *err)
{
	struct listing *q = ctx;
	struct cm_archive_item it;
	size_t skip = q->len > 0 ? q->len + 1 : 0;

	(void)f;
	(void)err;
	if (e->path_len == q->len && memcmp(e->path, q->path, q->len) == 0)
		q->found |= e->type == 'd';
	if (e->path_len <= skip || memcmp(e->path, q->path, q->len) != 0 || (skip > 0 && e->path[q->len] != '/') ||
	    cm_str_eq(e->path, "."))
		return 0;
	q->found = true;
	if (memchr(e->path + skip, '/', e->path_len - skip) != NULL)
		return 0;
	fill(&it, e);
	return q->fn(q->ctx, &it);
}

int cm_foreign_list(const struct cm_source *s, const char *path, size_t len, cm_archive_item_fn fn, void *ctx,
		    struct cm_err *err)
{
	struct listing q = { path, len, fn, ctx, len == 0 };
	struct find name = { .path = path, .len = len };
	int rc = visit(s, on_list, &q, err);

	if (rc < 0)
		return rc;
	return q.found ? 0 : missing(&name, err);
}
