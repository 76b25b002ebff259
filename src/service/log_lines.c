/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/log_lines.h"

#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "docker/stdcopy.h"

/* "2026-11-22T18:45:12.035000000Z ", and the pieces in which the engine keeps longer lines. */
enum { TIME_LEN = 31, PIECE_LEN = 16 << 10 };

struct cm_log_line cm_log_line_copy(const struct cm_log_line *line)
{
	struct cm_log_line mine = *line;

	mine.text = cm_realloc(NULL, line->len + 1, 1);
	memcpy(mine.text, line->text, line->len);
	mine.text[line->len] = '\0';
	return mine;
}

void cm_log_lines_free(struct cm_log_line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(lines[i].text);
	free(lines);
}

void cm_log_time_add(struct cm_buf *b, int64_t ns)
{
	char text[32];

	cm_time_rfc3339(text, ns / 1000000 > 0 ? ns / 1000000 : 1);
	cm_buf_printf(b, "%.19s.%09lldZ ", text, (long long)(ns % 1000000000));
}

void cm_log_lines_init(struct cm_log_lines *l, cm_log_line_fn fn, void *ctx)
{
	*l = (struct cm_log_lines){ .fn = fn, .ctx = ctx };
	for (int i = 0; i < 2; i++)
		cm_buf_init(&l->part[i], CM_LOG_LINE_MAX + 8 * TIME_LEN);
}

void cm_log_lines_release(struct cm_log_lines *l)
{
	cm_buf_release(&l->part[0]);
	cm_buf_release(&l->part[1]);
}

static bool time_take(const char *s, size_t len, int64_t *ret_ns)
{
	char text[TIME_LEN];
	int64_t ms, fraction = 0;

	if (len < TIME_LEN || s[TIME_LEN - 1] != ' ' || s[TIME_LEN - 2] != 'Z' || s[19] != '.')
		return false;
	memcpy(text, s, TIME_LEN - 1);
	text[TIME_LEN - 1] = '\0';
	if (!cm_time_parse(text, &ms))
		return false;
	for (int i = 20; i < TIME_LEN - 2; i++)
		fraction = fraction * 10 + (s[i] - '0');
	*ret_ns = ms / 1000 * 1000000000 + fraction;
	return true;
}

/* Each further piece of a long line has a time of its own before it. */
static size_t times_drop(char *s, size_t len)
{
	int64_t ignored;

	for (size_t at = PIECE_LEN; at < len; at += PIECE_LEN) {
		if (!time_take(s + at, len - at, &ignored))
			break;
		memmove(s + at, s + at + TIME_LEN, len - at - TIME_LEN);
		len -= TIME_LEN;
	}
	return len;
}

static int line_give(struct cm_log_lines *l, int which, struct cm_err *err)
{
	struct cm_buf *b = &l->part[which];
	struct cm_log_line line = { .is_stderr = which == 1, .text = b->data, .len = b->len };
	int rc;

	if (time_take(b->data, b->len, &line.at_ns)) {
		line.text += TIME_LEN;
		line.len = times_drop(line.text, line.len - TIME_LEN);
	}
	line.cut = l->cut[which];
	if (line.len > 0 && line.text[line.len - 1] == '\r')
		line.len--;
	if (line.len > CM_LOG_LINE_MAX) {
		line.len = CM_LOG_LINE_MAX;
		line.cut = true;
	}
	rc = l->fn(l->ctx, &line, err);
	cm_buf_reset(b);
	l->cut[which] = false;
	return rc;
}

int cm_log_lines_feed(void *ctx, int stream, const void *data, size_t len, struct cm_err *err)
{
	struct cm_log_lines *l = ctx;
	int which = stream == CM_STDERR, rc = 0;
	struct cm_buf *b = &l->part[which];
	const char *s = data;

	while (rc == 0 && len > 0) {
		const char *end = memchr(s, '\n', len);
		size_t n = end != NULL ? (size_t)(end - s) : len, room = b->max - b->len;

		l->cut[which] |= n > room;
		cm_buf_add(b, s, n < room ? n : room);
		if (cm_buf_failed(b))
			return cm_err_set(err, CM_ENOMEM, "Out of memory while reading a log.");
		if (end == NULL)
			break;
		rc = line_give(l, which, err);
		s += n + 1;
		len -= n + 1;
	}
	return rc;
}

int cm_log_lines_end(struct cm_log_lines *l, struct cm_err *err)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < 2; i++)
		if (l->part[i].len > 0)
			rc = line_give(l, i, err);
	return rc;
}
