/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers about a job that an API call began: at once, when the client prefers that (Prefer: respond-async), else when
 * it is over.
 */
#ifndef CM_WEB_JOB_REPLY_H
#define CM_WEB_JOB_REPLY_H

#include "web/http.h"

struct cm_job_words {
	const char *started;   /* "Restore started" */
	const char *cancelled; /* "The restore was cancelled." */
};

/* 202 with "job_id" when that is preferred; 200 with the job's result when it is complete; else its error, whose answer
 * has "job_id" too. A client that waits longer than six hours gets 202. Blocks; task threads only. */
int cm_job_reply(struct cm_request *rq, struct cm_reply *rp, const char *id, const struct cm_job_words *words,
		 struct cm_err *err);

#endif
