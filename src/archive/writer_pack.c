/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Taking over what a helper packs. */
#include <string.h>

#include "archive/block.h"
#include "archive/manifest_model.h"
#include "archive/proto.h"
#include "archive/watch.h"
#include "archive/writer_int.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

enum { PIECE = 262144 };

struct pack {
	struct cm_archive_writer *w;
	struct cm_exchange x;
	const struct cm_archive_watch *watch; /* the caller's */
	struct json_object *plan_parts;
	size_t parts;	  /* finished */
	uint64_t part_at; /* where the current part begins */
	size_t part_block, part_segment;
	uint8_t *piece;
};

static int protocol(struct cm_err *err)
{
	return cm_err_set(err, CM_EUPSTREAM, "The helper sent something that does not fit the backup.");
}

/* One compressed block goes into the archive as it is. */
static int take_member(struct pack *p, const struct cm_frame *f, struct cm_err *err)
{
	struct cm_archive_writer *w = p->w;
	uint32_t left = f->len - 4, crc = 0;
	uint8_t size_le[4];

	if (f->len <= 4 || p->parts == cm_json_len(p->plan_parts))
		return protocol(err);
	int rc = cm_peer_read_all(p->x.peer, size_le, 4, CM_PEER_SILENCE_MS, err);
	uint32_t size = (uint32_t)cm_get_le(size_le, 4), len = left;
	if (rc == 0 && (size == 0 || size > CM_BLOCK_MAX))
		rc = protocol(err);
	while (rc == 0 && left > 0) {
		size_t n = left < PIECE ? left : PIECE;
		rc = cm_peer_read_all(p->x.peer, p->piece, n, CM_PEER_SILENCE_MS, err);
		if (rc == 0)
			rc = w->sink.write(w->sink.ctx, p->piece, n, err);
		crc = cm_block_crc(crc, p->piece, n);
		left -= (uint32_t)n;
	}
	if (rc < 0)
		return rc;
	w->at += len;
	w->tar += size;
	cm_follow_block(w->o.follow, len, size, crc);
	return cm_block_table_add(&w->table, len, size, crc, err);
}

static void copy_int(struct json_object *to, struct json_object *from, const char *key)
{
	cm_json_set_int(to, key, cm_json_int(from, key, -1));
}

static void copy_str(struct json_object *to, struct json_object *from, const char *key)
{
	const char *s = cm_json_str(from, key, NULL);

	if (s != NULL)
		cm_json_set_str(to, key, s);
}

/* Only the keys of the format: nothing else from the helper gets into the manifest. */
static struct json_object *clean_record(struct json_object *from)
{
	struct json_object *o = json_object_new_object();

	copy_str(o, from, "name");
	copy_int(o, from, "offset");
	copy_int(o, from, "data");
	copy_int(o, from, "size");
	copy_str(o, from, "sha256");
	return o;
}

static int take_segment(struct pack *p, struct json_object *o, struct cm_err *err)
{
	struct json_object *record = clean_record(o);

	if (json_object_array_length(p->w->segments) >= CM_SEGMENTS_MAX) {
		json_object_put(record);
		return cm_err_set(err, CM_ETOOBIG, "The backup has more files than the format allows.");
	}
	copy_int(record, o, "lines");
	copy_str(record, o, "heads");
	copy_str(record, o, "first");
	json_object_array_add(p->w->segments, record);
	p->w->next_segment++;
	return 0;
}

void cm_writer_part_add(struct cm_archive_writer *w, struct json_object *o, uint64_t part_at, size_t part_block,
			size_t segment_first)
{
	struct json_object *range = json_object_new_array();

	json_object_array_add(range, json_object_new_int64((int64_t)segment_first));
	json_object_array_add(range,
			      json_object_new_int64((int64_t)(json_object_array_length(w->segments) - segment_first)));
	cm_json_set_int(o, "offset", (int64_t)part_at);
	cm_json_set_int(o, "size", (int64_t)(w->tar - part_at));
	cm_json_set_int(o, "block", (int64_t)part_block);
	cm_json_set_int(o, "blocks", (int64_t)(w->table.count - part_block));
	cm_json_set(o, "segments", range);
	w->files += (uint64_t)cm_json_int(o, "files", 0);
	w->content += (uint64_t)cm_json_int(o, "bytes", 0);
	json_object_array_add(w->parts, o);
}

/* Tells the follower which part comes next. */
static void follow_part(const struct pack *p)
{
	struct json_object *plan = json_object_array_get_idx(p->plan_parts, p->parts);
	enum cm_part_kind kind;

	if (plan != NULL && cm_part_kind_parse(cm_json_str(plan, "kind", NULL), &kind) == 0)
		cm_follow_part(p->w->o.follow, kind, cm_json_str(plan, "prefix", ""));
}

/* What lies before the first part is in its place now. */
static void follow_begin(const struct pack *p)
{
	const struct cm_block_table *t = &p->w->table;

	for (size_t i = 0; i < t->count; i++)
		cm_follow_block(p->w->o.follow, t->rows[i].len, t->rows[i].size, t->rows[i].crc);
	follow_part(p);
}

static int take_part_done(struct pack *p, struct json_object *done, struct cm_err *err)
{
	struct cm_archive_writer *w = p->w;
	struct json_object *plan = json_object_array_get_idx(p->plan_parts, p->parts), *o,
			   *deleted = cm_json_obj(done, "deleted");

	if (plan == NULL || cm_json_int(done, "part", -1) != (int64_t)p->parts ||
	    cm_json_int(done, "size", -1) != (int64_t)(w->tar - p->part_at) ||
	    cm_json_int(done, "blocks", -1) != (int64_t)(w->table.count - p->part_block))
		return protocol(err);
	o = json_object_new_object();
	copy_str(o, plan, "id");
	copy_str(o, plan, "kind");
	copy_str(o, plan, "prefix");
	copy_int(o, done, "files");
	copy_int(o, done, "bytes");
	copy_int(o, done, "stored");
	if (deleted != NULL)
		cm_json_set(o, "deleted", clean_record(deleted));
	cm_writer_part_add(w, o, p->part_at, p->part_block, p->part_segment);
	p->parts++;
	p->part_at = w->tar;
	p->part_block = w->table.count;
	p->part_segment = json_object_array_length(w->segments);
	follow_part(p);
	return 0;
}

static int take(struct pack *p, const struct cm_frame *f, struct cm_err *err)
{
	struct json_object *o = NULL;
	int rc;

	if (f->type == CM_FRAME_MEMBER)
		return take_member(p, f, err);
	if (f->type != CM_FRAME_SEGMENT && f->type != CM_FRAME_PART_DONE)
		return cm_exchange_take(&p->x, f, err);
	rc = cm_peer_json(p->x.peer, f, &o, err);
	if (rc < 0)
		return rc;
	rc = f->type == CM_FRAME_SEGMENT ? take_segment(p, o, err) : take_part_done(p, o, err);
	json_object_put(o);
	return rc;
}

/* The exchange's watch: warnings also go into the manifest. */
static void on_warn(void *ctx, const char *text)
{
	struct pack *p = ctx;

	cm_archive_writer_warn(p->w, text);
	if (p->watch != NULL && p->watch->warn != NULL)
		p->watch->warn(p->watch->ctx, text);
}

static void on_progress(void *ctx, uint64_t bytes, uint64_t files)
{
	const struct pack *p = ctx;

	if (p->watch != NULL && p->watch->progress != NULL)
		p->watch->progress(p->watch->ctx, bytes, files);
}

static bool is_cancelled(void *ctx)
{
	const struct pack *p = ctx;

	return p->watch != NULL && p->watch->cancelled != NULL && p->watch->cancelled(p->watch->ctx);
}

static int check_plan(struct cm_archive_writer *w, struct json_object *plan, struct cm_err *err)
{
	struct json_object *parts = cm_json_arr(plan, "parts");
	size_t n = cm_json_len(parts), before = json_object_array_length(w->parts);
	enum cm_part_kind kind;

	if (!cm_str_eq(cm_json_str(plan, "op", NULL), "pack") || n == 0 || n + before > CM_PARTS_MAX)
		return cm_err_set(err, CM_EINVAL, "The plan for the helper names no parts, or too many.");
	for (size_t i = 0; i < n; i++) {
		struct json_object *p = json_object_array_get_idx(parts, i);
		if (!cm_part_prefix_ok(cm_json_str(p, "prefix", NULL)) ||
		    cm_part_kind_parse(cm_json_str(p, "kind", NULL), &kind) != 0)
			return cm_err_set(err, CM_EINVAL, "The plan for the helper describes a part wrongly.");
	}
	cm_json_set_int(plan, "v", CM_PROTO_VERSION);
	cm_json_set_str(plan, "codec", cm_codec_name(w->o.codec));
	cm_json_set_int(plan, "level", w->o.level);
	cm_json_set_int(plan, "segment", w->next_segment);
	cm_json_set_int(plan, "mtime", cm_now_ms() / 1000);
	return 0;
}

static int run(struct pack *p, struct json_object *plan, struct cm_err *err)
{
	struct cm_frame f;
	int rc = cm_peer_send_json(p->x.peer, CM_FRAME_PLAN, plan, err);

	if (rc < 0)
		return cm_exchange_reason(&p->x, rc, err);
	follow_begin(p);
	while (p->x.end == NULL) {
		rc = cm_exchange_next(&p->x, &f, err);
		if (rc == 0)
			rc = take(p, &f, err);
		if (rc < 0)
			return rc;
	}
	uint64_t more = (uint64_t)cm_json_int(p->x.end, "warnings", 0);
	if (more > p->x.warnings)
		p->w->warning_count += (unsigned)(more - p->x.warnings);
	return p->parts == cm_json_len(p->plan_parts) && p->part_block == p->w->table.count ? 0 : protocol(err);
}

int cm_archive_writer_pack(struct cm_archive_writer *w, struct json_object *plan, struct cm_peer *peer,
			   const struct cm_archive_watch *watch, struct cm_err *err)
{
	int rc = cm_writer_ready(w, err);

	if (rc == 0)
		rc = check_plan(w, plan, err);
	if (rc == 0)
		rc = cm_writer_ring_end(w, err);
	if (rc < 0)
		return rc;
	struct pack p = { .w = w,
			  .watch = watch,
			  .plan_parts = cm_json_arr(plan, "parts"),
			  .part_at = w->tar,
			  .part_block = w->table.count,
			  .part_segment = json_object_array_length(w->segments),
			  .piece = cm_alloc(PIECE) };
	const struct cm_archive_watch own = { &p, on_progress, on_warn, is_cancelled };
	p.x = (struct cm_exchange){ .peer = peer, .watch = &own };
	rc = run(&p, plan, err);
	if (rc == 0)
		cm_follow_complete(w->o.follow);
	json_object_put(p.x.end);
	free(p.piece);
	return cm_writer_result(w, rc);
}
