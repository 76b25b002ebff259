/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/stdcopy.h"

#include <string.h>

#include "core/buf.h"
#include "core/str.h"

enum { HEAD_LEN = 8, SYSTEM_ERROR = 3 };

void cm_stdcopy_init(struct cm_stdcopy *s, bool raw)
{
	memset(s, 0, sizeof(*s));
	s->raw = raw;
}

/* The engine has put an error of its own into the stream. */
static int system_error(const struct cm_stdcopy *s, struct cm_err *err)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(4096);

	cm_utf8_clean(&b, s->message, s->message_len);
	return cm_err_set(err, CM_EUPSTREAM, "The Docker Engine broke off the stream: %s", b.data);
}

static int head_complete(struct cm_stdcopy *s, struct cm_err *err)
{
	const uint8_t *h = s->head;

	if (h[0] > SYSTEM_ERROR || h[1] != 0 || h[2] != 0 || h[3] != 0) {
		cm_err_set(err, CM_EUPSTREAM, "The Docker Engine's output stream was not understood.");
		cm_err_detail(err, "stdcopy head %02x%02x%02x%02x", h[0], h[1], h[2], h[3]);
		return CM_EUPSTREAM;
	}
	s->left = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
	if (s->left == 0)
		s->head_len = 0;
	return 0;
}

/* n bytes of the current frame. */
static int content(struct cm_stdcopy *s, const uint8_t *p, size_t n, cm_stdcopy_fn fn, void *ctx, struct cm_err *err)
{
	if (s->head[0] == SYSTEM_ERROR) {
		size_t room = sizeof(s->message) - s->message_len;
		size_t k = n < room ? n : room;
		memcpy(s->message + s->message_len, p, k);
		s->message_len += k;
		return n == s->left ? system_error(s, err) : 0;
	}
	return fn(ctx, s->head[0] == CM_STDERR ? CM_STDERR : CM_STDOUT, p, n, err);
}

int cm_stdcopy_feed(struct cm_stdcopy *s, const void *data, size_t len, cm_stdcopy_fn fn, void *ctx, struct cm_err *err)
{
	const uint8_t *p = data;

	if (s->raw)
		return len > 0 ? fn(ctx, CM_STDOUT, data, len, err) : 0;
	while (len > 0) {
		size_t n;
		int r;
		if (s->head_len < HEAD_LEN) {
			n = HEAD_LEN - s->head_len < len ? HEAD_LEN - s->head_len : len;
			memcpy(s->head + s->head_len, p, n);
			s->head_len += n;
			r = s->head_len == HEAD_LEN ? head_complete(s, err) : 0;
		} else {
			n = s->left < len ? s->left : len;
			r = content(s, p, n, fn, ctx, err);
			s->left -= (uint32_t)n;
			if (s->left == 0)
				s->head_len = 0;
		}
		if (r != 0)
			return r;
		p += n;
		len -= n;
	}
	return 0;
}

int cm_stdcopy_end(const struct cm_stdcopy *s, struct cm_err *err)
{
	if (s->raw || s->head_len == 0)
		return 0;
	return cm_err_set(err, CM_EUPSTREAM, "The Docker Engine's output stream ended in the middle.");
}
