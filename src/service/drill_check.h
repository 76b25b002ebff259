/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a drill waits for, as a text that people write in a form, a label or the settings:
 *
 *	auto                   the health check when the container has one, else run (also "")
 *	healthcheck            its health check must say healthy
 *	run                    it must run for 10 seconds without an exit
 *	http:8080/health       a GET inside must answer with a status from 200 to 399 (path missing: /)
 *	tcp:5432               something inside must accept a connection
 *	command:pg_isready -q  the command, run inside, must exit with 0; split into words like a shell does, without
 *one off                    no drill by itself: only when somebody asks for one, which then is "auto"
 *
 * Pure; any thread.
 */
#ifndef CM_SERVICE_DRILL_CHECK_H
#define CM_SERVICE_DRILL_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

enum cm_drill_kind {
	CM_DRILL_AUTO,
	CM_DRILL_HEALTH,
	CM_DRILL_RUN,
	CM_DRILL_HTTP,
	CM_DRILL_TCP,
	CM_DRILL_COMMAND,
	CM_DRILL_OFF
};

enum { CM_DRILL_CHECK_MAX = 1000 };

struct cm_drill_check {
	enum cm_drill_kind kind;
	int port;
	char *path;   /* of http */
	char **words; /* of command; ends with NULL */
};

/* NULL is "auto". Caller releases ret. Errors: CM_EINVAL (says what may stand there). */
int cm_drill_check_parse(const char *text, struct cm_drill_check *ret, struct cm_err *err);
void cm_drill_check_release(struct cm_drill_check *c);

/* "healthcheck", "run", "http", … */
const char *cm_drill_kind_name(enum cm_drill_kind kind);

#endif
