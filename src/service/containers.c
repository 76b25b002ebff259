/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/containers.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/image.h"
#include "docker/self.h"
#include "docker/volume.h"
#include "service/audit.h"
#include "service/container_spec.h"
#include "service/engine.h"
#include "service/own.h"

static int do_stop(struct cm_docker *d, const char *id, struct cm_err *err)
{
	return cm_container_stop(d, id, -1, err);
}

static int do_restart(struct cm_docker *d, const char *id, struct cm_err *err)
{
	return cm_container_restart(d, id, -1, err);
}

static int do_kill(struct cm_docker *d, const char *id, struct cm_err *err)
{
	return cm_container_kill(d, id, NULL, err);
}

enum { RUNNING = 1, PAUSED = 2, STOPPED = 4, ANY = 7 };

static const struct action {
	const char *word, *text, *done;
	int (*run)(struct cm_docker *d, const char *id, struct cm_err *err);
	unsigned in, already; /* states it is done in, and those in which there is nothing left to do */
} actions[] = {
	{ "start", "Container started", "started", cm_container_start, STOPPED, RUNNING },
	{ "stop", "Container stopped gracefully", "stopped", do_stop, RUNNING | PAUSED, STOPPED },
	{ "restart", "Container restarted", "restarted", do_restart, ANY, 0 },
	{ "kill", "Container killed", "killed", do_kill, RUNNING | PAUSED, 0 },
	{ "pause", "Container paused", "paused", cm_container_pause, RUNNING, PAUSED },
	{ "resume", "Container resumed", "resumed", cm_container_unpause, PAUSED, RUNNING },
};

static const struct action *action_find(const char *word)
{
	for (size_t i = 0; i < CM_COUNT(actions); i++) {
		if (cm_str_eq(actions[i].word, word))
			return &actions[i];
	}
	return NULL;
}

const char *cm_containers_action_text(const char *word)
{
	const struct action *a = action_find(word);

	return a != NULL ? a->text : NULL;
}

const char *cm_containers_action_done(const char *word)
{
	const struct action *a = action_find(word);

	return a != NULL ? a->done : NULL;
}

static unsigned state_of(struct json_object *inspect)
{
	if (json_object_get_boolean(cm_json_at(inspect, "State.Paused")))
		return PAUSED;
	return json_object_get_boolean(cm_json_at(inspect, "State.Running")) ? RUNNING : STOPPED;
}

/* The engine's own words for these differ from version to version. */
static int refuse(const struct action *a, unsigned state, const char *name, struct cm_err *err)
{
	if (state == PAUSED)
		return cm_err_set(err, CM_EBUSY, "%s is paused: resume it first.", name);
	if (state == STOPPED)
		return cm_err_set(err, CM_EBUSY, "%s is not running, so it cannot be %s.", name, a->done);
	return cm_err_set(err, CM_EBUSY, "%s is running, so it cannot be %s.", name, a->done);
}

void cm_containers_audit(const char *word, struct json_object *inspect, const char *user, const struct cm_err *why,
			 struct json_object *details)
{
	char operation[48];
	struct cm_audit_event event = {
		.operation = operation,
		.status = why != NULL ? "error" : "completed",
		.container_id = cm_json_str(inspect, "Id", NULL),
		.container_name = cm_spec_name(inspect),
		.error = why != NULL ? why->text : NULL,
		.user = user,
		.details = details,
	};

	snprintf(operation, sizeof(operation), "container_%s", word);
	(void)cm_audit(&event, NULL);
}

/* A container that others link to has a name below theirs, too: "/client/web". */
const char *cm_containers_entry_name(struct json_object *entry)
{
	struct json_object *names = cm_json_arr(entry, "Names");

	for (size_t i = 0; i < cm_json_len(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));

		name = name != NULL && name[0] == '/' ? name + 1 : name;
		if (name != NULL && strchr(name, '/') == NULL)
			return name;
	}
	return cm_json_str(entry, "Id", "");
}

bool cm_containers_is_self(const char *self_id, const char *id)
{
	return cm_self_is(self_id, id);
}

int cm_containers_look(const struct cm_app *app, const char *id, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	struct cm_docker *d;
	struct cm_own own;
	int rc = cm_engine_get(app, &d, err);

	rc = rc < 0 ? rc : cm_container_inspect(d, id, false, &inspect, err);
	rc = rc < 0 ? rc : cm_own_get(app, &own, err);
	rc = rc < 0 ? rc : cm_own_refuse(cm_own_container(&own, inspect), "container", cm_spec_name(inspect), err);
	if (rc == 0)
		*ret = cm_move(&inspect);
	return rc;
}

int cm_containers_action(const struct cm_app *app, const char *id, const char *word, const char *user, char **ret_name,
			 struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	const struct action *a = action_find(word);
	struct cm_err why = { 0 };
	struct cm_docker *d;
	int rc;

	if (a == NULL)
		return cm_err_set(err, CM_EINVAL, "There is no such action.");
	rc = cm_containers_look(app, id, &inspect, err);
	rc = rc < 0 ? rc : cm_engine_get(app, &d, err);
	if (rc < 0)
		return rc;
	/* Somebody was faster, or clicked twice: it is as it was asked to be. */
	if ((state_of(inspect) & a->already) != 0) {
		*ret_name = cm_strdup(cm_spec_name(inspect));
		return 0;
	}
	if ((state_of(inspect) & a->in) == 0)
		rc = refuse(a, state_of(inspect), cm_spec_name(inspect), &why);
	else
		rc = a->run(d, cm_json_str(inspect, "Id", id), &why);
	cm_engine_changed();
	cm_containers_audit(word, inspect, user, rc < 0 ? &why : NULL, NULL);
	if (rc < 0) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	*ret_name = cm_strdup(cm_spec_name(inspect));
	return 0;
}

/* Names of the containers in list, but for the one of this id, that mount the volume. */
static struct json_object *volume_users(struct json_object *list, const char *volume, const char *but_id)
{
	struct json_object *users = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i), *mounts = cm_json_arr(item, "Mounts");

		for (size_t k = 0; k < cm_json_len(mounts); k++) {
			struct json_object *m = json_object_array_get_idx(mounts, k);

			if (!cm_str_eq(cm_json_str(item, "Id", ""), but_id) &&
			    cm_str_eq(cm_json_str(m, "Type", ""), "volume") &&
			    cm_str_eq(cm_json_str(m, "Name", ""), volume)) {
				cm_json_add_str(users, cm_containers_entry_name(item));
				break;
			}
		}
	}
	return users;
}

int cm_containers_volumes(const struct cm_app *app, struct json_object *inspect, struct json_object **ret,
			  struct cm_err *err)
{
	cm_autojson struct json_object *list = NULL, *volumes = cm_spec_volumes(inspect);
	struct json_object *out;
	struct cm_docker *d;
	int rc = cm_engine_get(app, &d, err);

	rc = rc < 0 ? rc : cm_container_list(d, true, NULL, &list, err);
	if (rc < 0)
		return rc;
	out = json_object_new_array();
	for (size_t i = 0; i < cm_json_len(volumes); i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i), *o = json_object_new_object();
		const char *name = cm_json_str(v, "name", "");

		cm_json_set_str(o, "name", name);
		cm_json_set_str(o, "destination", cm_json_str(v, "destination", ""));
		cm_json_set_bool(o, "anonymous", cm_json_bool(v, "anonymous", false));
		cm_json_set(o, "users", volume_users(list, name, cm_json_str(inspect, "Id", "")));
		json_object_array_add(out, o);
	}
	*ret = out;
	return 0;
}

/* Those that somebody else uses stay. */
static void volumes_delete(struct cm_docker *d, struct json_object *volumes, struct json_object *result)
{
	struct json_object *gone = json_object_new_array(), *kept = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(volumes); i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i);
		const char *name = cm_json_str(v, "name", "");

		if (cm_json_len(cm_json_arr(v, "users")) == 0 && cm_volume_remove(d, name, true, NULL) == 0)
			cm_json_add_str(gone, name);
		else
			cm_json_add_str(kept, name);
	}
	cm_json_set(result, "deleted_volumes", gone);
	cm_json_set(result, "kept_volumes", kept);
}

static int stop_and_remove(struct cm_docker *d, struct json_object *inspect, struct cm_err *err)
{
	const char *id = cm_json_str(inspect, "Id", "");
	bool running = json_object_get_boolean(cm_json_at(inspect, "State.Running"));
	bool paused = json_object_get_boolean(cm_json_at(inspect, "State.Paused"));
	int rc = 0;

	/* Gracefully when it can hear us; a frozen one cannot. */
	if (running && !paused)
		rc = cm_container_stop(d, id, -1, err);
	if (rc == 0)
		rc = cm_container_remove(d, id, true, false, err);
	/* With --rm the engine was faster. */
	return rc == CM_ENOTFOUND ? 0 : rc;
}

/* Names of the containers in list, but for the one of this id, that were made from the image. */
static struct json_object *image_users(struct json_object *list, const char *image, const char *but_id)
{
	struct json_object *users = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (!cm_str_eq(cm_json_str(item, "Id", ""), but_id) &&
		    cm_str_eq(cm_json_str(item, "ImageID", ""), image))
			cm_json_add_str(users, cm_containers_entry_name(item));
	}
	return users;
}

int cm_containers_image(const struct cm_app *app, struct json_object *inspect, struct json_object **ret,
			struct cm_err *err)
{
	cm_autojson struct json_object *list = NULL, *now = NULL;
	const char *id = cm_json_str(inspect, "Image", ""), *name = cm_json_str_at(inspect, "Config.Image", "");
	struct json_object *o;
	struct cm_docker *d;
	int rc = cm_engine_get(app, &d, err);

	rc = rc < 0 ? rc : cm_container_list(d, true, NULL, &list, err);
	if (rc < 0)
		return rc;
	/* The name may mean another image by now: then it is this one's id that goes. */
	if (cm_image_inspect(d, name, &now, NULL) < 0 || !cm_str_eq(cm_json_str(now, "Id", ""), id))
		name = id;
	o = json_object_new_object();
	cm_json_set_str(o, "name", name);
	cm_json_set(o, "users", image_users(list, id, cm_json_str(inspect, "Id", "")));
	*ret = o;
	return 0;
}

/* One that somebody else uses, or that has another name too, stays at least under that. */
static void image_delete(struct cm_docker *d, struct json_object *image, struct json_object *result)
{
	const char *name = cm_json_str(image, "name", "");
	struct cm_err why = { 0 };
	bool used = cm_json_len(cm_json_arr(image, "users")) > 0;
	bool gone = !used && cm_image_remove(d, name, false, false, NULL, &why) == 0;

	cm_json_set_str(result, "deleted_image", gone ? name : NULL);
	cm_json_set_str(result, "kept_image", gone ? NULL : name);
	if (!gone && !used)
		cm_json_set_str(result, "image_error", why.text);
}

int cm_containers_delete(const struct cm_app *app, const char *id, const struct cm_containers_delete_options *o,
			 const char *user, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL, *volumes = NULL, *image = NULL;
	struct json_object *result;
	struct cm_err why = { 0 };
	struct cm_docker *d;
	int rc = cm_containers_look(app, id, &inspect, err);

	if (rc == 0 && o->volumes)
		rc = cm_containers_volumes(app, inspect, &volumes, err);
	if (rc == 0 && o->image)
		rc = cm_containers_image(app, inspect, &image, err);
	rc = rc < 0 ? rc : cm_engine_get(app, &d, err);
	if (rc < 0)
		return rc;
	rc = stop_and_remove(d, inspect, &why);
	cm_engine_changed();
	if (rc < 0) {
		cm_containers_audit("delete", inspect, user, &why, NULL);
		if (err != NULL)
			*err = why;
		return rc;
	}
	result = json_object_new_object();
	cm_json_set_str(result, "name", cm_spec_name(inspect));
	volumes_delete(d, volumes, result);
	if (image != NULL)
		image_delete(d, image, result);
	cm_containers_audit("delete", inspect, user, NULL, result);
	*ret = result;
	return 0;
}
