/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands between a backup and its restore, told before anything is touched: a list of findings a person can
 * read. A finding "block" must be resolved (by another option, or by hand) before the restore can run.
 */
#ifndef CM_SERVICE_PREFLIGHT_H
#define CM_SERVICE_PREFLIGHT_H

#include <stdbool.h>

#include "core/err.h"
#include "core/json.h"

struct cm_restore_plan; /* service/restore_plan.h */

enum cm_finding_level { CM_FINDING_OK, CM_FINDING_WARN, CM_FINDING_BLOCK };

/* Adds {"level","code","text","hint"} to the array. code is a stable word like "NAME_TAKEN"; hint may be NULL. */
void cm_finding_add(struct json_object *findings, enum cm_finding_level level, const char *code, const char *hint,
		    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* The worst level in the list. */
enum cm_finding_level cm_findings_worst(struct json_object *findings);
/* The first block's text, or NULL. Borrowed. */
const char *cm_findings_first_block(struct json_object *findings);
/* True when a block's code says that a thing of that name exists, or is in use (HTTP 409 rather than 422). */
bool cm_findings_conflict(struct json_object *findings);

/* Looks at the engine and fills plan->findings. Changes nothing. Blocks (task threads only). Errors: only when the
 * engine cannot be asked. */
int cm_preflight_run(struct cm_restore_plan *plan, struct cm_err *err);

#endif
