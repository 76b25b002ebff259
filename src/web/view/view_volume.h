/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Volumes as the pages and the API show them. Pure: everything comes with the arguments.
 */
#ifndef CM_WEB_VIEW_VOLUME_H
#define CM_WEB_VIEW_VOLUME_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "web/http.h"

/* One volume, as cm_volumes_list() has it, with the predecessor's members and ours. bytes -1: not known. Caller puts.
 */
struct json_object *cm_view_volume(struct json_object *volume, int64_t bytes, enum cm_role role, int64_t now_ms);

/* One entry of a folder in it, as cm_volume_files_list() has it, with its links. Caller puts. */
struct json_object *cm_view_volume_entry(const char *volume, struct json_object *entry, int64_t now_ms);
/* The same as the predecessor shows it. */
struct json_object *cm_view_volume_entry_old(struct json_object *entry);
/* The parts of a path in it as links. Caller puts. */
struct json_object *cm_view_volume_path(const char *volume, const char *path, bool is_file);

#endif
