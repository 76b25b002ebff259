/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What volumes and folders held comes back. The program may be killed in here and begin again from the start, so what
 * was done is told from the volumes themselves, by where a marker file lies.
 */
#include <string.h>
#include <time.h>

#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/helper.h"
#include "docker/volume.h"
#include "service/restore_helper.h"
#include "service/restore_undo_int.h"

enum { BUSY_TRIES = 25 };
static const struct timespec busy_pause = { .tv_nsec = 200000000 };

bool cm_undo_volumes_touched(const struct cm_undo *u)
{
	struct json_object *list = cm_json_arr(u->state, "volumes");

	for (size_t i = 0; i < cm_json_len(list); i++)
		if (!cm_str_eq(cm_json_str(json_object_array_get_idx(list, i), "how", ""), "create"))
			return true;
	return false;
}

static int marked(struct cm_undo *u, struct json_object *volume, bool *ret, struct cm_err *err)
{
	*ret = false;
	return volume ? cm_restore_volume_marked(&u->shift, volume, ret, err) : 0;
}

static int aside_gone(struct json_object *note, struct cm_err *err)
{
	return cm_err_set(err, CM_ECORRUPT, "What %s held is gone: the volume %s was removed meanwhile.",
			  cm_json_str(note, "name", cm_json_str(note, "path", "")), cm_json_str(note, "old", ""));
}

/* The marker lies in "old" before anything happened, in the volume between the two exchanges, in "new" after them. */
static int undo_swap(struct cm_undo *u, struct json_object *note, struct cm_err *err)
{
	cm_autojson struct json_object *target = NULL, *fresh = NULL, *aside = NULL;
	bool in_target = false, in_fresh = false;
	int rc = cm_volume_inspect(u->d, cm_json_str(note, "name", ""), &target, err);

	if (rc == CM_ENOTFOUND)
		return 0;
	rc = rc ? rc : cm_undo_gone_is_fine(cm_volume_inspect(u->d, cm_json_str(note, "new", ""), &fresh, err));
	rc = rc ? rc : cm_undo_gone_is_fine(cm_volume_inspect(u->d, cm_json_str(note, "old", ""), &aside, err));
	rc = rc ? rc : marked(u, fresh, &in_fresh, err);
	if (rc == 0 && in_fresh && aside == NULL)
		return aside_gone(note, err);
	if (rc == 0 && in_fresh) {
		rc = cm_restore_volume_swap(&u->shift, target, fresh, err);
		CM_FAULT_POINT("undo_swapped_once");
	}
	rc = rc ? rc : marked(u, target, &in_target, err);
	if (rc == 0 && in_target) {
		if (aside == NULL)
			return aside_gone(note, err);
		rc = cm_restore_volume_swap(&u->shift, target, aside, err);
		CM_FAULT_POINT("undo_swapped_twice");
	}
	return rc;
}

/* A folder of the host that was missing may not have been made. One that was there and is not must not be taken for
 * that: its disk may not be mounted. */
static int copy_target(struct cm_undo *u, struct json_object *note, bool *ret_there, struct cm_err *err)
{
	const char *path = cm_json_str(note, "path", NULL);
	cm_autojson struct json_object *volume = NULL;
	enum cm_path_state state;
	int rc;

	*ret_there = true;
	if (path == NULL) {
		rc = cm_undo_gone_is_fine(cm_volume_inspect(u->d, cm_json_str(note, "name", ""), &volume, err));
		*ret_there = volume != NULL;
		return rc;
	}
	rc = cm_restore_path_state(&u->shift, path, &state, err);
	if (rc != 0 || state != CM_PATH_MISSING)
		return rc;
	*ret_there = false;
	if (cm_json_bool(note, "missing", false))
		return 0;
	return cm_err_set(err, CM_ENOTFOUND, "The folder %s is not there. What it held is kept in the volume %s.", path,
			  cm_json_str(note, "old", ""));
}

/* What was copied aside is copied back once: then the copy gets the marker. From there on the container may write into
 * the volume again, and that must not be undone. */
static int undo_copy(struct cm_undo *u, struct json_object *note, struct cm_err *err)
{
	const char *target = cm_json_str(note, "name", cm_json_str(note, "path", ""));
	const char *old = cm_json_str(note, "old", "");
	const struct cm_shift_need both[] = { { target, true }, { old, true } };
	cm_autojson struct json_object *aside = NULL;
	bool there, is_back = false;
	int rc;

	if (!cm_str_eq(cm_json_str(note, "stage", ""), "writing"))
		return 0;
	/* One helper for all of it. */
	cm_shift_expect(&u->shift, target, true);
	cm_shift_expect(&u->shift, old, true);
	rc = copy_target(u, note, &there, err);
	if (rc != 0 || !there)
		return rc;
	rc = cm_volume_inspect(u->d, old, &aside, err);
	if (rc == CM_ENOTFOUND)
		return aside_gone(note, err);
	rc = rc ? rc : cm_shift_need(&u->shift, both, CM_COUNT(both), err);
	rc = rc ? rc : marked(u, aside, &is_back, err);
	if (rc != 0 || is_back)
		return rc;
	rc = cm_restore_volume_empty(&u->shift, target, err);
	CM_FAULT_POINT("undo_emptied");
	rc = rc ? rc : cm_restore_volume_copy(&u->shift, old, target, NULL, err);
	CM_FAULT_POINT("undo_copied");
	return rc ? rc : cm_restore_volume_mark(&u->shift, aside, err);
}

int cm_undo_volumes(struct cm_undo *u, struct cm_err *err)
{
	struct json_object *list = cm_json_arr(u->state, "volumes");

	for (size_t i = cm_json_len(list); i > 0; i--) {
		struct json_object *note = json_object_array_get_idx(list, i - 1);
		const char *how = cm_json_str(note, "how", "");
		int rc = 0;
		if (strcmp(how, "swap") == 0)
			rc = undo_swap(u, note, err);
		else if (strcmp(how, "copy") == 0)
			rc = undo_copy(u, note, err);
		if (rc != 0) {
			cm_shift_drop(&u->shift);
			return cm_err_prefix(err, "%s could not be put back",
					     cm_json_str(note, "name", cm_json_str(note, "path", "A volume")));
		}
	}
	return cm_shift_end(&u->shift, err);
}

/* The engine lets go of a volume a moment after its container is gone. */
static int remove_volume(struct cm_docker *d, const char *name, struct cm_err *err)
{
	int rc = CM_EINUSE;

	for (int i = 0; rc == CM_EINUSE && i < BUSY_TRIES; i++) {
		if (i > 0)
			nanosleep(&busy_pause, NULL);
		rc = cm_undo_gone_is_fine(cm_volume_remove(d, name, false, err));
	}
	return rc;
}

/* Does a container that is no helper have it? */
static bool used_by_others(struct cm_docker *d, const char *volume)
{
	cm_autojson struct json_object *filters = json_object_new_object(), *list = NULL;
	struct json_object *names = json_object_new_array();
	bool others = false;

	cm_json_add_str(names, volume);
	cm_json_set(filters, "volume", names);
	if (cm_container_list(d, true, filters, &list, NULL) != 0)
		return false;
	for (size_t i = 0; i < cm_json_len(list) && !others; i++) {
		struct json_object *labels = cm_json_obj(json_object_array_get_idx(list, i), "Labels");
		others = cm_json_get(labels, CM_HELPER_LABEL) == NULL;
	}
	return others;
}

int cm_undo_made_volumes(struct cm_undo *u, struct cm_err *err)
{
	struct json_object *list = cm_json_arr(u->state, "volumes");

	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *note = json_object_array_get_idx(list, i);
		const char *name = cm_json_str(note, "name", "");
		cm_autojson struct json_object *now = NULL;
		int rc;
		if (!cm_str_eq(cm_json_str(note, "how", ""), "create"))
			continue;
		rc = cm_undo_gone_is_fine(cm_volume_inspect(u->d, name, &now, err));
		if (rc == 0 && now != NULL && cm_undo_made_since(u, now, "CreatedAt"))
			rc = remove_volume(u->d, name, err);
		if (rc == CM_EINUSE && used_by_others(u->d, name))
			rc = 0;
		if (rc != 0)
			return rc;
	}
	return 0;
}

int cm_undo_remove_volumes(struct cm_docker *d, struct json_object *list, struct cm_err *err)
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
