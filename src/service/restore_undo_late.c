/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way back, when the engine may still be making what it was asked for by a program that died or gave up waiting: it
 * appears after everybody has looked.
 */
#include <time.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/network.h"
#include "docker/volume.h"
#include "service/restore_undo_int.h"

/* What an engine that works has not made so long after it was asked, it never makes. */
enum { LATE_MS = 10000 };
static const struct timespec pause_between = { .tv_nsec = 200000000 };

static int look(struct cm_docker *d, const char *name, struct json_object **ret, struct cm_err *err)
{
	return cm_container_inspect(d, name, false, ret, err);
}

/* Is it noted and not there? An engine that does not answer says neither. */
static bool missing(struct cm_undo *u, const char *name,
		    int (*inspect)(struct cm_docker *, const char *, struct json_object **, struct cm_err *))
{
	cm_autojson struct json_object *now = NULL;

	return name != NULL && name[0] != '\0' && inspect(u->d, name, &now, NULL) == CM_ENOTFOUND;
}

static bool any_missing(struct cm_undo *u)
{
	static const char *const lists[] = { "scratch", "kept", "networks" };
	struct json_object *volumes = cm_json_arr(u->state, "volumes"), *fresh = cm_json_obj(u->state, "new");

	for (size_t k = 0; k < CM_COUNT(lists); k++) {
		struct json_object *list = cm_json_arr(u->state, lists[k]);
		for (size_t i = 0; i < cm_json_len(list); i++)
			if (missing(u, json_object_get_string(json_object_array_get_idx(list, i)),
				    cm_str_eq(lists[k], "networks") ? cm_network_inspect : cm_volume_inspect))
				return true;
	}
	for (size_t i = 0; i < cm_json_len(volumes); i++) {
		struct json_object *note = json_object_array_get_idx(volumes, i);
		if (cm_str_eq(cm_json_str(note, "how", ""), "create") &&
		    missing(u, cm_json_str(note, "name", ""), cm_volume_inspect))
			return true;
	}
	return cm_json_bool(fresh, "asked", false) && cm_json_str(fresh, "id", "")[0] == '\0' &&
	       missing(u, cm_json_str(fresh, "aside", ""), look);
}

static int64_t late_left(const struct cm_undo *u)
{
	int64_t left = cm_json_int(u->state, "saved_ms", 0) + LATE_MS - cm_now_ms();

	return left > LATE_MS ? LATE_MS : left;
}

bool cm_undo_may_come(struct cm_undo *u)
{
	return late_left(u) > 0 && !cm_undo_is_undone(u, "late") && any_missing(u);
}

void cm_undo_await(struct cm_undo *u)
{
	int64_t until = cm_monotonic_ms() + late_left(u);

	while (cm_monotonic_ms() < until && any_missing(u))
		nanosleep(&pause_between, NULL);
}
