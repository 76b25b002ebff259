/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What differs from kind to kind in the view of a job: what it works on, its options, its result. Pure. */
#ifndef CM_WEB_VIEW_JOB_ABOUT_H
#define CM_WEB_VIEW_JOB_ABOUT_H

#include "web/view/view_job.h"

/* Adds "object", "facts", "result_text", "error_help", "links", "retry_url". */
void cm_view_job_about(struct json_object *o, const struct cm_job *job, const struct cm_view_who *who);

#endif
