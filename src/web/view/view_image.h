/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images as the pages and the API show them. Objects come from service/images.h. Pure.
 */
#ifndef CM_WEB_VIEW_IMAGE_H
#define CM_WEB_VIEW_IMAGE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "web/http.h"

/* Appends a row for each name of an image of the list, with the predecessor's members and ours; one for an image
 * without a name. shared -1: unknown. */
void cm_view_image_rows(struct json_object *rows, struct json_object *image, int64_t shared, enum cm_role role,
			int64_t now_ms);
/* Everything about one, inspected. ref: how it was asked for. */
void cm_view_image_page(struct json_object *data, struct json_object *image, const char *ref, int64_t shared,
			enum cm_role role, int64_t now_ms);
/* Its layers: [{"created_at"…,"created_by","size","size_text","comment","tags"}], newest first. Caller puts. */
struct json_object *cm_view_image_history(struct json_object *image, int64_t now_ms);
/* A row of logins; see service/registries.h. Caller puts. */
struct json_object *cm_view_registries(struct json_object *list, int64_t now_ms);

/* "web and db"; "web, db and 3 more". dst has 600 bytes. */
void cm_view_image_users_text(char dst[600], struct json_object *users);
/* As docker writes it: "1.98MB". */
void cm_view_docker_size(char dst[32], int64_t bytes);

#endif
