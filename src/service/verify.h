/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verifying a stored backup: reads all of it again, compares every hash with its manifest (files of the predecessor:
 * reads every member to its end), and writes the outcome to the catalog and to the audit.
 *
 * params: {"filename"}, and "user" for the audit
 * result: {"filename","state":"ok"|"damaged","files","bytes","problems":[…],"duration_ms"}
 * A damaged backup is a finding, not an error of the job: the result says so, the catalog turns "damaged".
 */
#ifndef CM_SERVICE_VERIFY_H
#define CM_SERVICE_VERIFY_H

#include <json-c/json.h>

#include "core/err.h"
#include "service/app.h"
#include "service/progress.h"

/* Errors: CM_EINVAL, CM_EUNSUPPORTED (a network file). Does not block. */
int cm_verify_params_check(struct json_object *params, struct cm_err *err);

/* Blocks; task threads only. Caller puts *ret_result. Errors: CM_ENOTFOUND, CM_ECANCELLED, CM_EIO of the vault. */
int cm_verify_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		  struct json_object **ret_result, struct cm_err *err);

#endif
