/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A drill: a backup is restored beside everything (service/drill_isolate.h says how far apart), started, watched until
 * it proves that it works, and removed again with all that was made for it. It is the restore itself, with its plan,
 * steps, journal and undo; only what it is told about the container differs. The outcome goes to the catalog, the
 * companion and the audit.
 *
 * params: {"filename"}, and (all may be missing)
 *	check       what it waits for (service/drill_check.h); missing: the container's label monkey.drill, else the
 *	            settings' check for its name, else auto
 *	time_limit  seconds for all of it, 10 to 86400; missing: the settings'
 *	scheduled   true when the timetable or the end of a backup asked: a check "off" then skips it
 *	user        who asked, for the audit
 * result: {"filename","container","state": "ok"|"skipped","check","duration_ms","notes":[what was not as it was],"log"}
 *
 * A backup that fails its drill makes the job fail, with the reason; it is recorded as "failed". What says nothing
 *about the backup (cancelled, the engine away, its disk full) fails the job without being recorded.
 */
#ifndef CM_SERVICE_DRILL_H
#define CM_SERVICE_DRILL_H

#include <json-c/json.h>

#include "core/err.h"
#include "service/app.h"
#include "service/progress.h"

/* Errors: CM_EINVAL, CM_EUNSUPPORTED (a network file). Does not block. */
int cm_drill_params_check(struct json_object *params, struct cm_err *err);

/* Blocks; task threads only. Caller puts *ret_result. Errors: CM_ENOTFOUND (no such backup), CM_EINVAL (also a
 * malformed label), CM_ECANCELLED, CM_EUNREACHABLE, CM_ENOSPACE; the others mean that the drill failed. When something
 * of it could not be removed the error says so, and the journal keeps it for the next start. */
int cm_drill_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		 struct json_object **ret_result, struct cm_err *err);

#endif
