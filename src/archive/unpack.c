/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/unpack.h"

#include <string.h>

#include "archive/proto.h"
#include "archive/reader_int.h"
#include "archive/watch.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

enum { PIECE = 262144 };

struct sending {
	struct cm_archive *a;
	struct cm_peer *peer;
	struct cm_exchange x;
	uint8_t *piece;
};

static struct json_object *member_json(const struct cm_member *m)
{
	struct json_object *o = json_object_new_object();
	char hex[2 * CM_SHA_LEN + 1];

	cm_hex(hex, m->sha, CM_SHA_LEN);
	cm_json_set_str(o, "name", m->name);
	cm_json_set_int(o, "offset", (int64_t)m->offset);
	cm_json_set_int(o, "data", (int64_t)m->data);
	cm_json_set_int(o, "size", (int64_t)m->size);
	cm_json_set_str(o, "sha256", hex);
	return o;
}

static struct json_object *part_json(const struct cm_part *p, const struct cm_unpack_part *want)
{
	struct json_object *o = json_object_new_object(), *segments = json_object_new_array();
	char hex[2 * CM_SHA_LEN + 1];

	for (size_t i = 0; i < p->segment_count; i++) {
		struct json_object *s = member_json(&p->segments[i].member);
		cm_hex(hex, p->segments[i].heads, CM_SHA_LEN);
		cm_json_set_int(s, "lines", (int64_t)p->segments[i].lines);
		cm_json_set_str(s, "heads", hex);
		json_object_array_add(segments, s);
	}
	cm_json_set_str(o, "kind", cm_part_kind_name(p->kind));
	cm_json_set_str(o, "prefix", p->prefix);
	cm_json_set_str(o, "target", want->target);
	cm_json_set_bool(o, "merge", want->merge);
	cm_json_set_int(o, "offset", 0);
	cm_json_set_int(o, "size", (int64_t)p->size);
	cm_json_set_int(o, "block", 0);
	cm_json_set_int(o, "blocks", (int64_t)p->blocks);
	cm_json_set_int(o, "files", (int64_t)p->files);
	cm_json_set_int(o, "bytes", (int64_t)p->bytes);
	cm_json_set(o, "segments", segments);
	if (p->has_deleted)
		cm_json_set(o, "deleted", member_json(&p->deleted));
	return o;
}

static const struct cm_unpack_part *wanted(const struct cm_unpack_part *parts, size_t count, const char *prefix)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(parts[i].prefix, prefix) == 0)
			return &parts[i];
	return NULL;
}

static int make_plan(struct cm_archive *a, const struct cm_unpack_part *parts, size_t count, bool sync,
		     struct json_object **ret, struct cm_err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (a->kind != CM_ARCHIVE_OURS || cm_manifest_part(&a->model, parts[i].prefix) == NULL)
			return cm_err_set(err, CM_ENOTFOUND, "The backup has no part \"%s\".", parts[i].prefix);
		for (size_t k = 0; k < i; k++)
			if (strcmp(parts[i].prefix, parts[k].prefix) == 0)
				return cm_err_set(err, CM_EINVAL, "The part \"%s\" is asked for twice.",
						  parts[i].prefix);
	}
	struct json_object *plan = json_object_new_object(), *list = json_object_new_array();
	for (size_t i = 0; i < a->model.part_count; i++) {
		const struct cm_unpack_part *w = wanted(parts, count, a->model.parts[i].prefix);
		if (w != NULL)
			json_object_array_add(list, part_json(&a->model.parts[i], w));
	}
	cm_json_set_int(plan, "v", CM_PROTO_VERSION);
	cm_json_set_str(plan, "op", "unpack");
	cm_json_set_str(plan, "codec", cm_codec_name(a->codec));
	cm_json_set_bool(plan, "sync", sync);
	cm_json_set(plan, "parts", list);
	*ret = plan;
	return 0;
}

static int send_block(struct sending *s, uint64_t block, struct cm_err *err)
{
	const struct cm_block_row *row = &s->a->table.rows[block];
	uint8_t head[CM_PROTO_HEAD + 4];
	uint64_t at = s->a->file_at[block];
	uint32_t left = row->len;

	cm_frame_encode(head, CM_FRAME_MEMBER, row->len + 4);
	cm_put_le(head + CM_PROTO_HEAD, row->size, 4);
	int rc = s->peer->write(s->peer->ctx, head, sizeof(head), err);
	while (rc == 0 && left > 0) {
		size_t n = left < PIECE ? left : PIECE;
		rc = s->a->source.pread(s->a->source.ctx, s->piece, n, at, err);
		/* Only a failing line may have a better reason than its own. */
		if (rc < 0)
			return rc == CM_EUNREACHABLE || rc == CM_ETIMEDOUT ? CM_EIO : rc;
		rc = s->peer->write(s->peer->ctx, s->piece, n, err);
		at += n;
		left -= (uint32_t)n;
	}
	return rc;
}

static int send_part(struct sending *s, const struct cm_part *p, struct cm_err *err)
{
	for (uint64_t i = 0; i < p->blocks; i++) {
		int rc = cm_exchange_check(&s->x, err);
		/* What the helper has to say must not pile up while we only send. */
		if (rc == 0)
			rc = cm_exchange_poll(&s->x, err);
		if (rc == 0)
			rc = send_block(s, p->block + i, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int send_all(struct sending *s, struct json_object *plan, const struct cm_unpack_part *parts, size_t count,
		    struct cm_err *err)
{
	int rc = cm_peer_send_json(s->peer, CM_FRAME_PLAN, plan, err);

	for (size_t i = 0; i < s->a->model.part_count && rc == 0; i++)
		if (wanted(parts, count, s->a->model.parts[i].prefix) != NULL)
			rc = send_part(s, &s->a->model.parts[i], err);
	if (rc == 0)
		rc = cm_peer_send(s->peer, CM_FRAME_EOF, NULL, 0, err);
	return cm_exchange_reason(&s->x, rc, err);
}

int cm_archive_unpack(struct cm_archive *a, const struct cm_unpack_part *parts, size_t count, bool sync,
		      struct cm_peer *peer, const struct cm_archive_watch *watch, struct json_object **ret_result,
		      struct cm_err *err)
{
	struct json_object *plan = NULL;
	int rc = make_plan(a, parts, count, sync, &plan, err);

	if (rc < 0)
		return rc;
	struct sending s = { .a = a, .peer = peer, .x = { .peer = peer, .watch = watch }, .piece = cm_alloc(PIECE) };
	rc = send_all(&s, plan, parts, count, err);
	if (rc == 0)
		rc = cm_exchange_finish(&s.x, NULL, NULL, err);
	if (rc == 0 && ret_result != NULL)
		*ret_result = cm_move(&s.x.end);
	json_object_put(s.x.end);
	json_object_put(plan);
	free(s.piece);
	return rc;
}
