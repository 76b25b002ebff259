/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Volumes as the pages and the API show them. Pure: everything comes with the arguments.
 */
#ifndef CM_WEB_VIEW_VOLUME_H
#define CM_WEB_VIEW_VOLUME_H

#include <json-c/json.h>
#include <stdint.h>

#include "web/http.h"

/* One volume, as cm_volumes_list() has it, with the predecessor's members and ours. bytes -1: not known. Caller puts.
 */
struct json_object *cm_view_volume(struct json_object *volume, int64_t bytes, enum cm_role role, int64_t now_ms);

#endif
