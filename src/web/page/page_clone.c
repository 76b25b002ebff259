/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A copy of a container, or of a whole stack: the form, and the API of the second source.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "jobs/kinds.h"
#include "jobs/queue.h"
#include "service/audit.h"
#include "service/clone.h"
#include "service/container_spec.h"
#include "service/containers.h"
#include "service/stacks.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_stacks.h"
#include "web/reply.h"
#include "web/view.h"

enum { WAIT_MS = 200, WAIT_LIMIT_MS = 3600 * 1000, LINES_MAX = 500 };

static int job_add(const struct cm_request *rq, struct json_object *params, const char *subject,
		   char id[CM_UUID_LEN + 1], struct cm_err *err)
{
	struct cm_job_request job = { .kind = "clone", .subject = subject, .user = rq->user, .params = params };
	int rc;

	cm_json_set_str(params, "user", rq->user);
	rc = cm_clone_params_check(params, err);
	rc = rc < 0 ? rc : cm_job_add(rq->app, &job, id, err);
	if (rc == 0)
		cm_audit_act_covered();
	return rc;
}

static void port_fields(struct json_object *data, struct json_object *inspect, const struct cm_form *typed)
{
	cm_autojson struct json_object *ports = cm_spec_ports(inspect, NULL);
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(ports); i++) {
		struct json_object *p = json_object_array_get_idx(ports, i), *o = json_object_new_object();
		const char *inside = cm_json_str(p, "container", "");
		cm_autofree char *field = cm_asprintf("port:%s", inside);

		cm_json_set_str(o, "container_port", inside);
		cm_json_set_str(o, "host_text", cm_json_str(p, "host", ""));
		cm_json_set_str(o, "field", field);
		cm_json_set_str(o, "value", cm_form_str(typed, field, ""));
		json_object_array_add(list, o);
	}
	cm_json_set(data, "ports", list);
}

static void form_fill(struct cm_reply *rp, struct json_object *inspect, const struct cm_form *typed)
{
	struct json_object *data = cm_view_data(rp), *choices = json_object_new_array();
	const char *name = cm_spec_name(inspect), *volumes = cm_form_str(typed, "volumes", "copy");
	bool running = json_object_get_boolean(cm_json_at(inspect, "State.Running"));

	cm_view_title(rp, "Clone %s", name);
	cm_view_text(data, "id", "%.12s", cm_json_str(inspect, "Id", ""));
	cm_json_set_str(data, "name", name);
	cm_json_set_str(data, "image", cm_json_str_at(inspect, "Config.Image", ""));
	cm_view_url(data, "action", "/container/%s/clone", cm_json_str(data, "id", ""));
	cm_json_set_str(data, "new_name", cm_form_str(typed, "name", ""));
	cm_json_set_str(data, "new_image", cm_form_str(typed, "image", ""));
	cm_json_set_str(data, "env", cm_form_str(typed, "env", ""));
	cm_json_set_bool(data, "start", typed != NULL ? cm_form_bool(typed, "start", false) : running);
	cm_view_choice(choices, "copy", "Copy their content", "The original stands still while it is read.",
		       cm_str_eq(volumes, "copy"));
	cm_view_choice(choices, "share", "Share the same volumes",
		       "Both write to the same data. Few programs bear that.", cm_str_eq(volumes, "share"));
	cm_view_choice(choices, "none", "None", "Neither volumes nor folders of the host.", cm_str_eq(volumes, "none"));
	cm_json_set(data, "volumes", choices);
	port_fields(data, inspect, typed);
}

int cm_page_clone_show(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	int rc = cm_containers_look(rq->app, rq->params[0], &inspect, err);

	if (rc == 0)
		form_fill(rp, inspect, NULL);
	return rc;
}

/* Lines of a text field as an array. Caller puts. */
static struct json_object *lines_read(const char *text)
{
	struct json_object *list = json_object_new_array();

	while (*text != '\0' && cm_json_len(list) < LINES_MAX) {
		size_t len = strcspn(text, "\r\n");
		cm_autofree char *line = cm_strndup(text, len);

		if (len > 0)
			cm_json_add_str(list, line);
		text += len;
		text += strspn(text, "\r\n");
	}
	return list;
}

static struct json_object *form_params(const struct cm_request *rq, const char *id)
{
	struct json_object *params = json_object_new_object(), *ports = json_object_new_object();
	struct json_object *env = lines_read(cm_form_str(rq->post, "env", ""));
	const char *name = cm_form_str(rq->post, "name", NULL), *image = cm_form_str(rq->post, "image", NULL);

	cm_json_set_str(params, "container", id);
	if (name != NULL)
		cm_json_set_str(params, "name", name);
	if (image != NULL)
		cm_json_set_str(params, "image", image);
	cm_json_set_str(params, "volumes", cm_form_str(rq->post, "volumes", "copy"));
	cm_json_set_bool(params, "start", cm_form_bool(rq->post, "start", false));
	for (size_t i = 0; i < cm_form_count(rq->post); i++) {
		const char *field = cm_form_name_at(rq->post, i), *value = cm_form_value_at(rq->post, i);

		if (cm_str_has_prefix(field, "port:") && value[0] != '\0')
			cm_json_set_str(ports, field + 5, value);
	}
	if (json_object_object_length(ports) > 0)
		cm_json_set(params, "ports", ports);
	else
		json_object_put(ports);
	if (cm_json_len(env) > 0)
		cm_json_set(params, "env", env);
	else
		json_object_put(env);
	return params;
}

int cm_page_clone_start(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL, *params = NULL;
	char id[CM_UUID_LEN + 1], where[64];
	int rc = cm_containers_look(rq->app, rq->params[0], &inspect, err);

	if (rc < 0)
		return rc;
	params = form_params(rq, cm_json_str(inspect, "Id", ""));
	rc = job_add(rq, params, cm_spec_name(inspect), id, err);
	if (rc < 0) {
		form_fill(rp, inspect, rq->post);
		return rc;
	}
	snprintf(where, sizeof(where), "/job/%s", id);
	cm_reply_redirect(rp, where);
	return 0;
}

int cm_page_stack_clone(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *params = json_object_new_object();
	const char *name = cm_form_str(rq->post, "name", NULL);
	char id[CM_UUID_LEN + 1], where[64];
	struct cm_stack_list list;
	const struct cm_stack *s;
	int rc = cm_stacks_list(rq->app, &list, err);

	if (rc < 0)
		return rc;
	rc = cm_stack_find(&list, rq->params[0], &s, err);
	rc = rc < 0 ? rc : cm_stack_not_at_work(s, err);
	cm_stack_list_release(&list);
	if (rc < 0)
		return rc;
	cm_json_set_str(params, "stack", rq->params[0]);
	cm_json_set_str(params, "volumes", cm_form_str(rq->post, "volumes", "copy"));
	if (name != NULL)
		cm_json_set_str(params, "name", name);
	rc = job_add(rq, params, rq->params[0], id, err);
	if (rc < 0)
		return rc;
	snprintf(where, sizeof(where), "/job/%s", id);
	cm_reply_redirect(rp, where);
	return 0;
}

static void failed_reply(struct cm_reply *rp, const struct cm_err *why, const char *job)
{
	struct json_object *o = json_object_new_object();
	cm_autofree char *text = cm_asprintf("Clone failed: %s", why->text);

	cm_json_set_str(o, "error", text);
	cm_json_set_str(o, "code", "CLONE_FAILED");
	cm_json_set_str(o, "reason", cm_err_word(why->code));
	if (job != NULL)
		cm_json_set_str(o, "job_id", job);
	cm_reply_json(rp, cm_err_http(why->code), o);
}

static int code_of(const char *word)
{
	for (int code = -1; code > -CM_CODE_COUNT; code--)
		if (cm_str_eq(cm_err_word(code), word))
			return code;
	return CM_EINTERNAL;
}

static void ended_reply(struct cm_reply *rp, const struct cm_job *job)
{
	struct cm_err why = { 0 };
	struct json_object *o;

	if (job->state == CM_JOB_COMPLETE) {
		o = job->result != NULL ? cm_json_copy(job->result) : json_object_new_object();
		cm_json_set_bool(o, "success", true);
		cm_json_set_str(o, "job_id", job->id);
		cm_reply_json(rp, 200, o);
		return;
	}
	cm_err_set(&why, job->state == CM_JOB_CANCELLED ? CM_ECANCELLED : code_of(job->error_code), "%s",
		   job->error_text != NULL ? job->error_text : "It was cancelled.");
	failed_reply(rp, &why, job->id);
}

static void accepted_reply(struct cm_reply *rp, const char *id)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_bool(o, "success", true);
	cm_json_set_str(o, "message", "Clone started");
	cm_json_set_str(o, "job_id", id);
	cm_json_set_str(o, "progress_id", id);
	cm_reply_json(rp, 202, o);
}

static int wait_for_end(struct cm_reply *rp, const char *id, struct cm_err *err)
{
	int64_t end = cm_monotonic_ms() + WAIT_LIMIT_MS;

	while (cm_monotonic_ms() < end) {
		struct timespec t = { .tv_nsec = (long)WAIT_MS * 1000000 };
		struct cm_job job = { 0 };
		int rc = cm_queue_get(id, &job, err);

		if (rc < 0)
			return rc;
		if (cm_job_state_over(job.state)) {
			ended_reply(rp, &job);
			cm_job_release(&job);
			return 0;
		}
		cm_job_release(&job);
		nanosleep(&t, NULL);
	}
	accepted_reply(rp, id);
	return 0;
}

/* {"action": "clone", "containerId" | "stack", "options": {…}} as params of the job. Caller puts. */
static struct json_object *api_params(struct json_object *body)
{
	struct json_object *params = cm_json_copy(cm_json_obj(body, "options"));

	if (params == NULL)
		params = json_object_new_object();
	/* Where the second source would have put its file: nothing of a clone. */
	json_object_object_del(params, "path");
	json_object_object_del(params, "user");
	json_object_object_del(params, "container");
	json_object_object_del(params, "stack");
	if (cm_json_str(body, "stack", "")[0] != '\0')
		cm_json_set_str(params, "stack", cm_json_str(body, "stack", ""));
	else
		cm_json_set_str(params, "container", cm_json_str(body, "containerId", ""));
	return params;
}

int cm_page_docker_containers(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *action = cm_json_str(rq->json, "action", ""), *prefer = cm_request_header(rq, "prefer");
	cm_autojson struct json_object *params = api_params(rq->json), *inspect = NULL;
	const char *subject = cm_json_str(params, "stack", NULL);
	char id[CM_UUID_LEN + 1];
	int rc = 0;

	if (!cm_str_eq(action, "clone"))
		return cm_err_set(err, CM_EINVAL, "action must be \"clone\".");
	if (subject == NULL) {
		rc = cm_containers_look(rq->app, cm_json_str(params, "container", ""), &inspect, err);
		subject = rc == 0 ? cm_spec_name(inspect) : "";
		cm_json_set_str(params, "container", cm_json_str(inspect, "Id", ""));
	}
	rc = rc < 0 ? rc : job_add(rq, params, subject, id, err);
	if (rc < 0) {
		failed_reply(rp, err, NULL);
		return 0;
	}
	if (prefer != NULL && strcasestr(prefer, "respond-async") != NULL) {
		accepted_reply(rp, id);
		return 0;
	}
	return wait_for_end(rp, id, err);
}
