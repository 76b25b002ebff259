/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/gz_stream.h"

#include <isa-l/igzip_lib.h>
#include <string.h>

#include "core/mem.h"

enum { IN = 262144 };

struct cm_gz_stream {
	cm_archive_read_fn read;
	void *ctx;
	struct inflate_state state;
	bool in_member, input_end, end;
	uint8_t *next; /* unread input inside in */
	size_t left;
	uint8_t in[IN];
};

struct cm_gz_stream *cm_gz_stream_new(cm_archive_read_fn read, void *ctx)
{
	struct cm_gz_stream *g = cm_alloc(sizeof(*g));

	g->read = read;
	g->ctx = ctx;
	return g;
}

void cm_gz_stream_free(struct cm_gz_stream *g)
{
	free(g);
}

bool cm_gz_stream_looks(const void *data, size_t len)
{
	const uint8_t *p = data;

	return len >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8;
}

static int damaged(struct cm_err *err, const char *what)
{
	return cm_err_set(err, CM_ECORRUPT, "The file is damaged: %s.", what);
}

/* At least want bytes of input when there are so many; what is left moves to the front. */
static int more(struct cm_gz_stream *g, size_t want, struct cm_err *err)
{
	if (g->left > 0)
		memmove(g->in, g->next, g->left);
	g->next = g->in;
	while (!g->input_end && g->left < want) {
		size_t n = 0;
		int rc = g->read(g->ctx, g->in + g->left, IN - g->left, &n, err);
		if (rc < 0)
			return rc;
		g->input_end = n == 0;
		g->left += n;
	}
	return 0;
}

/* Between two members: another one begins, or nothing but zero bytes follow. */
static int begin(struct cm_gz_stream *g, struct cm_err *err)
{
	int rc = more(g, 3, err);

	if (rc < 0)
		return rc;
	if (cm_gz_stream_looks(g->next, g->left)) {
		isal_inflate_init(&g->state);
		g->state.crc_flag = ISAL_GZIP;
		g->in_member = true;
		return 0;
	}
	while (g->left > 0) {
		for (; g->left > 0; g->next++, g->left--)
			if (*g->next != 0)
				return damaged(err, "something that is not compressed follows");
		if ((rc = more(g, 1, err)) < 0)
			return rc;
	}
	g->end = true;
	return 0;
}

int cm_gz_stream_read(struct cm_gz_stream *g, void *data, size_t len, size_t *ret_len, struct cm_err *err)
{
	struct inflate_state *s = &g->state;

	*ret_len = 0;
	while (*ret_len == 0 && !g->end) {
		int rc = g->in_member ? 0 : begin(g, err);
		if (rc == 0 && !g->end && g->left == 0)
			rc = more(g, 1, err);
		if (rc < 0 || g->end)
			return rc;
		s->next_in = g->next;
		s->avail_in = (uint32_t)g->left;
		s->next_out = data;
		s->avail_out = (uint32_t)(len < UINT32_MAX ? len : UINT32_MAX);
		uint32_t room = s->avail_out;
		rc = isal_inflate(s);
		*ret_len = room - s->avail_out;
		bool stuck = s->avail_in == g->left && *ret_len == 0;
		g->next = s->next_in;
		g->left = s->avail_in;
		if (rc == ISAL_INCORRECT_CHECKSUM)
			return damaged(err, "a checksum is wrong");
		if (rc < 0)
			return damaged(err, "its compressed content cannot be read");
		if (s->block_state == ISAL_BLOCK_FINISH)
			g->in_member = false;
		else if (stuck && g->input_end)
			return damaged(err, "it is cut off");
	}
	return 0;
}
