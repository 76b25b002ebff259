/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/drill_settings.h"

#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/drill_check.h"
#include "service/settings.h"

enum { CHECKS_MAX = 500, TEXT_MAX = 256 * 1024 };

#define DOCUMENT "drill"

static const char *const schedules[] = { "off", "daily", "weekly" };

const char *cm_drill_schedule_name(enum cm_drill_schedule schedule)
{
	return schedules[schedule];
}

bool cm_drill_schedule_parse(const char *name, enum cm_drill_schedule *ret)
{
	for (size_t i = 0; i < CM_COUNT(schedules); i++) {
		if (cm_str_eq(name, schedules[i])) {
			*ret = (enum cm_drill_schedule)i;
			return true;
		}
	}
	return false;
}

int cm_drill_settings_load(struct cm_drill_settings *ret, struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;
	struct cm_drill_settings s = { 0 };
	int rc = cm_settings_load(DOCUMENT, &o, err);

	if (rc != 0)
		return rc;
	s.after_backup = cm_json_bool(o, "after_backup", false);
	cm_drill_schedule_parse(cm_json_str(o, "schedule", ""), &s.schedule);
	s.limit_s = cm_json_int(o, "limit_s", CM_DRILL_LIMIT_S);
	s.checks = cm_json_obj(o, "checks") ? cm_json_copy(cm_json_obj(o, "checks")) : json_object_new_object();
	*ret = s;
	return 0;
}

static int check_one(const char *name, const char *check, struct cm_err *err)
{
	struct cm_drill_check c;
	int rc;

	if (!cm_name_valid(name))
		return cm_err_set(err, CM_EINVAL, "\"%.60s\" is not the name of a container.", name);
	rc = cm_drill_check_parse(check, &c, err);
	if (rc != 0)
		return cm_err_prefix(err, "%.60s", name);
	cm_drill_check_release(&c);
	return 0;
}

int cm_drill_settings_store(const struct cm_drill_settings *s, struct cm_err *err)
{
	cm_autojson struct json_object *o = json_object_new_object();

	if (s->limit_s < CM_DRILL_LIMIT_MIN_S || s->limit_s > CM_DRILL_LIMIT_MAX_S)
		return cm_err_set(err, CM_EINVAL, "The time limit of a drill is %d seconds to %d hours.",
				  CM_DRILL_LIMIT_MIN_S, CM_DRILL_LIMIT_MAX_S / 3600);
	if (json_object_object_length(s->checks) > CHECKS_MAX)
		return cm_err_set(err, CM_EINVAL, "There may be checks for at most %d containers.", CHECKS_MAX);
	json_object_object_foreach(s->checks, name, check)
	{
		int rc = check_one(name, json_object_get_string(check), err);
		if (rc != 0)
			return rc;
	}
	cm_json_set_bool(o, "after_backup", s->after_backup);
	cm_json_set_str(o, "schedule", schedules[s->schedule]);
	cm_json_set_int(o, "limit_s", s->limit_s);
	cm_json_set(o, "checks", json_object_get(s->checks));
	return cm_settings_store(DOCUMENT, o, err);
}

void cm_drill_settings_release(struct cm_drill_settings *s)
{
	json_object_put(s->checks);
	*s = (struct cm_drill_settings){ 0 };
}

static int line_parse(char *line, struct json_object *checks, struct cm_err *err)
{
	char *check, *end;
	size_t name;

	line += strspn(line, " \t\r");
	for (end = line + strlen(line); end > line && strchr(" \t\r", end[-1]) != NULL;)
		*--end = '\0';
	if (*line == '\0')
		return 0;
	name = strcspn(line, " \t");
	if (line[name] == '\0')
		return cm_err_set(err, CM_EINVAL, "Write the check after the name: \"%.60s http:8080/\".", line);
	check = line + name + strspn(line + name, " \t");
	line[name] = '\0';
	cm_json_set_str(checks, line, check);
	return check_one(line, check, err);
}

int cm_drill_checks_parse(const char *text, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *checks = json_object_new_object();
	cm_autofree char *copy = NULL;
	char *line, *rest;
	int rc = 0;

	if (text != NULL && strlen(text) > TEXT_MAX)
		return cm_err_set(err, CM_ETOOBIG, "The list of checks is too long.");
	copy = cm_strdup(text ? text : "");
	for (rest = copy; rc == 0 && (line = strsep(&rest, "\n")) != NULL;)
		rc = line_parse(line, checks, err);
	if (rc == 0)
		*ret = cm_move(&checks);
	return rc;
}

char *cm_drill_checks_text(struct json_object *checks)
{
	struct cm_buf out = CM_BUF_INIT(2 * TEXT_MAX);

	json_object_object_foreach(checks, name, check)
	{
		cm_buf_printf(&out, "%s %s\n", name, json_object_get_string(check));
	}
	return cm_buf_detach(&out);
}
