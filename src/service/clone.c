/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/clone.h"

#include <stdio.h>
#include <string.h>

#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/journal.h"
#include "docker/container.h"
#include "docker/image.h"
#include "docker/network.h"
#include "docker/volume.h"
#include "service/audit.h"
#include "service/clone_int.h"
#include "service/container_spec.h"
#include "service/containers.h"
#include "service/engine.h"
#include "service/stacks.h"

enum { STEPS = 3 };

static const char *const known[] = {
	"container", "stack", "name", "env", "ports", "volumes", "image", "start", "user"
};

int cm_clone_params_check(struct json_object *params, struct cm_err *err)
{
	const char *volumes = cm_json_str(params, "volumes", "copy"), *name = cm_json_str(params, "name", "");
	bool stack = cm_json_str(params, "stack", "")[0] != '\0';
	struct json_object *ports = cm_json_get(params, "ports"), *env = cm_json_get(params, "env");

	json_object_object_foreach(params, key, value)
	{
		size_t i = 0;

		(void)value;
		while (i < CM_COUNT(known) && strcmp(known[i], key) != 0)
			i++;
		if (i == CM_COUNT(known))
			return cm_err_set(err, CM_EINVAL, "A clone has no option called \"%.60s\".", key);
	}
	if (!stack && !cm_ref_valid(cm_json_str(params, "container", "")))
		return cm_err_set(err, CM_EINVAL, "Say which container to clone, by its name or id.");
	if (!cm_str_eq(volumes, "copy") && !cm_str_eq(volumes, "share") && !cm_str_eq(volumes, "none"))
		return cm_err_set(err, CM_EINVAL, "volumes must be \"copy\", \"share\" or \"none\".");
	if (name[0] != '\0' && (!cm_name_valid(name) || strlen(name) < 2 || strlen(name) > 200))
		return cm_err_set(
		    err, CM_EINVAL,
		    "A name has letters, digits and . _ - only, begins with a letter or digit, and has at least "
		    "two characters.");
	if (ports != NULL && !json_object_is_type(ports, json_type_object))
		return cm_err_set(err, CM_EINVAL, "ports must be an object, like {\"8080/tcp\": \"18095\"}.");
	if (env != NULL && !json_object_is_type(env, json_type_object) && !json_object_is_type(env, json_type_array))
		return cm_err_set(err, CM_EINVAL,
				  "env must be an object of names and values, or lines like NAME=value.");
	if (stack && (env != NULL || ports != NULL || cm_json_get(params, "image") != NULL))
		return cm_err_set(err, CM_EINVAL,
				  "A stack is cloned as it is: env, ports and image are for one container.");
	return 0;
}

void cm_clone_labels(const struct cm_clone *c, struct json_object *config)
{
	struct json_object *labels = cm_json_obj(config, "Labels"), *kept = json_object_new_object();

	if (labels != NULL) {
		json_object_object_foreach(labels, key, value)
		{
			if (c->stack != NULL || (!cm_str_has_prefix(key, "com.docker.compose.") &&
						 !cm_str_has_prefix(key, "com.docker.swarm.") &&
						 !cm_str_has_prefix(key, "com.docker.stack.")))
				cm_json_set(kept, key, json_object_get(value));
		}
	}
	if (c->stack != NULL)
		cm_json_set_str(kept, CM_COMPOSE_PROJECT, c->project);
	cm_json_set(config, "Labels", kept);
}

void cm_clone_mounts_drop(struct json_object *inspect)
{
	struct json_object *host = cm_json_obj(inspect, "HostConfig");

	json_object_object_del(host, "Binds");
	json_object_object_del(host, "Mounts");
	json_object_object_del(host, "VolumesFrom");
	json_object_object_del(cm_json_obj(inspect, "Config"), "Volumes");
	cm_json_set(inspect, "Mounts", json_object_new_array());
}

/* The body of the create request. */
static int spec_make(struct cm_clone *c, struct json_object *source, const char *name, struct cm_spec **ret,
		     struct cm_err *err)
{
	cm_autojson struct json_object *inspect = cm_json_copy(source), *anon = NULL, *ports = NULL, *image = NULL;
	const char *ref = cm_json_str(c->params, "image", NULL);
	struct json_object *config = cm_json_obj(inspect, "Config");
	struct cm_engine_overview engine;
	struct cm_spec_options o = { .new_name = name,
				     .image = ref,
				     .volume_names = c->volume_names,
				     .network_names = c->network_names,
				     .container_refs = c->refs,
				     .drop_addresses = true,
				     .drop_aliases = c->stack == NULL };
	int rc = cm_docker_api(c->d, &o.api_minor, err);

	cm_engine_known(c->app, &engine);
	o.engine_name = engine.name;
	if (cm_str_eq(c->volumes, "none"))
		cm_clone_mounts_drop(inspect);
	cm_clone_labels(c, config);
	rc = rc < 0 ? rc : cm_clone_env(config, cm_json_get(c->params, "env"), err);
	rc = rc < 0 ? rc : cm_clone_ports(c, inspect, &ports, err);
	rc = rc < 0 ? rc : cm_clone_volumes(c, inspect, &anon, err);
	rc = rc < 0 ? rc : cm_image_inspect(c->d, ref != NULL ? ref : cm_json_str(source, "Image", ""), &image, err);
	if (rc < 0)
		return rc;
	/* The name may mean another image by now. */
	if (ref == NULL && cm_image_ref_valid(cm_json_str(source, "Image", "")))
		o.image = cm_json_str(source, "Image", NULL);
	o.image_config = cm_json_obj(image, "Config");
	o.port_overrides = ports;
	o.anon_binds = anon;
	return cm_spec_from_inspect(inspect, &o, ret, err);
}

static int networks_join(struct cm_clone *c, const struct cm_spec *spec, const char *id, struct cm_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < cm_json_len(spec->connects); i++) {
		struct json_object *n = json_object_array_get_idx(spec->connects, i);

		rc = cm_network_connect(c->d, cm_json_str(n, "network", ""), id, cm_json_obj(n, "endpoint"), err);
	}
	for (size_t i = 0; rc == 0 && i < cm_json_len(spec->disconnects); i++)
		rc = cm_network_disconnect(
		    c->d, json_object_get_string(json_object_array_get_idx(spec->disconnects, i)), id, false, err);
	return rc;
}

int cm_clone_create(struct cm_clone *c, const struct cm_spec *spec, const char *name, char **ret_id, struct cm_err *err)
{
	cm_autojson struct json_object *warnings = NULL;
	int rc = cm_clone_note(c, "containers", name, err);

	CM_FAULT_POINT("clone_before_create");
	if (rc < 0)
		return rc;
	rc = cm_container_create(c->d, name, spec->body, ret_id, &warnings, err);
	/* Somebody was faster: that one is not ours to remove. */
	if (rc == CM_EEXIST)
		cm_clone_unnote(c, "containers", name);
	for (size_t i = 0; rc == 0 && i < cm_json_len(spec->warnings); i++)
		json_object_array_add(c->warnings, json_object_get(json_object_array_get_idx(spec->warnings, i)));
	return rc < 0 ? rc : networks_join(c, spec, *ret_id, err);
}

/* One container: the whole way to the started clone. wish: its name, or NULL. */
static int clone_one(struct cm_clone *c, struct json_object *source, const char *wish, struct cm_err *err)
{
	bool start = cm_json_bool(c->params, "start", json_object_get_boolean(cm_json_at(source, "State.Running")));
	cm_autofree char *name = cm_strdup(wish), *id = NULL;
	struct cm_spec *spec = NULL;
	struct json_object *o;
	int rc = 0;

	if (cm_progress_cancelled(c->progress))
		return cm_err_set(err, CM_ECANCELLED, "The clone was cancelled.");
	if (name == NULL)
		rc = cm_clone_name(c, "container", cm_spec_name(source), &name, err);
	cm_progress_step(c->progress, 1, STEPS, cm_spec_name(source));
	rc = rc < 0 ? rc : spec_make(c, source, name, &spec, err);
	cm_progress_step(c->progress, STEPS, STEPS, name);
	rc = rc < 0 ? rc : cm_clone_create(c, spec, name, &id, err);
	if (rc == 0 && start)
		rc = cm_container_start(c->d, id, err);
	cm_spec_free(spec);
	if (rc < 0)
		return rc;
	cm_json_set_str(c->refs, cm_json_str(source, "Id", ""), id);
	o = json_object_new_object();
	cm_json_set_str(o, "id", id);
	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "from", cm_spec_name(source));
	cm_json_set_bool(o, "started", start);
	json_object_array_add(c->done, o);
	/* Its ports are taken from now on. */
	json_object_put(c->listed);
	c->listed = NULL;
	return cm_container_list(c->d, true, NULL, &c->listed, err);
}

/* A network of the stack, with new addresses and the new project's label. */
static int network_clone(struct cm_clone *c, const char *name, struct cm_err *err)
{
	static const char *const same[] = { "Driver", "Internal", "Attachable", "EnableIPv6", "Options" };
	cm_autojson struct json_object *network = NULL, *body = json_object_new_object();
	size_t len = strlen(c->stack);
	cm_autofree char *to = NULL, *id = NULL;
	struct json_object *labels;
	int rc = cm_network_inspect(c->d, name, &network, err);

	if (rc < 0)
		return rc;
	labels = cm_json_copy(cm_json_obj(network, "Labels"));
	/* One that was there before is joined as it is. */
	if (!cm_str_eq(cm_json_str(labels, CM_COMPOSE_PROJECT, ""), c->stack)) {
		json_object_put(labels);
		return 0;
	}
	to = strncmp(name, c->stack, len) == 0 ? cm_asprintf("%s%s", c->project, name + len)
					       : cm_asprintf("%s_%s", c->project, name);
	for (size_t i = 0; i < CM_COUNT(same); i++) {
		if (cm_json_get(network, same[i]) != NULL)
			cm_json_set(body, same[i], cm_json_copy(cm_json_get(network, same[i])));
	}
	cm_json_set_str(labels, CM_COMPOSE_PROJECT, c->project);
	cm_json_set(body, "Labels", labels);
	cm_json_set_str(body, "Name", to);
	/* The bridge of the original has its name already. */
	json_object_object_del(cm_json_obj(body, "Options"), "com.docker.network.bridge.name");
	rc = cm_clone_note(c, "networks", to, err);
	rc = rc < 0 ? rc : cm_network_create(c->d, body, &id, err);
	if (rc == CM_EEXIST)
		cm_clone_unnote(c, "networks", to);
	if (rc == 0)
		cm_json_set_str(c->network_names, name, to);
	return rc;
}

/* A project's name that no stack has. */
static int project_name(struct cm_clone *c, const struct cm_stack_list *list, struct cm_err *err)
{
	const char *wish = cm_json_str(c->params, "name", "");
	const struct cm_stack *found;

	for (int n = 1; n < 1000; n++) {
		cm_autofree char *name =
		    wish[0] != '\0' ? cm_strdup(wish) : cm_asprintf("%.180s-clone-%d", c->stack, n);

		if (cm_stack_find(list, name, &found, NULL) == CM_ENOTFOUND) {
			c->project = cm_move(&name);
			return 0;
		}
		if (wish[0] != '\0')
			break;
	}
	return cm_err_set(err, CM_EEXIST, "There is a stack of that name already: choose another one.");
}

static int clone_stack(struct cm_clone *c, struct cm_err *err)
{
	struct cm_stack_members all = { 0 };
	const struct cm_stack *s;
	struct cm_stack_list list;
	int rc = cm_stacks_list(c->app, &list, err);

	if (rc < 0)
		return rc;
	rc = cm_stack_find(&list, c->stack, &s, err);
	if (rc == 0 && s->swarm)
		rc = cm_err_set(err, CM_EUNSUPPORTED,
				"The stack of a swarm is not cloned: deploy its file under another name.");
	rc = rc < 0 ? rc : project_name(c, &list, err);
	rc = rc < 0 ? rc : cm_stack_members(c->app, s, &all, err);
	for (size_t i = 0; rc == 0 && i < cm_json_len(s->networks); i++)
		rc = network_clone(c, json_object_get_string(json_object_array_get_idx(s->networks, i)), err);
	for (size_t i = 0; rc == 0 && i < all.count; i++) {
		rc = clone_one(c, all.all[i].inspect, NULL, err);
		if (rc < 0 && rc != CM_ECANCELLED)
			cm_err_prefix(err, "%s", all.all[i].name);
	}
	cm_stack_members_release(&all);
	cm_stack_list_release(&list);
	return rc;
}

static int clone_container(struct cm_clone *c, struct cm_err *err)
{
	cm_autojson struct json_object *source = NULL;
	const char *wish = cm_json_str(c->params, "name", "");
	int rc = cm_containers_look(c->app, cm_json_str(c->params, "container", ""), &source, err);

	return rc < 0 ? rc : clone_one(c, source, wish[0] != '\0' ? wish : NULL, err);
}

static void gone(int rc, int *ret)
{
	if (rc < 0 && rc != CM_ENOTFOUND && *ret == 0)
		*ret = rc;
}

int cm_clone_undo(const struct cm_app *app, struct json_object *made, struct cm_err *err)
{
	struct json_object *containers = cm_json_arr(made, "containers"), *volumes = cm_json_arr(made, "volumes");
	struct json_object *networks = cm_json_arr(made, "networks"), *images = cm_json_arr(made, "images");
	struct cm_docker *d;
	int rc = cm_engine_get(app, &d, err), worst = 0;

	if (rc < 0)
		return rc;
	for (size_t i = cm_json_len(containers); i > 0; i--)
		gone(cm_container_remove(d, json_object_get_string(json_object_array_get_idx(containers, i - 1)), true,
					 true, err),
		     &worst);
	for (size_t i = 0; i < cm_json_len(images); i++)
		gone(cm_image_remove(d, json_object_get_string(json_object_array_get_idx(images, i)), true, false, NULL,
				     err),
		     &worst);
	for (size_t i = 0; i < cm_json_len(volumes); i++)
		gone(cm_volume_remove(d, json_object_get_string(json_object_array_get_idx(volumes, i)), true, err),
		     &worst);
	for (size_t i = 0; i < cm_json_len(networks); i++)
		gone(cm_network_remove(d, json_object_get_string(json_object_array_get_idx(networks, i)), err), &worst);
	cm_engine_changed();
	return worst;
}

static void audit(const struct cm_clone *c, const char *status, const struct cm_err *why)
{
	cm_autojson struct json_object *details = json_object_new_object();
	struct cm_audit_event event = { .operation = c->stack != NULL ? "stack_clone" : "container_clone",
					.status = status,
					.container_name =
					    c->stack != NULL ? c->stack : cm_json_str(c->params, "container", ""),
					.error = why != NULL ? why->text : NULL,
					.user = cm_json_str(c->params, "user", NULL),
					.details = details };

	cm_json_set(details, "made", json_object_get(c->done));
	(void)cm_audit(&event, NULL);
}

int cm_clone_begin(struct cm_clone *c, const char *subject, struct cm_err *err)
{
	static const char *const lists[] = { "containers", "volumes", "networks", "images" };
	const char *stack = cm_json_str(c->params, "stack", "");
	cm_autofree char *text = NULL;
	int rc;

	c->made = json_object_new_object();
	for (size_t i = 0; i < CM_COUNT(lists); i++)
		cm_json_set(c->made, lists[i], json_object_new_array());
	c->stack = stack[0] != '\0' ? stack : NULL;
	c->volumes = cm_json_str(c->params, "volumes", "copy");
	c->volume_names = json_object_new_object();
	c->network_names = json_object_new_object();
	c->refs = json_object_new_object();
	c->ports = json_object_new_array();
	c->copied = json_object_new_array();
	c->done = json_object_new_array();
	c->warnings = json_object_new_array();
	rc = cm_engine_get(c->app, &c->d, err);
	rc = rc < 0 ? rc : cm_container_list(c->d, true, NULL, &c->listed, err);
	if (rc < 0)
		return rc;
	c->shift = (struct cm_shift){ .app = c->app, .d = c->d };
	text = cm_json_text(c->made);
	return cm_journal_add(NULL, "clone", NULL, subject, text, &c->journal, err);
}

void cm_clone_end(struct cm_clone *c, int rc)
{
	struct cm_err undo = { 0 };

	if (c->d != NULL)
		cm_shift_drop(&c->shift);
	cm_engine_changed();
	if (rc < 0 && c->journal != 0 && cm_clone_undo(c->app, c->made, &undo) < 0)
		cm_journal_failed(c->journal, undo.text, NULL);
	else if (c->journal != 0)
		cm_journal_close(c->journal, NULL);
}

void cm_clone_release(struct cm_clone *c)
{
	json_object_put(c->made);
	json_object_put(c->listed);
	json_object_put(c->volume_names);
	json_object_put(c->network_names);
	json_object_put(c->refs);
	json_object_put(c->ports);
	json_object_put(c->copied);
	json_object_put(c->done);
	json_object_put(c->warnings);
	free(c->project);
}

static struct json_object *result_make(struct cm_clone *c)
{
	struct json_object *o = json_object_new_object(), *last = json_object_array_get_idx(c->done, 0);
	const char *name = c->stack != NULL ? c->project : cm_json_str(last, "name", "");

	cm_autofree char *text =
	    cm_asprintf("%s was cloned as %s", c->stack != NULL ? c->stack : cm_json_str(last, "from", ""), name);

	cm_json_set_str(o, "message", text);
	cm_json_set_str(o, "action", "clone");
	cm_json_set_str(o, "sourceId", c->stack != NULL ? c->stack : cm_json_str(c->params, "container", ""));
	cm_json_set_str(o, "newId", c->stack != NULL ? c->project : cm_json_str(last, "id", ""));
	cm_json_set_str(o, "newName", name);
	cm_json_set(o, "containers", json_object_get(c->done));
	cm_json_set(o, "ports", json_object_get(c->ports));
	cm_json_set(o, "volumes", json_object_get(c->copied));
	cm_json_set(o, "warnings", json_object_get(c->warnings));
	return o;
}

int cm_clone_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		 struct json_object **ret_result, struct cm_err *err)
{
	struct cm_clone c = { .app = app, .params = params, .progress = progress };
	const char *subject = cm_json_str(params, "stack", "");
	struct cm_err why = { 0 };
	int rc = cm_clone_params_check(params, &why);

	rc =
	    rc < 0 ? rc : cm_clone_begin(&c, subject[0] != '\0' ? subject : cm_json_str(params, "container", ""), &why);
	rc = rc < 0 ? rc : c.stack != NULL ? clone_stack(&c, &why) : clone_container(&c, &why);
	cm_clone_end(&c, rc);
	audit(&c, rc == 0 ? "completed" : rc == CM_ECANCELLED ? "cancelled" : "error", rc < 0 ? &why : NULL);
	for (size_t i = 0; rc == 0 && i < cm_json_len(c.warnings); i++)
		cm_progress_warn(progress, json_object_get_string(json_object_array_get_idx(c.warnings, i)));
	if (rc < 0 && err != NULL)
		*err = why;
	if (rc == 0 && ret_result != NULL)
		*ret_result = result_make(&c);
	cm_clone_release(&c);
	return rc;
}
