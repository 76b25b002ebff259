/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A copy of a container, or of a whole stack: the forms. The API is in page_docker.c.
 */
#include <stdio.h>
#include <string.h>

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

enum { LINES_MAX = 500 };

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
