/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/restore_undo.h"

#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/image.h"
#include "docker/network.h"
#include "docker/volume.h"
#include "service/engine.h"
#include "service/restore_helper.h"
#include "service/restore_run.h"

/* Clocks of ours and the engine's may differ that much; volumes tell their age in whole seconds. */
enum { CLOCK_SPARE_MS = 5000, BUSY_TRIES = 25, STOP_GRACE_MS = 15000, STOP_MOST_S = 600 };
static const struct timespec busy_pause = { .tv_nsec = 200000000 };

/* Something that is not there needs no undoing. */
static int gone_is_fine(int rc)
{
	return rc == CM_ENOTFOUND ? 0 : rc;
}

static int container_look(struct cm_docker *d, const char *id, struct json_object **ret, struct cm_err *err)
{
	return id[0] == '\0' ? 0 : gone_is_fine(cm_container_inspect(d, id, false, ret, err));
}

/* One that was started with --rm may just be removing itself. */
static int remove_container(struct cm_docker *d, const char *id, struct cm_err *err)
{
	int rc = CM_EBUSY;

	for (int i = 0; rc == CM_EBUSY && i < BUSY_TRIES; i++) {
		if (i > 0)
			nanosleep(&busy_pause, NULL);
		rc = gone_is_fine(cm_container_remove(d, id, true, true, err));
	}
	return rc;
}

/* The engine lets go of a volume a moment after its container is gone. */
static int remove_volume(struct cm_docker *d, const char *name, struct cm_err *err)
{
	int rc = CM_EINUSE;

	for (int i = 0; rc == CM_EINUSE && i < BUSY_TRIES; i++) {
		if (i > 0)
			nanosleep(&busy_pause, NULL);
		rc = gone_is_fine(cm_volume_remove(d, name, false, err));
	}
	return rc;
}

static int undo_new(struct cm_docker *d, struct json_object *state, struct cm_err *err)
{
	struct json_object *note = cm_json_obj(state, "new");
	const char *names[] = { cm_json_str(note, "id", ""), cm_json_str(note, "aside", "") };

	for (size_t i = 0; i < CM_COUNT(names); i++) {
		int rc = names[i][0] ? remove_container(d, names[i], err) : 0;
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int marked(const struct cm_app *app, struct cm_docker *d, struct json_object *volume, bool *ret,
		  struct cm_err *err)
{
	*ret = false;
	return volume ? cm_restore_volume_marked(app, d, cm_json_str(volume, "Name", ""), ret, err) : 0;
}

/* The marker lies in "old" before anything happened, in the volume between the two exchanges, in "new" after them. */
static int undo_swap(const struct cm_app *app, struct cm_docker *d, struct json_object *note, struct cm_err *err)
{
	cm_autojson struct json_object *target = NULL, *fresh = NULL, *aside = NULL;
	bool in_target = false, in_fresh = false;
	int rc = cm_volume_inspect(d, cm_json_str(note, "name", ""), &target, err);

	if (rc == CM_ENOTFOUND)
		return 0;
	rc = rc ? rc : gone_is_fine(cm_volume_inspect(d, cm_json_str(note, "new", ""), &fresh, err));
	rc = rc ? rc : gone_is_fine(cm_volume_inspect(d, cm_json_str(note, "old", ""), &aside, err));
	rc = rc ? rc : marked(app, d, fresh, &in_fresh, err);
	if (rc != 0)
		return rc;
	if (in_fresh) {
		rc = cm_restore_volume_swap(app, d, target, fresh, err);
		CM_FAULT_POINT("undo_swapped_once");
	}
	rc = rc ? rc : marked(app, d, target, &in_target, err);
	if (rc == 0 && in_target) {
		if (aside == NULL)
			return cm_err_set(err, CM_ECORRUPT,
					  "What the volume %s held is gone: the volume %s was removed meanwhile.",
					  cm_json_str(note, "name", ""), cm_json_str(note, "old", ""));
		rc = cm_restore_volume_swap(app, d, target, aside, err);
		CM_FAULT_POINT("undo_swapped_twice");
	}
	return rc;
}

static int undo_copy(const struct cm_app *app, struct cm_docker *d, struct json_object *note, struct cm_err *err)
{
	const char *target = cm_json_str(note, "name", cm_json_str(note, "path", ""));
	const char *aside = cm_json_str(note, "old", "");
	enum cm_path_state state = CM_PATH_PRESENT;
	int rc = 0;

	if (!cm_str_eq(cm_json_str(note, "stage", ""), "writing"))
		return 0;
	/* A folder of the host that was missing may not have been made yet. */
	if (target[0] == '/')
		rc = cm_restore_path_state(app, d, target, &state, err);
	if (rc != 0 || state == CM_PATH_MISSING)
		return rc;
	rc = cm_restore_volume_empty(app, d, target, err);
	CM_FAULT_POINT("undo_emptied");
	return rc ? rc : cm_restore_volume_copy(app, d, aside, target, NULL, err);
}

static int undo_volumes(const struct cm_app *app, struct cm_docker *d, struct json_object *state, struct cm_err *err)
{
	struct json_object *list = cm_json_arr(state, "volumes");

	for (size_t i = cm_json_len(list); i > 0; i--) {
		struct json_object *note = json_object_array_get_idx(list, i - 1);
		const char *how = cm_json_str(note, "how", "");
		int rc = 0;
		if (strcmp(how, "swap") == 0)
			rc = undo_swap(app, d, note, err);
		else if (strcmp(how, "copy") == 0)
			rc = undo_copy(app, d, note, err);
		if (rc != 0)
			return cm_err_prefix(err, "%s could not be put back",
					     cm_json_str(note, "name", cm_json_str(note, "path", "A volume")));
	}
	return 0;
}

/* We may have died while the engine was stopping it: then it still runs, and is about to end. Waits until it has ended,
 * or should have. */
static int await_stop(struct cm_docker *d, struct json_object *note, bool *ret_ended, struct cm_err *err)
{
	int64_t timeout = cm_json_int(note, "timeout", 10), left;
	struct cm_container_wait *wait;
	int rc, code;

	*ret_ended = false;
	if (timeout < 0 || timeout > STOP_MOST_S)
		timeout = STOP_MOST_S;
	left = cm_json_int(note, "stop_ms", 0) + timeout * 1000 + STOP_GRACE_MS - cm_now_ms();
	if (left <= 0)
		return 0;
	if (left > timeout * 1000 + STOP_GRACE_MS)
		left = timeout * 1000 + STOP_GRACE_MS;
	rc = cm_container_wait_start(d, cm_json_str(note, "id", ""), "not-running", &wait, err);
	if (rc != 0)
		return rc;
	rc = cm_container_wait_finish(wait, (int)left, &code, err);
	cm_container_wait_free(wait);
	*ret_ended = rc == 0;
	return rc == CM_ETIMEDOUT ? 0 : rc;
}

static int undo_old(struct cm_docker *d, struct json_object *state, struct cm_err *err)
{
	struct json_object *note = cm_json_obj(state, "old");
	cm_autojson struct json_object *now = NULL;
	const char *id = cm_json_str(note, "id", ""), *name = cm_json_str(note, "name", ""), *has;
	bool running, ended = false;
	int rc = container_look(d, id, &now, err);

	if (rc != 0 || now == NULL)
		return rc;
	has = cm_json_str(now, "Name", "/");
	if (!cm_str_eq(has + 1, name)) {
		rc = cm_container_rename(d, id, name, err);
		if (rc != 0)
			return cm_err_prefix(err, "The container %s could not get its name back", name);
	}
	CM_FAULT_POINT("undo_renamed");
	running = cm_json_bool(cm_json_obj(now, "State"), "Running", false);
	if (!cm_json_bool(note, "running", false))
		return 0;
	if (running)
		rc = await_stop(d, note, &ended, err);
	if (rc == 0 && (!running || ended)) {
		rc = cm_container_start(d, id, err);
		if (rc != 0)
			return cm_err_prefix(err, "The container %s could not be started again", name);
		if (cm_json_bool(note, "paused", false))
			rc = cm_container_pause(d, id, err);
	}
	return rc;
}

/* True when the engine made it no earlier than we began: what has the name but is older is not ours. */
static bool made_since(struct json_object *o, const char *key, int64_t since_ms)
{
	int64_t made = 0;

	return cm_time_parse(cm_json_str(o, key, ""), &made) && made >= since_ms - CLOCK_SPARE_MS;
}

static int undo_created_volumes(struct cm_docker *d, struct json_object *state, struct cm_err *err)
{
	struct json_object *list = cm_json_arr(state, "volumes");
	int64_t since = cm_json_int(state, "since_ms", 0);

	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *note = json_object_array_get_idx(list, i);
		const char *name = cm_json_str(note, "name", "");
		cm_autojson struct json_object *now = NULL;
		int rc;
		if (!cm_str_eq(cm_json_str(note, "how", ""), "create"))
			continue;
		rc = gone_is_fine(cm_volume_inspect(d, name, &now, err));
		if (rc == 0 && now != NULL && made_since(now, "CreatedAt", since))
			rc = remove_volume(d, name, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int undo_networks(struct cm_docker *d, struct json_object *state, struct cm_err *err)
{
	struct json_object *list = cm_json_arr(state, "networks");
	int64_t since = cm_json_int(state, "since_ms", 0);

	for (size_t i = 0; i < cm_json_len(list); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(list, i));
		cm_autojson struct json_object *now = NULL;
		int rc = gone_is_fine(cm_network_inspect(d, name, &now, err));
		if (rc == 0 && now != NULL && made_since(now, "Created", since))
			rc = gone_is_fine(cm_network_remove(d, cm_json_str(now, "Id", name), err));
		/* Somebody uses it already: then it stays. */
		if (rc != 0 && rc != CM_EINUSE)
			return rc;
	}
	return 0;
}

/* An image is only in the way of nobody: what cannot be removed stays, without a word. */
static void undo_image(struct cm_docker *d, struct json_object *state)
{
	struct json_object *note = cm_json_obj(state, "image"), *tags = cm_json_arr(note, "tags");
	const char *id = cm_json_str(note, "id", "");

	for (size_t i = 0; i < cm_json_len(tags); i++) {
		struct json_object *t = json_object_array_get_idx(tags, i);
		const char *ref = cm_json_str(t, "ref", ""), *was = cm_json_str(t, "was", NULL);
		cm_autojson struct json_object *now = NULL;
		if (cm_image_inspect(d, ref, &now, NULL) != 0 || cm_str_eq(cm_json_str(now, "Id", ""), was))
			continue;
		if (was == NULL) {
			/* Only its name: the image itself may have been there before. */
			if (!cm_json_bool(note, "load", false) || cm_json_len(cm_json_arr(now, "RepoTags")) > 1)
				cm_image_remove(d, ref, false, true, NULL, NULL);
		} else {
			const char *slash = strrchr(ref, '/'), *colon = strchr(slash ? slash : ref, ':');
			cm_autofree char *repo = colon ? cm_strndup(ref, (size_t)(colon - ref)) : cm_strdup(ref);
			cm_image_tag(d, was, repo, colon ? colon + 1 : "latest", NULL);
		}
	}
	if (cm_json_bool(note, "load", false) && id[0] != '\0')
		cm_image_remove(d, id, false, false, NULL, NULL);
}

static int remove_volumes(struct cm_docker *d, struct json_object *list, struct cm_err *err)
{
	int first = 0;

	for (size_t i = 0; i < cm_json_len(list); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(list, i));
		struct cm_err why = { 0 };
		int rc = remove_volume(d, name, &why);
		if (rc != 0 && first == 0) {
			first = rc;
			if (err != NULL)
				*err = why;
		}
	}
	return first;
}

/* A container that is kept must not come up by itself at the next start of the engine, beside the restored one. */
static int keep_quiet(struct cm_docker *d, const char *id, struct cm_err *err)
{
	cm_autojson struct json_object *body = json_object_new_object();
	struct json_object *policy = json_object_new_object();

	cm_json_set_str(policy, "Name", "no");
	cm_json_set(body, "RestartPolicy", policy);
	return gone_is_fine(cm_container_update(d, id, body, err));
}

int cm_restore_finish(const struct cm_app *app, struct cm_docker *d, struct json_object *state, struct cm_err *err)
{
	struct json_object *old = cm_json_obj(state, "old");
	const char *id = cm_json_str(old, "id", "");
	int rc = 0;

	(void)app;
	if (id[0] != '\0' && cm_json_bool(old, "keep", false))
		rc = keep_quiet(d, id, err);
	else if (id[0] != '\0')
		rc = gone_is_fine(cm_container_remove(d, id, true, cm_json_bool(old, "volumes", false), err));
	CM_FAULT_POINT("restore_old_removed");
	return rc ? rc : remove_volumes(d, cm_json_arr(state, "scratch"), err);
}

int cm_restore_undo(const struct cm_app *app, struct json_object *state, struct cm_err *err)
{
	struct cm_docker *d;
	int rc = cm_engine_get(app, &d, err);

	if (rc != 0)
		return rc;
	if (cm_json_int(state, "v", 0) != 1)
		return cm_err_set(err, CM_EUNSUPPORTED, "This restore was begun by another version of the program.");
	if (cm_json_bool(state, "done", false))
		return cm_restore_finish(app, d, state, err);
	/* The new container lets go of the volumes, then they are put back, and only then may the old one start. */
	rc = undo_new(d, state, err);
	rc = rc ? rc : undo_volumes(app, d, state, err);
	rc = rc ? rc : undo_old(d, state, err);
	rc = rc ? rc : undo_created_volumes(d, state, err);
	rc = rc ? rc : undo_networks(d, state, err);
	if (rc != 0)
		return rc;
	undo_image(d, state);
	rc = remove_volumes(d, cm_json_arr(state, "scratch"), err);
	return rc ? rc : remove_volumes(d, cm_json_arr(state, "kept"), err);
}
