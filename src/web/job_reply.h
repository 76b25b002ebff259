/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers about a job that a request began: at once, or when it is over.
 */
#ifndef CM_WEB_JOB_REPLY_H
#define CM_WEB_JOB_REPLY_H

#include "jobs/kinds.h"
#include "web/http.h"

struct cm_job_words {
	const char *started;   /* "Restore started" */
	const char *cancelled; /* "The restore was cancelled." */
};

/* Enqueues it and answers at once: a page goes on to the job's; the API gets 202 with message and "job_id". Errors:
 * those of cm_job_add(). */
int cm_job_begin(struct cm_request *rq, struct cm_reply *rp, const struct cm_job_request *job, const char *message,
		 struct cm_err *err);

/* 202 with "job_id" when the client prefers that (Prefer: respond-async); 200 with the job's result when it is
 * complete; else its error, whose answer has "job_id" too. A client that waits longer than six hours gets 202. Blocks;
 * task threads only. */
int cm_job_reply(struct cm_request *rq, struct cm_reply *rp, const char *id, const struct cm_job_words *words,
		 struct cm_err *err);

#endif
