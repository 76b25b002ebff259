/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/http.h"

#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "web/form.h"
#include "web/upload.h"

const char *cm_request_header(const struct cm_request *rq, const char *lower_name)
{
	for (size_t i = 0; i < rq->header_count; i++)
		if (strcmp(rq->headers[i].name, lower_name) == 0)
			return rq->headers[i].value;
	return NULL;
}

static void free_headers(struct cm_header *headers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(headers[i].name);
		free(headers[i].value);
	}
}

void cm_request_free(struct cm_request *rq)
{
	if (rq == NULL)
		return;
	free_headers(rq->headers, rq->header_count);
	for (size_t i = 0; i < CM_REQ_MAX_PARAMS; i++)
		free(rq->params[i]);
	cm_form_free(rq->get);
	cm_form_free(rq->post);
	json_object_put(rq->json);
	cm_upload_release(rq);
	free(rq->path);
	free(rq->query);
	free(rq->body);
	free(rq);
}

void cm_reply_init(struct cm_reply *rp)
{
	memset(rp, 0, sizeof(*rp));
	rp->status = 200;
	rp->fd = -1;
	rp->stream_len = -1;
	cm_buf_init(&rp->body, 64 << 20);
}

void cm_reply_free(struct cm_reply *rp)
{
	free_headers(rp->headers, rp->header_count);
	json_object_put(rp->view);
	cm_buf_release(&rp->body);
	if (rp->fd >= 0)
		close(rp->fd);
	if (rp->release != NULL)
		rp->release(rp->arg);
	memset(rp, 0, sizeof(*rp));
	rp->fd = -1;
}

void cm_reply_header(struct cm_reply *rp, const char *lower_name, const char *value)
{
	char *clean = cm_strdup(value);
	size_t at = rp->header_count;

	for (char *p = clean; *p != '\0'; p++) /* a line break would begin another header */
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	if (strcmp(lower_name, "set-cookie") != 0)
		for (at = 0; at < rp->header_count && strcmp(rp->headers[at].name, lower_name) != 0; at++)
			;
	if (at == rp->header_count) {
		if (rp->header_count == CM_REPLY_MAX_HEADERS) {
			free(clean);
			return;
		}
		rp->headers[rp->header_count++].name = cm_strdup(lower_name);
	} else {
		free(rp->headers[at].value);
	}
	rp->headers[at].value = clean;
}
