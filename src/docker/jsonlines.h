/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stream of JSON objects, one after the other, as the engine sends them while it loads, pulls, builds and tells
 * events. The answer's status is 200 long before the work is done, so an error comes inside. Fed piece by piece; an
 * object has at most 1 MiB. Any input is safe. Does not block unless the callback does.
 */
#ifndef CM_DOCKER_JSONLINES_H
#define CM_DOCKER_JSONLINES_H

#include <stddef.h>

#include "core/err.h"
#include "core/json.h"

/* Borrowed object, valid during the call. Non-zero stops and is passed through. */
typedef int (*cm_jsonlines_fn)(void *ctx, struct json_object *o, struct cm_err *err);

struct cm_jsonlines {
	struct json_tokener *tok;
	size_t open; /* bytes of the object that is not complete yet */
	cm_jsonlines_fn fn;
	void *ctx;
};

void cm_jsonlines_init(struct cm_jsonlines *j, cm_jsonlines_fn fn, void *ctx);
/* Has the form of a cm_docker_sink: ctx is the struct cm_jsonlines. Errors: CM_EUPSTREAM (not JSON, too long). */
int cm_jsonlines_feed(void *ctx, const void *data, size_t len, struct cm_err *err);
/* The stream has ended. Errors: CM_EUPSTREAM when it ended inside an object. */
int cm_jsonlines_end(struct cm_jsonlines *j, struct cm_err *err);
void cm_jsonlines_release(struct cm_jsonlines *j);

/* When o reports a failure ("error", "errorDetail"): fills err and returns its code, else 0. */
int cm_jsonlines_error(struct json_object *o, struct cm_err *err);

#endif
