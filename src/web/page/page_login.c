/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Coming and going: login, logout, who am I. */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/audit.h"
#include "service/login_limit.h"
#include "service/session.h"
#include "service/settings.h"
#include "service/user.h"
#include "web/csrf.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"

/* Where the login leads; never back to itself. */
static const char *next_of(const struct cm_form *form)
{
	const char *next = cm_form_str(form, "next", "/");

	if (!cm_path_local(next) || cm_str_has_prefix(next, "/login") || cm_str_has_prefix(next, "/logout"))
		return "/";
	return next;
}

/* Nobody has ever logged in: whoever installed this may need to be told how. */
static bool is_first_time(void)
{
	struct cm_user *users = NULL;
	size_t count = 0;
	bool first = true;

	if (cm_user_list(&users, &count, NULL) != 0)
		return false;
	for (size_t i = 0; i < count; i++)
		first = first && users[i].login_ms == 0;
	free(users);
	return first;
}

static void fill_form(struct cm_reply *rp, const char *username, const char *next, const char *error,
		      const char *notice)
{
	struct json_object *data = cm_view_data(rp);
	cm_autofree char *server = cm_settings_server_name();

	cm_json_set_str(data, "server_name", server);
	cm_json_set_str(data, "username", username);
	cm_json_set_str(data, "next", next);
	cm_json_set_str(data, "error", error);
	cm_json_set_str(data, "notice", notice);
	cm_json_set_bool(data, "show_default_hint", is_first_time());
}

int cm_page_login_show(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *notice = NULL;

	(void)err;
	if (rq->user_id != 0) {
		cm_reply_redirect(rp, next_of(rq->get));
		return 0;
	}
	if (cm_form_bool(rq->get, "ended", false))
		notice = "Your session has ended. Log in to go on where you were.";
	else if (cm_form_bool(rq->get, "out", false))
		notice = "You are logged out.";
	fill_form(rp, "", next_of(rq->get), NULL, notice);
	return 0;
}

/* A name nobody has is not written down: people type passwords into the wrong field. */
static void audit_login(const struct cm_request *rq, const char *operation, const char *name, const char *error)
{
	struct cm_user user;
	struct cm_audit_event event = {
		.operation = operation,
		.status = error ? "error" : "completed",
		.error = error,
		.address = rq->client,
	};

	if (name != NULL && cm_user_find(name, &user, NULL) == 0)
		event.user = user.name;
	if (cm_audit(&event, NULL) != 0)
		cm_warn("web", "the audit log could not be written");
}

static int check_login(struct cm_request *rq, struct cm_reply *rp, const char *name, struct cm_user *user,
		       struct cm_err *err)
{
	const char *password = cm_form_str(rq->post, "password", NULL);
	unsigned wait = 0;
	char seconds[16];
	int rc;

	if (name[0] == '\0' || password == NULL)
		return cm_err_set(err, CM_EINVAL, "Username and password are required");
	rc = cm_login_allow(rq->app->login_limit, rq->client, name, &wait, err);
	if (rc == CM_ELIMIT) {
		snprintf(seconds, sizeof(seconds), "%u", wait ? wait : 1);
		cm_reply_header(rp, "retry-after", seconds);
		/* Only the server's log: who is held off must not be able to fill the audit log. */
		cm_warn("web", "client=%s too many logins", rq->client);
		return cm_err_set(err, CM_ELIMIT, "There were too many logins. Try again in %u seconds.",
				  wait ? wait : 1);
	}
	if (rc == 0)
		rc = cm_user_login(name, password, user, err);
	if (rc == CM_EAUTH)
		audit_login(rq, "login", name, "Wrong password");
	return rc;
}

static int open_session(struct cm_request *rq, struct cm_reply *rp, const struct cm_user *user,
			struct cm_session *session, struct cm_err *err)
{
	char token[CM_TOKEN_LEN + 1];
	int rc = cm_session_open(user->id, rq->client, cm_request_header(rq, "user-agent"), token, session, err);

	if (rc != 0)
		return rc;
	if (rq->session_id != 0)
		cm_session_close(rq->session_id, NULL); /* the one this browser had before */
	cm_login_succeeded(rq->client, user->name, NULL);
	cm_reply_cookie(rq, rp, "session", token, CM_SESSION_SECONDS, true);
	cm_secret_wipe(token, sizeof(token));
	audit_login(rq, "login", user->name, NULL);
	return 0;
}

int cm_page_login(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *name = cm_form_str(rq->post, "username", "");
	struct json_object *answer;
	struct cm_session session;
	struct cm_user user = { 0 };
	char csrf[129];
	int rc = check_login(rq, rp, name, &user, err);

	if (rc == 0)
		rc = open_session(rq, rp, &user, &session, err);
	if (rc == CM_EAUTH && rq->is_api) {
		/* Not LOGIN_REQUIRED: who reads that would only try to log in again. */
		answer = json_object_new_object();
		cm_json_set_str(answer, "code", "WRONG_PASSWORD");
		cm_reply_error_json(rp, err, answer);
		return 0;
	}
	if (rc != 0) {
		if (!rq->is_api)
			fill_form(rp, name, next_of(rq->post), err->text, NULL);
		return rc;
	}
	if (!rq->is_api) {
		cm_reply_redirect(rp, next_of(rq->post));
		return 0;
	}
	answer = json_object_new_object();
	cm_csrf_mask(session.csrf, csrf);
	cm_json_set_bool(answer, "success", true);
	cm_json_set_str(answer, "username", user.name);
	cm_json_set_str(answer, "role", cm_role_name(user.role));
	cm_json_set_bool(answer, "is_default_credentials", user.is_default);
	cm_json_set_str(answer, "csrf_token", csrf);
	cm_reply_json(rp, 200, answer);
	return 0;
}

int cm_page_logout(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	if (rq->session_id != 0) {
		int rc = cm_session_close(rq->session_id, err);

		if (rc != 0)
			return rc;
		audit_login(rq, "logout", rq->user, NULL);
	}
	cm_reply_cookie(rq, rp, "session", "", 0, true);
	if (rq->is_api) {
		cm_json_set_bool(cm_view_data(rp), "success", true);
		return 0;
	}
	cm_reply_redirect(rp, "/login?out=1");
	return 0;
}

int cm_page_auth_status(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *data = cm_view_data(rp);
	struct cm_user user;
	int rc;

	cm_json_set_bool(data, "logged_in", rq->user_id != 0);
	if (rq->user_id == 0)
		return 0;
	rc = cm_user_get(rq->user_id, &user, err);
	if (rc != 0)
		return rc;
	cm_json_set_str(data, "username", user.name);
	cm_json_set_str(data, "role", cm_role_name(rq->role));
	cm_json_set_bool(data, "is_default_credentials", user.is_default);
	if (rq->csrf[0] != '\0')
		cm_json_set_str(data, "csrf_token", rq->csrf);
	return 0;
}

int cm_page_theme(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	static const char *const themes[] = { "system", "light", "dark" };
	const char *theme = cm_form_str(rq->post, "theme", "");
	enum { YEAR = 365 * 86400 };

	for (size_t i = 0; i < CM_COUNT(themes); i++) {
		if (strcmp(theme, themes[i]) != 0)
			continue;
		cm_reply_cookie(rq, rp, "theme", theme, YEAR, false);
		cm_reply_redirect(rp, cm_form_str(rq->post, "back", "/"));
		return 0;
	}
	return cm_err_set(err, CM_EINVAL, "The theme is system, light or dark.");
}
