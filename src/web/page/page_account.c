/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One's own account: name and password. */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/audit.h"
#include "service/login_limit.h"
#include "service/password.h"
#include "service/session.h"
#include "service/user.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"

/* The sentences beside the fields; NULL: none. */
struct problems {
	const char *name, *name_current;
	const char *current, *fresh, *repeat;
	struct cm_err why; /* what they point to */
};

static const char *role_detail(enum cm_role role)
{
	switch (role) {
	case CM_ROLE_ADMIN:
		return "May do everything: restore, delete, settings and users.";
	case CM_ROLE_DEVELOPER:
		return "May start, stop and restart containers, back up, verify and download backups.";
	default:
		return "May look at containers, jobs and the vault, and change nothing but the own password.";
	}
}

static void add_sessions_text(struct json_object *data, const struct cm_request *rq)
{
	struct cm_session *sessions = NULL;
	size_t count = 0, others = 0;
	char text[96];

	if (cm_session_list(rq->user_id, &sessions, &count, NULL) == 0)
		for (size_t i = 0; i < count; i++)
			others += sessions[i].id != rq->session_id;
	free(sessions);
	cm_count_text(text, (int64_t)others, "other session", "other sessions");
	cm_view_text(data, "sessions_text", others ? "%s will be logged out" : "No other session is open", text);
}

static int fill_view(struct cm_request *rq, struct cm_reply *rp, const struct problems *p, struct cm_err *err)
{
	struct json_object *data = cm_view_data(rp), *name = json_object_new_object(), *password, *rules;
	static const char *const role_texts[] = { "", "Viewer", "Developer", "Administrator" };
	struct cm_user user;
	int rc = cm_user_get(rq->user_id, &user, err);

	if (rc != 0) {
		json_object_put(name);
		return rc;
	}
	cm_json_set_str(data, "username", user.name);
	cm_json_set_str(data, "role_text", role_texts[user.role]);
	cm_json_set_str(data, "role_detail", role_detail(user.role));
	cm_json_set_bool(data, "is_default", user.is_default);
	add_sessions_text(data, rq);
	cm_json_set_str(name, "new_username", cm_form_str(rq->post, "new_username", ""));
	cm_json_set_str(name, "new_username_error", p->name);
	cm_json_set_str(name, "current_password_error", p->name_current);
	cm_json_set(data, "name", name);
	password = json_object_new_object();
	cm_json_set_str(password, "current_password_error", p->current);
	cm_json_set_str(password, "new_password_error", p->fresh);
	cm_json_set_str(password, "repeat_password_error", p->repeat);
	cm_json_set(data, "password", password);
	rules = json_object_new_array();
	for (size_t i = 0; i < cm_password_rule_count; i++) {
		struct json_object *o = json_object_new_object();

		cm_json_set_str(o, "id", cm_password_rules[i].id);
		cm_json_set_str(o, "text", cm_password_rules[i].sentence);
		json_object_array_add(rules, o);
	}
	cm_json_set(data, "rules", rules);
	return 0;
}

int cm_page_account_show(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return fill_view(rq, rp, &(struct problems){ 0 }, err);
}

static void audit_change(const struct cm_request *rq, const char *error)
{
	struct cm_audit_event event = { .operation = "password_change",
					.status = error ? "error" : "completed",
					.user = rq->user,
					.address = rq->client,
					.error = error };

	if (cm_audit(&event, NULL) != 0)
		cm_warn("web", "the audit log could not be written");
}

/* Guessing the current password of a session somebody left open is held off like guessing at the login. */
static int change(struct cm_request *rq, struct cm_reply *rp, const struct cm_user_change *what, struct cm_user *user,
		  char *message, size_t size, struct cm_err *err)
{
	unsigned wait = 0;
	char seconds[16];
	int rc = cm_login_allow(rq->app->login_limit, rq->client, rq->user, &wait, err);

	if (rc == CM_ELIMIT) {
		snprintf(seconds, sizeof(seconds), "%u", wait ? wait : 1);
		cm_reply_header(rp, "retry-after", seconds);
		return cm_err_set(err, CM_ELIMIT, "There were too many tries. Try again in %u seconds.",
				  wait ? wait : 1);
	}
	if (rc == 0)
		rc = cm_user_change(rq->user_id, what, user, message, size, err);
	if (rc == 0)
		cm_login_succeeded(rq->client, user->name, NULL);
	if (rc == 0 || rc == CM_EAUTH)
		audit_change(rq, rc == CM_EAUTH ? "Wrong password" : NULL);
	return rc;
}

int cm_page_account_change(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_user_change what = {
		.current_password = cm_form_get(rq->post, "current_password"),
		.new_password = cm_form_get(rq->post, "new_password"),
		.new_name = cm_form_get(rq->post, "new_username"),
		.keep_session = rq->session_id,
	};
	struct json_object *data;
	struct cm_user user;
	char message[160];
	int rc = change(rq, rp, &what, &user, message, sizeof(message), err);

	if (rc == CM_EAUTH) {
		data = json_object_new_object();
		cm_json_set_str(data, "code", "WRONG_PASSWORD");
		cm_reply_error_json(rp, err, data);
		return 0;
	}
	if (rc != 0)
		return rc;
	data = cm_view_data(rp);
	cm_json_set_bool(data, "success", true);
	cm_json_set_str(data, "message", message);
	cm_json_set_str(data, "username", user.name);
	if (rq->csrf[0] != '\0')
		cm_json_set_str(data, "csrf_token", rq->csrf);
	return 0;
}

/* The form again, with the sentence beside the field it is about. */
static int show_again(struct cm_request *rq, struct cm_reply *rp, struct problems *p, const char **current,
		      const char **field, struct cm_err *err)
{
	struct cm_err failed;
	int code = err->code;

	p->why = *err;
	if (code == CM_EAUTH)
		*current = p->why.text;
	else if (code == CM_EINVAL || code == CM_EEXIST)
		*(cm_form_str(rq->post, "current_password", NULL) ? field : current) = p->why.text;
	if (fill_view(rq, rp, p, &failed) == 0 && (code == CM_EAUTH || code == CM_EEXIST))
		err->code = CM_EINVAL; /* for a form it is one more thing to mend */
	return err->code;
}

int cm_page_account_name(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_user_change what = {
		.current_password = cm_form_get(rq->post, "current_password"),
		.new_name = cm_form_get(rq->post, "new_username"),
		.keep_session = rq->session_id,
	};
	struct problems p = { 0 };
	struct cm_user user;
	char message[160];

	if (change(rq, rp, &what, &user, message, sizeof(message), err) != 0)
		return show_again(rq, rp, &p, &p.name_current, &p.name, err);
	cm_reply_done(rq, rp, "/account", NULL, "You are now called %s.", user.name);
	return 0;
}

int cm_page_account_password(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *fresh = cm_form_str(rq->post, "new_password", ""),
		   *repeat = cm_form_str(rq->post, "repeat_password", "");
	struct cm_user_change what = {
		.current_password = cm_form_get(rq->post, "current_password"),
		.new_password = fresh,
		.keep_session = rq->session_id,
	};
	struct problems p = { 0 };
	struct cm_user user;
	char message[160];

	if (strcmp(fresh, repeat) != 0) {
		cm_err_set(err, CM_EINVAL, "The two new passwords differ.");
		return show_again(rq, rp, &p, &p.current, &p.repeat, err);
	}
	if (change(rq, rp, &what, &user, message, sizeof(message), err) != 0)
		return show_again(rq, rp, &p, &p.current, &p.fresh, err);
	cm_reply_done(rq, rp, "/account", NULL, "Your password is changed. Other sessions have ended.");
	return 0;
}
