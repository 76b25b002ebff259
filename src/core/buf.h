/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A growing byte buffer with a ceiling. Appending past the ceiling, or without
 * memory, marks the buffer as failed and changes nothing more: build the whole
 * thing, then check once with cm_buf_failed(). data is always terminated by a
 * NUL that len does not count, and is never NULL. One thread at a time.
 *
 *	struct cm_buf b = CM_BUF_INIT(65536);
 *	cm_buf_printf(&b, "%s", x);
 *	…
 *	cm_buf_release(&b);
 */
#ifndef CM_CORE_BUF_H
#define CM_CORE_BUF_H

#include <stddef.h>

struct cm_buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max; /* len never exceeds it */
	int failed; /* 0, CM_ETOOBIG or CM_ENOMEM */
};

extern char cm_buf_empty[1];
#define CM_BUF_INIT(ceiling)                     \
	{                                        \
		cm_buf_empty, 0, 0, (ceiling), 0 \
	}
#define cm_autobuf __attribute__((cleanup(cm_buf_release)))

void cm_buf_init(struct cm_buf *b, size_t max);
void cm_buf_release(struct cm_buf *b); /* frees the content; the buffer is empty and usable again */
void cm_buf_reset(struct cm_buf *b);   /* len = 0, failed = 0; keeps the memory */
char *cm_buf_detach(struct cm_buf *b); /* caller frees; never NULL; b is empty afterwards */
void cm_buf_add(struct cm_buf *b, const void *data, size_t len);
void cm_buf_str(struct cm_buf *b, const char *s); /* NULL adds nothing */
void cm_buf_char(struct cm_buf *b, char c);
void cm_buf_printf(struct cm_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for at least n more bytes, or NULL (failed is set). Follow with cm_buf_grew(). */
char *cm_buf_room(struct cm_buf *b, size_t n);
void cm_buf_grew(struct cm_buf *b, size_t n);
/* Removes n bytes at the front. */
void cm_buf_consume(struct cm_buf *b, size_t n);
int cm_buf_failed(const struct cm_buf *b); /* 0, CM_ETOOBIG or CM_ENOMEM */

#endif
