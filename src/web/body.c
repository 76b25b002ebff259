/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The query and the body of a request as fields. */
#include <string.h>
#include <strings.h>

#include "core/json.h"
#include "core/mem.h"
#include "web/form.h"
#include "web/route.h"
#include "web/upload.h"
#include "web/web_int.h"

/* Is the header this media type, with or without parameters? A charset other than UTF-8 is another type to us. */
static bool is_type(const char *header, const char *type)
{
	size_t len = strlen(type);
	const char *charset;

	if (strncasecmp(header, type, len) != 0 || (header[len] != '\0' && strchr("; \t", header[len]) == NULL))
		return false;
	charset = strcasestr(header + len, "charset=");
	if (charset == NULL)
		return true;
	charset += 8 + (charset[8] == '"');
	return strncasecmp(charset, "utf-8", 5) == 0 || strncasecmp(charset, "us-ascii", 8) == 0;
}

static int parse_json(struct cm_request *rq, struct cm_err *err)
{
	struct json_object *o = NULL;
	int rc = cm_json_parse(rq->body, rq->body_len, &o, err);

	if (rc != 0)
		return cm_err_prefix(err, "The body is no valid JSON");
	if (!json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return cm_err_set(err, CM_EINVAL, "The body must be a JSON object.");
	}
	rq->json = o;
	return cm_form_from_json(rq->post, o, err);
}

int cm_body_parse(struct cm_call *call, int *ret_status, struct cm_err *err)
{
	struct cm_request *rq = call->rq;
	const char *type = cm_request_header(rq, "content-type");

	*ret_status = 0;
	rq->get = cm_form_new();
	rq->post = cm_form_new();
	if (rq->query != NULL) {
		int rc = cm_form_parse_urlencoded(rq->get, rq->query, strlen(rq->query), err);

		if (rc != 0)
			return rc;
	}
	if (rq->body_len == 0 || rq->method == CM_GET || rq->method == CM_HEAD)
		return 0;
	if (rq->route->flags & CM_R_UPLOAD && !(type != NULL && is_type(type, "application/x-www-form-urlencoded")))
		return cm_upload_parse(rq, type, err);
	if (rq->body_fd > 0)
		return cm_err_set(err, CM_ETOOBIG, "This body is too large for its Content-Type.");
	if (type != NULL && is_type(type, "application/x-www-form-urlencoded"))
		return cm_form_parse_urlencoded(rq->post, rq->body, rq->body_len, err);
	if (type != NULL && is_type(type, "multipart/form-data"))
		return cm_form_parse_multipart(rq->post, type, rq->body, rq->body_len, err);
	if (type != NULL && is_type(type, "application/json") && rq->is_api)
		return parse_json(rq, err);
	*ret_status = 415;
	return cm_err_set(err, CM_EINVAL, "%s",
			  rq->is_api ? "The body must be application/json or a form (Content-Type)."
				     : "The body must be a form (Content-Type).");
}
