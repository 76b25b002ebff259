/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much each image shares with others. The engine counts for long, so it is asked in the background and remembered
 * in this process. Any task thread.
 */
#ifndef CM_SERVICE_IMAGE_SIZES_H
#define CM_SERVICE_IMAGE_SIZES_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "service/app.h"

struct cm_image_sizes {
	struct json_object *shared; /* {id: bytes}; never NULL */
	int64_t at_ms;		    /* when they were counted; 0: never yet */
	bool counting;
};

/* What is known; begins to count anew when that is old. The very first caller waits for a moment. Caller releases. */
void cm_image_sizes_get(const struct cm_app *app, struct cm_image_sizes *ret);
void cm_image_sizes_release(struct cm_image_sizes *s);
/* Bytes; -1: unknown. */
int64_t cm_image_sizes_shared(const struct cm_image_sizes *s, const char *id);

#endif
