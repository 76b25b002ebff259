/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the runner's files share: its state, and the files by which processes agree who holds the queue. Runner's
 * thread only, but for holding.
 */
#ifndef CM_JOBS_HOLD_H
#define CM_JOBS_HOLD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"
#include "jobs/run.h"
#include "jobs/watch.h"
#include "jobs/runner.h"

enum { CM_HOLD_RUNS_MAX = 32, CM_HOLD_KINDS_SIZE = 512 };

/* The recovery, which has a thread of its own because it talks to the engine. */
struct cm_recovery {
	pthread_t thread;
	bool running;
	atomic_bool over;
	int rc;
	struct json_object *report;
	struct cm_err err;

	bool interrupted;		      /* the former holder's jobs are dealt with */
	bool complete;			      /* everything is undone */
	bool told;			      /* a failure is in the audit log */
	int64_t began_ms, tried_ms, again_ms; /* monotonic; again_ms: the next wait */
};

/* A round through the timetable, in a thread of its own. */
struct cm_round {
	pthread_t thread;
	bool running;
	atomic_bool over;
	int64_t began_ms;      /* monotonic; 0: never */
	int64_t complained_ms; /* of the round's thread */
};

struct cm_runner {
	const struct cm_app *app;
	const struct cm_job_table *table;
	char owner[64];
	atomic_bool holding;
	bool stuck;  /* threads are left behind: nothing may be freed */
	bool lost;   /* another runner took our jobs */
	int wake_fd; /* -1: no pipe */
	struct cm_run *runs[CM_HOLD_RUNS_MAX];
	size_t run_count;
	uint64_t finished;
	int64_t upkeep_ms, complained_ms; /* monotonic */
	struct cm_recovery recovery;
	struct cm_round round;
	struct cm_watch watch;
};

/* The exclusive lock on config/runner.lock: its descriptor, or -1 when another has it. Does not wait. */
int cm_hold_lock(const struct cm_app *app);
/* The pipe's reading end, or -1 when there is none. */
int cm_hold_wake_open(const struct cm_app *app);

#endif
