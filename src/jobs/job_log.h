/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log of a job: each step it went through, each warning, how it ended, over all its attempts. Lines come after each
 * other in the order they happened and go with their job. Task threads only; errors as in db/db.h.
 */
#ifndef CM_JOBS_JOB_LOG_H
#define CM_JOBS_JOB_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct cm_db;

enum cm_job_line_kind { CM_JOB_LINE_STEP, CM_JOB_LINE_WARNING, CM_JOB_LINE_ERROR };

struct cm_job_line {
	int64_t ms; /* wall clock */
	enum cm_job_line_kind kind;
	char *text;
};

/* A job keeps at most so many lines; the last few places are for errors, since how it ended must not be lost. */
enum { CM_JOB_LOG_MAX = 500, CM_JOB_LOG_ERRORS = 10 };

/* Adds a line, in the caller's transaction. Beyond the limit, or when there is no such job, it is left out without
 * an error. */
int cm_job_log_add(struct cm_db *db, const char *job_id, const struct cm_job_line *line, struct cm_err *err);
/* All lines, oldest first; *ret is never NULL on success. Caller frees with cm_job_log_free(). */
int cm_job_log_read(const char *job_id, struct cm_job_line **ret, size_t *ret_count, struct cm_err *err);
void cm_job_log_free(struct cm_job_line *lines, size_t count); /* NULL is fine */

#endif
