/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the program stands on, really tried: the engine answers, our helper image is there, the data folder can be
 * written and has room, the clocks agree. Blocks (up to some seconds when the engine does not answer); task threads
 * only.
 */
#ifndef CM_SERVICE_ENVIRONMENT_H
#define CM_SERVICE_ENVIRONMENT_H

#include <json-c/json.h>

#include "core/err.h"
#include "service/app.h"

/* [{"id": "docker" | "helper" | "data" | "space" | "clock", "level": "ok" | "warn" | "block", "text", "detail"}].
 * Caller puts. Never NULL. */
struct json_object *cm_environment_check(const struct cm_app *app);

/* [{"term", "text", "is_code"}]: versions and places, for the settings page. Caller puts. Never NULL. */
struct json_object *cm_environment_about(const struct cm_app *app);

#endif
