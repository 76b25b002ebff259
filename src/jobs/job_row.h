/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a job is read from its table; shared by queue.c, queue_list.c and claim.c.
 */
#ifndef CM_JOBS_JOB_ROW_H
#define CM_JOBS_JOB_ROW_H

#include "db/db.h"
#include "jobs/queue.h"

#define CM_JOB_COLUMNS                                                                                         \
	"id, number, kind, lane, host, subject, title, state, params, result, warnings, user, created_ms,"     \
	" started_ms, finished_ms, updated_ms, version, step, step_total, step_text, bytes_done, bytes_total," \
	" bytes_per_second, seconds_left, error_text, error_code, cancel, attempt, fence, owner, address"

/* States in SQL. */
#define CM_JOB_WAITS "('queued', 'waiting')"
#define CM_JOB_RUNS "('starting', 'running')"
#define CM_JOB_UNFINISHED "('queued', 'waiting', 'starting', 'running')"
#define CM_JOB_FINISHED "('complete', 'error', 'cancelled', 'interrupted')"

#define CM_JOB_TEXT_QUEUED "Waiting in queue..."
#define CM_JOB_TEXT_WAITING "Waiting for the previous one to complete..."

void cm_job_read(struct cm_stmt *st, struct cm_job *job);
/* The job of an id. Errors: CM_ENOTFOUND. */
int cm_job_load(struct cm_db *db, const char *id, struct cm_job *ret, struct cm_err *err);
/* When a job of this lane and host runs, the oldest queued one becomes "waiting", if none is. */
int cm_job_mark_next(struct cm_db *db, const char *lane, const char *host, struct cm_err *err);

#endif
