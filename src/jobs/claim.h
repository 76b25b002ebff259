/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The runner's side of the queue. A claim is one transaction: it writes the owner, adds 1 to the fence and sets the
 * lease. Every later write names owner and fence; when no row changes, somebody else has the job now, and the worker
 * must stop: that is CM_EDENIED here, "lost". Task threads only; errors as in db/db.h besides those named.
 */
#ifndef CM_JOBS_CLAIM_H
#define CM_JOBS_CLAIM_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "jobs/queue.h"

enum { CM_LEASE_MS = 30000 };

/* The oldest job of the lane whose host has fewer than per_host jobs of it running and whose lock is free. kinds:
 * comma separated names it must be one of, or NULL. CM_ENOTFOUND: nothing to do. Caller releases *ret; its state is
 * starting. */
int cm_claim_next(const char *lane, int per_host, const char *kinds, const char *owner, struct cm_job *ret,
		  struct cm_err *err);
/* Which of the queue's lanes has something waiting? Cheap; a hint. */
int cm_claim_waiting(int64_t *ret_count, struct cm_err *err);

/* What the holder of a claim writes. */
struct cm_claim {
	char id[CM_UUID_LEN + 1];
	const char *owner;
	int64_t fence;
};

struct cm_claim_progress {
	int step, step_total;
	const char *step_text; /* NULL: unchanged */
	int64_t bytes_done, bytes_total, bytes_per_second, seconds_left;
	struct json_object *warnings;	 /* array; NULL: unchanged */
	const struct cm_job_line *lines; /* for its log */
	size_t line_count;
};

/* Progress, new lines of the log, state running, and a new lease in one write. */
int cm_claim_progress(const struct cm_claim *c, const struct cm_claim_progress *p, struct cm_err *err);
/* A new lease, and whether somebody asked to cancel. */
int cm_claim_heartbeat(const struct cm_claim *c, bool *ret_cancel, struct cm_err *err);
/* Only whether somebody asked to cancel: reads, does not write. */
int cm_claim_cancelled(const struct cm_claim *c, bool *ret_cancel, struct cm_err *err);

struct cm_claim_result {
	enum cm_job_state state; /* complete, error, cancelled, interrupted */
	const char *step_text;	 /* NULL: unchanged */
	struct json_object *result, *warnings;
	const char *error_text, *error_code;
	bool give_back_attempt; /* interrupted by our own orderly end: does not count */
};
/* Durable on return. The log gets a last line. */
int cm_claim_finish(const struct cm_claim *c, const struct cm_claim_result *r, struct cm_err *err);

/* Recovery, by who holds the runner lock: all claims are void; what was starting or running becomes interrupted (or
 * cancelled when that was asked). Calls fn for each; it may be NULL. */
typedef void (*cm_claim_job_fn)(void *ctx, const struct cm_job *job);
int cm_claim_interrupt_all(cm_claim_job_fn fn, void *ctx, struct cm_err *err);
/* Queues again what is interrupted, of one kind, begun less than max_attempts times. */
int cm_claim_requeue(const char *kind, int max_attempts, int64_t *ret_count, struct cm_err *err);
/* Removes the oldest finished jobs beyond keep. */
int cm_claim_prune(int64_t keep, struct cm_err *err);

#endif
