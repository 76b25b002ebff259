/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <isa-l/igzip_lib.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "core/str.h"
#include "web/web_int.h"

enum { WORTH_IT = 1024, SLACK = 1024 };

/* Does Accept-Encoding name gzip, and not with q=0? */
bool cm_accepts_gzip(const struct cm_request *rq)
{
	const char *p = cm_request_header(rq, "accept-encoding");

	while (p != NULL && *p != '\0') {
		size_t len;

		p += strspn(p, ", \t");
		len = strcspn(p, ",");
		if ((strncasecmp(p, "gzip", 4) == 0 && strchr("; \t,", p[4]) != NULL)) {
			const char *q = memmem(p, len, "q=0", 3);

			return q == NULL || strspn(q + 3, ".0") + 3 + (size_t)(q - p) < len;
		}
		p += len;
	}
	return false;
}

static bool is_text(const struct cm_reply *rp)
{
	for (size_t i = 0; i < rp->header_count; i++) {
		const char *value = rp->headers[i].value;

		if (strcmp(rp->headers[i].name, "content-encoding") == 0)
			return false;
		if (strcmp(rp->headers[i].name, "content-type") == 0)
			return cm_str_has_prefix(value, "text/") || cm_str_has_prefix(value, "application/json");
	}
	return false;
}

static bool gzip(const struct cm_buf *in, struct cm_buf *out)
{
	cm_autofree uint8_t *level = cm_alloc(ISAL_DEF_LVL1_DEFAULT);
	struct isal_zstream s;
	char *room = cm_buf_room(out, in->len + SLACK);

	if (room == NULL)
		return false;
	isal_deflate_stateless_init(&s);
	s.gzip_flag = IGZIP_GZIP;
	s.level = 1;
	s.level_buf = level;
	s.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
	s.end_of_stream = 1;
	s.next_in = (uint8_t *)in->data;
	s.avail_in = (uint32_t)in->len;
	s.next_out = (uint8_t *)room;
	s.avail_out = (uint32_t)(in->len + SLACK);
	if (isal_deflate_stateless(&s) != COMP_OK)
		return false;
	cm_buf_grew(out, s.total_out);
	return true;
}

void cm_reply_compress(const struct cm_request *rq, struct cm_reply *rp)
{
	struct cm_buf out;

	if (rp->kind != CM_REPLY_BODY || rp->body.len < WORTH_IT || !is_text(rp))
		return;
	cm_reply_header(rp, "vary", "Accept-Encoding");
	if (!cm_accepts_gzip(rq))
		return;
	cm_buf_init(&out, rp->body.max);
	if (!gzip(&rp->body, &out) || out.len >= rp->body.len) {
		cm_buf_release(&out);
		return;
	}
	cm_buf_release(&rp->body);
	rp->body = out;
	cm_reply_header(rp, "content-encoding", "gzip");
}
