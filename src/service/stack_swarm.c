/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stack of a swarm: its services are what can be changed; their containers follow.
 */
#include <stdio.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/swarm.h"
#include "service/engine.h"
#include "service/stack_int.h"

/* On a service that we scaled to nothing: how many replicas it had. */
#define REPLICAS_LABEL "container-monkey.replicas"

/* What the service shall be like; NULL: it is so already. *ret_text: what that means. */
static struct json_object *spec_change(struct json_object *service, enum cm_stack_verb verb, const char **ret_text,
				       int *ret_rc, struct cm_err *err)
{
	struct json_object *spec = cm_json_copy(cm_json_obj(service, "Spec"));
	struct json_object *replicated = cm_json_at(spec, "Mode.Replicated"), *labels = cm_json_obj(spec, "Labels");
	struct json_object *task = cm_json_obj(spec, "TaskTemplate");
	int64_t now = cm_json_int(replicated, "Replicas", 1), before;
	char text[24];

	*ret_rc = 0;
	if (verb == CM_STACK_RESTART) {
		*ret_text = "restarted";
		cm_json_set_int(task, "ForceUpdate", cm_json_int(task, "ForceUpdate", 0) + 1);
		return spec;
	}
	*ret_text = verb == CM_STACK_START ? "started" : "stopped";
	if (replicated == NULL && verb == CM_STACK_STOP)
		*ret_rc = cm_err_set(err, CM_EUNSUPPORTED,
				     "A global service cannot be stopped: it runs on each node until it is deleted.");
	if (replicated == NULL || (verb == CM_STACK_STOP) == (now == 0)) {
		json_object_put(spec);
		return NULL;
	}
	if (labels == NULL) {
		labels = json_object_new_object();
		cm_json_set(spec, "Labels", labels);
	}
	if (verb == CM_STACK_STOP) {
		snprintf(text, sizeof(text), "%lld", (long long)now);
		cm_json_set_str(labels, REPLICAS_LABEL, text);
		cm_json_set_int(replicated, "Replicas", 0);
		return spec;
	}
	if (!cm_str_i64(cm_json_str(labels, REPLICAS_LABEL, ""), 1, INT32_MAX, &before))
		before = 1;
	json_object_object_del(labels, REPLICAS_LABEL);
	cm_json_set_int(replicated, "Replicas", before);
	return spec;
}

static int service_act(struct cm_docker *d, const char *id, enum cm_stack_verb verb, const char **ret_text,
		       struct cm_err *err)
{
	cm_autojson struct json_object *service = NULL, *spec = NULL;
	int rc;

	*ret_text = "deleted";
	if (verb == CM_STACK_REMOVE)
		return cm_swarm_service_remove(d, id, err);
	rc = cm_swarm_service_inspect(d, id, &service, err);
	if (rc < 0)
		return rc;
	spec = spec_change(service, verb, ret_text, &rc, err);
	if (spec == NULL)
		return rc;
	return cm_swarm_service_update(d, id, cm_json_int(cm_json_obj(service, "Version"), "Index", 0), spec, err);
}

static void things_remove(struct cm_docker *d, const struct cm_stack *s, const char *kind, const char *word,
			  struct json_object *results)
{
	cm_autojson struct json_object *filters = json_object_new_object(), *all = NULL;
	cm_autofree char *label = cm_asprintf("%s=%s", CM_SWARM_STACK, s->name);
	struct json_object *labels = json_object_new_array();

	cm_json_add_str(labels, label);
	cm_json_set(filters, "label", labels);
	if (cm_swarm_things(d, kind, filters, &all, NULL) < 0)
		return;
	for (size_t i = 0; i < cm_json_len(all); i++) {
		struct json_object *o = json_object_array_get_idx(all, i);
		struct cm_err why = { 0 };
		int rc = cm_swarm_thing_remove(d, kind, cm_json_str(o, "ID", ""), &why);

		cm_stack_result(results, cm_json_str(cm_json_obj(o, "Spec"), "Name", ""), word, "deleted", rc, &why);
	}
}

int cm_stack_swarm_act(const struct cm_app *app, const struct cm_stack *s, enum cm_stack_verb verb,
		       struct json_object *results, struct cm_err *err)
{
	struct cm_docker *d;
	int rc = cm_engine_get(app, &d, err);

	if (rc < 0)
		return rc;
	if (cm_json_len(s->services) == 0)
		return cm_err_set(
		    err, CM_EUNSUPPORTED,
		    "This Docker Engine is not a manager of the swarm that runs %.100s: do it on a manager.", s->name);
	for (size_t i = 0; i < cm_json_len(s->services); i++) {
		struct json_object *service = json_object_array_get_idx(s->services, i);
		const char *text;
		struct cm_err why = { 0 };
		int one = service_act(d, cm_json_str(service, "id", ""), verb, &text, &why);

		cm_stack_result(results, cm_json_str(service, "name", ""), "service", text, one, &why);
	}
	if (verb == CM_STACK_REMOVE) {
		things_remove(d, s, "secrets", "secret", results);
		things_remove(d, s, "configs", "config", results);
	}
	return 0;
}
