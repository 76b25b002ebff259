/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When drills begin by themselves, and what they wait for: the document "drill" of the settings. Task threads only;
 * errors as in db/db.h besides those named.
 */
#ifndef CM_SERVICE_DRILL_SETTINGS_H
#define CM_SERVICE_DRILL_SETTINGS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

enum cm_drill_schedule { CM_DRILL_NEVER, CM_DRILL_DAILY, CM_DRILL_WEEKLY };

enum { CM_DRILL_LIMIT_S = 600, CM_DRILL_LIMIT_MIN_S = 10, CM_DRILL_LIMIT_MAX_S = 86400 };

struct cm_drill_settings {
	bool after_backup; /* one after each backup */
	enum cm_drill_schedule schedule;
	int64_t limit_s;	    /* how long a drill may take */
	struct json_object *checks; /* {"container": check (service/drill_check.h)}; never NULL */
};

/* What is stored, else never, and ten minutes. Caller releases. */
int cm_drill_settings_load(struct cm_drill_settings *ret, struct cm_err *err);
/* Errors: CM_EINVAL (limit, names, checks). */
int cm_drill_settings_store(const struct cm_drill_settings *s, struct cm_err *err);
void cm_drill_settings_release(struct cm_drill_settings *s);

const char *cm_drill_schedule_name(enum cm_drill_schedule schedule); /* "off", "daily", "weekly" */
bool cm_drill_schedule_parse(const char *name, enum cm_drill_schedule *ret);

/* Checks as people write them: a line for each container, its name, a blank, the check. Caller puts *ret. Errors:
 * CM_EINVAL (names the line). Pure, as the other direction; caller frees that. */
int cm_drill_checks_parse(const char *text, struct json_object **ret, struct cm_err *err);
char *cm_drill_checks_text(struct json_object *checks);

#endif
