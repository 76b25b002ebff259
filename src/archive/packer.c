/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/packer.h"

#include <stdio.h>
#include <string.h>

#include "archive/manifest_line.h"
#include "archive/pax_head.h"
#include "archive/sha.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

enum {
	PIECE = 262144,	      /* read and hashed while it is still in the cache */
	BREAK = 65536,	      /* a block with less is not worth ending */
	FIRST_PATH_MAX = 1024 /* a longer path is not repeated in the segment's record */
};

struct cm_packer {
	struct cm_deflate_ring *ring;
	cm_packer_segment_fn fn;
	void *ctx;
	unsigned segment;
	int64_t mtime_s;
	char *prefix;
	uint64_t at; /* position in the part */
	uint64_t head_at, data_at, data_left;
	struct cm_sha *content, *heads;
	struct cm_buf head, line, lines;
	uint64_t line_count;
	struct cm_buf first; /* path of the segment's first line */
	struct cm_packer_totals totals;
};

struct cm_packer *cm_packer_new(struct cm_deflate_ring *ring, unsigned segment, int64_t mtime_s,
				cm_packer_segment_fn fn, void *ctx)
{
	struct cm_packer *p = cm_alloc(sizeof(*p));

	p->ring = ring;
	p->segment = segment;
	p->mtime_s = mtime_s;
	p->fn = fn;
	p->ctx = ctx;
	p->content = cm_sha_new();
	p->heads = cm_sha_new();
	cm_buf_init(&p->head, CM_HEADERS_MAX + 2 * CM_TAR_BLOCK);
	cm_buf_init(&p->line, (size_t)2 * CM_PATH_MAX * 6);
	cm_buf_init(&p->lines, CM_SEGMENT_MAX);
	cm_buf_init(&p->first, CM_PATH_MAX);
	return p;
}

void cm_packer_free(struct cm_packer *p)
{
	if (p == NULL)
		return;
	cm_sha_free(p->content);
	cm_sha_free(p->heads);
	cm_buf_release(&p->head);
	cm_buf_release(&p->line);
	cm_buf_release(&p->lines);
	cm_buf_release(&p->first);
	free(p->prefix);
	free(p);
}

unsigned cm_packer_next_segment(const struct cm_packer *p)
{
	return p->segment;
}

int cm_packer_part_begin(struct cm_packer *p, const char *prefix, struct cm_err *err)
{
	free(p->prefix);
	p->prefix = cm_strdup(prefix);
	p->at = 0;
	p->totals = (struct cm_packer_totals){ 0 };
	/* A part begins a block, so that it can be taken out of the archive as whole blocks. */
	return cm_deflate_ring_drain(p->ring, err);
}

static int put(struct cm_packer *p, const void *data, size_t len, struct cm_err *err)
{
	p->at += len;
	return cm_deflate_ring_put(p->ring, data, len, err);
}

static int put_pad(struct cm_packer *p, uint64_t len, struct cm_err *err)
{
	uint32_t pad = cm_tar_pad(len);

	p->at += pad;
	return cm_deflate_ring_zero(p->ring, pad, err);
}

static int put_head(struct cm_packer *p, const char *prefix, const struct cm_entry *e, struct cm_err *err)
{
	cm_buf_reset(&p->head);
	cm_pax_head(&p->head, prefix, e);
	if (cm_buf_failed(&p->head))
		return cm_err_set(err, cm_buf_failed(&p->head), "Its attributes are larger than %d MB.",
				  CM_HEADERS_MAX >> 20);
	return put(p, p->head.data, p->head.len, err);
}

int cm_packer_entry(struct cm_packer *p, const struct cm_entry *e, struct cm_err *err)
{
	p->head_at = p->at;
	int rc = put_head(p, p->prefix, e, err);
	if (rc < 0)
		return rc;
	cm_sha_add(p->heads, p->head.data, p->head.len);
	p->data_at = p->at;
	p->data_left = e->stored;
	if (e->type == 'f')
		cm_sha_begin(p->content);
	return 0;
}

int cm_packer_space(struct cm_packer *p, uint8_t **ret_data, size_t *ret_len, struct cm_err *err)
{
	int rc = cm_deflate_ring_space(p->ring, ret_data, ret_len, err);

	if (rc < 0)
		return rc;
	if (*ret_len > PIECE)
		*ret_len = PIECE;
	if (*ret_len > p->data_left)
		*ret_len = (size_t)p->data_left;
	return 0;
}

int cm_packer_grew(struct cm_packer *p, const uint8_t *data, size_t len, struct cm_err *err)
{
	if (len > p->data_left)
		return cm_err_set(err, CM_EINTERNAL, "More content than announced was packed.");
	cm_sha_add(p->content, data, len);
	p->at += len;
	p->data_left -= len;
	return cm_deflate_ring_grew(p->ring, len, err);
}

/* Both kinds of filling go through space and grew: data NULL is zeros. */
static int fill(struct cm_packer *p, const uint8_t *data, uint64_t len, struct cm_err *err)
{
	uint8_t *to;
	size_t room;

	while (len > 0) {
		int rc = cm_packer_space(p, &to, &room, err);
		if (rc < 0)
			return rc;
		if (room == 0)
			return cm_err_set(err, CM_EINTERNAL, "More content than announced was packed.");
		size_t n = len < room ? (size_t)len : room;
		if (data != NULL) {
			memcpy(to, data, n);
			data += n;
		} else {
			memset(to, 0, n);
		}
		if ((rc = cm_packer_grew(p, to, n, err)) < 0)
			return rc;
		len -= n;
	}
	return 0;
}

int cm_packer_data(struct cm_packer *p, const void *data, size_t len, struct cm_err *err)
{
	return fill(p, data, len, err);
}

int cm_packer_zero(struct cm_packer *p, uint64_t len, struct cm_err *err)
{
	return fill(p, NULL, len, err);
}

static void set_hash(struct json_object *o, const char *key, const uint8_t *sha)
{
	char hex[2 * CM_SHA_LEN + 1];

	cm_hex(hex, sha, CM_SHA_LEN);
	cm_json_set_str(o, key, hex);
}

static struct json_object *member_record(const char *name, uint64_t head, uint64_t data, uint64_t size,
					 const uint8_t *sha)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "name", name);
	cm_json_set_int(o, "offset", (int64_t)head);
	cm_json_set_int(o, "data", (int64_t)data);
	cm_json_set_int(o, "size", (int64_t)size);
	set_hash(o, "sha256", sha);
	return o;
}

/* in_heads: the header counts for the segment's own hash. */
static int put_member(struct cm_packer *p, const char *name, const void *data, size_t len, bool in_heads,
		      struct json_object **ret_record, struct cm_err *err)
{
	struct cm_entry e;
	uint8_t sha[CM_SHA_LEN];
	uint64_t head = p->at;

	cm_pax_member(&e, name, len, p->mtime_s);
	int rc = cm_deflate_ring_break(p->ring, BREAK, err);
	if (rc == 0)
		rc = put_head(p, NULL, &e, err);
	uint64_t at = p->at;
	if (rc == 0 && in_heads)
		cm_sha_add(p->heads, p->head.data, p->head.len);
	if (rc == 0)
		rc = put(p, data, len, err);
	if (rc == 0)
		rc = put_pad(p, len, err);
	if (rc < 0)
		return rc;
	cm_sha_of(data, len, sha);
	*ret_record = member_record(name, head, at, len, sha);
	return 0;
}

static int flush_segment(struct cm_packer *p, struct cm_err *err)
{
	char name[32];
	uint8_t heads[CM_SHA_LEN];
	struct json_object *o = NULL;

	if (p->lines.len == 0)
		return 0;
	snprintf(name, sizeof(name), "manifest/%04u.jsonl", p->segment);
	int rc = put_member(p, name, p->lines.data, p->lines.len, true, &o, err);
	if (rc < 0)
		return rc;
	cm_sha_end(p->heads, heads);
	cm_sha_begin(p->heads);
	cm_json_set_int(o, "lines", (int64_t)p->line_count);
	set_hash(o, "heads", heads);
	if (p->first.len <= FIRST_PATH_MAX && cm_utf8_valid(p->first.data, p->first.len))
		cm_json_set_str(o, "first", p->first.data);
	rc = p->fn(p->ctx, o, err);
	json_object_put(o);
	p->segment++;
	p->line_count = 0;
	cm_buf_reset(&p->lines);
	return rc < 0 ? rc : cm_deflate_ring_break(p->ring, BREAK, err);
}

int cm_packer_member(struct cm_packer *p, const char *name, const void *data, size_t len,
		     struct json_object **ret_record, struct cm_err *err)
{
	int rc = flush_segment(p, err);

	return rc < 0 ? rc : put_member(p, name, data, len, false, ret_record, err);
}

int cm_packer_entry_end(struct cm_packer *p, const struct cm_entry *e, bool changed, struct cm_err *err)
{
	uint8_t sha[CM_SHA_LEN];

	if (p->data_left != 0)
		return cm_err_set(err, CM_EINTERNAL, "Less content than announced was packed.");
	int rc = put_pad(p, e->stored, err);
	if (rc < 0)
		return rc;
	if (e->type == 'f')
		cm_sha_end(p->content, sha);
	cm_buf_reset(&p->line);
	cm_line_write(&p->line, e, e->type == 'f' ? sha : NULL, p->head_at, p->data_at, changed);
	if (p->line_count == 0) {
		cm_buf_reset(&p->first);
		cm_buf_add(&p->first, e->path, e->path_len);
	}
	cm_buf_add(&p->lines, p->line.data, p->line.len);
	if (cm_buf_failed(&p->line) || cm_buf_failed(&p->lines))
		return cm_err_set(err, CM_ETOOBIG, "Its path is too long.");
	p->line_count++;
	p->totals.files++;
	p->totals.bytes += e->type == 'f' ? e->size : 0;
	p->totals.stored += e->stored;
	return p->lines.len >= CM_SEGMENT_GOAL ? flush_segment(p, err) : 0;
}

int cm_packer_part_end(struct cm_packer *p, struct cm_packer_totals *ret, struct cm_err *err)
{
	int rc = flush_segment(p, err);

	if (rc == 0)
		rc = cm_deflate_ring_drain(p->ring, err);
	if (rc < 0)
		return rc;
	p->totals.size = p->at;
	*ret = p->totals;
	return 0;
}
