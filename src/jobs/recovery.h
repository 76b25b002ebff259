/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Putting in order what the former holder of the runner lock left: its jobs become interrupted (those whose kind says
 * so are queued again), then the table's recover function undoes the journal and sweeps. While that runs no job
 * begins. What it could not undo (the engine is away) it tries again whenever no job runs; until then kinds with
 * needs_recovery wait, but not for longer than a minute: one thing that can never be undone must not stop all backups.
 * Runner's thread only.
 */
#ifndef CM_JOBS_RECOVERY_H
#define CM_JOBS_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "jobs/hold.h"

void cm_recovery_begin(struct cm_runner *r);
/* After a job ended with rc: when the engine went away under it, or it could not put everything back, the recovery
 * begins anew, as soon as no job runs. */
void cm_recovery_after(struct cm_runner *r, const struct cm_job *job, int rc);
/* To be called at each tick. True when something changed, so that jobs may begin. */
bool cm_recovery_tend(struct cm_runner *r);
/* Takes the outcome of a finished thread. */
void cm_recovery_reap(struct cm_runner *r);
bool cm_recovery_running(const struct cm_runner *r);
/* The audit line of a job that was interrupted (or, when that was asked, cancelled) without its work being able to say
 * so. */
void cm_recovery_audit(const struct cm_runner *r, const struct cm_job *job, const struct cm_claim_result *result);
/* May jobs begin? kinds: the names of those that may, comma separated; "": all. */
bool cm_recovery_allowed(const struct cm_runner *r, char *kinds, size_t size);

#endif
