/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which file lies at a place of the tar: for saying what damage has hit. */
#include <string.h>

#include "archive/manifest_line.h"
#include "archive/reader_int.h"

/* Offset of a line's header ("o"), or UINT64_MAX. */
static uint64_t line_head(const char *line, size_t len)
{
	const char *o = memmem(line, len, ",\"o\":", 5), *end = line + len;
	uint64_t v = 0;

	if (o == NULL)
		return UINT64_MAX;
	for (o += 5; o < end && *o >= '0' && *o <= '9' && v < UINT64_MAX / 16; o++)
		v = v * 10 + (uint64_t)(*o - '0');
	return v;
}

/* The last line whose header is not after at. */
static void name_in_text(const struct cm_buf *text, uint64_t at, struct cm_buf *out)
{
	const char *p = text->data, *end = p + text->len, *last = NULL;
	size_t last_len = 0;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = nl ? (size_t)(nl - p) : (size_t)(end - p);
		if (line_head(p, len) > at)
			break;
		last = p;
		last_len = len;
		p += len + 1;
	}
	if (last != NULL) {
		cm_buf_char(out, '/');
		cm_line_path(last, last_len, out);
	}
}

void cm_reader_name_at(struct cm_archive *a, uint64_t tar_at, struct cm_buf *out)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(CM_SEGMENT_MAX);

	for (size_t i = a->model.member_count; i-- > 0;) {
		if (a->model.members[i].offset > tar_at ||
		    (a->model.part_count > 0 && tar_at >= a->model.parts[0].offset))
			continue;
		cm_buf_str(out, a->model.members[i].name);
		return;
	}
	for (size_t i = 0; i < a->model.part_count; i++) {
		const struct cm_part *p = &a->model.parts[i];
		if (tar_at < p->offset || tar_at >= p->offset + p->size)
			continue;
		cm_buf_str(out, p->prefix);
		for (size_t k = 0; k < p->segment_count; k++) {
			const struct cm_segment *s = &p->segments[k];
			if (s->member.offset <= tar_at - p->offset)
				continue;
			if (cm_reader_segment(a, p, s, &text, NULL) == 0)
				name_in_text(&text, tar_at - p->offset, out);
			return;
		}
		return;
	}
}
