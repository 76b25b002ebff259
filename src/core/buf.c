/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/mem.h"

char cm_buf_empty[1] = "";

void cm_buf_init(struct cm_buf *b, size_t max)
{
	*b = (struct cm_buf)CM_BUF_INIT(max);
}

void cm_buf_release(struct cm_buf *b)
{
	if (b->cap)
		free(b->data);
	cm_buf_init(b, b->max);
}

void cm_buf_reset(struct cm_buf *b)
{
	b->len = 0;
	b->failed = 0;
	if (b->cap)
		b->data[0] = '\0';
}

char *cm_buf_detach(struct cm_buf *b)
{
	char *data = b->cap ? b->data : cm_strdup("");
	cm_buf_init(b, b->max);
	return data;
}

char *cm_buf_room(struct cm_buf *b, size_t n)
{
	if (b->failed)
		return NULL;
	if (n > b->max || b->len > b->max - n) {
		b->failed = CM_ETOOBIG;
		return NULL;
	}
	if (b->len + n + 1 > b->cap) {
		size_t cap = b->cap ? b->cap : 64;
		while (cap < b->len + n + 1)
			cap += cap / 2 + 64;
		if (cap > b->max + 1)
			cap = b->max + 1;
		char *p = realloc(b->cap ? b->data : NULL, cap);
		if (p == NULL) {
			b->failed = CM_ENOMEM;
			return NULL;
		}
		b->data = p;
		b->cap = cap;
		b->data[b->len] = '\0';
	}
	return b->data + b->len;
}

void cm_buf_grew(struct cm_buf *b, size_t n)
{
	b->len += n;
	if (b->cap)
		b->data[b->len] = '\0';
}

void cm_buf_add(struct cm_buf *b, const void *data, size_t len)
{
	if (len == 0)
		return;
	char *p = cm_buf_room(b, len);
	if (p == NULL)
		return;
	memcpy(p, data, len);
	cm_buf_grew(b, len);
}

void cm_buf_str(struct cm_buf *b, const char *s)
{
	if (s != NULL)
		cm_buf_add(b, s, strlen(s));
}

void cm_buf_char(struct cm_buf *b, char c)
{
	cm_buf_add(b, &c, 1);
}

void cm_buf_printf(struct cm_buf *b, const char *fmt, ...)
{
	va_list ap, again;

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *p = n < 0 ? NULL : cm_buf_room(b, (size_t)n);
	if (p != NULL) {
		vsnprintf(p, (size_t)n + 1, fmt, again);
		cm_buf_grew(b, (size_t)n);
	}
	va_end(again);
}

void cm_buf_consume(struct cm_buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
	b->data[b->len] = '\0';
}

int cm_buf_failed(const struct cm_buf *b)
{
	return b->failed;
}
