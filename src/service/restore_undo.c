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
#include "db/journal.h"
#include "service/engine.h"
#include "service/restore_run.h"
#include "service/restore_undo_int.h"

/* Clocks of ours and the engine's may differ that much; volumes tell their age in whole seconds. */
enum { CLOCK_SPARE_MS = 5000, BUSY_TRIES = 25, STOP_GRACE_MS = 15000, STOP_MOST_S = 600 };
static const struct timespec busy_pause = { .tv_nsec = 200000000 };

int cm_undo_gone_is_fine(int rc)
{
	return rc == CM_ENOTFOUND ? 0 : rc;
}

static int container_look(struct cm_docker *d, const char *id, struct json_object **ret, struct cm_err *err)
{
	return id[0] == '\0' ? 0 : cm_undo_gone_is_fine(cm_container_inspect(d, id, false, ret, err));
}

/* One that was started with --rm may just be removing itself. */
static int remove_container(struct cm_docker *d, const char *id, struct cm_err *err)
{
	int rc = CM_EBUSY;

	for (int i = 0; rc == CM_EBUSY && i < BUSY_TRIES; i++) {
		if (i > 0)
			nanosleep(&busy_pause, NULL);
		rc = cm_undo_gone_is_fine(cm_container_remove(d, id, true, true, err));
	}
	return rc;
}

static int undo_new(struct cm_undo *u, struct cm_err *err)
{
	struct json_object *note = cm_json_obj(u->state, "new");
	const char *names[] = { cm_json_str(note, "id", ""), cm_json_str(note, "aside", "") };

	for (size_t i = 0; i < CM_COUNT(names); i++) {
		int rc = names[i][0] ? remove_container(u->d, names[i], err) : 0;
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* An engine that was restarted meanwhile may have started the old one: volumes must not change under it. */
static int old_still(struct cm_undo *u, struct cm_err *err)
{
	const char *id = cm_json_str(cm_json_obj(u->state, "old"), "id", "");
	cm_autojson struct json_object *now = NULL;
	int rc = container_look(u->d, id, &now, err);

	if (rc != 0 || !cm_json_bool(cm_json_obj(now, "State"), "Running", false))
		return rc;
	return cm_container_stop(u->d, id, -1, err);
}

static int undo_volumes(struct cm_undo *u, struct cm_err *err)
{
	int rc = cm_undo_volumes_touched(u) ? old_still(u, err) : 0;

	return rc ? rc : cm_undo_volumes(u, err);
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
	CM_FAULT_POINT("recovery_awaits_old");
	rc = cm_container_wait_finish(wait, (int)left, &code, err);
	cm_container_wait_free(wait);
	*ret_ended = rc == 0;
	return rc == CM_ETIMEDOUT ? 0 : rc;
}

/* It runs, but not since before it was to be stopped: somebody has started it since, or the engine when it came back.
 */
static bool began_since(struct json_object *note, struct json_object *now)
{
	int64_t began = 0;

	return cm_time_parse(cm_json_str_at(now, "State.StartedAt", ""), &began) &&
	       began >= cm_json_int(note, "stop_ms", INT64_MAX);
}

static int undo_old(struct cm_undo *u, struct cm_err *err)
{
	struct json_object *note = cm_json_obj(u->state, "old");
	struct cm_docker *d = u->d;
	cm_autojson struct json_object *now = NULL;
	const char *id = cm_json_str(note, "id", ""), *name = cm_json_str(note, "name", ""), *has;
	bool running, paused, ended = false;
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
	paused = cm_json_bool(cm_json_obj(now, "State"), "Paused", false);
	if (!cm_json_bool(note, "running", false))
		return 0;
	if (running && !began_since(note, now))
		rc = await_stop(d, note, &ended, err);
	if (rc == 0 && (!running || ended)) {
		rc = cm_container_start(d, id, err);
		if (rc != 0)
			return cm_err_prefix(err, "The container %s could not be started again", name);
		paused = false;
	}
	if (rc == 0 && cm_json_bool(note, "paused", false) && !paused)
		rc = cm_container_pause(d, id, err);
	return rc;
}

/* The old container runs again, so there is time for what comes late; the steps after this one remove it. */
static int undo_late(struct cm_undo *u, struct cm_err *err)
{
	if (!u->may_come)
		return 0;
	cm_undo_await(u);
	return undo_new(u, err);
}

bool cm_undo_made_since(const struct cm_undo *u, struct json_object *o, const char *key)
{
	int64_t made = 0;

	return cm_time_parse(cm_json_str(o, key, ""), &made) &&
	       made >= cm_json_int(u->state, "since_ms", 0) - CLOCK_SPARE_MS;
}

static int undo_networks(struct cm_undo *u, struct cm_err *err)
{
	struct json_object *list = cm_json_arr(u->state, "networks");

	for (size_t i = 0; i < cm_json_len(list); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(list, i));
		cm_autojson struct json_object *now = NULL;
		int rc = cm_undo_gone_is_fine(cm_network_inspect(u->d, name, &now, err));
		if (rc == 0 && now != NULL && cm_undo_made_since(u, now, "Created"))
			rc = cm_undo_gone_is_fine(cm_network_remove(u->d, cm_json_str(now, "Id", name), err));
		/* Somebody uses it already: then it stays. */
		if (rc != 0 && rc != CM_EINUSE)
			return rc;
	}
	return 0;
}

/* An image is only in the way of nobody: what cannot be removed stays, without a word. */
static int undo_image(struct cm_undo *u, struct cm_err *err)
{
	struct json_object *note = cm_json_obj(u->state, "image"), *tags = cm_json_arr(note, "tags");
	struct cm_docker *d = u->d;
	const char *id = cm_json_str(note, "id", "");

	(void)err;
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
	return 0;
}

/* A container that is kept must not come up by itself at the next start of the engine, beside the restored one. */
static int keep_quiet(struct cm_docker *d, const char *id, struct cm_err *err)
{
	cm_autojson struct json_object *body = json_object_new_object();
	struct json_object *policy = json_object_new_object();

	cm_json_set_str(policy, "Name", "no");
	cm_json_set(body, "RestartPolicy", policy);
	return cm_undo_gone_is_fine(cm_container_update(d, id, body, err));
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
		rc = cm_undo_gone_is_fine(cm_container_remove(d, id, true, cm_json_bool(old, "volumes", false), err));
	CM_FAULT_POINT("restore_old_removed");
	return rc ? rc : cm_undo_remove_volumes(d, cm_json_arr(state, "scratch"), err);
}

bool cm_undo_is_undone(const struct cm_undo *u, const char *step)
{
	struct json_object *list = cm_json_arr(u->state, "undone");

	for (size_t i = 0; i < cm_json_len(list); i++)
		if (cm_str_eq(json_object_get_string(json_object_array_get_idx(list, i)), step))
			return true;
	return false;
}

static int note_undone(struct cm_undo *u, const char *what, struct cm_err *err)
{
	cm_autofree char *text = NULL;

	if (cm_json_arr(u->state, "undone") == NULL)
		cm_json_set(u->state, "undone", json_object_new_array());
	cm_json_add_str(cm_json_arr(u->state, "undone"), what);
	text = cm_json_text(u->state);
	return cm_journal_update(u->journal, text, err);
}

/* What is undone belongs to the user again and is never undone a second time, which may be days later. The old
 * container starts even when that cannot be noted: its volumes tell. All steps but the first stand for themselves. */
static int undo_steps(struct cm_undo *u, struct cm_err *err)
{
	static const struct {
		const char *name;
		int (*fn)(struct cm_undo *, struct cm_err *);
	} steps[] = { { "volumes", undo_volumes },	{ "old", undo_old },	       { "late", undo_late },
		      { "made", cm_undo_made_volumes }, { "networks", undo_networks }, { "image", undo_image } };
	int first = 0;

	for (size_t i = 0; i < CM_COUNT(steps); i++) {
		struct cm_err why = { 0 };
		int rc = 0;

		if (cm_undo_is_undone(u, steps[i].name))
			continue;
		rc = steps[i].fn(u, &why);
		if (rc != 0 && i == 0)
			return cm_err_set(err, rc, "%s", why.text);
		rc = rc ? rc : note_undone(u, steps[i].name, &why);
		CM_FAULT_POINT("undo_step");
		if (rc != 0 && first == 0) {
			first = rc;
			if (err != NULL)
				*err = why;
		}
	}
	return first;
}

int cm_restore_undo(const struct cm_app *app, int64_t journal, struct json_object *state, struct cm_err *err)
{
	struct cm_undo u = { .app = app, .state = state, .journal = journal };
	int rc = cm_engine_get(app, &u.d, err);

	if (rc != 0)
		return rc;
	u.shift = (struct cm_shift){ .app = app, .d = u.d };
	if (cm_json_int(state, "v", 0) != 1)
		return cm_err_set(err, CM_EUNSUPPORTED, "This restore was begun by another version of the program.");
	if (cm_json_bool(state, "done", false))
		return cm_restore_finish(app, u.d, state, err);
	/* The new container lets go of the volumes, then they are put back, and only then may the old one start. What
	 * was copied aside is kept until all of it is known to be back. */
	u.may_come = cm_undo_may_come(&u);
	rc = undo_new(&u, err);
	rc = rc ? rc : undo_steps(&u, err);
	rc = rc ? rc : cm_undo_remove_volumes(u.d, cm_json_arr(state, "scratch"), err);
	CM_FAULT_POINT("undo_scratch_removed");
	return rc ? rc : cm_undo_remove_volumes(u.d, cm_json_arr(state, "kept"), err);
}
