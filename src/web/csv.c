/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/csv.h"

#include <stddef.h>
#include <string.h>

static void separate(struct cm_buf *b)
{
	if (b->len > 0 && b->data[b->len - 1] != '\n')
		cm_buf_char(b, ',');
}

void cm_csv_text(struct cm_buf *b, const char *text)
{
	/* Quoted always: an empty first field would look like the beginning of a row. */
	separate(b);
	cm_buf_char(b, '"');
	if (text != NULL && text[0] != '\0' && strchr("=+-@\t\r\n", text[0]) != NULL)
		cm_buf_char(b, '\'');
	for (const char *p = text; p != NULL && *p != '\0'; p++) {
		if (*p == '"')
			cm_buf_char(b, '"');
		cm_buf_char(b, *p);
	}
	cm_buf_char(b, '"');
}

void cm_csv_int(struct cm_buf *b, int64_t n)
{
	separate(b);
	cm_buf_printf(b, "%lld", (long long)n);
}

void cm_csv_end(struct cm_buf *b)
{
	cm_buf_str(b, "\r\n");
}
