/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Networks as the pages and the API show them. Objects come from service/networks.h. Pure.
 */
#ifndef CM_WEB_VIEW_NETWORK_H
#define CM_WEB_VIEW_NETWORK_H

#include <json-c/json.h>
#include <stdint.h>

#include "web/http.h"

/* One row, with the predecessor's members and ours. Caller puts. */
struct json_object *cm_view_network(struct json_object *network, enum cm_role role, int64_t now_ms);
/* Everything about one: the members of a row and its terms. */
void cm_view_network_page(struct json_object *data, struct json_object *network, enum cm_role role, int64_t now_ms);
/* "172.20.0.0/16, fd00::/64"; "" when it has none. dst has 600 bytes. */
void cm_view_network_subnets(char dst[600], struct json_object *network);

#endif
