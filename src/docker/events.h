/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine's events. Hints, not truth: after a reconnect ask with since and list again. Blocks: task threads only.
 */
#ifndef CM_DOCKER_EVENTS_H
#define CM_DOCKER_EVENTS_H

#include "docker/docker.h"

struct cm_events_spec {
	int64_t since_ms;	     /* 0: from now on */
	int64_t until_ms;	     /* 0: no end. With an end in the past the call returns when all are told */
	struct json_object *filters; /* {"type": ["container"]}, NULL for none; borrowed */
};
/* One event as the engine sends it: Type, Action, Actor {ID, Attributes}, time, timeNano. Borrowed. Non-zero ends the
 * stream and is passed through. */
typedef int (*cm_events_fn)(void *ctx, struct json_object *event, struct cm_err *err);

/* Returns 0 after until_ms; otherwise goes on until the callback or cancel ends it or the connection breaks. */
int cm_events_run(struct cm_docker *d, const struct cm_events_spec *spec, cm_events_fn fn, void *ctx,
		  struct cm_err *err);

#endif
