/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verifying a stored backup: reads all of it again, compares every hash with its manifest (files of the predecessor:
 * reads every member to its end, for they hold no hashes), and writes the outcome to the catalog, the companion and
 * the audit. What is found is a finding, not an error of the job: the result says so, the vault turns red.
 */
#ifndef CM_SERVICE_VERIFY_H
#define CM_SERVICE_VERIFY_H

#include <json-c/json.h>

#include "archive/verify.h"
#include "core/err.h"
#include "service/app.h"
#include "service/progress.h"

enum cm_verify_state {
	CM_VERIFIED_OK,	      /* every hash compared */
	CM_VERIFIED_READABLE, /* whole, but without hashes to compare */
	CM_VERIFIED_DAMAGED,  /* also when the disk cannot read it */
	CM_VERIFIED_MISSING,  /* listed, but no longer in the vault */
	CM_VERIFIED_STATE_COUNT
};
const char *cm_verify_state_name(enum cm_verify_state state); /* "ok", "readable", "damaged", "missing" */

struct cm_verify_found {
	enum cm_verify_state state;
	char why[512]; /* a sentence, when damaged or missing */
	struct cm_verify_result read;
};

/* One backup. threads: how many inflate (0: 3). Only bytes and cancel of progress are used. Blocks; task threads only.
 * Errors (then nothing is known about the backup): CM_EINVAL, CM_EUNSUPPORTED (a network file), CM_ENOTFOUND (no such
 * backup, or deleted meanwhile), CM_ECANCELLED, CM_EIO and CM_EDENIED of the vault. */
int cm_verify_file(const struct cm_app *app, const char *filename, const char *user, unsigned threads,
		   struct cm_progress *progress, struct cm_verify_found *ret, struct cm_err *err);

/* The job of one backup.
 * params: {"filename"}, and "user" for the audit
 * result: {"filename","state","has_hashes","files","bytes","problems":[…],"duration_ms"} */
int cm_verify_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		  struct json_object **ret_result, struct cm_err *err);
/* Errors: CM_EINVAL, CM_EUNSUPPORTED (a network file). Does not block. */
int cm_verify_params_check(struct json_object *params, struct cm_err *err);

#endif
