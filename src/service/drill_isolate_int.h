/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by drill_isolate*.c only.
 */
#ifndef CM_SERVICE_DRILL_ISOLATE_INT_H
#define CM_SERVICE_DRILL_ISOLATE_INT_H

#include <json-c/json.h>

#include "service/drill_isolate.h"

void cm_drill_note(struct json_object *notes, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A HostConfig with what may be taken over of a recorded one, and the drill's own bounds; without network and mounts.
 * Caller puts. */
struct json_object *cm_drill_host(struct json_object *recorded, const struct cm_drill_place *place,
				  struct json_object *notes);

#endif
