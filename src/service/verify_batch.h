/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verifying many backups in one job, the oldest verified first: all there are, or those that the schedule chose. First
 * compares the catalog with the vault, so that what vanished is noticed. Begun again after an interruption it leaves
 * out what it has verified already. One inflating thread: it may take long, and shall not be felt.
 *
 * params: "before_ms" (backups verified since then are left out), "files":[…] (missing: all), "user"
 * result: {"ok","readable","damaged","missing","verified_before","bytes","duration_ms",
 *          "items":[{"filename","state","why"}] of the damaged and missing, at most 200}
 */
#ifndef CM_SERVICE_VERIFY_BATCH_H
#define CM_SERVICE_VERIFY_BATCH_H

#include <json-c/json.h>

#include "core/err.h"
#include "service/app.h"
#include "service/progress.h"

/* Params for all backups; caller puts. user may be NULL. */
struct json_object *cm_verify_batch_all(const char *user);

/* Blocks; task threads only. Damaged and missing ones are findings, with a warning each. Errors: CM_ECANCELLED; what
 * the vault's folder gives; CM_EIO when some could not be verified at all: it says how many, the warnings why. */
int cm_verify_batch_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
			struct json_object **ret_result, struct cm_err *err);

#endif
