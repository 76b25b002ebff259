/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kinds of jobs and the lanes they run in: tables, so that a new kind is one row. Read-only; any thread.
 */
#ifndef CM_JOBS_KINDS_H
#define CM_JOBS_KINDS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "jobs/queue.h"
#include "jobs/timetable.h"
#include "jobs/watch.h"
#include "service/app.h"
#include "service/progress.h"

/* Does the work of one job, in a thread of its own; params is borrowed. Looks at cm_progress_cancelled() at least
 * every second or so and then returns CM_ECANCELLED with everything put back. On success may set *ret_result (an
 * object, the caller puts). The thread's journal and audit entries carry the job's id by themselves. Writes its own
 * audit lines, but for "interrupted" after a crash, which the runner writes. */
typedef int (*cm_job_run_fn)(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
			     struct json_object **ret_result, struct cm_err *err);

struct cm_job_kind {
	const char *name;
	const char *label; /* for people: "Backup" */
	const char *lane;
	cm_job_run_fn run;
	/* Jobs of the same lock and subject never run at the same time: "container" makes "container:web". NULL: none.
	 */
	const char *lock;
	const char *starting;	     /* step text before the first step: "Starting backup..." */
	const char *done;	     /* step text at the end: "Backup completed!" */
	const char *audit;	     /* operation in the audit log */
	const char *audit_scheduled; /* the same when params say "scheduled": true; NULL: as audit */
	/* What follows from a good end, usually another job: called before the end is written, so that a crash between
	 * repeats it rather than losing it. Errors are logged, and change nothing. NULL: nothing. */
	int (*then)(const struct cm_app *app, struct json_object *params, struct json_object *result,
		    struct cm_err *err);
	bool again;	     /* after an interruption it is queued again, once */
	bool needs_recovery; /* waits until everything of the last run is undone */
};

struct cm_job_lane {
	const char *name;
	int per_host; /* so many at once on one host */
	int threads;  /* so many at once in all */
	/* Work that can wait: none of its jobs begins while a job of another lane runs, and one that runs then stands
	 * still (inside cm_progress_cancelled()) until the others are done. Such lanes come last in the table. */
	bool yields;
};

struct cm_job_table {
	const struct cm_job_kind *kinds;
	size_t kind_count;
	const struct cm_job_lane *lanes;
	size_t lane_count;
	const struct cm_timetable_row *timetable;
	size_t timetable_count;
	const struct cm_watch_row *watch;
	size_t watch_count;
	/* What the former holder of the runner lock left behind (service/recover.h). */
	int (*recover)(const struct cm_app *app, struct json_object **ret_report, struct cm_err *err);
	/* For tests; 0: the usual times. */
	int end_wait_ms;      /* how long a job may take to end with the program: 6.5 s */
	int recover_again_ms; /* after what time a failed recovery is tried again: 2 s */
	int timetable_ms;     /* how often the timetable is looked at: CM_TIMETABLE_EVERY_MS */
};

/* The product's table. */
extern const struct cm_job_table cm_job_table;

/* NULL: no such kind. */
const struct cm_job_kind *cm_job_kind_find(const struct cm_job_table *table, const char *name);

/* cm_queue_add with the lane, title ("Backup of web") and lock of the kind, as far as rq does not name them. CM_EINVAL:
 * no such kind. */
int cm_job_add(const struct cm_app *app, const struct cm_job_request *rq, char ret_id[CM_UUID_LEN + 1],
	       struct cm_err *err);
/* With another table; for tests. */
int cm_job_add_with(const struct cm_job_table *table, const struct cm_app *app, const struct cm_job_request *rq,
		    char ret_id[CM_UUID_LEN + 1], struct cm_err *err);

#endif
