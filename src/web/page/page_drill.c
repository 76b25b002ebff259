/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Drills: one by hand, and the settings for those that begin by themselves.
 */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "jobs/kinds.h"
#include "jobs/queue.h"
#include "service/audit.h"
#include "service/drill.h"
#include "service/drill_check.h"
#include "service/drill_settings.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_settings.h"
#include "web/reply.h"
#include "web/view.h"

/* The form has the kind and what belongs to it in two fields; the API has the whole text. Caller frees. */
static char *check_text(const struct cm_request *rq)
{
	const char *check = cm_form_str(rq->post, "check", ""), *target = cm_form_str(rq->post, "target", "");
	bool takes = cm_str_eq(check, "http") || cm_str_eq(check, "tcp") || cm_str_eq(check, "command");

	return takes ? cm_asprintf("%s:%s", check, target) : cm_strdup(check);
}

static int params_make(const struct cm_request *rq, struct json_object *params, struct cm_err *err)
{
	cm_autofree char *check = check_text(rq);
	int64_t limit;
	int rc = cm_form_int(rq->post, "time_limit", CM_DRILL_LIMIT_MIN_S, CM_DRILL_LIMIT_MAX_S, 0, &limit, err);

	if (rc < 0)
		return rc;
	if (cm_str_has_prefix(check, "command:") && rq->role < CM_ROLE_ADMIN)
		return cm_err_set(err, CM_EDENIED, "Only administrators may have commands run inside a container.");
	cm_json_set_str(params, "filename", rq->params[0]);
	cm_json_set_str(params, "user", rq->user);
	if (check[0] != '\0')
		cm_json_set_str(params, "check", check);
	if (limit != 0)
		cm_json_set_int(params, "time_limit", limit);
	return cm_drill_params_check(params, err);
}

static int job_add(const struct cm_request *rq, char id[CM_UUID_LEN + 1], struct cm_err *err)
{
	cm_autojson struct json_object *params = json_object_new_object();
	struct cm_job_request job = { .kind = "drill", .subject = rq->params[0], .user = rq->user, .params = params };
	struct cm_catalog_row row = { 0 };
	int rc = params_make(rq, params, err);

	rc = rc < 0 ? rc : cm_catalog_get(NULL, rq->params[0], &row, err);
	if (rc == 0) {
		cm_autofree char *title =
		    cm_asprintf("Drill of %s", row.container_name ? row.container_name : row.file);
		job.title = title;
		rc = cm_job_add(rq->app, &job, id, err);
	}
	cm_catalog_row_release(&row);
	return rc;
}

int cm_page_backup_drill(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *answer;
	char id[CM_UUID_LEN + 1], where[64];
	int rc = job_add(rq, id, err);

	if (rc == CM_EINVAL && !rq->is_api) {
		/* Back to the form. */
		cm_autofree char *back = cm_url_make("/backup/%s", rq->params[0]);
		cm_reply_flash(rq, rp, "error", "%s", err->text);
		cm_reply_redirect(rp, back);
		return 0;
	}
	if (rc < 0)
		return rc;
	snprintf(where, sizeof(where), "/job/%s", id);
	if (!rq->is_api) {
		cm_reply_redirect(rp, where);
		return 0;
	}
	answer = json_object_new_object();
	cm_json_set_str(answer, "job_id", id);
	cm_json_set_str(answer, "progress_id", id);
	rp->status = 202;
	cm_reply_done(rq, rp, where, answer, "Drill started");
	return 0;
}

/* --- settings --- */

void cm_settings_view_drills(struct json_object *data, const struct cm_form *typed, const char *error)
{
	static const char *const words[][2] = { { "off", "Never" },
						{ "daily", "Once a day" },
						{ "weekly", "Once a week" } };
	struct json_object *o = json_object_new_object(), *schedules = json_object_new_array();
	struct cm_drill_settings s = { 0 };
	cm_autofree char *checks = NULL;
	const char *schedule;

	if (cm_drill_settings_load(&s, NULL) != 0)
		s = (struct cm_drill_settings){ .limit_s = CM_DRILL_LIMIT_S, .checks = json_object_new_object() };
	checks = cm_drill_checks_text(s.checks);
	schedule = typed ? cm_form_str(typed, "schedule", "off") : cm_drill_schedule_name(s.schedule);
	for (size_t i = 0; i < CM_COUNT(words); i++)
		cm_view_choice(schedules, words[i][0], words[i][1], NULL, cm_str_eq(words[i][0], schedule));
	cm_json_set_str(o, "action", "/settings/drills");
	cm_json_set_bool(o, "after_backup", typed ? cm_form_bool(typed, "after_backup", false) : s.after_backup);
	cm_json_set(o, "schedules", schedules);
	if (typed != NULL)
		cm_json_set_str(o, "time_limit", cm_form_str(typed, "time_limit", ""));
	else
		cm_view_text(o, "time_limit", "%lld", (long long)s.limit_s);
	cm_json_set_str(o, "checks", typed ? cm_form_str(typed, "checks", "") : checks);
	cm_json_set_str(o, "error", error);
	cm_json_set(data, "drills", o);
	cm_drill_settings_release(&s);
}

/* What is not named stays as it is in the API; a form names everything but a box that is not ticked. */
static int settings_read(const struct cm_request *rq, struct cm_drill_settings *s, struct cm_err *err)
{
	const char *schedule = cm_form_get(rq->post, "schedule"), *checks = cm_form_get(rq->post, "checks");
	struct json_object *list = cm_json_obj(rq->json, "checks"), *parsed = NULL;
	int rc = cm_form_int(rq->post, "time_limit", CM_DRILL_LIMIT_MIN_S, CM_DRILL_LIMIT_MAX_S, s->limit_s,
			     &s->limit_s, err);

	if (rc < 0)
		return rc;
	s->after_backup = cm_form_bool(rq->post, "after_backup", rq->is_api ? s->after_backup : false);
	if (schedule != NULL && !cm_drill_schedule_parse(schedule, &s->schedule))
		return cm_err_set(err, CM_EINVAL, "Drills begin off, daily or weekly.");
	if (list != NULL)
		parsed = cm_json_copy(list);
	else if (checks != NULL)
		rc = cm_drill_checks_parse(checks, &parsed, err);
	if (rc == 0 && parsed != NULL) {
		json_object_put(s->checks);
		s->checks = parsed;
	}
	return rc;
}

static void settings_audit(const struct cm_request *rq)
{
	cm_autojson struct json_object *details = json_object_new_object();
	struct cm_audit_event event = { .operation = "settings",
					.status = "completed",
					.user = rq->user,
					.address = rq->client,
					.details = details };

	cm_json_set_str(details, "key", "drills");
	(void)cm_audit(&event, NULL);
}

static struct json_object *settings_json(const struct cm_drill_settings *s)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_bool(o, "after_backup", s->after_backup);
	cm_json_set_str(o, "schedule", cm_drill_schedule_name(s->schedule));
	cm_json_set_int(o, "time_limit", s->limit_s);
	cm_json_set(o, "checks", json_object_get(s->checks));
	return o;
}

int cm_page_drill_settings(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_drill_settings s;
	int rc = cm_drill_settings_load(&s, err);

	(void)rq;
	if (rc != 0)
		return rc;
	cm_reply_json(rp, 200, settings_json(&s));
	cm_drill_settings_release(&s);
	return 0;
}

int cm_page_drill_settings_save(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_drill_settings s;
	int rc = cm_drill_settings_load(&s, err);

	if (rc != 0)
		return rc;
	rc = settings_read(rq, &s, err);
	rc = rc < 0 ? rc : cm_drill_settings_store(&s, err);
	if (rc == 0) {
		settings_audit(rq);
		cm_reply_done(rq, rp, "/settings", rq->is_api ? settings_json(&s) : NULL, "The settings are saved.");
	} else if (!rq->is_api) {
		cm_settings_view(rq, rp);
		cm_settings_view_drills(cm_view_data(rp), rq->post, err->text);
	}
	cm_drill_settings_release(&s);
	return rc;
}
