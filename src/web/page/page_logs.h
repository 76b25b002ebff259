/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the handlers of logs: which containers, which lines.
 */
#ifndef CM_WEB_PAGE_LOGS_H
#define CM_WEB_PAGE_LOGS_H

#include "service/logs.h"
#include "web/http.h"

struct cm_logs_ask {
	struct cm_logs_source sources[CM_LOGS_SOURCES];
	size_t count;
	size_t all;	   /* how many the stack has */
	const char *stack; /* NULL: asked by id; borrowed from the request */
	struct cm_logs_query q;
	bool times;
	size_t tail; /* lines */
	bool tail_all;
};

/* Reads the path and the query: <id> and with, or stack; since, until, last, stream, stdout, stderr, q, timestamps,
 * tail. Errors: CM_EINVAL, and those of cm_logs_source and cm_logs_stack. Blocks. */
int cm_logs_ask_read(struct cm_request *rq, struct cm_logs_ask *ret, struct cm_err *err);
/* "web", or the stack's name, or "web and 2 more". */
void cm_logs_ask_name(const struct cm_logs_ask *ask, char dst[300]);

#endif
