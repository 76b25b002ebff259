/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One running job: the thread that does the work, and what it tells the runner. The work's thread only changes memory
 * here (under the lock); the runner's thread alone writes to the queue, so that progress costs the work nothing.
 */
#ifndef CM_JOBS_RUN_H
#define CM_JOBS_RUN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "jobs/claim.h"
#include "jobs/kinds.h"
#include "service/progress.h"

enum {
	CM_RUN_WRITE_MS = 500, /* progress is written at most this often */
	CM_RUN_BEAT_MS = 5000, /* the lease at least this often */
	CM_RUN_WARNINGS_MAX = 1000,
	CM_RUN_LINES_MAX = CM_JOB_LOG_MAX /* of the log, that wait for the next write */
};

enum cm_run_stop {
	CM_RUN_GO,
	CM_RUN_CANCEL, /* somebody asked */
	CM_RUN_ENDING, /* the program ends */
	CM_RUN_LOST    /* the fence says: not ours any more */
};

struct cm_run {
	const struct cm_app *app;
	const struct cm_job_kind *kind;
	struct cm_job job;
	struct cm_claim claim;
	size_t lane; /* index in the table */
	pthread_t thread;
	int64_t begun_ms; /* monotonic */
	bool followed;	  /* what follows is queued */

	atomic_int stop;    /* enum cm_run_stop */
	atomic_bool wait;   /* other work goes first */
	atomic_bool ending; /* for the audit log: the program ends */
	atomic_bool over;   /* the thread has ended; rc, result, err are set */

	/* Set by the thread before over. */
	int rc;
	struct json_object *result;
	struct cm_err err;

	/* Under the lock. */
	pthread_mutex_t lock;
	int step, step_total;
	char step_text[512];
	int64_t bytes_done, bytes_total;
	struct json_object *warnings;
	bool dirty, new_warnings;
	struct cm_job_line lines[CM_RUN_LINES_MAX]; /* of the log, not written yet */
	size_t line_count;

	/* Of the runner's thread. */
	int64_t written_ms, beat_ms, sampled_ms, sampled_bytes; /* monotonic; 0: never */
	double rate;						/* bytes per second, moving average */
};

/* Begins the work of a claimed job in a thread of its own. wake_ctx's wake() is called when it is over. Takes *job (on
 * success). */
int cm_run_start(const struct cm_app *app, const struct cm_job_kind *kind, struct cm_job *job, const char *owner,
		 struct cm_run **ret, struct cm_err *err);
/* Asks it to stop; the first reason stays, but for LOST, which is stronger. */
void cm_run_stop(struct cm_run *run, enum cm_run_stop why);
/* Makes it stand still where it looks for a cancel, or go on. */
void cm_run_wait(struct cm_run *run, bool wait);
/* Writes progress or lease when it is time, and passes on a wish to cancel. CM_EDENIED: lost (it was told). */
int cm_run_tend(struct cm_run *run, int64_t now_ms, struct cm_err *err);
/* After over: writes how it ended. *ret_state says it. CM_EDENIED: lost, nothing to write. */
int cm_run_finish(struct cm_run *run, enum cm_job_state *ret_state, struct cm_err *err);
/* After over: joins the thread and frees everything. */
void cm_run_free(struct cm_run *run);

#endif
