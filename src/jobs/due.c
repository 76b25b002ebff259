/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/due.h"

#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "jobs/drill_due.h"
#include "jobs/kinds.h"
#include "jobs/queue.h"
#include "service/database.h"
#include "service/recover.h"
#include "service/verify_schedule.h"

/* Is an unfinished job of this kind there? */
static int unfinished(const char *kind, bool *ret, struct cm_err *err)
{
	struct cm_job_query q = { .kind = kind, .only_unfinished = true, .limit = 1 };
	struct cm_job_list list = { 0 };
	int rc = cm_queue_list(&q, &list, err);

	if (rc == 0)
		*ret = list.total > 0;
	cm_job_list_release(&list);
	return rc;
}

/* While one round of verification waits or runs, the next is not chosen: its time is then a longer one. */
static int due_verify(const struct cm_app *app, int64_t now_ms, struct cm_err *err)
{
	cm_autojson struct json_object *params = NULL;
	bool busy = false;
	int64_t last_ms = 0;
	int rc = cm_verify_schedule_last(&last_ms, err);

	if (rc != 0 || !cm_timetable_due(now_ms, last_ms, CM_VERIFY_SCHEDULE_MS))
		return rc;
	rc = unfinished("verify_batch", &busy, err);
	if (rc != 0 || busy)
		return rc;
	rc = cm_verify_schedule_look(now_ms, &params, err);
	if (rc != 0 || params == NULL)
		return rc;
	return cm_job_add(
	    app,
	    &(struct cm_job_request){ .kind = "verify_batch", .title = "Verification by schedule", .params = params },
	    NULL, err);
}

/* The recovery removed what there was when it looked. An engine that was asked for a helper by a program that died, or
 * that gave up, may make it later. */
static int due_helpers(const struct cm_app *app, int64_t now_ms, struct cm_err *err)
{
	int removed = 0, rc = cm_recover_helpers(app, &removed, err);

	(void)now_ms;
	if (removed > 0)
		cm_info("jobs", "helper containers removed that nobody waits for: %d", removed);
	return rc == CM_EUNREACHABLE ? 0 : rc;
}

const struct cm_timetable_row cm_due_rows[CM_DUE_COUNT] = {
	{ "verify", due_verify },
	{ "drill", cm_drill_due },
	{ "database copy", cm_database_copy_due },
	{ "helpers", due_helpers },
};
