/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the program stands on, really tried: the socket is there and may be used, the engine answers and is new enough,
 * a helper container starts and connects, the data folder can be written and has room, the clocks agree. Blocks (up to
 * some seconds when the engine does not answer); task threads only.
 */
#ifndef CM_SERVICE_ENVIRONMENT_H
#define CM_SERVICE_ENVIRONMENT_H

#include <json-c/json.h>

#include "core/err.h"
#include "service/app.h"

/* [{"id": "socket" | "docker" | "version" | "helper" | "clock" | "data" | "space", "level": "ok" | "warn" | "block",
 * "text", "detail": what was found or null, "todo": what to do or null when it is fine}]. Caller puts. Never NULL. */
struct json_object *cm_environment_check(const struct cm_app *app);

/* [{"term", "text", "is_code"}]: versions and places, for the settings page. Caller puts. Never NULL. */
struct json_object *cm_environment_about(const struct cm_app *app);

#endif
