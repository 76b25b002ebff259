/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The OpenAPI 3.1 document of every API path, made from the route table. Pure.
 */
#ifndef CM_WEB_OPENAPI_H
#define CM_WEB_OPENAPI_H

#include <json-c/json.h>

struct json_object *cm_openapi_make(void); /* caller puts */

#endif
