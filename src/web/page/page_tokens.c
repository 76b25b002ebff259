/* SPDX-License-Identifier: GPL-3.0-or-later */
/* API tokens: one's own, and for administrators everybody's. The token itself is in the answer that makes it, once. */
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "service/audit.h"
#include "service/token.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"

static struct json_object *view_token(const struct cm_token *t)
{
	struct json_object *o = json_object_new_object();
	int64_t now = cm_now_ms();

	cm_json_set_int(o, "id", t->id);
	cm_json_set_str(o, "user", t->user);
	cm_json_set_str(o, "name", t->name);
	cm_json_set_str(o, "hint", t->hint);
	cm_json_set_str(o, "role", cm_role_name(t->role));
	cm_view_time(o, "created", t->created_ms, now);
	cm_view_time(o, "expires", t->expires_ms, now);
	cm_view_time(o, "used", t->used_ms, now);
	return o;
}

static void audit_token(const struct cm_request *rq, const char *operation, const char *name)
{
	struct json_object *details = json_object_new_object();
	struct cm_audit_event event = { .operation = operation,
					.status = "completed",
					.user = rq->user,
					.address = rq->client,
					.details = details };

	cm_json_set_str(details, "name", name);
	if (cm_audit(&event, NULL) != 0)
		cm_warn("web", "the audit log could not be written");
	json_object_put(details);
}

int cm_page_tokens(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *list;
	struct cm_token *tokens = NULL;
	size_t count = 0;
	int rc = cm_token_list(rq->role >= CM_ROLE_ADMIN ? 0 : rq->user_id, &tokens, &count, err);

	if (rc != 0)
		return rc;
	list = json_object_new_array();
	for (size_t i = 0; i < count; i++)
		json_object_array_add(list, view_token(&tokens[i]));
	cm_json_set(cm_view_data(rp), "tokens", list);
	cm_json_set_int(cm_view_data(rp), "total", (int64_t)count);
	free(tokens);
	return 0;
}

int cm_page_token_create(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	char text[CM_API_TOKEN_LEN + 1];
	enum cm_role role = rq->role;
	struct json_object *o;
	struct cm_token token;
	int64_t days;
	int rc = cm_form_int(rq->post, "days", 0, CM_API_TOKEN_MAX_DAYS, 90, &days, err);

	if (rc != 0)
		return rc;
	if (cm_form_get(rq->post, "role") != NULL && !cm_role_parse(cm_form_get(rq->post, "role"), &role))
		return cm_err_set(err, CM_EINVAL, "The role is viewer, developer or admin.");
	if (role > rq->role)
		return cm_err_set(err, CM_EDENIED, "A token may not do more than you.");
	rc = cm_token_create(rq->user_id, cm_form_str(rq->post, "name", ""), role, days, text, &token, err);
	if (rc != 0)
		return rc;
	audit_token(rq, "token_create", token.name);
	o = view_token(&token);
	cm_json_set_bool(o, "success", true);
	cm_json_set_str(o, "token", text);
	cm_secret_wipe(text, sizeof(text));
	cm_reply_json(rp, 201, o);
	return 0;
}

int cm_page_token_revoke(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	int64_t id;
	int rc;

	if (!cm_str_i64(rq->params[0], 1, INT64_MAX, &id))
		return cm_err_set(err, CM_ENOTFOUND, "There is no such token.");
	rc = cm_token_revoke(id, rq->role >= CM_ROLE_ADMIN ? 0 : rq->user_id, err);
	if (rc != 0)
		return rc;
	audit_token(rq, "token_revoke", rq->params[0]);
	cm_reply_done(rq, rp, "/settings", NULL, "The token is revoked.");
	return 0;
}
