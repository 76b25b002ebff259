/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backing up a volume alone, and restoring it alone: jobs. A backup is an ordinary archive of the vault with one part
 * and no container (type "volume"); whoever uses the volume goes on meanwhile. A restore makes a new volume, or fills
 * one beside and lets the two change places: until then nothing of what is there is touched, and what goes wrong is put
 * back, also after a crash. All block; task threads only.
 */
#ifndef CM_SERVICE_VOLUME_BACKUP_H
#define CM_SERVICE_VOLUME_BACKUP_H

#include <json-c/json.h>

#include "core/err.h"
#include "service/app.h"
#include "service/progress.h"

/* params: "volume", and of service/backup.h "compression", "vault", "note", "user". result: as there. Errors:
 * CM_ENOTFOUND, CM_EUNSUPPORTED (ours), those of cm_backup_run. */
int cm_volume_backup_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
			 struct json_object **ret_result, struct cm_err *err);

/* params: "file", "volume" (name; missing: the recorded one), "replace" (bool: one of that name may be there), "user".
 * result: {"success","message","volume","replaced": bool,"filename","warnings"}. Errors: CM_EEXIST (it is there, and
 * replace was not asked for), CM_EINUSE (a running container uses it), CM_EUNSUPPORTED (no backup of a volume alone;
 * ours), CM_ECANCELLED. */
int cm_volume_restore_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
			  struct json_object **ret_result, struct cm_err *err);
/* Would it begin? *ret (caller puts): {"volume","recorded","driver","bytes","files","created_ms","exists": bool}. The
 * same errors, but CM_EEXIST only when for_real. */
int cm_volume_restore_look(const struct cm_app *app, struct json_object *params, bool for_real,
			   struct json_object **ret, struct cm_err *err);

#endif
