/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/volume_backup.h"

#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/journal.h"
#include "service/audit.h"
#include "service/backup.h"
#include "service/engine.h"
#include "service/restore_run.h"
#include "service/restore_source.h"
#include "service/restore_undo.h"
#include "service/volumes.h"

int cm_volume_backup_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
			 struct json_object **ret_result, struct cm_err *err)
{
	cm_autojson struct json_object *volume = NULL;
	int rc = cm_volumes_look(app, cm_json_str(params, "volume", ""), &volume, err);

	rc = rc < 0 ? rc : cm_volumes_may_change(volume, err);
	return rc < 0 ? rc : cm_backup_run(app, params, progress, ret_result, err);
}

/* What is there now, and who uses it. *ret NULL: nothing. */
static int target_look(const struct cm_app *app, const char *name, bool replace, struct json_object **ret,
		       struct cm_err *err)
{
	cm_autojson struct json_object *now = NULL;
	struct cm_err why = { 0 };
	int rc;

	*ret = NULL;
	if (!cm_name_valid(name) || strlen(name) < 2)
		return cm_err_set(err, CM_EINVAL,
				  "This is not a valid name of a volume: use letters, digits, dot, "
				  "dash and underscore.");
	cm_engine_changed();
	rc = cm_volumes_look(app, name, &now, &why);
	if (rc == CM_ENOTFOUND)
		return 0;
	if (rc < 0)
		return cm_err_set(err, rc, "%s", why.text);
	rc = cm_volumes_may_change(now, err);
	if (rc == 0 && !replace)
		rc = cm_err_set(err, CM_EEXIST,
				"A volume named %s is there already: choose another name, or have it replaced.", name);
	for (size_t i = 0; rc == 0 && i < cm_json_len(cm_json_arr(now, "Users")); i++) {
		struct json_object *u = json_object_array_get_idx(cm_json_arr(now, "Users"), i);

		if (cm_json_bool(u, "running", false))
			rc = cm_err_set(err, CM_EINUSE, "Volume %s is in use by %s: stop that first.", name,
					cm_json_str(u, "name", ""));
	}
	if (rc == 0)
		*ret = cm_move(&now);
	return rc;
}

static int source_find(const struct cm_app *app, struct json_object *params, struct cm_restore_source **ret,
		       struct json_object **ret_entry, const char **ret_name, struct cm_err *err)
{
	struct cm_restore_source *s;
	const char *name = cm_json_str(params, "volume", "");
	int rc = cm_restore_source_open_volume(app, cm_json_str(params, "file", ""), &s, err);

	if (rc < 0)
		return rc;
	*ret_entry = json_object_array_get_idx(s->volumes, 0);
	*ret_name = name[0] != '\0' ? name : cm_json_str(*ret_entry, "name", "");
	if (!cm_str_eq(cm_json_str(*ret_entry, "state", ""), "saved"))
		rc = cm_err_set(err, CM_EUNSUPPORTED, "This backup does not hold the content of the volume.");
	if (rc < 0)
		cm_restore_source_close(s);
	else
		*ret = s;
	return rc;
}

int cm_volume_restore_look(const struct cm_app *app, struct json_object *params, bool for_real,
			   struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *now = NULL;
	struct cm_restore_source *s = NULL;
	struct json_object *entry = NULL, *o;
	const char *name = NULL;
	int rc = source_find(app, params, &s, &entry, &name, err);

	if (rc < 0)
		return rc;
	if (for_real)
		rc = target_look(app, name, cm_json_bool(params, "replace", false), &now, err);
	else if (cm_volumes_look(app, name, &now, NULL) < 0)
		now = NULL;
	if (rc == 0) {
		o = json_object_new_object();
		cm_json_set_str(o, "volume", name);
		cm_json_set_str(o, "recorded", cm_json_str(entry, "name", ""));
		cm_json_set_str(o, "driver", cm_json_str(entry, "driver", "local"));
		cm_json_set_int(o, "bytes", cm_json_int(entry, "bytes", 0));
		cm_json_set_int(o, "files", cm_json_int(entry, "files", 0));
		cm_json_set_int(o, "created_ms", s->created_ms);
		cm_json_set_bool(o, "exists", now != NULL);
		*ret = o;
	}
	cm_restore_source_close(s);
	return rc;
}

static void audit(struct json_object *params, const char *name, const char *status, const struct cm_err *why)
{
	cm_autojson struct json_object *details = json_object_new_object();
	struct cm_audit_event event = { .operation = "volume_restore",
					.status = status,
					.container_name = name,
					.backup_filename = cm_json_str(params, "file", NULL),
					.error = why ? why->text : NULL,
					.user = cm_json_str(params, "user", NULL),
					.details = details };

	cm_json_set_str(details, "volume", name);
	(void)cm_audit(&event, NULL);
}

/* The steps of a restore that are about volumes; the same journal, so that a crash is dealt with in the same way. */
static int steps_run(struct cm_restore_run *r, struct cm_err *err)
{
	static int (*const steps[])(struct cm_restore_run *, struct cm_err *) = {
		cm_restore_save,
		cm_restore_volumes_prepare,
		cm_restore_volumes_switch,
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < CM_COUNT(steps); i++) {
		rc = cm_restore_check(r, err);
		rc = rc ? rc : steps[i](r, err);
	}
	if (rc == 0)
		rc = cm_shift_end(cm_restore_shift(r), err);
	if (rc != 0) {
		cm_shift_drop(&r->shift);
		return rc;
	}
	cm_json_set_bool(r->state, "done", true);
	return cm_restore_save(r, err);
}

static void finish(struct cm_restore_run *r)
{
	struct cm_err why = { 0 };

	cm_restore_step(r, "Tidying up");
	cm_docker_set_cancel(r->d, NULL, NULL);
	if (cm_restore_finish(r->app, r->d, r->state, &why) == 0) {
		(void)cm_journal_close(r->journal, NULL);
		return;
	}
	(void)cm_journal_failed(r->journal, why.text, NULL);
	cm_restore_warn(r, "Something temporary could not be removed yet: %s", why.text);
}

static int run(struct cm_restore_run *r, struct cm_err *err)
{
	int rc;

	cm_restore_begin(r);
	r->steps = 3;
	rc = steps_run(r, err);
	if (rc == 0) {
		finish(r);
		return 0;
	}
	struct cm_err why = { 0 };
	if (cm_restore_back(r, "Putting everything back", &why) != 0 && err != NULL)
		cm_err_set(err, err->code, "%.230s Not everything could be put back, which is tried again: %.200s",
			   err->text, why.text);
	return rc;
}

static struct json_object *result_make(const struct cm_restore_run *r, const char *name, bool replaced)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_bool(o, "success", true);
	cm_json_set_str(o, "message", "Volume restored successfully");
	cm_json_set_str(o, "volume", name);
	cm_json_set_bool(o, "replaced", replaced);
	cm_json_set_str(o, "filename", r->plan->options.file);
	cm_json_set(o, "warnings", json_object_get(r->warnings));
	return o;
}

int cm_volume_restore_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
			  struct json_object **ret_result, struct cm_err *err)
{
	struct cm_restore_plan plan = { .app = app };
	struct cm_restore_volume v = { .has_data = true };
	struct cm_restore_run r = { .app = app, .plan = &plan, .progress = progress, .kind = "restore" };
	cm_autojson struct json_object *now = NULL;
	struct cm_err why = { 0 };
	const char *name = NULL;
	int rc = source_find(app, params, &plan.source, &v.entry, &name, &why);

	r.warnings = json_object_new_array();
	rc = rc < 0 ? rc : target_look(app, name, cm_json_bool(params, "replace", false), &now, &why);
	rc = rc < 0 ? rc : cm_engine_get(app, &plan.d, &why);
	if (rc == 0) {
		audit(params, name, "started", NULL);
		v.recorded = cm_json_str(v.entry, "name", "");
		v.destination = "";
		v.name = cm_strdup(name);
		v.action = now != NULL ? CM_RV_REPLACE : CM_RV_CREATE;
		v.exists = now != NULL;
		plan.volumes = &v;
		plan.volume_count = 1;
		plan.name = v.name;
		plan.recorded = v.recorded;
		plan.options.file = cm_strdup(cm_json_str(params, "file", ""));
		r.d = plan.d;
		rc = run(&r, &why);
		cm_engine_changed();
		if (rc == 0 && ret_result != NULL)
			*ret_result = result_make(&r, v.name, now != NULL);
	}
	audit(params, v.name ? v.name : cm_json_str(params, "volume", NULL),
	      rc == 0		    ? "completed"
	      : rc == CM_ECANCELLED ? "cancelled"
				    : "error",
	      rc < 0 ? &why : NULL);
	if (rc != 0 && err != NULL)
		*err = why;
	json_object_put(r.warnings);
	json_object_put(r.state);
	free(v.name);
	free(v.scratch);
	free(plan.options.file);
	cm_restore_source_close(plan.source);
	return rc;
}
