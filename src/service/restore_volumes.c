/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Volumes: filled and verified beside what is there, then switched.
 */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/volume.h"
#include "service/engine.h"
#include "service/restore_helper.h"
#include "service/restore_run.h"

static struct json_object *entry_new(const char *name, const char *how)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "how", how);
	return o;
}

/* A volume of ours, named before it is made. list: "scratch", or "kept" for one that stays after success. */
static int scratch_make(struct cm_restore_run *r, const char *list, const char *name, struct cm_err *err)
{
	cm_autojson struct json_object *body = json_object_new_object();
	struct json_object *labels = json_object_new_object();
	int rc = cm_restore_note_name(r, list, name, err);

	cm_json_set_str(body, "Name", name);
	cm_json_set_str(body, "Driver", "local");
	cm_json_set_str(labels, CM_RESTORE_LABEL, r->tag);
	cm_json_set(body, "Labels", labels);
	return rc ? rc : cm_volume_create(cm_restore_docker(r), body, NULL, err);
}

static struct json_object *create_body(const struct cm_restore_volume *v)
{
	struct json_object *body = json_object_new_object(), *labels = cm_json_obj(v->entry, "labels"), *kept;
	struct json_object *options = cm_json_obj(v->entry, "options");
	bool renamed = strcmp(v->name, v->recorded) != 0;

	cm_json_set_str(body, "Name", v->name);
	cm_json_set_str(body, "Driver", cm_json_str(v->entry, "driver", "local"));
	if (options != NULL)
		cm_json_set(body, "DriverOpts", cm_json_copy(options));
	kept = json_object_new_object();
	if (labels != NULL) {
		json_object_object_foreach(labels, key, value)
		{
			/* A copy under another name is no volume of that Compose project. */
			if (!renamed || !cm_str_has_prefix(key, "com.docker.compose."))
				json_object_object_add(kept, key, json_object_get(value));
		}
	}
	cm_json_set(body, "Labels", kept);
	return body;
}

/* Nothing but a folder of the engine: it can be mounted together with others. */
static bool is_plain(const struct cm_restore_volume *v)
{
	struct json_object *options = cm_json_obj(v->entry, "options");

	return cm_str_eq(cm_json_str(v->entry, "driver", "local"), "local") &&
	       (options == NULL || json_object_object_length(options) == 0);
}

/* What of it is filled before the old container goes; NULL: nothing. */
static const char *fill_target(const struct cm_restore_volume *v)
{
	return !v->has_data ? NULL : v->action == CM_RV_CREATE ? v->name : v->scratch;
}

static int volume_make(struct cm_restore_run *r, struct cm_restore_volume *v, size_t number, struct cm_err *err)
{
	int rc = 0;

	if (v->action == CM_RV_CREATE) {
		cm_autojson struct json_object *body = create_body(v);
		rc = cm_restore_note_volume(r, entry_new(v->name, "create"), err);
		rc = rc ? rc : cm_volume_create(cm_restore_docker(r), body, NULL, err);
		if (rc == 0)
			CM_FAULT_POINT("restore_volume_made");
	} else if (v->has_data && (v->action == CM_RV_REPLACE || v->action == CM_RV_ANONYMOUS)) {
		v->scratch = cm_asprintf("cm-restore-%s-%zu", r->tag, number);
		rc = scratch_make(r, "scratch", v->scratch, err);
		if (rc == 0)
			CM_FAULT_POINT("restore_scratch_made");
	}
	return rc;
}

static int volume_fill(struct cm_restore_run *r, struct cm_restore_volume *v, const char *target, struct cm_err *err)
{
	const struct cm_shift_need need = { target, true };
	bool empty = true;
	int rc = 0;

	/* One with options (NFS, a device) may bring content of its own. */
	if (v->action == CM_RV_CREATE && !is_plain(v)) {
		rc = cm_shift_need(cm_restore_shift(r), &need, 1, err);
		rc = rc ? rc : cm_restore_volume_is_empty(cm_restore_shift(r), v->name, &empty, err);
	}
	if (rc == 0 && !empty) {
		cm_restore_warn(r, "Volume %s brought content of its own, which was kept.", v->name);
		v->has_data = false;
		return 0;
	}
	return rc ? rc : cm_restore_fill(r, v->entry, target, false, err);
}

static int volume_failed(const struct cm_restore_volume *v, int rc, struct cm_err *err)
{
	if (rc == 0 || rc == CM_ECANCELLED)
		return rc;
	return cm_err_prefix(err, "Volume %s could not be restored", v->anonymous ? v->destination : v->recorded);
}

/* One helper for as many as there are; one of another driver, or with options, has one to itself. */
static void fill_expect(struct cm_restore_run *r, size_t from)
{
	for (size_t i = from; i < r->plan->volume_count; i++) {
		const struct cm_restore_volume *v = &r->plan->volumes[i];
		const char *target = fill_target(v);
		if (target != NULL && (v->action != CM_RV_CREATE || is_plain(v)))
			cm_shift_expect(&r->shift, target, true);
	}
}

/* All are made before the first is filled. */
int cm_restore_volumes_prepare(struct cm_restore_run *r, struct cm_err *err)
{
	size_t count = r->plan->volume_count;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		rc = cm_restore_check(r, err);
		rc = rc ? rc : volume_make(r, &r->plan->volumes[i], i, err);
		rc = volume_failed(&r->plan->volumes[i], rc, err);
	}
	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct cm_restore_volume *v = &r->plan->volumes[i];
		const char *target = fill_target(v);
		bool create = v->action == CM_RV_CREATE;
		if (create || target != NULL)
			cm_restore_step(r, "%s volume %zu of %zu: %s", create ? "Restoring" : "Preparing", i + 1, count,
					v->anonymous ? v->destination : v->name);
		if (target == NULL)
			continue;
		rc = cm_restore_check(r, err);
		if (rc == 0 && cm_shift_path(cm_restore_shift(r), target, true) == NULL)
			fill_expect(r, i);
		rc = rc ? rc : volume_fill(r, v, target, err);
		rc = volume_failed(v, rc, err);
	}
	if (rc == 0)
		CM_FAULT_POINT("restore_prepared");
	return rc;
}

static int inspect_both(struct cm_restore_run *r, const char *a, const char *b, struct json_object **ret_a,
			struct json_object **ret_b, struct cm_err *err)
{
	int rc = cm_volume_inspect(cm_restore_docker(r), a, ret_a, err);
	return rc ? rc : cm_volume_inspect(cm_restore_docker(r), b, ret_b, err);
}

/* Three folders: the volume (what is there now), the scratch volume (what comes), and an empty one of ours that only
 * holds a marker. Two atomic exchanges; where the marker is tells how far it came. */
static int switch_swap(struct cm_restore_run *r, struct cm_restore_volume *v, const char *aside,
		       struct json_object *target, struct json_object *scratch, struct cm_err *err)
{
	cm_autojson struct json_object *marked = NULL;
	struct json_object *note = entry_new(v->name, "swap");
	struct cm_shift *s = cm_restore_shift(r);
	int rc = cm_volume_inspect(s->d, aside, &marked, err);

	rc = rc ? rc : cm_restore_volume_mark(s, marked, err);
	cm_json_set_str(note, "new", v->scratch);
	cm_json_set_str(note, "old", aside);
	if (rc != 0) {
		json_object_put(note);
		return rc;
	}
	rc = cm_restore_note_volume(r, note, err);
	rc = rc ? rc : cm_restore_volume_swap(s, target, marked, err);
	if (rc != 0)
		return rc;
	CM_FAULT_POINT("restore_swapped_once");
	rc = cm_restore_volume_swap(s, target, scratch, err);
	if (rc == 0)
		CM_FAULT_POINT("restore_swapped_twice");
	return rc;
}

/* Where folders cannot change places: what is there is copied aside first, then overwritten. */
static int switch_copy(struct cm_restore_run *r, const char *target, const char *scratch, const char *aside,
		       struct cm_err *err)
{
	struct cm_archive_watch watch = cm_restore_watch(r);
	struct json_object *note = entry_new(target, "copy");
	struct cm_shift *s = cm_restore_shift(r);
	int rc;

	/* One helper for all of it. */
	cm_shift_expect(s, target, true);
	cm_shift_expect(s, scratch, false);
	watch.progress = NULL;
	cm_json_set_str(note, "old", aside);
	cm_json_set_str(note, "stage", "saving");
	rc = cm_restore_note_volume(r, note, err);
	rc = rc ? rc : cm_restore_volume_copy(s, target, aside, &watch, err);
	if (rc != 0)
		return rc;
	CM_FAULT_POINT("restore_copied_aside");
	cm_json_set_str(note, "stage", "writing");
	rc = cm_restore_save(r, err);
	rc = rc ? rc : cm_restore_volume_empty(s, target, err);
	if (rc != 0)
		return rc;
	CM_FAULT_POINT("restore_emptied");
	return cm_restore_volume_copy(s, scratch, target, &watch, err);
}

static int switch_one(struct cm_restore_run *r, struct cm_restore_volume *v, struct cm_err *err)
{
	cm_autojson struct json_object *target = NULL, *scratch = NULL;
	bool keep = r->plan->options.keep_old && r->plan->old != NULL;
	cm_autofree char *aside = NULL;
	char stamp[32];
	int rc = inspect_both(r, v->name, v->scratch, &target, &scratch, err);

	if (rc != 0)
		return rc;
	cm_time_stamp(stamp, cm_now_ms());
	aside = keep ? cm_asprintf("%s_before_%s", v->name, stamp) : cm_asprintf("%s-old", v->scratch);
	rc = scratch_make(r, keep ? "kept" : "scratch", aside, err);
	if (rc != 0)
		return rc;
	if (cm_restore_volume_swappable(target) && cm_restore_volume_swappable(scratch)) {
		rc = switch_swap(r, v, aside, target, scratch, err);
		if (rc != CM_EUNSUPPORTED)
			return rc;
		/* The file system cannot; nothing was changed. The marker goes, and the copy begins. */
		json_object_array_del_idx(cm_json_arr(r->state, "volumes"),
					  json_object_array_length(cm_json_arr(r->state, "volumes")) - 1, 1);
		rc = cm_restore_save(r, err);
		rc = rc ? rc : cm_restore_volume_empty(cm_restore_shift(r), aside, err);
		if (rc != 0)
			return rc;
	}
	return switch_copy(r, v->name, v->scratch, aside, err);
}

int cm_restore_volumes_switch(struct cm_restore_run *r, struct cm_err *err)
{
	for (size_t i = 0; i < r->plan->volume_count; i++) {
		struct cm_restore_volume *v = &r->plan->volumes[i];
		int rc;

		if (v->action != CM_RV_REPLACE)
			continue;
		rc = cm_restore_check(r, err);
		rc = rc ? rc : switch_one(r, v, err);
		if (rc != 0)
			return rc == CM_ECANCELLED ? rc
						   : cm_err_prefix(err, "Volume %s could not be replaced", v->name);
	}
	return 0;
}

static const char *new_anonymous(struct json_object *inspect, const char *destination)
{
	struct json_object *mounts = cm_json_arr(inspect, "Mounts");

	for (size_t i = 0; i < cm_json_len(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		if (cm_str_eq(cm_json_str(m, "Destination", ""), destination))
			return cm_json_str(m, "Name", NULL);
	}
	return NULL;
}

/* Nothing of the user's is in the new container's own volumes: no way back is needed but their removal. */
static int anonymous_one(struct cm_restore_run *r, struct cm_restore_volume *v, const char *name, struct cm_err *err)
{
	cm_autojson struct json_object *target = NULL, *scratch = NULL;
	struct cm_shift *s = cm_restore_shift(r);
	int rc = inspect_both(r, name, v->scratch, &target, &scratch, err);

	rc = rc ? rc : cm_restore_volume_swap(s, target, scratch, err);
	if (rc == CM_EUNSUPPORTED) {
		cm_shift_expect(s, v->scratch, false);
		rc = cm_restore_volume_empty(s, name, err);
		rc = rc ? rc : cm_restore_volume_copy(s, v->scratch, name, NULL, err);
	}
	return rc;
}

/* Creating a container copies what the image has into volumes that are empty: was it empty when it was backed up? */
static bool may_be_full(const struct cm_restore_volume *v)
{
	return (v->action == CM_RV_CREATE || v->action == CM_RV_REPLACE) && v->has_data &&
	       cm_json_int(v->entry, "files", 2) <= 1 && !cm_json_bool(v->entry, "no_copy", false);
}

/* Those that were are written again. */
static int refill_empty(struct cm_restore_run *r, struct cm_restore_volume *v, struct cm_err *err)
{
	struct cm_shift *s = cm_restore_shift(r);
	bool empty = true;
	int rc = cm_restore_volume_is_empty(s, v->name, &empty, err);

	if (rc != 0 || empty)
		return rc;
	rc = cm_restore_volume_empty(s, v->name, err);
	return rc ? rc : cm_restore_fill(r, v->entry, v->name, false, err);
}

int cm_restore_volumes_anonymous(struct cm_restore_run *r, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	int rc = cm_container_inspect(cm_restore_docker(r), r->new_id, false, &inspect, err);

	for (size_t i = 0; rc == 0 && i < r->plan->volume_count; i++) {
		struct cm_restore_volume *v = &r->plan->volumes[i];
		const char *name = new_anonymous(inspect, v->destination);
		if (v->action == CM_RV_ANONYMOUS && v->scratch != NULL) {
			if (name == NULL)
				return cm_err_set(err, CM_EUPSTREAM,
						  "The engine made no volume for %s in the new container.",
						  v->destination);
			rc = anonymous_one(r, v, name, err);
		} else if (may_be_full(v)) {
			rc = refill_empty(r, v, err);
		}
		rc = rc ? rc : cm_restore_check(r, err);
	}
	CM_FAULT_POINT("restore_volumes_in_place");
	return rc;
}
