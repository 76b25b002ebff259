/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/jsonlines.h"

#include <string.h>

#include "docker/refusal.h"

enum { OBJECT_MAX = 1 << 20, DEPTH = 32, FEED_MAX = 1 << 20 };

void cm_jsonlines_init(struct cm_jsonlines *j, cm_jsonlines_fn fn, void *ctx)
{
	*j = (struct cm_jsonlines){ .fn = fn, .ctx = ctx };
}

void cm_jsonlines_release(struct cm_jsonlines *j)
{
	if (j->tok != NULL)
		json_tokener_free(j->tok);
	j->tok = NULL;
}

static int not_understood(struct cm_err *err, const char *why)
{
	cm_err_set(err, CM_EUPSTREAM, "The Docker Engine's report was not understood.");
	cm_err_detail(err, "%s", why);
	return CM_EUPSTREAM;
}

static int feed_part(struct cm_jsonlines *j, const char *p, size_t len, size_t *ret_used, struct cm_err *err)
{
	struct json_object *o = json_tokener_parse_ex(j->tok, p, (int)len);
	enum json_tokener_error e = json_tokener_get_error(j->tok);

	*ret_used = json_tokener_get_parse_end(j->tok);
	if (e == json_tokener_continue) {
		*ret_used = len;
		j->open += len;
		return j->open > OBJECT_MAX ? not_understood(err, "an object is too long") : 0;
	}
	if (e != json_tokener_success)
		return not_understood(err, json_tokener_error_desc(e));
	j->open = 0;
	int r = json_object_is_type(o, json_type_object) ? j->fn(j->ctx, o, err) : not_understood(err, "not an object");
	json_object_put(o);
	json_tokener_reset(j->tok);
	return r;
}

int cm_jsonlines_feed(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct cm_jsonlines *j = ctx;
	const char *p = data;

	if (j->tok == NULL) {
		j->tok = json_tokener_new_ex(DEPTH);
		if (j->tok == NULL)
			return cm_err_set(err, CM_ENOMEM, "Out of memory while reading the Docker Engine's report.");
		json_tokener_set_flags(j->tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8 |
						   JSON_TOKENER_ALLOW_TRAILING_CHARS);
	}
	while (len > 0) {
		/* Only blanks may stand between objects, and the parser would take them for the beginning of one. */
		if (j->open == 0 && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) {
			p++;
			len--;
			continue;
		}
		size_t used, part = len < FEED_MAX ? len : FEED_MAX;
		int r = feed_part(j, p, part, &used, err);
		if (r != 0)
			return r;
		p += used;
		len -= used;
	}
	return 0;
}

int cm_jsonlines_end(struct cm_jsonlines *j, struct cm_err *err)
{
	return j->open == 0 ? 0 : not_understood(err, "it ended inside an object");
}

int cm_jsonlines_error(struct json_object *o, struct cm_err *err)
{
	const char *text = cm_json_str_at(o, "errorDetail.message", NULL);

	if (text == NULL)
		text = cm_json_str(o, "error", NULL);
	if (text == NULL)
		return 0;
	return cm_docker_refusal_text(500, "", text, err);
}
