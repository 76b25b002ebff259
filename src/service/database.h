/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database as a whole: opened at the start, mended when it is damaged, copied once a day. Blocks.
 */
#ifndef CM_SERVICE_DATABASE_H
#define CM_SERVICE_DATABASE_H

#include <json-c/json.h>

#include "core/err.h"
#include "service/app.h"

/* In the parent, before workers start: as cm_db_open_or_mend(). Waits for up to a minute when another program has it
 * locked. What was mended is said in the log, in the audit log and by cm_database_notice(). Errors: also CM_EINUSE:
 * damaged, and another program works with it. */
int cm_database_open(const struct cm_app *app, struct cm_err *err);

/* Row of the timetable: makes the copy of the day when there is none, and a new one when users or passwords changed
 * since the last. */
int cm_database_copy_due(const struct cm_app *app, int64_t now_ms, struct cm_err *err);

/* Notice of a mending that nobody has confirmed yet, {"text"}: sentences for people; caller puts. NULL: there is none,
 * or the database does not answer. */
struct json_object *cm_database_notice(void);
/* Somebody has read it. */
int cm_database_notice_clear(struct cm_err *err);

#endif
