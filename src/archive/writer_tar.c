/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packing a part from tar streams by others. */
#include <string.h>

#include "archive/foreign.h"
#include "archive/manifest_model.h"
#include "archive/pax_head.h"
#include "archive/watch.h"
#include "archive/writer_int.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

static int on_segment(void *ctx, struct json_object *record, struct cm_err *err)
{
	struct cm_archive_writer *w = ctx;

	if (json_object_array_length(w->segments) >= CM_SEGMENTS_MAX)
		return cm_err_set(err, CM_ETOOBIG, "The backup has more files than the format allows.");
	json_object_array_add(w->segments, json_object_get(record));
	w->next_segment++;
	return 0;
}

int cm_archive_writer_part_begin(struct cm_archive_writer *w, const char *id, const char *kind, const char *prefix,
				 struct cm_err *err)
{
	enum cm_part_kind k;
	int rc = cm_writer_ready(w, err);

	if (rc == 0 && (!cm_part_prefix_ok(prefix) || cm_part_kind_parse(kind, &k) != 0))
		rc = cm_err_set(err, CM_EINVAL, "The part \"%s\" is described wrongly.", prefix);
	cm_follow_give_up(w->o.follow);
	/* A ring of its own: what it held before is then in the archive, and counted. */
	if (rc == 0)
		rc = cm_writer_ring_end(w, err);
	if (rc == 0)
		rc = cm_writer_ring(w, true, err);
	if (rc < 0)
		return cm_writer_result(w, rc);
	w->packer = cm_packer_new(w->ring, w->next_segment, cm_now_ms() / 1000, on_segment, w);
	w->part = json_object_new_object();
	cm_json_set_str(w->part, "id", id);
	cm_json_set_str(w->part, "kind", kind);
	cm_json_set_str(w->part, "prefix", prefix);
	w->part_at = w->tar;
	w->part_block = w->table.count;
	w->part_segment = json_object_array_length(w->segments);
	return cm_writer_result(w, cm_packer_part_begin(w->packer, prefix, err));
}

struct retar {
	struct cm_archive_writer *w;
	const char *dir;
	struct cm_exchange x; /* only its watch */
	struct cm_buf path, link;
	uint64_t files, bytes;
};

static void below(struct cm_buf *out, const char *dir, const char *path)
{
	cm_buf_reset(out);
	cm_buf_str(out, dir);
	if (strcmp(path, ".") != 0) {
		if (out->len > 0)
			cm_buf_char(out, '/');
		cm_buf_str(out, path);
	}
	if (out->len == 0)
		cm_buf_char(out, '.');
}

/* A hole comes as a gap between two pieces and is filled with zeros. */
static int put_content(struct retar *t, struct cm_foreign *f, uint64_t size, struct cm_err *err)
{
	const void *data = NULL;
	size_t len = 0;
	uint64_t at = 0, done = 0;
	int rc = 0;

	while (rc == 0) {
		rc = cm_exchange_check(&t->x, err);
		if (rc == 0)
			rc = cm_foreign_data(f, &data, &len, &at, err);
		if (rc < 0 || len == 0)
			break;
		if (at < done || at > size || len > size - at)
			return cm_err_set(err, CM_EUPSTREAM, "The engine sent more than it announced.");
		rc = cm_packer_zero(t->w->packer, at - done, err);
		if (rc == 0)
			rc = cm_packer_data(t->w->packer, data, len, err);
		done = at + len;
		t->bytes += len;
		cm_exchange_progress(&t->x, t->bytes, t->files);
	}
	return rc < 0 ? rc : cm_packer_zero(t->w->packer, size - done, err);
}

static int put_entry(struct retar *t, struct cm_foreign *f, const struct cm_entry *given, struct cm_err *err)
{
	struct cm_entry e = *given;

	below(&t->path, t->dir, e.path);
	e.path = t->path.data;
	e.path_len = t->path.len;
	if (e.type == 'h') {
		below(&t->link, t->dir, e.link);
		e.link = t->link.data;
		e.link_len = t->link.len;
	}
	if (!cm_entry_path_ok(e.path, e.path_len) && strcmp(e.path, ".") != 0)
		return cm_err_set(err, CM_EUPSTREAM, "The engine sent a name that is not allowed.");
	int rc = cm_packer_entry(t->w->packer, &e, err);
	if (rc == 0 && e.type == 'f')
		rc = put_content(t, f, e.size, err);
	t->files++;
	return rc < 0 ? rc : cm_packer_entry_end(t->w->packer, &e, false, err);
}

int cm_archive_writer_part_tar(struct cm_archive_writer *w, const char *dir, cm_archive_read_fn read, void *ctx,
			       const struct cm_archive_watch *watch, struct cm_err *err)
{
	struct retar t = { .w = w, .dir = dir, .x = { .watch = watch } };
	struct cm_foreign *f = NULL;
	struct cm_entry e;
	bool end = false;

	if (w->packer == NULL || w->done)
		return cm_err_set(err, CM_EINTERNAL, "The archive cannot take this now.");
	cm_buf_init(&t.path, CM_PATH_MAX);
	cm_buf_init(&t.link, CM_PATH_MAX);
	int rc = cm_foreign_open(read, ctx, &f, err);
	while (rc == 0 && !end) {
		rc = cm_foreign_next(f, &e, &end, err);
		if (rc == 0 && !end)
			rc = put_entry(&t, f, &e, err);
	}
	cm_foreign_free(f);
	cm_buf_release(&t.path);
	cm_buf_release(&t.link);
	return cm_writer_result(w, rc);
}

int cm_archive_writer_part_deleted(struct cm_archive_writer *w, const char *text, size_t len, struct cm_err *err)
{
	struct json_object *record = NULL;

	if (w->packer == NULL || w->done)
		return cm_err_set(err, CM_EINTERNAL, "The archive cannot take this now.");
	int rc = cm_packer_member(w->packer, "rootfs_deleted.json", text, len, &record, err);
	if (rc == 0)
		cm_json_set(w->part, "deleted", record);
	return cm_writer_result(w, rc);
}

int cm_archive_writer_part_end(struct cm_archive_writer *w, struct cm_err *err)
{
	struct cm_packer_totals totals;

	if (w->packer == NULL || w->done)
		return cm_err_set(err, CM_EINTERNAL, "The archive cannot take this now.");
	int rc = cm_packer_part_end(w->packer, &totals, err);
	cm_packer_free(w->packer);
	w->packer = NULL;
	if (rc == 0)
		rc = cm_writer_ring_end(w, err);
	if (rc < 0)
		return cm_writer_result(w, rc);
	w->tar += totals.size;
	cm_json_set_int(w->part, "files", (int64_t)totals.files);
	cm_json_set_int(w->part, "bytes", (int64_t)totals.bytes);
	cm_json_set_int(w->part, "stored", (int64_t)totals.stored);
	cm_writer_part_add(w, cm_move(&w->part), w->part_at, w->part_block, w->part_segment);
	return 0;
}
