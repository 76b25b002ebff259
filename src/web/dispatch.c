/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way of a request: host, route, who, role, limits, body, token, and only then the handler. Each step that refuses
 * says so in err and returns the HTTP status; 0 goes on.
 */
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "service/audit.h"
#include "web/form.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/web_int.h"

enum { SPARE = 64 << 20 };

static int refuse(const struct cm_err *err)
{
	return cm_err_http(err->code);
}

static int check_method(struct cm_call *call, const struct cm_match *m, struct cm_err *err)
{
	char allow[128] = "";
	size_t len = 0;

	if (m->route != NULL)
		return 0;
	if (m->allowed == 0) {
		cm_err_set(err, CM_ENOTFOUND, "There is no such %s here.", m->is_api ? "path" : "page");
		return 404;
	}
	for (int i = 0; i < CM_METHOD_COUNT; i++)
		if (m->allowed & 1u << i)
			len += (size_t)snprintf(allow + len, sizeof(allow) - len, "%s%s", cm_method_name(i),
						i == CM_GET ? ", HEAD, " : ", ");
	snprintf(allow + len, sizeof(allow) - len, "OPTIONS");
	cm_reply_header(call->rp, "allow", allow);
	if (call->rq->method == CM_OPTIONS)
		return 204;
	cm_err_set(err, CM_EINVAL, "%s does not work on this path; these do: %s.", cm_method_name(call->rq->method),
		   allow);
	return 405;
}

/* Where to go after the login: back to what was asked for, when that can be asked for again. */
static void lead_to_login(struct cm_call *call)
{
	struct cm_request *rq = call->rq;
	cm_autofree char *here = cm_asprintf("%s%s%s", rq->path, rq->query ? "?" : "", rq->query ? rq->query : "");
	cm_autofree char *url = NULL;
	bool again = (rq->method == CM_GET || rq->method == CM_HEAD) && strcmp(here, "/") != 0 && cm_path_local(here);

	if (again)
		url = cm_url_make(call->had_cookie ? "/login?next=%s&ended=1" : "/login?next=%s", here);
	else
		url = cm_strdup(call->had_cookie ? "/login?ended=1" : "/login");
	if (call->had_cookie)
		cm_reply_cookie(rq, call->rp, "session", "", 0, true);
	cm_reply_redirect(call->rp, url);
}

/* Role, and for programs who they are at all. A page leads to the login instead: 303. */
static int check_role(struct cm_call *call, enum cm_role least, struct cm_err *err)
{
	if (call->rq->role >= least)
		return 0;
	if (call->rq->user_id == 0) {
		cm_err_set(err, CM_EAUTH, "Authentication required");
		if (call->rq->is_api)
			return 401;
		lead_to_login(call);
		return 303;
	}
	cm_err_set(err, CM_EDENIED, "Your role (%s) may not do this.", cm_role_name(call->rq->role));
	return 403;
}

static int check_rate(struct cm_call *call, struct cm_err *err)
{
	const struct cm_request *rq = call->rq;
	unsigned max = call->web->app->rate_limit;
	char key[80];

	if (max == 0 || !rq->is_api || (rq->route != NULL && rq->route->flags & CM_R_NO_RATE))
		return 0;
	if (rq->user_id != 0)
		snprintf(key, sizeof(key), "user %lld", (long long)rq->user_id);
	else
		snprintf(key, sizeof(key), "address %s", rq->client);
	if (cm_limits_allow(call->web->limits, key, max, cm_now_ms(), &call->retry_after))
		return 0;
	cm_err_set(err, CM_ELIMIT, "More than %u requests in a minute. Try again in %u seconds.", max,
		   call->retry_after);
	return 429;
}

static int check_body(struct cm_call *call, struct cm_err *err)
{
	const struct cm_request *rq = call->rq;
	size_t limit = rq->route->body_limit ? rq->route->body_limit : CM_BODY_LIMIT;
	int status = 0;

	if (rq->body_len > limit) {
		cm_err_set(err, CM_ETOOBIG, "The body is larger than the %zu bytes that this path takes.", limit);
		return 413;
	}
	if (cm_body_parse(call, &status, err) != 0)
		return status != 0 ? status : refuse(err);
	return 0;
}

/* Everything that changes something needs a token that only our own pages know; an API token needs none, since no
 * browser sends it by itself. Who is not logged in has nothing to protect but the login form. */
static int check_csrf(struct cm_call *call, struct cm_err *err)
{
	const struct cm_route *route = call->rq->route;

	if (route->flags & CM_R_SOCKET && call->session.id != 0 && cm_guard_socket(call->web->app, call->rq, err) != 0)
		return refuse(err);
	if (route->method == CM_GET || call->by_token || route->flags & CM_R_NO_CSRF)
		return 0;
	if (call->rq->is_api && call->session.id == 0)
		return 0;
	if (cm_csrf_check(call, err) == 0)
		return 0;
	call->csrf_failed = true;
	return refuse(err);
}

/* Which row, and who asks. */
static int find(struct cm_call *call, struct cm_err *err)
{
	struct cm_request *rq = call->rq;
	struct cm_match m;
	int status;

	if (cm_route_match(rq->method, rq->path, &m, err) != 0) {
		rq->is_api = m.is_api;
		return refuse(err);
	}
	rq->route = m.route;
	rq->is_api = m.is_api;
	memcpy(rq->params, m.params, sizeof(rq->params));
	if (cm_guard_host(call->web->app, rq, err) != 0)
		return 421;
	if (cm_identity_find(call, err) != 0)
		return refuse(err);
	cm_csrf_make(call);
	if (m.route == NULL && rq->is_api && rq->method != CM_OPTIONS &&
	    (status = check_role(call, CM_ROLE_VIEWER, err)) != 0)
		return status; /* who is not logged in learns nothing about paths */
	status = check_method(call, &m, err);
	return status == 0 ? check_role(call, rq->route->role, err) : status;
}

/* All checks; what they find is in the request afterwards. */
static int prepare(struct cm_call *call, struct cm_err *err)
{
	int status = find(call, err);

	if (status == 0)
		status = check_rate(call, err);
	if (status == 0)
		status = check_body(call, err);
	if (status == 0)
		status = check_csrf(call, err);
	return status;
}

/* Room for the body, and for what is made of it. */
static bool has_room(const struct cm_app *app, uint64_t len)
{
	struct statvfs st;

	return statvfs(app->tmp_dir, &st) != 0 || (uint64_t)st.f_bavail * st.f_frsize >= len + SPARE;
}

int cm_web_admit(struct cm_web *web, struct cm_request *rq, uint64_t body_len, int *ret_status, struct cm_err *err)
{
	struct cm_reply rp;
	struct cm_call call = { .web = web, .rq = rq, .rp = &rp };
	int status;

	cm_reply_init(&rp);
	rq->web = web;
	rq->app = web->app;
	cm_guard_client(web->app, rq);
	status = find(&call, err);
	cm_reply_free(&rp);
	if (status == 0 && !has_room(web->app, body_len)) {
		cm_err_set(err, CM_ENOSPACE, "There is not enough room for this file in the data folder.");
		status = refuse(err);
	}
	/* A page would lead to the login, but what was not sent yet could not be kept for afterwards. */
	*ret_status = status == 303 ? 401 : status == 204 ? 400 : status;
	if (status == 0)
		return 0;
	return status == 204 ? cm_err_set(err, CM_EINVAL, "OPTIONS takes no body.") : err->code;
}

static void keep_flash(struct cm_call *call)
{
	struct json_object *list = cm_json_arr(call->rp->view, "flash");

	for (size_t i = 0; i < cm_json_len(list) && call->session.id != 0; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *kind = cm_json_str(o, "kind", "ok");

		kind = strcmp(kind, "ok") == 0 ? "success" : strcmp(kind, "warn") == 0 ? "warning" : "error";
		cm_flash_add(call->session.id, kind, cm_json_str(o, "text", ""), NULL);
	}
}

static bool is_finished(const struct cm_reply *rp)
{
	return rp->kind != CM_REPLY_BODY || rp->body.len > 0 || rp->status == 303 || rp->status == 304 ||
	       rp->status == 204 || rp->status == 416;
}

/* The handler's view in the form that was asked for. */
static void show(struct cm_call *call)
{
	const char *template = call->rp->template ? call->rp->template : call->rq->route->template;
	struct cm_err err = { 0 };

	if (call->rp->status == 303)
		keep_flash(call);
	if (is_finished(call->rp))
		return;
	if (call->rq->is_api) {
		struct json_object *data = cm_view_data(call->rp);

		cm_reply_json(call->rp, call->rp->status, json_object_get(data));
	} else if (template == NULL) {
		cm_err_set(&err, CM_EINTERNAL, "This page has nothing to show.");
		cm_error_reply(call, 500, &err);
	} else if (cm_page_render(call, template, call->rq->route->title, &err) != 0) {
		cm_error("web", "id=%llx %s", (unsigned long long)call->rq->id, err.text);
		cm_err_set(&err, CM_EINTERNAL, "The page could not be made.");
		cm_error_reply(call, 500, &err);
	}
}

/* A handler said no. A form that it filled again is shown with what the user typed and why it was refused. */
static void show_failure(struct cm_call *call, const struct cm_err *err)
{
	struct cm_reply *rp = call->rp;
	int status = cm_err_http(err->code);
	bool form = !call->rq->is_api && cm_json_obj(rp->view, "data") != NULL &&
		    (rp->template != NULL || call->rq->route->template != NULL);

	if (status >= 500)
		cm_warn("web", "id=%llx path=%s status=%d %s (%s)", (unsigned long long)call->rq->id, call->rq->path,
			status, err->text, err->detail);
	if (!form) {
		cm_error_reply(call, status, err);
		return;
	}
	rp->status = status == 400 && call->rq->method == CM_POST ? 422 : status;
	if (cm_json_arr(rp->view, "flash") == NULL)
		cm_reply_flash(call->rq, rp, "error", "%s", err->text);
	show(call);
}

static void log_request(const struct cm_call *call, int64_t began_ms)
{
	const struct cm_request *rq = call->rq;
	bool change = rq->method != CM_GET && rq->method != CM_HEAD && rq->method != CM_OPTIONS;

	cm_log(change || call->rp->status >= 500 ? CM_LOG_INFO : CM_LOG_DEBUG, "web",
	       "id=%llx client=%s user=%s method=%s path=%s status=%d ms=%lld", (unsigned long long)rq->id, rq->client,
	       rq->user[0] ? rq->user : "-", cm_method_name(rq->method), rq->path, call->rp->status,
	       (long long)(cm_monotonic_ms() - began_ms));
}

/* What a change that wrote no line of the audit log itself has to say there; mistakes of a form are none. */
static void tell_audit(const struct cm_request *rq, const struct cm_reply *rp, int rc, const struct cm_err *err)
{
	cm_autojson struct json_object *details = json_object_new_object();
	bool mistake = rc == CM_EINVAL || rc == CM_ENOTFOUND || rc == CM_EAUTH || rc == CM_ETOOBIG || rc == CM_ELIMIT;
	bool failed = rc != 0 || rp->status >= 400;
	struct cm_audit_event event = { .operation = rq->route->audit ? rq->route->audit : rq->route->id,
					.status = failed ? "error" : "completed",
					.error = rc != 0  ? err->text
						 : failed ? "It was refused."
							  : NULL,
					.details = details };

	if (rq->route->method == CM_GET || rq->route->flags & CM_R_NO_AUDIT || rq->user_id == 0 || mistake ||
	    cm_audit_act_told())
		return;
	const char *path = rq->is_api ? rq->route->api : rq->route->page;
	event.backup_filename = strstr(path, "<file>") != NULL ? rq->params[0] : cm_form_get(rq->post, "filename");
	if (event.backup_filename == NULL && rq->params[0] != NULL)
		cm_json_set_str(details, "object", rq->params[0]);
	if (cm_audit(&event, NULL) != 0)
		cm_warn("web", "the audit log could not be written");
}

static void run_handler(struct cm_call *call)
{
	struct cm_err err = { 0 };

	cm_audit_act_begin(call->rq->user, call->rq->client);
	int rc = call->rq->route->handler(call->rq, call->rp, &err);
	tell_audit(call->rq, call->rp, rc, &err);
	cm_audit_act_end();
	if (rc != 0)
		show_failure(call, &err);
	else
		show(call);
}

void cm_web_handle(struct cm_web *web, struct cm_request *rq, struct cm_reply *rp)
{
	struct cm_call call = { .web = web, .rq = rq, .rp = rp };
	int64_t began_ms = cm_monotonic_ms();
	struct cm_err err = { 0 };
	int status;

	if (cm_web_handle_fast(web, rq, rp))
		return;
	rq->web = web;
	rq->app = web->app;
	cm_guard_client(web->app, rq);
	status = prepare(&call, &err);
	if (status == 204)
		rp->status = 204;
	else if (status == 303)
		rp->status = 303;
	else if (status != 0)
		cm_error_reply(&call, status, &err);
	else
		run_handler(&call);
	cm_headers_secure(rq, rp);
	cm_reply_compress(rq, rp);
	/* Here and not on the event loop, where the reply is freed: it takes as long as rendering. */
	json_object_put(rp->view);
	rp->view = NULL;
	log_request(&call, began_ms);
}
