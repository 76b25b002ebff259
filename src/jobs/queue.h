/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The queue of jobs: a table, so that it survives everything and every worker sees the same. Handlers add, list and
 * cancel; the runner (jobs/runner.h) claims and finishes. Times in ms. Task threads only; uses the thread's
 * connection; errors as in db/db.h besides those named.
 *
 * States: queued -> (waiting ->) starting -> running -> complete | error | cancelled | interrupted. waiting: the next
 * one in its lane while another runs. interrupted: the program ended or died under it; when its kind allows, it is
 * queued again, under the same id.
 */
#ifndef CM_JOBS_QUEUE_H
#define CM_JOBS_QUEUE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/secret.h"
#include "jobs/job_log.h"
#include "service/app.h"

enum cm_job_state {
	CM_JOB_QUEUED,
	CM_JOB_WAITING,
	CM_JOB_STARTING,
	CM_JOB_RUNNING,
	CM_JOB_COMPLETE,
	CM_JOB_ERROR,
	CM_JOB_CANCELLED,
	CM_JOB_INTERRUPTED,
	CM_JOB_STATE_COUNT
};
const char *cm_job_state_name(enum cm_job_state state); /* "queued", … */
bool cm_job_state_parse(const char *name, enum cm_job_state *ret);
static inline bool cm_job_state_over(enum cm_job_state s)
{
	return s >= CM_JOB_COMPLETE;
}

enum { CM_JOBS_KEEP = 1000, CM_JOB_PARAMS_MAX = 256 * 1024 };

struct cm_job {
	char id[CM_UUID_LEN + 1]; /* = progress_id */
	int64_t number;		  /* grows with each job */
	char kind[32];
	char lane[32];
	char host[64];
	char *subject; /* the thing worked on, e.g. the container's name; may be NULL */
	char *title;   /* for people: "Backup of web" */
	enum cm_job_state state;
	struct json_object *params, *result; /* objects or NULL */
	struct json_object *warnings;	     /* array of strings, never NULL */
	char *user;			     /* who asked; NULL: the program itself */
	char *address;			     /* where from, or NULL */
	int64_t created_ms, started_ms, finished_ms, updated_ms;
	int64_t version; /* grows with each change: a watcher compares it */
	int step, step_total;
	char *step_text;
	int64_t bytes_done, bytes_total, bytes_per_second, seconds_left; /* seconds_left -1: unknown */
	char *error_text, *error_code;					 /* set in state error, and interrupted */
	bool cancel;							 /* somebody asked to cancel */
	int attempt;							 /* how often it was begun */
	int64_t fence;
	char *owner;
	struct cm_job_line *log; /* NULL until cm_queue_log() read it */
	size_t log_count;
};
void cm_job_release(struct cm_job *job); /* frees what it points to, not itself */

struct cm_job_request {
	const char *kind;		    /* a row of the kinds table (jobs/kinds.h); the lane comes from there */
	const char *lane;		    /* NULL in cm_job_add: by kind */
	const char *host;		    /* NULL: "local" */
	const char *subject, *title, *user; /* title NULL: by kind */
	const char *lock;		    /* jobs of the same lock never run at the same time; NULL: by kind */
	struct json_object *params;	    /* borrowed */
	bool once; /* an unfinished job of this kind and subject is taken instead, unless it is being cancelled */
	bool refuse_when_busy; /* CM_EBUSY when an unfinished job of this kind is there */
};

/* Durable on return; wakes the runner. The address is that of who acts in this thread (service/audit.h). ret_id may be
 * NULL. CM_EBUSY: "… is already in progress: web". */
int cm_queue_add(const struct cm_app *app, const struct cm_job_request *rq, char ret_id[CM_UUID_LEN + 1],
		 struct cm_err *err);
/* Caller releases. CM_ENOTFOUND. */
int cm_queue_get(const char *id, struct cm_job *ret, struct cm_err *err);
/* Reads the log into a job that was got before: job->log is not NULL then, even without lines. */
int cm_queue_log(struct cm_job *job, struct cm_err *err);

struct cm_job_query {
	const char *kind, *user, *subject;
	bool only_unfinished, only_finished;
	const char *state;  /* a state's name; others: CM_EINVAL */
	const char *search; /* part of title, subject, user or error */
	const char *sort;   /* "created" (default, newest first: "-created"), "kind", "state", "finished", "title" */
	int64_t limit;	    /* 1 to 1,000; 0: 100 */
	int64_t offset;
};
struct cm_job_list {
	struct cm_job *jobs;
	size_t count;
	int64_t total;
};
int cm_queue_list(const struct cm_job_query *q, struct cm_job_list *ret, struct cm_err *err);
void cm_job_list_release(struct cm_job_list *list);

/* A queued one is cancelled at once (*ret_state says CM_JOB_CANCELLED), a running one as soon as it looks.
 * CM_ENOTFOUND; CM_EINVAL: it is over already. */
int cm_queue_cancel(const struct cm_app *app, const char *id, enum cm_job_state *ret_state, struct cm_err *err);

/* For GET /api/backup/status: jobs of kind "backup". */
struct cm_queue_status {
	bool busy;			   /* one runs or waits */
	char progress_id[CM_UUID_LEN + 1]; /* the one that runs, else the next; "" when idle */
	char current[256];		   /* its subject */
	int64_t queue_size;		   /* that wait, without that one */
};
int cm_queue_status(struct cm_queue_status *ret, struct cm_err *err);
/* Unfinished jobs of all kinds: for the top bar. */
int cm_queue_unfinished(int64_t *ret, struct cm_err *err);
/* CM_EINUSE when an unfinished job has this lock: before doing by hand what a job may be doing. */
int cm_queue_lock_free(const char *lock, struct cm_err *err);

/* Tells the runner, in whatever process it is, to look now. Never blocks, never fails. */
void cm_queue_wake(const struct cm_app *app);

#endif
