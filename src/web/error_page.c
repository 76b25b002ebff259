/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors as people see them, and as programs do. */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/web_int.h"

static const struct {
	int status;
	const char *word; /* NULL: that of the error's code */
	const char *title, *help;
} kinds[] = {
	{ 400, NULL, "That request makes no sense", "Go back, check what you entered, and try again." },
	{ 401, NULL, "Please log in", "This page is for those who are logged in." },
	{ 403, NULL, "You may not do this", "Ask an administrator of this server if you need it." },
	{ 404, NULL, "Not found", "It may have been deleted or renamed since the link was made." },
	{ 405, "METHOD_NOT_ALLOWED", "That does not work here", "Go back and use the buttons of the page." },
	{ 409, NULL, "Not possible right now", "Look at what the sentence above names, then try again." },
	{ 413, NULL, "That is too big", "Send less at once." },
	{ 415, "UNSUPPORTED_TYPE", "That kind of data is not understood", "Go back and use the form of the page." },
	{ 421, "WRONG_HOST", "Wrong address", "Open the server under its own address." },
	{ 422, NULL, "That cannot be done", "Change what the sentence above names, then try again." },
	{ 429, NULL, "Too many tries", "Wait a moment and try again." },
	{ 500, NULL, "Something went wrong here",
	  "Try again. If it stays, the log of the server names the cause under the "
	  "number of this request." },
	{ 502, NULL, "The answer made no sense",
	  "Docker or the storage answered badly. Try again; their logs may say more." },
	{ 503, NULL, "Not reachable", "Check that Docker runs and that this server may use it, then try again." },
	{ 507, NULL, "No space left", "Make room on the disk of the server, then try again." },
};

static size_t kind_of(int status)
{
	for (size_t i = 0; i < CM_COUNT(kinds); i++)
		if (kinds[i].status == status)
			return i;
	return kind_of(500);
}

static const char *word_of(int status, const struct cm_err *err)
{
	size_t kind = kind_of(status);

	return kinds[kind].word != NULL ? kinds[kind].word : cm_err_word(err->code);
}

static void reply_json(struct cm_call *call, int status, const struct cm_err *err)
{
	struct json_object *extra = json_object_new_object();

	cm_json_set_str(extra, "code", word_of(status, err));
	if (call->csrf_failed)
		cm_json_set_bool(extra, "csrf_error", true);
	cm_reply_error_json(call->rp, err, extra);
	call->rp->status = status;
}

static void fill_view(struct cm_call *call, int status, const struct cm_err *err)
{
	struct json_object *data = cm_view_data(call->rp), *links = json_object_new_array();
	size_t kind = kind_of(status);

	cm_view_title(call->rp, "%s", kinds[kind].title);
	cm_json_set_int(data, "status", status);
	cm_view_text(data, "status_text", "%d", status);
	cm_json_set_str(data, "code", word_of(status, err));
	cm_json_set_str(data, "title_text", kinds[kind].title);
	cm_json_set_str(data, "text", err->text);
	cm_json_set_str(data, "help", kinds[kind].help);
	cm_view_text(data, "request_id", "%llx", (unsigned long long)call->rq->id);
	if (call->session.id == 0) {
		cm_view_link(links, "Log in", cm_strdup("/login"), true);
	} else {
		cm_view_link(links, "Dashboard", cm_strdup("/"), true);
		if (status == 404)
			cm_view_link(links, "Open the vault", cm_strdup("/vault"), false);
	}
	cm_json_set(data, "links", links);
}

static void reply_page(struct cm_call *call, int status, const struct cm_err *err)
{
	struct cm_err broken = { 0 };

	json_object_put(call->rp->view);
	call->rp->view = NULL;
	fill_view(call, status, err);
	if (cm_page_render(call, "pages/error", kinds[kind_of(status)].title, &broken) != 0) {
		cm_error("web", "id=%llx the error page cannot be shown: %s", (unsigned long long)call->rq->id,
			 broken.text);
		cm_reply_body(call->rp, status, "text/plain; charset=utf-8", err->text, strlen(err->text));
	}
	call->rp->status = status;
}

void cm_error_reply(struct cm_call *call, int status, const struct cm_err *err)
{
	char seconds[16];

	if (status == 429 && !cm_reply_has(call->rp, "retry-after")) {
		snprintf(seconds, sizeof(seconds), "%u", call->retry_after ? call->retry_after : 1);
		cm_reply_header(call->rp, "retry-after", seconds);
	}
	if (call->rq->is_api)
		reply_json(call, status, err);
	else
		reply_page(call, status, err);
}
