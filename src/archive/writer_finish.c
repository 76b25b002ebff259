/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of an archive: table of blocks, manifest.json, tail. */
#include <string.h>

#include "archive/manifest_model.h"
#include "archive/pax_head.h"
#include "archive/writer_int.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"

static struct json_object *build_manifest(const struct cm_archive_writer *w, struct json_object *extra)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "format", "container-monkey");
	cm_json_set_int(o, "version", CM_ARCHIVE_VERSION);
	cm_json_set_str(o, "program", CM_VERSION);
	cm_json_set_str(o, "codec", cm_codec_name(w->o.codec));
	if (extra != NULL)
		cm_json_set(o, "backup", json_object_get(extra));
	cm_json_set_int(o, "files", (int64_t)w->files);
	cm_json_set_int(o, "bytes", (int64_t)w->content);
	cm_json_set_int(o, "warning_count", w->warning_count);
	cm_json_set(o, "warnings", json_object_get(w->warnings));
	cm_json_set(o, "members", json_object_get(w->members));
	cm_json_set(o, "parts", json_object_get(w->parts));
	cm_json_set(o, "segments", json_object_get(w->segments));
	return o;
}

static int put_entry(struct cm_archive_writer *w, const char *name, const void *data, size_t len, struct cm_err *err)
{
	struct cm_buf head = CM_BUF_INIT(4096);
	struct cm_entry e;

	cm_pax_member(&e, name, len, cm_now_ms() / 1000);
	cm_pax_head(&head, NULL, &e);
	int rc = cm_writer_put(w, head.data, head.len, err);
	cm_buf_release(&head);
	if (rc == 0)
		rc = cm_writer_put(w, data, len, err);
	return rc < 0 ? rc : cm_writer_pad(w, len, err);
}

static int put_index(struct cm_archive_writer *w, struct json_object *manifest, struct cm_tail *t, struct cm_err *err)
{
	struct cm_buf table = CM_BUF_INIT(cm_block_table_len(&w->table));
	static const uint8_t zeros[2 * CM_TAR_BLOCK];
	cm_autofree char *text = cm_json_text(manifest);
	size_t len = strlen(text);

	if (len > CM_MANIFEST_MAX)
		return cm_err_set(err, CM_ETOOBIG, "The backup has more files than the format allows.");
	cm_block_table_encode(&w->table, &table);
	int rc = cm_buf_failed(&table);
	if (rc < 0)
		cm_err_set(err, rc, "Out of memory while finishing the backup.");
	if (rc == 0)
		rc = put_entry(w, "manifest/members", table.data, table.len, err);
	cm_buf_release(&table);
	if (rc == 0)
		rc = cm_deflate_ring_break(w->ring, 0, err);
	t->manifest_tar = w->tar;
	if (rc == 0)
		rc = put_entry(w, "manifest.json", text, len, err);
	if (rc == 0)
		rc = cm_writer_put(w, zeros, sizeof(zeros), err);
	t->tar_size = w->tar;
	return rc < 0 ? rc : cm_writer_ring_end(w, err);
}

/* The reader's own checks, before anything is promised. */
static int check_manifest(const struct cm_archive_writer *w, struct json_object *manifest, struct cm_err *err)
{
	struct cm_manifest m;
	int rc = cm_manifest_read(manifest, w->tar, w->table.count, &m, NULL);

	if (rc < 0)
		return cm_err_set(err, CM_EUPSTREAM, "What the helper packed does not fit together.");
	cm_manifest_release(&m);
	return 0;
}

static int finish(struct cm_archive_writer *w, struct json_object *manifest, struct cm_err *err)
{
	struct cm_tail t = { 0 };
	uint8_t tail[CM_TAIL_MAX];
	size_t tail_len = cm_tail_len(w->o.codec);
	int rc = cm_writer_ring_end(w, err);

	if (rc == 0)
		rc = check_manifest(w, manifest, err);
	if (rc == 0)
		rc = cm_writer_ring(w, false, err);
	if (rc < 0)
		return rc;
	w->in_index = true;
	w->index_sha = cm_sha_new();
	t.index_at = w->at;
	t.index_tar = w->tar;
	rc = put_index(w, manifest, &t, err);
	if (rc < 0)
		return rc;
	cm_sha_end(w->index_sha, t.sha);
	cm_tail_encode(w->o.codec, &t, tail);
	rc = w->sink.write(w->sink.ctx, tail, tail_len, err);
	w->at += tail_len;
	return rc;
}

int cm_archive_writer_finish(struct cm_archive_writer *w, struct json_object *extra, struct cm_archive_totals *ret,
			     struct cm_err *err)
{
	int rc = cm_writer_ready(w, err);

	if (rc < 0)
		return rc;
	struct json_object *manifest = build_manifest(w, extra);
	rc = finish(w, manifest, err);
	w->done = true;
	if (rc < 0) {
		json_object_put(manifest);
		return rc;
	}
	*ret = (struct cm_archive_totals){ .bytes = w->tar,
					   .compressed = w->at,
					   .files = w->files,
					   .content = w->content,
					   .stream = w->stream_size,
					   .warnings = w->warning_count,
					   .manifest = manifest };
	return 0;
}

void cm_archive_totals_release(struct cm_archive_totals *t)
{
	json_object_put(t->manifest);
	t->manifest = NULL;
}
