/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What containers write from now on. Each container is read by a thread of its own, so that the engine never waits;
 * what nobody takes in time is dropped, the oldest first, and counted. A container that stops is followed again when it
 * starts. One thread uses a follow; it blocks as said. Constant memory.
 */
#ifndef CM_SERVICE_LOG_FOLLOW_H
#define CM_SERVICE_LOG_FOLLOW_H

#include "service/logs.h"

enum { CM_LOG_FOLLOW_LINES = 400 }; /* that wait to be taken */

struct cm_log_follow;

struct cm_log_batch {
	struct cm_log_line *lines; /* by time; they own their text */
	size_t count;
	size_t skipped;	 /* before these */
	char note[1024]; /* something happened: sentences; "" */
	bool over;	 /* all containers are gone */
};

/* sources and q are copied. Follows from q->since_ns on; 0: from now on. app must outlive it. Errors: CM_ENOMEM. */
int cm_log_follow_open(const struct cm_app *app, const struct cm_logs_source *sources, size_t count,
		       const struct cm_logs_query *q, struct cm_log_follow **ret, struct cm_err *err);
/* Waits up to ms for something to tell. The caller releases the batch. */
void cm_log_follow_take(struct cm_log_follow *f, int ms, struct cm_log_batch *ret);
void cm_log_batch_release(struct cm_log_batch *b);
/* Ends the threads; takes up to a fifth of a second. */
void cm_log_follow_close(struct cm_log_follow *f);

#endif
