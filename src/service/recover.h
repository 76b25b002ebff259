/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * After a crash: puts the user's containers back as the journal says, and removes what was left behind (helper
 * containers, partial files of the vault, temporary folders), and compares the catalog with the vault. Idempotent: what
 * cannot be done now (engine away) stays in the journal for the next time, and the rest is done all the same. Call it
 * when the runner lock was won, before any job runs: nothing else may be at work.
 */
#ifndef CM_SERVICE_RECOVER_H
#define CM_SERVICE_RECOVER_H

#include <json-c/json.h>

#include "core/err.h"
#include "service/app.h"

/* *ret_report (caller puts; may be NULL): {"undone":[sentence…],"failed":[sentence…],"partials":n,"helpers":n,
 * "tmp":n,"catalog":n changes}. Returns 0 also when single entries failed (they are in "failed"); an error only when
 * the journal cannot be read. Blocks; task threads only. */
int cm_recover(const struct cm_app *app, struct json_object **ret_report, struct cm_err *err);

/* Helper containers that nobody waits for any more, at any time: an engine may make one after we have died or given up
 * waiting. *ret_removed: how many there were. Blocks; task threads only. Errors: the engine's. */
int cm_recover_helpers(const struct cm_app *app, int *ret_removed, struct cm_err *err);

#endif
