/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Drills that begin by themselves: after a backup, and by the clock (service/drill_settings.h). Task threads only;
 * errors as in db/db.h.
 */
#ifndef CM_JOBS_DRILL_DUE_H
#define CM_JOBS_DRILL_DUE_H

#include <json-c/json.h>
#include <stdint.h>

#include "core/err.h"
#include "service/app.h"

/* A backup with these params ended well with this result: queues its drill, when the params or the settings want it. */
int cm_drill_after_backup(const struct cm_app *app, struct json_object *params, struct json_object *result,
			  struct cm_err *err);

/* A row of the timetable: once a day or a week a drill of the newest good backup of each container, those first that
 * were never drilled or whose drill is longest ago. */
int cm_drill_due(const struct cm_app *app, int64_t now_ms, struct cm_err *err);

#endif
