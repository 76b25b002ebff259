/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/str.h"
#include "docker/transport.h"

void cm_docker_path(struct cm_buf *out, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	for (const char *p = format; *p; p++) {
		if (*p != '%') {
			cm_buf_char(out, *p);
			continue;
		}
		switch (*++p) {
		case 's':
			cm_url_encode(out, va_arg(ap, const char *), false);
			break;
		case 'r':
			cm_url_encode(out, va_arg(ap, const char *), true);
			break;
		case 'd':
			cm_buf_printf(out, "%d", va_arg(ap, int));
			break;
		case 'l':
			cm_buf_printf(out, "%lld", (long long)va_arg(ap, int64_t));
			break;
		case 'b':
			cm_buf_char(out, va_arg(ap, int) ? '1' : '0');
			break;
		default:
			cm_buf_char(out, '%');
			if (*p == '\0')
				p--;
			break;
		}
	}
	va_end(ap);
}

void cm_docker_path_filters(struct cm_buf *out, char sep, struct json_object *filters)
{
	if (filters == NULL)
		return;
	cm_autofree char *text = cm_json_text(filters);
	cm_buf_char(out, sep);
	cm_docker_path(out, "filters=%s", text);
}

int cm_docker_ref_check(const char *kind, const char *s, struct cm_err *err)
{
	if (s != NULL && cm_ref_valid(s) && strcmp(s, ".") != 0)
		return 0;
	return cm_err_set(err, CM_EINVAL, "This is not a valid name or id of a %s.", kind);
}

static int call(struct cm_docker *d, const char *method, const char *path, struct json_object *body, int extra_ms,
		bool fresh, struct json_object **ret, struct cm_err *err)
{
	struct cm_docker_req q;
	struct json_object *answer = NULL;
	cm_autofree char *text = body ? cm_json_text(body) : NULL;

	int r = cm_docker_req_open(&q, d, method, path, true, false, err);
	if (r == 0) {
		if (text != NULL)
			cm_docker_req_json(&q, text);
		if (fresh)
			curl_easy_setopt(q.easy, CURLOPT_FRESH_CONNECT, 1L);
		int total = d->timeout_ms ? d->timeout_ms : CM_DOCKER_CALL_MS;
		r = cm_docker_req_run(&q, false, total + extra_ms, -1, err);
	}
	if (r == 0)
		r = cm_docker_req_check(&q, err);
	if (r == 0 && ret != NULL) {
		r = cm_docker_req_parse(&q, &answer, err);
		if (r == 0)
			*ret = answer;
	}
	cm_docker_req_release(&q);
	return r;
}

int cm_docker_call_slow(struct cm_docker *d, const char *method, const char *path, struct json_object *body,
			int extra_ms, struct json_object **ret, struct cm_err *err)
{
	return call(d, method, path, body, extra_ms, false, ret, err);
}

int cm_docker_call_fresh(struct cm_docker *d, const char *method, const char *path, int extra_ms, struct cm_err *err)
{
	return call(d, method, path, NULL, extra_ms, true, NULL, err);
}

int cm_docker_call(struct cm_docker *d, const char *method, const char *path, struct json_object *body,
		   struct json_object **ret, struct cm_err *err)
{
	return cm_docker_call_slow(d, method, path, body, 0, ret, err);
}

int cm_docker_call_array(struct cm_docker *d, const char *method, const char *path, struct json_object **ret,
			 struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;

	int r = cm_docker_call(d, method, path, NULL, &o, err);
	if (r < 0)
		return r;
	if (o != NULL && !json_object_is_type(o, json_type_array))
		return cm_err_set(err, CM_EUPSTREAM, "The Docker Engine's answer was not understood: it is no list.");
	*ret = o != NULL ? cm_move(&o) : json_object_new_array();
	return 0;
}

/* What the header promises: 0 is the default, negative without limit. */
static int idle_limit(int idle_ms)
{
	return idle_ms == 0 ? CM_DOCKER_IDLE_MS : idle_ms;
}

int cm_docker_stream_get(struct cm_docker *d, const char *path, cm_docker_sink sink, void *ctx, int idle_ms,
			 struct cm_err *err)
{
	struct cm_docker_req q;

	int r = cm_docker_req_open(&q, d, "GET", path, true, true, err);
	if (r == 0) {
		q.sink = sink;
		q.sink_ctx = ctx;
		r = cm_docker_req_run(&q, false, -1, idle_limit(idle_ms), err);
	}
	if (r == 0)
		r = cm_docker_req_check(&q, err);
	cm_docker_req_release(&q);
	return r;
}

static int drop(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)ctx, (void)data, (void)len, (void)err;
	return 0;
}

int cm_docker_stream_send(struct cm_docker *d, const struct cm_docker_upload *u, struct cm_err *err)
{
	struct cm_docker_req q;

	int r = cm_docker_req_open(&q, d, "POST", u->path, true, true, err);
	if (r == 0) {
		if (u->source != NULL) {
			cm_docker_req_upload(&q, u->method, u->content_type ? u->content_type : "application/x-tar",
					     u->size);
			q.source = u->source;
			q.source_ctx = u->source_ctx;
		}
		q.sink = u->sink ? u->sink : drop;
		q.sink_ctx = u->sink_ctx;
		r = cm_docker_req_run(&q, false, -1, idle_limit(u->idle_ms), err);
	}
	if (r == 0)
		r = cm_docker_req_check(&q, err);
	cm_docker_req_release(&q);
	return r;
}
