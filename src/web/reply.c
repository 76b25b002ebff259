/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"

enum { FLASH_MAX = 8, TEXT_MAX = 1024 };

static struct json_object *view_of(struct cm_reply *rp)
{
	if (rp->view == NULL)
		rp->view = json_object_new_object();
	return rp->view;
}

struct json_object *cm_view_data(struct cm_reply *rp)
{
	struct json_object *data = cm_json_obj(view_of(rp), "data");

	if (data == NULL) {
		data = json_object_new_object();
		cm_json_set(rp->view, "data", data);
	}
	return data;
}

void cm_view_title(struct cm_reply *rp, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cm_json_set_str(view_of(rp), "title", text);
}

void cm_reply_redirect(struct cm_reply *rp, const char *location)
{
	rp->status = 303;
	cm_buf_reset(&rp->body);
	cm_reply_header(rp, "location", cm_path_local(location) ? location : "/");
}

static void add_flash(struct cm_reply *rp, const char *kind, const char *text)
{
	struct json_object *list = cm_json_arr(view_of(rp), "flash"), *flash;

	if (list == NULL) {
		list = json_object_new_array();
		cm_json_set(rp->view, "flash", list);
	}
	if (cm_json_len(list) >= FLASH_MAX)
		return;
	flash = json_object_new_object();
	cm_json_set_str(flash, "kind", kind);
	cm_json_set_str(flash, "text", text);
	json_object_array_add(list, flash);
}

void cm_reply_flash(struct cm_request *rq, struct cm_reply *rp, const char *kind, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (rq->is_api)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_flash(rp, kind, text);
}

void cm_reply_done(struct cm_request *rq, struct cm_reply *rp, const char *location, struct json_object *answer,
		   const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!rq->is_api) {
		json_object_put(answer);
		add_flash(rp, "ok", text);
		cm_reply_redirect(rp, location);
		return;
	}
	if (answer == NULL)
		answer = json_object_new_object();
	if (cm_json_get(answer, "success") == NULL)
		cm_json_set_bool(answer, "success", true);
	if (cm_json_get(answer, "message") == NULL)
		cm_json_set_str(answer, "message", text);
	cm_reply_json(rp, rp->status, answer);
}

void cm_reply_body(struct cm_reply *rp, int status, const char *content_type, const void *data, size_t len)
{
	rp->kind = CM_REPLY_BODY;
	rp->status = status;
	cm_buf_reset(&rp->body);
	cm_buf_add(&rp->body, data, len);
	cm_reply_header(rp, "content-type", content_type);
}

void cm_reply_json(struct cm_reply *rp, int status, struct json_object *o)
{
	cm_autofree char *text = cm_json_text(o);

	cm_reply_body(rp, status, "application/json", text, strlen(text));
	cm_buf_char(&rp->body, '\n');
	json_object_put(o);
}

void cm_reply_error_json(struct cm_reply *rp, const struct cm_err *err, struct json_object *extra)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "error", err->text);
	cm_json_set_str(o, "code", cm_err_word(err->code));
	if (extra != NULL) {
		json_object_object_foreach(extra, key, value) cm_json_set(o, key, json_object_get(value));
		json_object_put(extra);
	}
	cm_reply_json(rp, cm_err_http(err->code), o);
}

void cm_reply_stream(struct cm_reply *rp, const char *content_type, int64_t len, cm_produce_fn produce,
		     void (*release)(void *arg), void *arg)
{
	rp->kind = CM_REPLY_STREAM;
	rp->stream_len = len;
	rp->produce = produce;
	rp->release = release;
	rp->arg = arg;
	cm_reply_header(rp, "content-type", content_type);
}

void cm_reply_socket(struct cm_reply *rp, cm_produce_fn talk, void (*release)(void *arg), void *arg)
{
	cm_reply_stream(rp, "", -1, talk, release, arg);
	rp->kind = CM_REPLY_SOCKET;
}

const char *cm_reply_style_nonce(struct cm_reply *rp)
{
	if (rp->style_nonce[0] == '\0')
		cm_random_hex(rp->style_nonce, (sizeof(rp->style_nonce) - 1) / 2);
	return rp->style_nonce;
}

void cm_reply_cookie(const struct cm_request *rq, struct cm_reply *rp, const char *name, const char *value, int seconds,
		     bool http_only)
{
	char text[512];

	snprintf(text, sizeof(text), "%s=%s; Path=/; Max-Age=%d; SameSite=Lax%s%s", name, value, seconds,
		 http_only ? "; HttpOnly" : "", rq->https ? "; Secure" : "");
	cm_reply_header(rp, "set-cookie", text);
}

bool cm_path_local(const char *path)
{
	if (path == NULL || path[0] != '/' || path[1] == '/' || strlen(path) > 2000)
		return false;
	for (const unsigned char *p = (const unsigned char *)path; *p != '\0'; p++)
		if (*p <= 0x20 || *p >= 0x7f || *p == '\\')
			return false;
	return true;
}
