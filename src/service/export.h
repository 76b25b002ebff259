/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A container's whole filesystem, as the engine exports it, kept in the vault with the recorded configuration; and a
 * container made from that again: jobs. For moving one elsewhere, or keeping what it has become when its image is lost.
 *
 * An export is an ordinary archive of ours (type "export") whose one part, rootfs, is what the engine sent, entry for
 * entry: so every file has its hash, verifying, browsing and downloading are those of all backups, and `docker import`
 * takes the folder rootfs/ without this program. The engine's export has neither volumes nor folders of the host,
 * and no ACLs: a backup (service/backup.h) has. Kept as one member export.tar it would have had one hash for all, and
 * no file could be looked at.
 *
 * A restore imports the part as an image and runs it with the recorded configuration. What it makes stands in the
 * journal first (kind "clone"): when it fails, or the program dies, nothing of it remains. All block; task threads
 * only.
 */
#ifndef CM_SERVICE_EXPORT_H
#define CM_SERVICE_EXPORT_H

#include <json-c/json.h>
#include <stdbool.h>

#include "core/err.h"
#include "service/app.h"
#include "service/progress.h"

/* Does not block. Errors: CM_EINVAL. */
int cm_export_params_check(struct json_object *params, struct cm_err *err);
/* params: "container", and of service/backup.h "consistency", "compression", "exec_pre", "exec_post", "vault", "note",
 * "path", "user". result: as there, with "created_at" and "path". Errors: those of cm_backup_run; CM_ETIMEDOUT when the
 * engine sends nothing for five minutes. */
int cm_export_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		  struct json_object **ret_result, struct cm_err *err);

/*
 * params of a restore (all but "file" may be missing, unknown ones are refused):
 *	file	 the export
 *	name	 of the container; missing: the recorded one
 *	volumes  "keep" (default): its volumes by their names, empty ones where there are none, and folders of the host;
 *		 "none": neither
 *	ports	 {"8080/tcp": "18095"}: as port_overrides of a restore; one that is taken becomes the next that is free
 *	start	 true, false; missing: when it ran
 *	user	 who asked
 */
/* Would it begin? *ret (caller puts): {"name" (to use, or to propose), "recorded", "image" (the recorded reference),
 * "exists": is there one of the recorded name, "running": did it run, "bytes", "files", "created_ms", "volumes": n}.
 * Errors: CM_EINVAL, CM_ENOTFOUND, CM_EUNSUPPORTED (no export, for another processor), CM_ECORRUPT; and, only when
 * for_real, CM_EEXIST (the name). */
int cm_export_restore_look(const struct cm_app *app, struct json_object *params, bool for_real,
			   struct json_object **ret, struct cm_err *err);
/* result: {"success", "message", "container_name", "container_id", "image" (the one that was made), "filename",
 * "ports": as of a clone, "warnings"}. Errors: the same, CM_ECANCELLED, those of the engine. */
int cm_export_restore_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
			  struct json_object **ret_result, struct cm_err *err);

#endif
