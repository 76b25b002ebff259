/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What containers have written: the last lines of one or several, all of it as a stream. All block, if not said
 * otherwise: task threads only. Errors: those of docker/docker.h; CM_EUNSUPPORTED when a container keeps no log.
 */
#ifndef CM_SERVICE_LOGS_H
#define CM_SERVICE_LOGS_H

#include <stdatomic.h>

#include "service/app.h"
#include "service/log_lines.h"

enum {
	CM_LOGS_SOURCES = 24,	   /* containers at once */
	CM_LOGS_SHOWN = 5000,	   /* lines that "all" means on a page */
	CM_LOGS_TAIL_MAX = 100000, /* lines that an answer may have */
	CM_LOGS_FIND_MAX = 200
};

struct cm_logs_source {
	char id[65];
	char name[256];
	char driver[64]; /* where the engine puts what it writes */
	char stack[128]; /* its Compose project or Swarm stack; "" */
	bool tty, running;
};

struct cm_logs_query {
	bool no_stdout, no_stderr;
	int64_t since_ns, until_ns;	 /* unix time; 0: open */
	char find[CM_LOGS_FIND_MAX + 1]; /* only lines that have this text, in any case (ASCII); "": all */
};

/* Who it is, and whether there is a log to read. */
int cm_logs_source(const struct cm_app *app, const char *id, struct cm_logs_source *ret, struct cm_err *err);
/* The containers of a Compose project, by name; *ret_count is at most CM_LOGS_SOURCES and *ret_all how many there are.
 * Errors: CM_ENOTFOUND (no container of such a project). */
int cm_logs_stack(const struct cm_app *app, const char *stack, struct cm_logs_source *sources, size_t *ret_count,
		  size_t *ret_all, struct cm_err *err);

/* Does the line pass? Does not block. */
bool cm_logs_match(const struct cm_logs_query *q, const struct cm_log_line *line);

/* Lines that own their text. */
struct cm_logs_list {
	struct cm_log_line *lines;
	size_t count;
	bool older;   /* there are more before them */
	bool partial; /* older ones exist that could not be looked at in time */
};
/* The last lines that match, of all sources together, by time. tail at least 1. Never more than about 16 MiB of text:
 * then older is set. */
int cm_logs_last(const struct cm_app *app, const struct cm_logs_source *sources, size_t count,
		 const struct cm_logs_query *q, size_t tail, struct cm_logs_list *ret, struct cm_err *err);
void cm_logs_list_release(struct cm_logs_list *l);

/* Writes everything that matches to fd: of one source its own bytes (with the engine's time before each line when times
 * is set), of several lines by time, each with its container's name. Constant memory. -1 when it broke off; err says
 * why unless the reader left. */
int cm_logs_write(const struct cm_app *app, const struct cm_logs_source *sources, size_t count,
		  const struct cm_logs_query *q, bool times, int fd, const atomic_bool *stop, struct cm_err *err);

#endif
