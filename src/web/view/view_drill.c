/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the last drill of a backup went, and the form for the next one.
 */
#include <stdio.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/str.h"
#include "service/drill_check.h"
#include "service/drill_settings.h"
#include "web/view.h"
#include "web/view/view_backup.h"

/* "22 November 2026" */
static void day_text(char dst[64], int64_t ms)
{
	cm_time_title(dst, ms);
	for (char *p = dst; *p != '\0'; p++)
		if (*p == ',')
			*p = '\0';
}

struct json_object *cm_view_drill(const struct cm_catalog_row *row)
{
	const char *state = row->drill_state ? row->drill_state : "unknown";
	const char *reason = row->drill_error ? row->drill_error : "it did not start.";
	struct json_object *o;
	char day[64], title[64], took[32], at[32];

	if (row->drilled_ms == 0 || cm_str_eq(state, "unknown"))
		return NULL;
	o = json_object_new_object();
	day_text(day, row->drilled_ms);
	cm_time_title(title, row->drilled_ms);
	cm_time_rfc3339(at, row->drilled_ms);
	cm_duration_text(took, (row->drill_duration_ms + 500) / 1000);
	cm_view_is(o, state, "ok", "failed", NULL);
	cm_json_set_str(o, "at", at);
	cm_json_set_str(o, "title", title);
	if (cm_str_eq(state, "ok")) {
		cm_view_text(o, "text", "Restored and started on %s", day);
		cm_view_text(o, "sentence", "Restored and started on %s, in %s: its drill passed.", title, took);
	} else {
		cm_view_text(o, "text", "Drill failed: %s", reason);
		cm_view_text(o, "sentence", "Drill failed on %s, after %s: %s", title, took, reason);
	}
	return o;
}

void cm_view_drill_fields(struct json_object *o, const struct cm_catalog_row *row)
{
	char at[32];

	cm_time_rfc3339(at, row->drilled_ms);
	cm_json_set_str(o, "drill_state", row->drill_state ? row->drill_state : "unknown");
	cm_json_set_str(o, "drilled_at", row->drilled_ms != 0 ? at : NULL);
	cm_json_set_str(o, "drill_error", row->drill_error);
	cm_json_set_int(o, "drill_duration_ms", row->drill_duration_ms);
	cm_json_set(o, "drill", cm_view_drill(row));
}

struct json_object *cm_view_drill_form(const struct cm_backup_page *p)
{
	static const struct {
		const char *value, *text;
		enum cm_role least;
	} checks[] = {
		{ "", "As its label or the settings say, else its health check", CM_ROLE_DEVELOPER },
		{ "healthcheck", "Its health check says healthy", CM_ROLE_DEVELOPER },
		{ "run", "It runs for 10 seconds", CM_ROLE_DEVELOPER },
		{ "http", "It answers over HTTP (port and path)", CM_ROLE_DEVELOPER },
		{ "tcp", "It accepts connections (port)", CM_ROLE_DEVELOPER },
		{ "command", "A command inside succeeds", CM_ROLE_ADMIN },
	};
	struct json_object *o, *list;

	if (p->role < CM_ROLE_DEVELOPER || p->job_id != NULL || cm_str_eq(p->row->type, "network") ||
	    cm_str_eq(p->row->type, "volume") || cm_str_eq(p->row->type, "export"))
		return NULL;
	o = json_object_new_object();
	list = json_object_new_array();
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (p->role >= checks[i].least)
			cm_view_choice(list, checks[i].value, checks[i].text, NULL, i == 0);
	cm_view_url(o, "action", "/backup/%s/drill", p->row->file);
	cm_json_set(o, "checks", list);
	cm_view_text(o, "time_limit_min", "%d", CM_DRILL_LIMIT_MIN_S);
	cm_view_text(o, "time_limit_max", "%d", CM_DRILL_LIMIT_MAX_S);
	return o;
}
