/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Containers that were made for a moment and stayed: helpers of ours whose process is gone, and those of the
 * predecessor ("backup-temp-…") that do not run. Ours are also swept at each start; this is for whoever looks at them
 * now. All block; task threads only. Errors: those of docker/docker.h.
 */
#ifndef CM_SERVICE_LEFTOVERS_H
#define CM_SERVICE_LEFTOVERS_H

#include <json-c/json.h>

#include "core/err.h"
#include "service/app.h"

/* [{"id", "name", "status"}], caller puts. */
int cm_leftovers_list(const struct cm_app *app, struct json_object **ret, struct cm_err *err);

/* Removes those of them that are still left over. *ret (caller puts): {"removed": number, "names": [those],
 * "errors": [sentences] or null}. Writes the audit line. One that cannot be removed is no error. */
int cm_leftovers_remove(const struct cm_app *app, struct json_object **ret, struct cm_err *err);

#endif
