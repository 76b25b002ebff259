/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/drill_due.h"

#include <stdlib.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "jobs/kinds.h"
#include "service/drill_settings.h"
#include "service/settings.h"

/* When the timetable last queued drills. */
#define DOCUMENT "drill_times"

static const int64_t day_ms = 24LL * 3600 * 1000;

static int add(const struct cm_app *app, const char *file, const char *container, bool scheduled, const char *user,
	       struct cm_err *err)
{
	cm_autojson struct json_object *params = json_object_new_object();
	cm_autofree char *title = cm_asprintf("Drill of %s", container ? container : file);
	struct cm_job_request job = {
		.kind = "drill", .subject = file, .title = title, .user = user, .params = params
	};

	cm_json_set_str(params, "filename", file);
	cm_json_set_bool(params, "scheduled", scheduled);
	if (user != NULL)
		cm_json_set_str(params, "user", user);
	return cm_job_add(app, &job, NULL, err);
}

static bool is_off(const struct cm_drill_settings *s, const char *container)
{
	return container != NULL && cm_str_eq(cm_json_str(s->checks, container, ""), "off");
}

int cm_drill_after_backup(const struct cm_app *app, struct json_object *params, struct json_object *result,
			  struct cm_err *err)
{
	const char *file = cm_json_str(result, "filename", ""), *container = cm_json_str(result, "container", NULL);
	bool asked = cm_json_bool(params, "drill", false), refused = cm_json_get(params, "drill") != NULL && !asked;
	struct cm_drill_settings s;
	int rc;

	if (file[0] == '\0' || refused)
		return 0;
	rc = cm_drill_settings_load(&s, err);
	if (rc != 0)
		return rc;
	if (asked || (s.after_backup && !is_off(&s, container)))
		rc = add(app, file, container, !asked, cm_json_str(params, "user", NULL), err);
	cm_drill_settings_release(&s);
	return rc;
}

static int times_load(int64_t *ret_last, struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;
	int rc = cm_settings_load(DOCUMENT, &o, err);

	*ret_last = cm_json_int(o, "last_ms", 0);
	return rc;
}

static int times_store(int64_t now_ms, struct cm_err *err)
{
	cm_autojson struct json_object *o = json_object_new_object();

	cm_json_set_int(o, "last_ms", now_ms);
	return cm_settings_store(DOCUMENT, o, err);
}

static int by_drill(const void *a, const void *b)
{
	int64_t x = ((const struct cm_catalog_row *)a)->drilled_ms, y = ((const struct cm_catalog_row *)b)->drilled_ms;

	return (x > y) - (x < y);
}

static int add_newest(const struct cm_app *app, const struct cm_drill_settings *s, struct cm_err *err)
{
	struct cm_catalog_list list;
	int rc = cm_catalog_newest(&list, err);

	if (rc != 0)
		return rc;
	if (list.count > 1)
		qsort(list.rows, list.count, sizeof(list.rows[0]), by_drill);
	for (size_t i = 0; rc == 0 && i < list.count; i++) {
		const struct cm_catalog_row *row = &list.rows[i];
		cm_autofree char *lock = cm_asprintf("file:%s", row->file);
		/* Somebody asked for it already, or it is just being verified: next time. */
		if (row->missing_ms == 0 && !is_off(s, row->container_name) && cm_queue_lock_free(lock, NULL) == 0)
			rc = add(app, row->file, row->container_name, true, NULL, err);
	}
	cm_catalog_list_release(&list);
	return rc;
}

int cm_drill_due(const struct cm_app *app, int64_t now_ms, struct cm_err *err)
{
	struct cm_drill_settings s;
	int64_t last = 0;
	int rc = cm_drill_settings_load(&s, err);

	if (rc != 0)
		return rc;
	if (s.schedule != CM_DRILL_NEVER)
		rc = times_load(&last, err);
	if (rc == 0 && s.schedule != CM_DRILL_NEVER &&
	    cm_timetable_due(now_ms, last, s.schedule == CM_DRILL_DAILY ? day_ms : 7 * day_ms)) {
		rc = times_store(now_ms, err);
		rc = rc ? rc : add_newest(app, &s, err);
	}
	cm_drill_settings_release(&s);
	return rc;
}
