/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/proto.h"

#include <string.h>

#include "archive/block_tail.h"
#include "archive/format.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

enum { MAGIC = 0xC3, JSON_SMALL = 1 << 20, JSON_PLAN = 8 << 20, DATA_MAX = 1 << 20 };

static const uint32_t most[CM_FRAME_COUNT] = {
	[CM_FRAME_PLAN] = JSON_PLAN,
	/* As cm_block_bound(CM_BLOCK_MAX), and the length in front. */
	[CM_FRAME_MEMBER] = CM_BLOCK_MAX + (CM_BLOCK_MAX >> 3) + 65536 + 4,
	[CM_FRAME_DATA] = DATA_MAX,
	[CM_FRAME_EOF] = 0,
	[CM_FRAME_SEGMENT] = JSON_SMALL,
	[CM_FRAME_PART_DONE] = JSON_SMALL,
	[CM_FRAME_WARN] = JSON_SMALL,
	[CM_FRAME_PROGRESS] = 4096,
	[CM_FRAME_ERROR] = JSON_SMALL,
	[CM_FRAME_END] = JSON_SMALL,
};

uint32_t cm_frame_max(enum cm_frame_type type)
{
	return type > 0 && type < CM_FRAME_COUNT ? most[type] : 0;
}

void cm_frame_encode(uint8_t head[CM_PROTO_HEAD], enum cm_frame_type type, uint32_t len)
{
	head[0] = MAGIC;
	head[1] = (uint8_t)type;
	head[2] = head[3] = 0;
	cm_put_le(head + 4, len, 4);
}

int cm_frame_decode(const uint8_t head[CM_PROTO_HEAD], struct cm_frame *ret, struct cm_err *err)
{
	uint32_t len = (uint32_t)cm_get_le(head + 4, 4);

	if (head[0] != MAGIC || head[1] == 0 || head[1] >= CM_FRAME_COUNT || head[2] != 0 || head[3] != 0 ||
	    len > most[head[1]])
		return cm_err_set(err, CM_EUPSTREAM, "What came over the line to the helper cannot be understood.");
	ret->type = (enum cm_frame_type)head[1];
	ret->len = len;
	return 0;
}

int cm_peer_send(struct cm_peer *p, enum cm_frame_type type, const void *data, size_t len, struct cm_err *err)
{
	uint8_t head[CM_PROTO_HEAD];

	if (len > cm_frame_max(type))
		return cm_err_set(err, CM_ETOOBIG, "Too much at once for the helper.");
	cm_frame_encode(head, type, (uint32_t)len);
	int rc = p->write(p->ctx, head, sizeof(head), err);
	return rc < 0 || len == 0 ? rc : p->write(p->ctx, data, len, err);
}

int cm_peer_send_json(struct cm_peer *p, enum cm_frame_type type, struct json_object *o, struct cm_err *err)
{
	cm_autofree char *text = cm_json_text(o);

	return cm_peer_send(p, type, text, strlen(text), err);
}

int cm_peer_read_all(struct cm_peer *p, void *data, size_t len, int timeout_ms, struct cm_err *err)
{
	uint8_t *at = data;

	while (len > 0) {
		size_t n = 0;
		int rc = p->read(p->ctx, at, len, timeout_ms, &n, err);
		if (rc < 0)
			return rc;
		if (n == 0)
			return cm_err_set(err, CM_ETIMEDOUT, "The helper has stopped answering.");
		at += n;
		len -= n;
	}
	return 0;
}

int cm_peer_next(struct cm_peer *p, int timeout_ms, struct cm_frame *ret, struct cm_err *err)
{
	uint8_t head[CM_PROTO_HEAD];
	size_t n = 0;
	int rc = p->read(p->ctx, head, 1, timeout_ms, &n, err);

	if (rc < 0)
		return rc;
	if (n == 0 && timeout_ms == 0) {
		*ret = (struct cm_frame){ 0 };
		return 0;
	}
	if (n == 0)
		return cm_err_set(err, CM_ETIMEDOUT, "The helper has stopped answering.");
	rc = cm_peer_read_all(p, head + 1, sizeof(head) - 1, CM_PEER_SILENCE_MS, err);
	return rc < 0 ? rc : cm_frame_decode(head, ret, err);
}

int cm_peer_json(struct cm_peer *p, const struct cm_frame *f, struct json_object **ret, struct cm_err *err)
{
	cm_autofree char *text = cm_alloc(f->len + 1);
	struct json_object *o = NULL;
	int rc = cm_peer_read_all(p, text, f->len, CM_PEER_SILENCE_MS, err);

	if (rc < 0)
		return rc;
	if (cm_json_parse(text, f->len, &o, NULL) != 0 || !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return cm_err_set(err, CM_EUPSTREAM, "What came over the line to the helper cannot be understood.");
	}
	*ret = o;
	return 0;
}

int cm_peer_error(struct json_object *o, struct cm_err *err)
{
	const char *word = cm_json_str(o, "code", ""), *text = cm_json_str(o, "text", "The helper failed.");

	for (int code = -1; code > -CM_CODE_COUNT; code--)
		if (strcmp(cm_err_word(code), word) == 0)
			return cm_err_set(err, code, "%s", text);
	return cm_err_set(err, CM_EINTERNAL, "%s", text);
}
