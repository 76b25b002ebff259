/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Restoring parts of our own archives. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/block.h"
#include "archive/block_tail.h"
#include "archive/inflate_ring.h"
#include "archive/part_reader.h"
#include "archive/proto.h"
#include "archive/sparse_map.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "helper/deleted.h"
#include "helper/disk.h"
#include "helper/ops.h"
#include "helper/wire.h"

enum { NEXT_BLOCK_MS = 600000, THREADS = 2, WARNINGS = 64 };

struct unpack {
	unsigned part;
	const char *prefix;
	struct cm_disk *disk;
	/* The current entry. */
	char last[300]; /* its path, to say where damage was met */
	struct cm_sparse *sparse;
	uint64_t at;
	uint64_t blocks; /* of the part, still to come */
	uint64_t files, bytes;
};

static void on_warn(void *ctx, const char *path, size_t len, const char *text)
{
	const struct unpack *u = ctx;
	cm_autobuf struct cm_buf name = CM_BUF_INIT(1 << 20);

	cm_buf_str(&name, u->prefix);
	cm_buf_char(&name, '/');
	cm_buf_add(&name, path, len);
	cm_wire_warn(u->part, name.data, name.len, text);
}

static int on_head(void *ctx, const struct cm_entry *e, struct cm_err *err)
{
	struct unpack *u = ctx;

	u->at = 0;
	snprintf(u->last, sizeof(u->last), "%s", e->path);
	if (e->sparse)
		u->sparse = cm_sparse_new(e->stored, e->size);
	return cm_disk_entry(u->disk, e, err);
}

static int put(void *ctx, uint64_t at, const void *data, size_t len, struct cm_err *err)
{
	struct unpack *u = ctx;

	return cm_disk_write(u->disk, at, data, len, err);
}

static int on_data(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct unpack *u = ctx;
	int rc = u->sparse != NULL ? cm_sparse_feed(u->sparse, data, len, put, u, err)
				   : cm_disk_write(u->disk, u->at, data, len, err);

	u->at += len;
	cm_wire_count(len, 0);
	return rc;
}

static int on_end(void *ctx, struct cm_err *err)
{
	struct unpack *u = ctx;

	cm_sparse_free(u->sparse);
	u->sparse = NULL;
	cm_wire_count(0, 1);
	return cm_disk_end(u->disk, err);
}

static int delete_one(void *ctx, const char *path, size_t len, bool opaque, struct cm_err *err)
{
	struct unpack *u = ctx;

	return cm_disk_deleted(u->disk, path, len, opaque, err);
}

static int on_deleted(void *ctx, const char *text, size_t len, struct cm_err *err)
{
	return cm_deleted_read(text, len, delete_one, ctx, err);
}

/* Called by the ring's threads, one at a time. */
static int fetch(void *ctx, void *data, struct cm_fetched *ret, struct cm_err *err)
{
	struct unpack *u = ctx;
	struct cm_frame f;
	uint8_t size[4];

	if (u->blocks == 0)
		return 0;
	int rc = cm_peer_next(cm_wire_peer(), NEXT_BLOCK_MS, &f, err);
	if (rc == 0 && (f.type != CM_FRAME_MEMBER || f.len <= 4 || f.len - 4 > cm_block_bound(CM_BLOCK_MAX)))
		rc = cm_err_set(err, CM_EUPSTREAM, "The helper was sent something that does not fit its plan.");
	if (rc == 0)
		rc = cm_peer_read_all(cm_wire_peer(), size, 4, CM_PEER_SILENCE_MS, err);
	if (rc == 0)
		rc = cm_peer_read_all(cm_wire_peer(), data, f.len - 4, CM_PEER_SILENCE_MS, err);
	if (rc < 0)
		return rc;
	u->blocks--;
	*ret = (struct cm_fetched){ .len = f.len - 4, .size = (uint32_t)cm_get_le(size, 4) };
	return 0;
}

/* After an error the ring is left as it is: one of its threads may wait for a peer that has nothing more to say, and
 * the process is about to end. */
static int feed_part(struct unpack *u, enum cm_codec codec, const struct cm_part *part, struct cm_err *err)
{
	const struct cm_part_events events = {
		.ctx = u, .head = on_head, .data = on_data, .end = on_end, .deleted = on_deleted
	};
	struct cm_part_reader *reader = cm_part_reader_new(part, &events);
	struct cm_inflate_ring *ring = NULL;
	const uint8_t *data;
	size_t len = 1;
	uint64_t block;
	int rc = cm_inflate_ring_new(codec, THREADS, fetch, u, &ring, err);

	while (rc == 0 && len > 0) {
		rc = cm_inflate_ring_next(ring, &data, &len, &block, err);
		if (rc == CM_ECORRUPT)
			cm_err_prefix(err, "in or after %s", u->last);
		if (rc == 0 && len > 0)
			rc = cm_part_reader_feed(reader, data, len, err);
	}
	if (rc == 0)
		rc = cm_part_reader_finish(reader, err);
	if (rc < 0)
		return rc;
	u->files += cm_part_reader_files(reader);
	u->bytes += cm_part_reader_bytes(reader);
	cm_part_reader_free(reader);
	cm_inflate_ring_free(ring);
	return 0;
}

static int unpack_part(struct unpack *u, struct json_object *plan_part, enum cm_codec codec, bool sync,
		       struct cm_err *err)
{
	struct cm_manifest model;
	struct stat st;
	struct cm_disk_options o = { .target = cm_json_str(plan_part, "target", ""),
				     .ordered = true,
				     .merge = cm_json_bool(plan_part, "merge", false),
				     .ctx = u,
				     .warn = on_warn };
	int rc = cm_manifest_read_part(plan_part, &model, err);

	if (rc < 0)
		return rc;
	const struct cm_part *part = &model.parts[0];
	u->prefix = part->prefix;
	u->blocks = part->blocks;
	o.overlay = part->kind == CM_PART_ROOTFS;
	if (part->kind == CM_PART_BIND_FILE) {
		o.file = stat(o.target, &st) == 0 && S_ISREG(st.st_mode);
		o.merge = true;
	}
	rc = cm_disk_open(&o, &u->disk, err);
	if (rc == 0)
		rc = feed_part(u, codec, part, err);
	if (rc == 0)
		rc = cm_disk_close(u->disk, sync, err);
	if (rc < 0) {
		cm_err_prefix(err, "%.120s", part->prefix);
		return rc;
	}
	cm_disk_free(u->disk);
	u->disk = NULL;
	cm_manifest_release(&model);
	return 0;
}

int cm_op_unpack(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	struct json_object *parts = cm_json_arr(plan, "parts");
	size_t n = cm_json_len(parts);
	struct cm_frame f;
	enum cm_codec codec;
	int rc = 0;

	if (n == 0 || n > CM_PARTS_MAX || cm_codec_parse(cm_json_str(plan, "codec", NULL), &codec) != 0)
		return cm_err_set(err, CM_EINVAL, "The plan's settings are wrong.");
	/* Not on the stack, and after an error not freed: a ring's thread may still use it until the process ends. */
	struct unpack *u = cm_alloc(sizeof(*u));
	/* The peer sends and does not listen all the time: more than fits its line would stop both. */
	cm_wire_warn_limit(WARNINGS);
	cm_wire_progress_start();
	for (size_t i = 0; i < n && rc == 0; i++) {
		u->part = (unsigned)i;
		rc = unpack_part(u, json_object_array_get_idx(parts, i), codec, cm_json_bool(plan, "sync", true), err);
	}
	if (rc == 0)
		rc = cm_peer_next(cm_wire_peer(), NEXT_BLOCK_MS, &f, err);
	if (rc == 0 && f.type != CM_FRAME_EOF)
		rc = cm_err_set(err, CM_EUPSTREAM, "The helper was sent something that does not fit its plan.");
	if (rc < 0)
		return rc;
	*ret = json_object_new_object();
	cm_json_set_int(*ret, "files", (int64_t)u->files);
	cm_json_set_int(*ret, "bytes", (int64_t)u->bytes);
	cm_json_set_int(*ret, "warnings", (int64_t)cm_wire_warnings());
	free(u);
	return 0;
}
