/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/sparse_map.h"

#include <stdbool.h>
#include <string.h>

#include "archive/entry.h"
#include "archive/pax_head.h"
#include "core/mem.h"

void cm_sparse_map(struct cm_buf *out, const struct cm_sparse_piece *pieces, size_t count)
{
	size_t before = out->len;

	cm_entry_number(out, count);
	cm_buf_char(out, '\n');
	for (size_t i = 0; i < count; i++) {
		cm_entry_number(out, pieces[i].at);
		cm_buf_char(out, '\n');
		cm_entry_number(out, pieces[i].len);
		cm_buf_char(out, '\n');
	}
	for (uint32_t pad = cm_tar_pad(out->len - before); pad > 0; pad--)
		cm_buf_char(out, '\0');
}

struct cm_sparse {
	uint64_t stored, size;
	uint64_t taken; /* bytes fed */
	/* The map while it is read. */
	uint64_t number;
	bool has_digit, map_done;
	size_t numbers; /* read so far, the count included */
	struct cm_sparse_piece *pieces;
	size_t count;
	uint64_t map_len;
	/* The pieces. */
	size_t piece;
	uint64_t in_piece;
};

struct cm_sparse *cm_sparse_new(uint64_t stored, uint64_t size)
{
	struct cm_sparse *s = cm_alloc(sizeof(*s));

	s->stored = stored;
	s->size = size;
	return s;
}

void cm_sparse_free(struct cm_sparse *s)
{
	if (s == NULL)
		return;
	free(s->pieces);
	free(s);
}

static int wrong(struct cm_err *err)
{
	return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: a file's map of holes is wrong.");
}

/* A number of the map is complete. */
static int take_number(struct cm_sparse *s, struct cm_err *err)
{
	size_t n = s->numbers++;

	if (n == 0) {
		if (s->number == 0 || s->number > CM_SPARSE_PIECES)
			return wrong(err);
		s->count = (size_t)s->number;
		s->pieces = cm_alloc_array(s->count, sizeof(*s->pieces));
	} else if (n % 2 == 1) {
		s->pieces[(n - 1) / 2].at = s->number;
	} else {
		s->pieces[(n - 1) / 2].len = s->number;
	}
	if (s->count > 0 && s->numbers == 1 + 2 * s->count)
		s->map_done = true;
	s->number = 0;
	s->has_digit = false;
	return 0;
}

/* Pieces ascend, lie inside the file, and are together as long as what is stored after the map. */
static int check_map(struct cm_sparse *s, struct cm_err *err)
{
	uint64_t from = 0, sum = 0;

	s->map_len = s->taken + cm_tar_pad(s->taken);
	for (size_t i = 0; i < s->count; i++) {
		const struct cm_sparse_piece *p = &s->pieces[i];
		if (p->at < from || p->at > s->size || p->len > s->size - p->at)
			return wrong(err);
		from = p->at + p->len;
		sum += p->len;
	}
	return s->stored >= s->map_len && s->stored - s->map_len == sum ? 0 : wrong(err);
}

static int feed_map(struct cm_sparse *s, const uint8_t **p, size_t *len, struct cm_err *err)
{
	int rc = 0;

	for (; *len > 0 && !s->map_done && rc == 0; (*p)++, (*len)--, s->taken++) {
		if (**p >= '0' && **p <= '9' && s->number <= UINT64_MAX / 16) {
			s->number = s->number * 10 + (uint64_t)(**p - '0');
			s->has_digit = true;
		} else if (**p == '\n' && s->has_digit) {
			rc = take_number(s, err);
		} else {
			return wrong(err);
		}
	}
	return rc == 0 && s->map_done ? check_map(s, err) : rc;
}

int cm_sparse_feed(struct cm_sparse *s, const void *data, size_t len, cm_sparse_put_fn put, void *ctx,
		   struct cm_err *err)
{
	const uint8_t *p = data;
	int rc = 0;

	if (!s->map_done)
		rc = feed_map(s, &p, &len, err);
	while (rc == 0 && len > 0) {
		size_t n = len;
		if (s->taken < s->map_len) {
			if (n > s->map_len - s->taken)
				n = (size_t)(s->map_len - s->taken);
		} else {
			while (s->piece < s->count && s->in_piece == s->pieces[s->piece].len) {
				s->piece++;
				s->in_piece = 0;
			}
			if (s->piece == s->count)
				return wrong(err);
			const struct cm_sparse_piece *at = &s->pieces[s->piece];
			if (n > at->len - s->in_piece)
				n = (size_t)(at->len - s->in_piece);
			rc = put(ctx, at->at + s->in_piece, p, n, err);
			s->in_piece += n;
		}
		s->taken += n;
		p += n;
		len -= n;
	}
	return rc;
}
