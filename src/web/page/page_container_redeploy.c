/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Redeploy: a page that says what will happen and asks for ports, then a job; the API waits for its end unless asked
 * not to.
 */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "jobs/kinds.h"
#include "jobs/queue.h"
#include "service/container_spec.h"
#include "service/containers.h"
#include "web/form.h"
#include "web/job_reply.h"
#include "web/page.h"
#include "web/page/page_container.h"
#include "web/reply.h"
#include "web/view.h"

static const struct {
	const char *value, *text, *hint;
} sources[] = {
	{ "try", "What the registry has", "When it cannot be reached, the image on this host is used." },
	{ "always", "Only what the registry has", "When it cannot be reached, nothing happens." },
	{ "never", "The image on this host", "For one that was built here." },
};

static void ports_add(struct json_object *data, struct json_object *inspect, const struct cm_form *typed)
{
	cm_autojson struct json_object *ports = cm_spec_ports(inspect, NULL);
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(ports); i++) {
		struct json_object *p = json_object_array_get_idx(ports, i), *o = json_object_new_object();
		const char *ip = cm_json_str(p, "ip", ""), *host = cm_json_str(p, "host", "");
		char field[64], value[128];

		snprintf(field, sizeof(field), "port:%.40s", cm_json_str(p, "container", ""));
		snprintf(value, sizeof(value),
			 strchr(ip, ':') ? "[%.60s]:%.40s"
			 : ip[0]	 ? "%.60s:%.40s"
					 : "%s%.40s",
			 ip, host);
		cm_json_set_str(o, "field", field);
		cm_json_set_str(o, "container_port", cm_json_str(p, "container", ""));
		cm_json_set_str(o, "value", typed ? cm_form_str(typed, field, value) : value);
		json_object_array_add(list, o);
	}
	cm_json_set_bool(data, "has_port_fields", cm_json_len(list) > 0);
	cm_json_set(data, "port_fields", list);
}

static int show(struct cm_request *rq, struct cm_reply *rp, const struct cm_form *typed, const char *error,
		struct cm_err *err)
{
	cm_autojson struct json_object *touchable = NULL;
	struct cm_container_page p;
	struct json_object *data, *list = json_object_new_array();
	const char *chosen = typed ? cm_form_str(typed, "pull", "try") : "try";
	int rc = cm_containers_look(rq->app, rq->params[0], &touchable, err);

	rc = rc < 0 ? rc : cm_container_page_load(rq, &p, err);
	if (rc < 0) {
		json_object_put(list);
		return rc;
	}
	data = cm_view_data(rp);
	cm_view_container_head(data, &p, "redeploy");
	cm_view_title(rp, "Redeploy %s", cm_spec_name(p.inspect));
	for (size_t i = 0; i < CM_COUNT(sources); i++)
		cm_view_choice(list, sources[i].value, sources[i].text, sources[i].hint,
			       cm_str_eq(sources[i].value, chosen));
	cm_json_set(data, "sources", list);
	ports_add(data, p.inspect, typed);
	cm_view_url(data, "action", "/container/%s/redeploy", cm_json_str(data, "id", ""));
	cm_view_text(data, "button_text", "Redeploy %s", cm_spec_name(p.inspect));
	cm_json_set_str(data, "error", error);
	cm_container_page_release(&p);
	return 0;
}

int cm_page_container_redeploy_show(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return show(rq, rp, NULL, NULL, err);
}

/* The fields of the form as the API has them. A container port that is published twice comes twice. */
static struct json_object *form_ports(const struct cm_form *f)
{
	struct json_object *ports = json_object_new_object();

	for (size_t i = 0; i < cm_form_count(f); i++) {
		const char *field = cm_form_name_at(f, i), *port = field + strlen("port:");
		struct json_object *list;

		if (!cm_str_has_prefix(field, "port:"))
			continue;
		list = cm_json_arr(ports, port);
		if (list == NULL) {
			list = json_object_new_array();
			cm_json_set(ports, port, list);
		}
		cm_json_add_str(list, cm_form_value_at(f, i));
	}
	return ports;
}

static int ports_check(struct json_object *ports, struct cm_err *err)
{
	if (ports == NULL)
		return 0;
	if (!json_object_is_type(ports, json_type_object))
		return cm_err_set(err, CM_EINVAL, "port_overrides is an object like {\"80/tcp\": \"8081\"}.");
	json_object_object_foreach(ports, port, value)
	{
		if (!cm_spec_port_valid(value))
			return cm_err_set(err, CM_EINVAL, "The host port for %.40s is a number from 1 to 65535.", port);
	}
	return 0;
}

static int params_make(const struct cm_request *rq, struct json_object *params, struct cm_err *err)
{
	const char *how = cm_form_str(rq->post, "pull", "try");
	struct json_object *ports =
	    rq->is_api ? json_object_get(cm_json_get(rq->json, "port_overrides")) : form_ports(rq->post);
	bool known = false;
	int rc = ports_check(ports, err);

	for (size_t i = 0; i < CM_COUNT(sources); i++)
		known |= cm_str_eq(sources[i].value, how);
	if (rc == 0 && !known)
		rc = cm_err_set(err, CM_EINVAL, "pull is try, always or never.");
	if (rc < 0) {
		json_object_put(ports);
		return rc;
	}
	if (ports != NULL && json_object_object_length(ports) > 0)
		cm_json_set(params, "port_overrides", cm_json_copy(ports));
	json_object_put(ports);
	cm_json_set_str(params, "pull", how);
	cm_json_set_str(params, "user", rq->user);
	return 0;
}

int cm_page_container_redeploy(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	static const struct cm_job_words words = { "Redeployment started", "The redeployment was cancelled." };
	cm_autojson struct json_object *params = json_object_new_object(), *inspect = NULL;
	struct cm_job_request job = { .kind = "redeploy", .user = rq->user, .params = params };
	char id[CM_UUID_LEN + 1], where[64];
	int rc = cm_containers_look(rq->app, rq->params[0], &inspect, err);

	if (rc < 0)
		return rc;
	rc = params_make(rq, params, err);
	if (rc < 0 && !rq->is_api) {
		struct cm_err why = *err;

		rp->status = cm_err_http(rc);
		return show(rq, rp, rq->post, why.text, err);
	}
	cm_json_set_str(params, "container", cm_json_str(inspect, "Id", ""));
	job.subject = cm_spec_name(inspect);
	job.once = true;
	rc = rc < 0 ? rc : cm_job_add(rq->app, &job, id, err);
	if (rc < 0)
		return rc;
	if (rq->is_api)
		return cm_job_reply(rq, rp, id, &words, err);
	snprintf(where, sizeof(where), "/job/%s", id);
	cm_reply_redirect(rp, where);
	return 0;
}
