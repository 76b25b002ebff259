/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/writer.h"

#include <string.h>

#include "archive/block.h"
#include "archive/manifest_model.h"
#include "archive/pax_head.h"
#include "archive/writer_int.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

enum { OWN_BLOCK = 1 << 20 };

int cm_writer_result(struct cm_archive_writer *w, int rc)
{
	if (rc < 0)
		w->done = true;
	return rc;
}

int cm_writer_ready(struct cm_archive_writer *w, struct cm_err *err)
{
	if (w->done || w->streaming || w->packer != NULL)
		return cm_err_set(err, CM_EINTERNAL, "The archive cannot take this now.");
	return 0;
}

/* A finished block of this program's own. */
static int emit(void *ctx, uint32_t size, const void *data, uint32_t len, struct cm_err *err)
{
	struct cm_archive_writer *w = ctx;
	int rc = w->sink.write(w->sink.ctx, data, len, err);

	if (rc < 0)
		return rc;
	w->at += len;
	if (w->in_index) {
		cm_sha_add(w->index_sha, data, len);
		return 0;
	}
	return cm_block_table_add(&w->table, len, size, cm_block_crc(0, data, len), err);
}

int cm_writer_ring_end(struct cm_archive_writer *w, struct cm_err *err)
{
	if (w->ring == NULL)
		return 0;
	int rc = cm_deflate_ring_drain(w->ring, err);
	cm_deflate_ring_free(w->ring);
	w->ring = NULL;
	return rc;
}

int cm_writer_ring(struct cm_archive_writer *w, bool threads, struct cm_err *err)
{
	struct cm_deflate_options o = { w->o.codec, w->o.level, threads ? w->o.threads : 0, OWN_BLOCK };

	if (w->ring != NULL && w->ring_threads == threads)
		return 0;
	int rc = cm_writer_ring_end(w, err);
	if (rc < 0)
		return rc;
	w->ring_threads = threads;
	return cm_deflate_ring_new(&o, emit, w, &w->ring, err);
}

int cm_writer_put(struct cm_archive_writer *w, const void *data, size_t len, struct cm_err *err)
{
	w->tar += len;
	return cm_deflate_ring_put(w->ring, data, len, err);
}

int cm_writer_pad(struct cm_archive_writer *w, uint64_t len, struct cm_err *err)
{
	uint32_t pad = cm_tar_pad(len);

	w->tar += pad;
	return cm_deflate_ring_zero(w->ring, pad, err);
}

struct json_object *cm_writer_record(const char *name, uint64_t offset, uint64_t data, uint64_t size,
				     const uint8_t *sha)
{
	struct json_object *o = json_object_new_object();
	char hex[2 * CM_SHA_LEN + 1];

	cm_hex(hex, sha, CM_SHA_LEN);
	cm_json_set_str(o, "name", name);
	cm_json_set_int(o, "size", (int64_t)size);
	cm_json_set_str(o, "sha256", hex);
	cm_json_set_int(o, "offset", (int64_t)offset);
	cm_json_set_int(o, "data", (int64_t)data);
	return o;
}

int cm_archive_writer_new(const struct cm_archive_options *options, const struct cm_sink *sink,
			  struct cm_archive_writer **ret, struct cm_err *err)
{
	int level;
	int rc = cm_block_level(options->codec, options->level, &level, err);

	if (rc < 0)
		return rc;
	struct cm_archive_writer *w = cm_alloc(sizeof(*w));
	w->o = *options;
	w->o.level = level;
	if (w->o.threads == 0)
		w->o.threads = 1;
	w->sink = *sink;
	w->members = json_object_new_array();
	w->parts = json_object_new_array();
	w->segments = json_object_new_array();
	w->warnings = json_object_new_array();
	w->next_segment = 1;
	*ret = w;
	return 0;
}

void cm_archive_writer_free(struct cm_archive_writer *w)
{
	if (w == NULL)
		return;
	cm_packer_free(w->packer);
	cm_deflate_ring_free(w->ring);
	cm_block_table_release(&w->table);
	json_object_put(w->members);
	json_object_put(w->parts);
	json_object_put(w->segments);
	json_object_put(w->warnings);
	json_object_put(w->part);
	cm_sha_free(w->stream_sha);
	cm_sha_free(w->index_sha);
	free(w->stream_name);
	free(w);
}

void cm_archive_writer_warn(struct cm_archive_writer *w, const char *text)
{
	if (w->warning_count++ < CM_ARCHIVE_WARNINGS)
		cm_json_add_str(w->warnings, text);
}

static int name_free(struct cm_archive_writer *w, const char *name, struct cm_err *err)
{
	if (!cm_member_name_ok(name))
		return cm_err_set(err, CM_EINVAL, "\"%s\" cannot be the name of a member of a backup.", name);
	if (json_object_array_length(w->parts) > 0)
		return cm_err_set(err, CM_EINTERNAL, "Members come before the parts of a backup.");
	for (size_t i = 0; i < json_object_array_length(w->members); i++)
		if (cm_str_eq(cm_json_str(json_object_array_get_idx(w->members, i), "name", NULL), name))
			return cm_err_set(err, CM_EINVAL, "The backup has a member \"%s\" already.", name);
	return 0;
}

static int64_t whole_seconds(int64_t ms)
{
	return ms > 0 ? ms / 1000 : 0;
}

static int put_member(struct cm_archive_writer *w, const char *name, const void *data, size_t len, int64_t mtime_ms,
		      struct cm_err *err)
{
	struct cm_buf head = CM_BUF_INIT(4096);
	struct cm_entry e;
	uint8_t sha[CM_SHA_LEN];
	uint64_t offset = w->tar;

	cm_pax_member(&e, name, len, whole_seconds(mtime_ms));
	cm_pax_head(&head, NULL, &e);
	int rc = cm_writer_put(w, head.data, head.len, err);
	cm_buf_release(&head);
	uint64_t at = w->tar;
	if (rc == 0)
		rc = cm_writer_put(w, data, len, err);
	if (rc == 0)
		rc = cm_writer_pad(w, len, err);
	if (rc < 0)
		return rc;
	cm_sha_of(data, len, sha);
	json_object_array_add(w->members, cm_writer_record(name, offset, at, len, sha));
	return 0;
}

int cm_archive_writer_member(struct cm_archive_writer *w, const char *name, const void *data, size_t len,
			     int64_t mtime_ms, struct cm_err *err)
{
	int rc = cm_writer_ready(w, err);

	if (rc == 0)
		rc = name_free(w, name, err);
	if (rc == 0 && len > CM_ARCHIVE_MEMBER_MAX)
		rc = cm_err_set(err, CM_ETOOBIG, "\"%s\" is too large for a backup.", name);
	if (rc < 0)
		return rc;
	rc = cm_writer_ring(w, false, err);
	if (rc == 0)
		rc = put_member(w, name, data, len, mtime_ms, err);
	return cm_writer_result(w, rc);
}

/* The stream's header as a block of fixed length; made once with length 0 and once more when the length is known. */
static size_t stream_head(const struct cm_archive_writer *w, uint8_t out[CM_BLOCK_STORED_MAX])
{
	uint8_t head[CM_TAR_BLOCK];

	cm_pax_head_fixed(head, w->stream_name, w->stream_size, w->stream_mtime);
	return cm_block_stored(w->o.codec, head, out);
}

int cm_archive_writer_stream_begin(struct cm_archive_writer *w, const char *name, int64_t mtime_ms, struct cm_err *err)
{
	uint8_t block[CM_BLOCK_STORED_MAX];
	int rc = cm_writer_ready(w, err);

	if (rc == 0)
		rc = name_free(w, name, err);
	if (rc == 0 && w->stream_name != NULL)
		rc = cm_err_set(err, CM_EINTERNAL, "A backup has at most one member of unknown length.");
	if (rc == 0)
		rc = cm_writer_ring_end(w, err);
	if (rc < 0)
		return cm_writer_result(w, rc);
	w->stream_name = cm_strdup(name);
	w->stream_mtime = whole_seconds(mtime_ms);
	w->stream_head_at = w->at;
	w->stream_head_tar = w->tar;
	w->stream_block = w->table.count;
	w->stream_sha = cm_sha_new();
	size_t len = stream_head(w, block);
	if (w->at + len > CM_ARCHIVE_HEAD)
		return cm_writer_result(
		    w, cm_err_set(err, CM_ETOOBIG, "The container's configuration is too large for a backup."));
	rc = emit(w, CM_TAR_BLOCK, block, (uint32_t)len, err);
	w->tar += CM_TAR_BLOCK;
	if (rc == 0)
		rc = cm_writer_ring(w, true, err);
	w->streaming = rc == 0;
	return cm_writer_result(w, rc);
}

int cm_archive_writer_stream_data(struct cm_archive_writer *w, const void *data, size_t len, struct cm_err *err)
{
	if (w->done || !w->streaming)
		return cm_err_set(err, CM_EINTERNAL, "The archive cannot take this now.");
	cm_sha_add(w->stream_sha, data, len);
	w->stream_size += len;
	return cm_writer_result(w, cm_writer_put(w, data, len, err));
}

int cm_archive_writer_stream_end(struct cm_archive_writer *w, uint64_t *ret_size, struct cm_err *err)
{
	uint8_t block[CM_BLOCK_STORED_MAX], sha[CM_SHA_LEN];

	if (w->done || !w->streaming)
		return cm_err_set(err, CM_EINTERNAL, "The archive cannot take this now.");
	w->streaming = false;
	int rc = cm_writer_pad(w, w->stream_size, err);
	if (rc == 0)
		rc = cm_writer_ring_end(w, err);
	size_t len = stream_head(w, block);
	if (rc == 0)
		rc = w->sink.patch(w->sink.ctx, w->stream_head_at, block, len, err);
	if (rc < 0)
		return cm_writer_result(w, rc);
	w->table.rows[w->stream_block].crc = cm_block_crc(0, block, len);
	cm_sha_end(w->stream_sha, sha);
	json_object_array_add(w->members, cm_writer_record(w->stream_name, w->stream_head_tar,
							   w->stream_head_tar + CM_TAR_BLOCK, w->stream_size, sha));
	if (ret_size != NULL)
		*ret_size = w->stream_size;
	return 0;
}
