/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the undo share: restore_undo.c, restore_undo_volumes.c and restore_undo_late.c only. Every function
 * may run any number of times, and blocks.
 */
#ifndef CM_SERVICE_RESTORE_UNDO_INT_H
#define CM_SERVICE_RESTORE_UNDO_INT_H

#include <stdbool.h>
#include <stdint.h>
#include <json-c/json.h>

#include "core/err.h"
#include "docker/docker.h"
#include "service/app.h"
#include "service/helper_shift.h"

struct cm_undo {
	const struct cm_app *app;
	struct cm_docker *d;
	struct cm_shift shift;	   /* at work only within cm_undo_volumes */
	struct json_object *state; /* of the journal entry, see restore_run.h */
	int64_t journal;
	bool may_come; /* the engine may still be making something */
};

/* CM_ENOTFOUND becomes success: something that is not there needs no undoing. */
int cm_undo_gone_is_fine(int rc);
/* True when the engine made it no earlier than the restore began: what has the name but is older is not ours. */
bool cm_undo_made_since(const struct cm_undo *u, struct json_object *o, const char *key);

/* Did the restore come as far as to change what a volume or folder holds? */
bool cm_undo_volumes_touched(const struct cm_undo *u);
/* Every volume and folder holds what it held. Nothing may use them. */
int cm_undo_volumes(struct cm_undo *u, struct cm_err *err);
/* Removes the volumes that the restore made under their own names; one that somebody uses already stays. */
int cm_undo_made_volumes(struct cm_undo *u, struct cm_err *err);
/* Removes volumes of ours: tries all, and returns the first error. */
int cm_undo_remove_volumes(struct cm_docker *d, struct json_object *list, struct cm_err *err);

/* Is a step of the way back done and noted? */
bool cm_undo_is_undone(const struct cm_undo *u, const char *step);

/* Is something noted, and not there, that the engine was asked for only seconds ago? Before anything is removed: what
 * an earlier try had removed when it was killed is waited for in vain. */
bool cm_undo_may_come(struct cm_undo *u);
/* Waits until it has come, or never will. */
void cm_undo_await(struct cm_undo *u);

#endif
