/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backing up a whole stack as one consistent set, and restoring it. A set is one backup of each container, ordinary
 * files of the vault, which say in their companions that they belong together. Both are jobs; block for as long as it
 * takes.
 *
 * A backup prepares all members (images and all else that can be read while they run), then holds all of them at the
 * same time, those that need others first, reads their data, lets them go in the opposite order, verifies all, and
 * publishes them. A member that fails fails the set, and nothing of it remains.
 *
 * params of a backup: "stack", and those of service/backup.h but "container", "exec_pre", "exec_post", "drill":
 * "consistency" is "pause" (default; a label may say stop) or "stop".
 * result: {"stack", "set_id", "files": [names], "containers": [names], "size", "held_ms", "warnings": […]}
 *
 * params of a restore: "stack", "set" (missing: the newest complete one), "replace", "keep_old", "volumes", "start",
 * "restore_binds", "user" as in service/restore.h.
 * result: {"stack", "set_id", "containers": [{"name", "file", "restored", "started", "error"}], "warnings": […]}
 */
#ifndef CM_SERVICE_STACK_BACKUP_H
#define CM_SERVICE_STACK_BACKUP_H

#include <json-c/json.h>

#include "core/err.h"
#include "service/app.h"
#include "service/progress.h"

enum { CM_STACK_SET_MAX = 24 }; /* members of a set: each has a writer of its own at the same time */

/* Do not ask the engine; do not block. Errors: CM_EINVAL. */
int cm_stack_backup_params_check(struct json_object *params, struct cm_err *err);
int cm_stack_restore_params_check(struct json_object *params, struct cm_err *err);

/* Errors: CM_ENOTFOUND (no such stack), CM_EUNSUPPORTED (of a swarm, empty), CM_ETOOBIG, those of cm_backup_run. */
int cm_stack_backup_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
			struct json_object **ret_result, struct cm_err *err);
/* Looks first at every member whether it can be restored: nothing is begun when one cannot. Running containers that are
 * going to be replaced are stopped together, and started again when that fails. Errors: CM_ENOTFOUND (no such set, or
 * not complete), CM_EEXIST, CM_EINUSE, those of cm_restore_run; the sentence names the member. */
int cm_stack_restore_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
			 struct json_object **ret_result, struct cm_err *err);
/* What a restore would meet: {"set_id", "stack", "can_restore", "members": [{"file", "name", "findings": […],
 * "can_restore"}]}. Caller puts *ret. */
int cm_stack_restore_preview(const struct cm_app *app, struct json_object *params, struct json_object **ret,
			     struct cm_err *err);

#endif
