/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A container's output, as the engine sends it with times before the lines, taken apart into lines. Fed piece by piece;
 * keeps one unfinished line of each stream. Any input is safe. Pure but for the callback; one thread at a time.
 */
#ifndef CM_SERVICE_LOG_LINES_H
#define CM_SERVICE_LOG_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

enum { CM_LOG_LINE_MAX = 64 << 10 }; /* bytes of a line that are kept; the rest is dropped and marked */

struct cm_log_line {
	int64_t at_ns; /* unix time; 0: not said */
	bool is_stderr;
	bool cut;      /* it was longer */
	size_t source; /* whose it is; the splitter leaves 0 */
	char *text;    /* as the container wrote it, without the line's end; not terminated */
	size_t len;
};
/* Borrowed, valid during the call. Non-zero stops and is passed through. */
typedef int (*cm_log_line_fn)(void *ctx, const struct cm_log_line *line, struct cm_err *err);

/* The line with a text of its own, terminated, for cm_log_lines_free. */
struct cm_log_line cm_log_line_copy(const struct cm_log_line *line);
/* Lines that own their texts, and the array itself. */
void cm_log_lines_free(struct cm_log_line *lines, size_t count);
/* A time as the engine writes it before a line: "2026-11-22T18:45:12.035000000Z ". */
void cm_log_time_add(struct cm_buf *b, int64_t ns);

struct cm_log_lines {
	struct cm_buf part[2]; /* of stdout, of stderr */
	bool cut[2];
	cm_log_line_fn fn;
	void *ctx;
};

void cm_log_lines_init(struct cm_log_lines *l, cm_log_line_fn fn, void *ctx);
/* Has the form of a cm_stdcopy_fn: ctx is the struct cm_log_lines. */
int cm_log_lines_feed(void *ctx, int stream, const void *data, size_t len, struct cm_err *err);
/* The output has ended: what is left is a line. */
int cm_log_lines_end(struct cm_log_lines *l, struct cm_err *err);
void cm_log_lines_release(struct cm_log_lines *l);

#endif
