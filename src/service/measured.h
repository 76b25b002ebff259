/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the engine takes long to count: asked in a thread in the background, not for more than a tenth of the time, and
 * remembered in this process. One static object each; any thread.
 */
#ifndef CM_SERVICE_MEASURED_H
#define CM_SERVICE_MEASURED_H

#include <json-c/json.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "docker/docker.h"
#include "service/app.h"

struct cm_measured {
	/* The question: an object of which the caller puts *ret. May take minutes. */
	int (*ask)(struct cm_docker *d, struct json_object **ret, struct cm_err *err);
	int64_t old_ms; /* how long an answer is good, at least */
	pthread_mutex_t lock;

	/* From here on its own. */
	pthread_cond_t done;
	const struct cm_app *app;
	char *text;		/* the answer as JSON: objects of json-c belong to one thread */
	int64_t at_ms, next_ms; /* next_ms: monotonic */
	bool begun, asking, tried;
	char error[512];
};

struct cm_measured_answer {
	struct json_object *value; /* never NULL; empty when nothing is known */
	int64_t at_ms;		   /* when it was found; 0: never yet */
	bool asking;
	char error[512]; /* why the last question failed, or "" */
};

/* What is known; begins to ask anew when that is old. The very first answer is waited for, but no longer than a moment.
 * The caller puts ret->value. */
void cm_measured_get(struct cm_measured *m, const struct cm_app *app, struct cm_measured_answer *ret);

#endif
