/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The runner: runs the queue's jobs, in exactly one process on one data folder. Every worker calls cm_runner_main in a
 * task thread; the one that gets the exclusive lock on config/runner.lock works, the others try again every second, so
 * that one of them goes on when it dies. Who gets the lock first puts in order what the former holder left.
 */
#ifndef CM_JOBS_RUNNER_H
#define CM_JOBS_RUNNER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/err.h"
#include "jobs/kinds.h"
#include "service/app.h"

struct cm_runner;

/* In the parent, before workers start: makes config/runner.lock and config/runner.wake (a pipe by which other
 * processes wake the runner), owned by the folder's owner. */
int cm_runner_prepare(const struct cm_app *app, struct cm_err *err);

/* app must live as long as the runner. Never NULL. */
struct cm_runner *cm_runner_new(const struct cm_app *app);
/* With another table (which must live as long); for tests. */
struct cm_runner *cm_runner_new_with(const struct cm_app *app, const struct cm_job_table *table);

/* Blocks until *stop. Running jobs are then told to end; they become interrupted and go on at the next start. Returns
 * within about 7 s even when a job does not listen; then the lock stays held until the process ends, which must follow
 * at once. */
void cm_runner_main(struct cm_runner *r, const atomic_bool *stop);
bool cm_runner_is_holder(const struct cm_runner *r); /* any thread: does this process run the jobs? */
/* After cm_runner_main returned. NULL is fine. When a job's thread still runs the memory is left to it. */
void cm_runner_free(struct cm_runner *r);

#endif
