/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Limits and the restart policy of a container that exists: from what was asked for to the engine's update request.
 * Pure; any thread.
 *
 * What may be asked for (every member may be missing: it stays as it is; numbers may come as text):
 *	memory		bytes, or "512m", "1.5g"
 *	cpus		processors: 0.5
 *	pids_limit	processes; 0: no limit
 *	restart_policy	"no" | "always" | "unless-stopped" | "on-failure"
 *	max_retries	of "on-failure"; 0: as often as it takes
 */
#ifndef CM_SERVICE_CONTAINER_LIMITS_H
#define CM_SERVICE_CONTAINER_LIMITS_H

#include <json-c/json.h>
#include <stdint.h>

#include "core/err.h"

/* *ret_body: only what changes; an empty object when nothing does. Caller puts. field (may be NULL) gets the member an
 * error is about. Errors: CM_EINVAL (malformed), CM_EUNSUPPORTED (the engine cannot do that to a container that
 * exists). */
int cm_limits_body(struct json_object *asked, struct json_object *inspect, struct json_object **ret_body,
		   const char **field, struct cm_err *err);

/* "512m", "1.5 GB", "1073741824" as bytes (powers of 1024). Errors: CM_EINVAL. */
int cm_limits_bytes(const char *text, int64_t *ret, struct cm_err *err);
/* The shortest text that cm_limits_bytes reads as the same: "512m"; "" for 0. dst has 32 bytes. */
void cm_limits_bytes_text(char dst[32], int64_t bytes);

/* What there is, in the shape of what may be asked for: for forms. Caller puts. */
struct json_object *cm_limits_now(struct json_object *inspect);

#endif
