/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line that a program wrote for a terminal, made safe to show elsewhere. Colours and weights (SGR) become runs of
 * text with a style; every other escape sequence is dropped; control characters become their visible pictures; bytes
 * that are not UTF-8 become U+FFFD. Nothing that a line holds can hide other text of it. Pure; any input; any thread.
 */
#ifndef CM_CORE_ANSI_H
#define CM_CORE_ANSI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

struct cm_ansi_style {
	uint8_t fg, bg; /* 0: none; 1 to 8: black red green yellow blue magenta cyan white; 9 to 16: bright ones */
	bool bold, dim, italic, underline, inverse, strike;
};

/* A run: valid UTF-8 without control characters but tabs; never empty. */
typedef void (*cm_ansi_fn)(void *ctx, const struct cm_ansi_style *style, const char *text, size_t len);

/* One line without its end. Each line begins without a style. */
void cm_ansi_runs(const char *s, size_t len, cm_ansi_fn fn, void *ctx);
/* The text of all runs, appended. */
void cm_ansi_plain(struct cm_buf *out, const char *s, size_t len);

#endif
