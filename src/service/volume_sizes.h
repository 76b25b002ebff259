/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much each volume holds. The engine takes up to minutes to count, so it counts in a thread in the background, and
 * pages show what it found last.
 */
#ifndef CM_SERVICE_VOLUME_SIZES_H
#define CM_SERVICE_VOLUME_SIZES_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "service/app.h"

struct cm_volume_sizes {
	struct json_object *by_name; /* {"name": bytes}; never NULL. What is not in it is not known */
	int64_t at_ms;		     /* when they were counted; 0: never yet */
	bool measuring;
	char error[512]; /* why the last count failed, or "" */
};

/* What is known, and begins to count anew when that is old: not more often than every ten seconds, nor for
 * more than a tenth of the time. The very first count is waited for, but no longer than a moment. Any thread. The
 * caller releases *ret. */
void cm_volume_sizes_get(const struct cm_app *app, struct cm_volume_sizes *ret);
void cm_volume_sizes_release(struct cm_volume_sizes *s);
/* Bytes, or -1 when they are not known. */
int64_t cm_volume_sizes_of(const struct cm_volume_sizes *s, const char *name);

#endif
