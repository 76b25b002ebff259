/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * API tokens: one's own, and for administrators everybody's. The token itself is in the answer that makes it, once;
 * no page, log or audit line has it again.
 */
#include <stdio.h>
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
#include "web/view/view_confirm.h"

static const char *role_text(enum cm_role role)
{
	static const char *const texts[] = { "", "Viewer", "Developer", "Administrator" };

	return (size_t)role < CM_COUNT(texts) ? texts[role] : "";
}

static struct json_object *view_token(const struct cm_token *t)
{
	struct json_object *o = json_object_new_object();
	int64_t now = cm_now_ms();
	char id[32];

	snprintf(id, sizeof(id), "%lld", (long long)t->id);
	cm_json_set_int(o, "id", t->id);
	cm_json_set_str(o, "user", t->user);
	cm_json_set_str(o, "name", t->name);
	cm_json_set_str(o, "hint", t->hint);
	cm_json_set_str(o, "role", cm_role_name(t->role));
	cm_view_time(o, "created", t->created_ms, now);
	cm_view_time(o, "expires", t->expires_ms, now);
	cm_view_time(o, "used", t->used_ms, now);
	cm_json_set_str(o, "role_text", role_text(t->role));
	cm_json_set_bool(o, "is_expired", t->expires_ms != 0 && t->expires_ms <= now);
	cm_view_url(o, "revoke_url", "/settings/tokens/%s/revoke", id);
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

static struct json_object *role_choices(enum cm_role mine, const char *chosen)
{
	static const char *const hints[] = { "", "Looks at everything, changes nothing.",
					     "Also starts and stops containers, backs up, downloads backups.",
					     "May do everything." };
	struct json_object *list = json_object_new_array();

	for (enum cm_role role = CM_ROLE_VIEWER; role <= mine && role <= CM_ROLE_ADMIN; role++)
		cm_view_choice(list, cm_role_name(role), role_text(role), hints[role],
			       cm_str_eq(cm_role_name(role), chosen));
	return list;
}

static struct json_object *days_choices(const char *chosen)
{
	static const char *const choices[][2] = {
		{ "7", "7 days" }, { "30", "30 days" }, { "90", "90 days" }, { "365", "1 year" }, { "0", "Never" }
	};
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < CM_COUNT(choices); i++)
		cm_view_choice(list, choices[i][0], choices[i][1], NULL, cm_str_eq(choices[i][0], chosen));
	return list;
}

/* made: one that was made now, with its text; else NULL. error: what is wrong with the form; else NULL. */
static int fill_view(const struct cm_request *rq, struct cm_reply *rp, const struct cm_token *made, const char *text,
		     const char *error, struct cm_err *err)
{
	struct json_object *data = cm_view_data(rp), *list, *fresh = NULL;
	struct cm_token *tokens = NULL;
	bool all = rq->role >= CM_ROLE_ADMIN;
	size_t count = 0;
	int rc = cm_token_list(all ? 0 : rq->user_id, &tokens, &count, err);

	if (rc != 0)
		return rc;
	list = json_object_new_array();
	for (size_t i = 0; i < count; i++)
		json_object_array_add(list, view_token(&tokens[i]));
	free(tokens);
	cm_json_set(data, "tokens", list);
	cm_json_set_int(data, "total", (int64_t)count);
	if (rq->is_api)
		return 0;
	if (made != NULL) {
		fresh = view_token(made);
		cm_json_set_str(fresh, "token", text);
	}
	cm_json_set(data, "made", fresh);
	cm_json_set_bool(data, "is_empty", count == 0);
	cm_json_set_bool(data, "has_users", all);
	cm_json_set_str(data, "action", "/settings/tokens");
	cm_json_set_str(data, "name", error ? cm_form_str(rq->post, "name", "") : "");
	cm_json_set_str(data, "name_error", error);
	cm_json_set(data, "roles", role_choices(rq->role, cm_form_str(rq->post, "role", "viewer")));
	cm_json_set(data, "days", days_choices(cm_form_str(rq->post, "days", "90")));
	return 0;
}

int cm_page_tokens(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return fill_view(rq, rp, NULL, NULL, NULL, err);
}

static int create(const struct cm_request *rq, char text[CM_API_TOKEN_LEN + 1], struct cm_token *token,
		  struct cm_err *err)
{
	enum cm_role role = rq->role;
	int64_t days;
	int rc = cm_form_int(rq->post, "days", 0, CM_API_TOKEN_MAX_DAYS, 90, &days, err);

	if (rc != 0)
		return rc;
	if (cm_form_get(rq->post, "role") != NULL && !cm_role_parse(cm_form_get(rq->post, "role"), &role))
		return cm_err_set(err, CM_EINVAL, "The role is viewer, developer or admin.");
	if (role > rq->role)
		return cm_err_set(err, CM_EDENIED, "A token may not do more than you.");
	rc = cm_token_create(rq->user_id, cm_form_str(rq->post, "name", ""), role, days, text, token, err);
	if (rc == 0)
		audit_token(rq, "token_create", token->name);
	return rc;
}

int cm_page_token_create(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	char text[CM_API_TOKEN_LEN + 1];
	struct json_object *o;
	struct cm_token token = { 0 };
	int rc = create(rq, text, &token, err);

	if (rc != 0) {
		struct cm_err ignored;
		if (!rq->is_api)
			(void)fill_view(rq, rp, NULL, NULL, err->text, &ignored);
		return rc;
	}
	if (!rq->is_api) {
		/* Not a redirect: nothing may keep the token until the next page is asked for. */
		cm_reply_header(rp, "cache-control", "no-store");
		rc = fill_view(rq, rp, &token, text, NULL, err);
	} else {
		o = view_token(&token);
		cm_json_set_bool(o, "success", true);
		cm_json_set_str(o, "token", text);
		cm_reply_json(rp, 201, o);
	}
	cm_secret_wipe(text, sizeof(text));
	return rc;
}

/* One that the user may revoke. Errors: CM_ENOTFOUND. */
static int find(const struct cm_request *rq, struct cm_token *ret, struct cm_err *err)
{
	struct cm_token *tokens = NULL;
	size_t count = 0;
	int64_t id;
	int rc;

	if (!cm_str_i64(rq->params[0], 1, INT64_MAX, &id))
		return cm_err_set(err, CM_ENOTFOUND, "There is no such token.");
	rc = cm_token_list(rq->role >= CM_ROLE_ADMIN ? 0 : rq->user_id, &tokens, &count, err);
	if (rc != 0)
		return rc;
	rc = cm_err_set(err, CM_ENOTFOUND, "There is no such token; perhaps it was revoked already.");
	for (size_t i = 0; i < count; i++) {
		if (tokens[i].id == id) {
			*ret = tokens[i];
			rc = 0;
		}
	}
	free(tokens);
	return rc;
}

int cm_page_token_revoke_confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_token token = { 0 };
	int rc = find(rq, &token, err);
	char used[48];

	if (rc != 0)
		return rc;
	cm_autofree char *action = cm_url_make("/settings/tokens/%s/revoke", rq->params[0]);
	cm_time_ago(used, token.used_ms, cm_now_ms());
	cm_autofree char *note = cm_asprintf("%s, ends in %s, last used %s", token.user, token.hint, used);
	cm_view_confirm(rp, &(struct cm_confirm){
				.title = "Revoke this API token?",
				.lead = "Programs that use it are refused from then on. This cannot be undone.",
				.button = "Revoke 1 token",
				.action = action,
				.back = "/settings/tokens",
				.back_text = "Keep it",
				.parent = "/settings/tokens",
				.parent_text = "API tokens",
			    });
	cm_view_confirm_item(rp, rq->params[0], token.name, note, NULL);
	return 0;
}

int cm_page_token_revoke(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_token token = { 0 };
	int rc = find(rq, &token, err);

	if (rc == 0)
		rc = cm_token_revoke(token.id, rq->role >= CM_ROLE_ADMIN ? 0 : rq->user_id, err);
	if (rc != 0)
		return rc;
	audit_token(rq, "token_revoke", token.name);
	cm_reply_done(rq, rp, "/settings/tokens", NULL, "The token %s is revoked.", token.name);
	return 0;
}
