/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows of a CSV file (RFC 4180, UTF-8). A text that a spreadsheet would take for a formula gets an apostrophe before
 * it. Pure; nothing blocks.
 */
#ifndef CM_WEB_CSV_H
#define CM_WEB_CSV_H

#include <stdint.h>

#include "core/buf.h"

/* Adds a field, with a comma before it unless it is the first of its row. NULL is an empty one. */
void cm_csv_text(struct cm_buf *b, const char *text);
void cm_csv_int(struct cm_buf *b, int64_t n);
void cm_csv_end(struct cm_buf *b); /* of the row */

#endif
