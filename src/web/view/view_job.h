/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Views of jobs: for their pages, the list, the dashboard, the top bar, and the events that pages follow. Pure.
 */
#ifndef CM_WEB_VIEW_JOB_H
#define CM_WEB_VIEW_JOB_H

#include "jobs/queue.h"
#include "web/view.h"

struct cm_view_who {
	enum cm_role role; /* of who looks: decides which actions are offered */
	int64_t now_ms;
};

/* 0 to 100, from bytes when their total is known, else from steps; 100 only when it is complete. */
int cm_job_percent(const struct cm_job *job);
/* May this role cancel it? Restores are for admins alone. */
bool cm_job_may_cancel(const struct cm_job *job, enum cm_role role);
/* "Backup" */
const char *cm_job_kind_text(const char *kind);

/* A row of a list: caller puts. */
struct json_object *cm_view_job_row(const struct cm_job *job, const struct cm_view_who *who);
/* The whole job; before: how many wait in front of it. With its log when that was read. Caller puts. */
struct json_object *cm_view_job(const struct cm_job *job, int64_t before, const struct cm_view_who *who);
/* The answer of /api/backup-progress: the predecessor's fields and ours. Caller puts. */
struct json_object *cm_view_backup_progress(const struct cm_job *job);

#endif
