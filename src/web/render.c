/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "core/json.h"
#include "core/secret.h"
#include "web/reply.h"
#include "web/web_int.h"

enum { PAGE_MAX = 16 << 20, VISIT_SECONDS = 86400 };

/* Whoever is not logged in gets a cookie that the token of the login form hangs on. */
static void ensure_visit(struct cm_call *call)
{
	if (call->session.id != 0 || call->visit[0] != '\0')
		return;
	cm_random_token(call->visit);
	cm_reply_cookie(call->rq, call->rp, "visit", call->visit, VISIT_SECONDS, true);
	cm_csrf_make(call);
}

int cm_page_render(struct cm_call *call, const char *template, const char *title, struct cm_err *err)
{
	const char *slash = strrchr(template, '/');
	cm_autojson struct json_object *view = NULL;
	struct cm_buf page = CM_BUF_INIT(PAGE_MAX);
	int rc;

	ensure_visit(call);
	view = cm_context_make(call, slash ? slash + 1 : template, title);
	rc = cm_mustache_render(call->web->templates, template, view, &page, err);
	if (rc != 0) {
		cm_buf_release(&page);
		return rc;
	}
	call->rp->kind = CM_REPLY_BODY;
	cm_buf_release(&call->rp->body);
	call->rp->body = page;
	cm_reply_header(call->rp, "content-type", "text/html; charset=utf-8");
	return 0;
}
