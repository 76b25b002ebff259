/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Restore of one backup: prepares beside the old, verifies, switches, and puts the old back on any failure. Reads
 * archives of this program and of the predecessor. All calls block: task threads only.
 *
 * params (also the options of the preview; every field but "file" may be missing):
 *	file		file name in the vault
 *	vault		name of the vault; missing: the default one
 *	new_name	restore beside, under this name; "" and missing: the recorded name
 *	port_overrides	{"8080/tcp": "18095"}: host ports to use instead
 *	volumes		"keep" | "replace" | "new", or an object {"volume": one of them}: what to do with a volume that
 *			exists. keep: use it as it is. replace: its content becomes the backup's. new: leave it alone
 *			and make another one. Missing: an existing volume blocks
 *	overwrite_volumes  true: volumes "replace"; false: "keep"; null: as missing (the predecessor's field)
 *	replace		true: a container of that name is replaced; missing: it blocks
 *	keep_old	true: the replaced container is kept, stopped, under another name
 *	start		true, false; missing: as it was when it was backed up
 *	restore_binds	"missing" (default: only what is missing or empty on the host) | "replace" | "skip"; true is
 *			"replace", false is "skip"
 *	networks	"auto" (default: missing ones are made)
 *	host		the engine to restore to; missing: the one of the settings
 *	user		who asked, for the audit log
 */
#ifndef CM_SERVICE_RESTORE_H
#define CM_SERVICE_RESTORE_H

#include "core/err.h"
#include "core/json.h"
#include "service/app.h"
#include "service/progress.h"

/* Does it. *ret_result: {"container_id" (12 hex), "id" (64 hex), "container_name", "message", "success": true,
 * "started": bool, "volumes": [...], "networks": [...], "warnings": [...], "findings": [...], "old_container"?: name,
 * "stack_info"?: {"project","service","exists"}, "stack_warning"?}; caller puts. Errors: CM_EINVAL (params),
 * CM_ENOTFOUND (no such backup), CM_EEXIST and CM_EINUSE (findings that block), CM_EUNSUPPORTED (others that
 * block), CM_ECORRUPT, CM_ECANCELLED, and what the engine says. After an error everything is as before; if even that
 * failed the error's text says what is left, and the journal keeps the rest for the next start. */
int cm_restore_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		   struct json_object **ret_result, struct cm_err *err);

/* Only reports: {"findings": [...], "can_restore": bool, "conflict": bool, and everything the preview page and
 * GET /api/backup/<file>/preview show}. Environment values are masked. Caller puts *ret. options may be NULL. */
int cm_restore_preview(const struct cm_app *app, const char *file, struct json_object *options,
		       struct json_object **ret, struct cm_err *err);

#endif
