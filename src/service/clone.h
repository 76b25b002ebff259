/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A copy of a container beside it, or of a whole Compose project under another name. Everything that is about to be
 *made stands in the journal first (kind "clone"): when it fails, or the program dies, nothing of the clone remains.
 *
 * params ("container" or "stack" is there, the others may be missing, unknown ones are refused):
 *	container  id or name
 *	stack	   name of a Compose project: its networks, volumes and containers are made anew, in order
 *	name	   of the clone (of the project); missing: <name>-clone-<n>
 *	env	   {"A": "b", "C": null} or ["A=b"]: set in the clone; null takes it away. Of a container only
 *	ports	   {"8080/tcp": "18095"}: as port_overrides of a restore. Of a container only
 *	volumes    "copy" (default): their content, read while the original is paused; "share": the same volumes;
 *"none": neither volumes nor folders of the host. Folders of the host are never copied image	   reference on the
 *engine to use instead. Of a container only start	   true, false; missing: when the original runs user who asked
 * result: {"message", "action": "clone", "sourceId", "newId", "newName", "ports": [{"container", "was", "now"}] of
 *those that were taken, "volumes": [{"from", "to"}], "containers": [{"id", "name", "from"}], "warnings": […]}; of a
 *stack newName is the project's.
 */
#ifndef CM_SERVICE_CLONE_H
#define CM_SERVICE_CLONE_H

#include <json-c/json.h>

#include "core/err.h"
#include "service/app.h"
#include "service/progress.h"

/* Does not block. Errors: CM_EINVAL. */
int cm_clone_params_check(struct json_object *params, struct cm_err *err);
/* Blocks for as long as it takes; task threads only. Caller puts *ret_result. Errors: CM_ENOTFOUND, CM_EEXIST (the
 * name), CM_EUNSUPPORTED (our own, of a swarm), CM_ECANCELLED, those of the engine. */
int cm_clone_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		 struct json_object **ret_result, struct cm_err *err);
/* Removes what the data of a journal entry names. Any number of times. */
int cm_clone_undo(const struct cm_app *app, struct json_object *made, struct cm_err *err);

#endif
