/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/drill.h"

#include <string.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "docker/container.h"
#include "service/audit.h"
#include "service/drill_int.h"
#include "service/drill_isolate.h"
#include "service/engine.h"
#include "service/preflight.h"
#include "service/vaults.h"

enum { OWN_STEPS = 3 };

int cm_drill_params_check(struct json_object *params, struct cm_err *err)
{
	const char *filename = cm_json_str(params, "filename", "");
	int64_t limit = cm_json_int(params, "time_limit", CM_DRILL_LIMIT_S);
	struct cm_drill_check check;
	int rc;

	if (filename[0] == '\0')
		return cm_err_set(err, CM_EINVAL, "Filename required");
	if (!cm_vault_name_valid(filename))
		return cm_err_set(err, CM_EINVAL, "Invalid filename");
	if (cm_str_has_suffix(filename, ".json"))
		return cm_err_set(err, CM_EUNSUPPORTED, "A network backup holds no container that could be started.");
	if (limit < CM_DRILL_LIMIT_MIN_S || limit > CM_DRILL_LIMIT_MAX_S)
		return cm_err_set(err, CM_EINVAL, "The time limit of a drill is %d to %d seconds.",
				  CM_DRILL_LIMIT_MIN_S, CM_DRILL_LIMIT_MAX_S);
	rc = cm_drill_check_parse(cm_json_str(params, "check", NULL), &check, err);
	if (rc == 0)
		cm_drill_check_release(&check);
	return rc;
}

/* --- progress: the job's, and the end of the time --- */

static void on_step(void *ctx, int number, int total, const char *text)
{
	cm_progress_step(((struct cm_drill *)ctx)->outer, number, total, text);
}

static void on_bytes(void *ctx, uint64_t done, uint64_t total)
{
	cm_progress_bytes(((struct cm_drill *)ctx)->outer, done, total);
}

static void on_warn(void *ctx, const char *text)
{
	struct cm_drill *d = ctx;

	cm_json_add_str(d->notes, text);
	cm_progress_warn(d->outer, text);
}

static bool on_cancelled(void *ctx)
{
	struct cm_drill *d = ctx;

	if (cm_progress_cancelled(d->outer))
		return true;
	if (cm_monotonic_ms() - d->began_ms >= d->limit_s * 1000)
		d->ran_out = true;
	return d->ran_out;
}

static void audit(const struct cm_drill *d, const char *status, const char *error)
{
	struct cm_audit_event event = {
		.operation = "drill",
		.status = status,
		.container_id = d->row.container_id,
		.container_name = d->row.container_name,
		.backup_filename = d->filename,
		.error = error,
		.user = d->user,
	};

	(void)cm_audit(&event, NULL);
}

/* Asked for, else by the container itself, else by the settings. */
static int check_choose(struct cm_drill *d, struct json_object *params, struct cm_err *err)
{
	const char *text = cm_json_str(params, "check", "");
	struct json_object *labels = cm_json_at(d->run.plan->source->inspect, "Config.Labels");
	bool by_label = false;
	int rc;

	if (text[0] == '\0') {
		text = cm_json_str(labels, "monkey.drill", "");
		by_label = text[0] != '\0';
	}
	if (text[0] == '\0')
		text = cm_json_str(d->settings.checks, cm_spec_name(d->run.plan->source->inspect), "");
	rc = cm_drill_check_parse(text, &d->check, err);
	if (rc != 0 && by_label)
		cm_err_prefix(err, "The container's label monkey.drill");
	return rc;
}

static int isolate(struct cm_drill *d, struct cm_err *err)
{
	cm_autojson struct json_object *info = NULL, *notes = json_object_new_array();
	struct cm_restore_run *r = &d->run;
	struct cm_drill_place place = { .tag = r->tag };
	int rc = cm_engine_get(d->app, &r->d, err);

	rc = rc ? rc : cm_docker_info(cm_restore_docker(r), &info, err);
	if (rc != 0)
		return rc;
	place.root = cm_json_str(info, "DockerRootDir", "");
	place.runtime = cm_json_str(info, "DefaultRuntime", "");
	place.memory = cm_json_int(info, "MemTotal", 0);
	place.cpus = cm_json_int(info, "NCPU", 0);
	cm_random_hex(r->tag, 4);
	rc = cm_drill_isolate(r->plan->source, &place, notes, err);
	for (size_t i = 0; i < cm_json_len(notes); i++)
		on_warn(d, json_object_get_string(json_object_array_get_idx(notes, i)));
	return rc;
}

/* What stands in its way is the backup's fault, but for the disk. */
static int preflight(struct cm_drill *d, struct cm_err *err)
{
	struct json_object *findings;
	int rc = cm_preflight_run(d->run.plan, err);

	findings = d->run.plan->findings;
	for (size_t i = 0; rc == 0 && i < cm_json_len(findings); i++) {
		struct json_object *f = json_object_array_get_idx(findings, i);
		if (cm_str_eq(cm_json_str(f, "code", ""), "NO_SPACE"))
			return cm_err_set(err, CM_ENOSPACE, "%s.", cm_json_str(f, "text", ""));
	}
	return rc ? rc : cm_restore_findings(d->run.plan, err);
}

static int prepare(struct cm_drill *d, struct json_object *params, struct cm_err *err)
{
	cm_autojson struct json_object *options = json_object_new_object();
	struct cm_restore_run *r = &d->run;
	int rc;

	cm_restore_step(r, "Checking");
	cm_json_set_str(options, "file", d->filename);
	cm_json_set_bool(options, "start", false);
	rc = cm_restore_plan_open(d->app, options, &r->plan, err);
	if (rc != 0) {
		d->about_backup = rc == CM_ECORRUPT || rc == CM_EUNSUPPORTED;
		return rc;
	}
	rc = check_choose(d, params, err);
	if (rc != 0)
		return rc;
	d->skipped = d->scheduled && d->check.kind == CM_DRILL_OFF;
	if (d->skipped)
		return 0;
	d->about_backup = true;
	rc = isolate(d, err);
	rc = rc ? rc : cm_restore_plan_fill(r->plan, err);
	if (rc != 0)
		return rc;
	/* Names of images stay as they are, whatever they mean now. */
	r->plan->image_tag = false;
	rc = preflight(d, err);
	if (rc == 0)
		cm_restore_begin(r);
	r->steps += OWN_STEPS;
	return rc;
}

static int boot(struct cm_drill *d, struct cm_err *err)
{
	struct cm_restore_run *r = &d->run;
	int rc = cm_restore_steps(r, err);

	if (rc != 0)
		return rc;
	cm_restore_step(r, "Starting it");
	rc = cm_container_start(cm_restore_docker(r), r->new_id, err);
	if (rc != 0)
		return cm_err_prefix(err, "It could not be started");
	CM_FAULT_POINT("drill_started");
	rc = cm_drill_watch(d, err);
	CM_FAULT_POINT("drill_judged");
	return rc;
}

/* Everything goes, however it went. Errors: CM_EINTERNAL: something is left, which *err tells. */
static int clear(struct cm_drill *d, struct cm_err *err)
{
	struct cm_err why = { 0 };
	int rc;

	if (d->run.journal == 0)
		return 0;
	rc = cm_restore_back(&d->run, "Removing everything that was made for it", &why);
	cm_engine_changed();
	CM_FAULT_POINT("drill_removed");
	if (rc == 0)
		return 0;
	return cm_err_set(
	    err, rc, "Not everything of the drill could be removed, which is tried again at the next start: %.300s",
	    why.text);
}

/* Says nothing about the backup. */
static bool is_other(const struct cm_drill *d, int rc)
{
	return !d->about_backup || rc == CM_ECANCELLED || rc == CM_EUNREACHABLE || rc == CM_ETIMEDOUT ||
	       rc == CM_ENOSPACE || rc == CM_EIO || rc == CM_ENOMEM || rc == CM_EINTERNAL;
}

static int drill(struct cm_drill *d, struct json_object *params, struct cm_err *err)
{
	struct cm_err why = { 0 };
	int rc = prepare(d, params, &why), left;

	if (rc == 0 && !d->skipped)
		rc = boot(d, &why);
	if (rc == CM_ECANCELLED)
		rc = d->ran_out ? cm_err_set(&why, CM_EUPSTREAM, "It was not restored within %lld seconds.",
					     (long long)d->limit_s)
				: cm_err_set(&why, CM_ECANCELLED, "The drill was cancelled.");
	cm_drill_log_read(d);
	if (rc != 0 && !is_other(d, rc))
		cm_drill_log_append(d, &why);
	left = clear(d, err);
	if (d->skipped && rc == 0)
		return 0;
	if (rc == 0 || !is_other(d, rc)) {
		int wrote = cm_drill_record(d, rc ? &why : NULL, rc ? NULL : &why);
		rc = rc ? rc : wrote;
	}
	if (rc != 0 && left != 0 && err != NULL) {
		struct cm_err also = *err;
		cm_err_set(err, rc, "%.255s %.255s", why.text, also.text);
	} else if (rc != 0 && err != NULL) {
		*err = why;
	}
	return rc ? rc : left;
}

static struct json_object *result_make(const struct cm_drill *d)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "filename", d->filename);
	cm_json_set_str(o, "container", d->row.container_name);
	cm_json_set_str(o, "state", d->skipped ? "skipped" : "ok");
	cm_json_set_str(o, "check", cm_drill_kind_name(d->check.kind));
	cm_json_set_int(o, "duration_ms", cm_monotonic_ms() - d->began_ms);
	cm_json_set(o, "notes", json_object_get(d->notes));
	cm_json_set_str(o, "log", d->log.data);
	return o;
}

static void release(struct cm_drill *d)
{
	if (d->run.d != NULL)
		cm_docker_set_cancel(d->run.d, NULL, NULL);
	cm_restore_plan_free(d->run.plan);
	json_object_put(d->run.state);
	json_object_put(d->run.warnings);
	free(d->run.new_id);
	json_object_put(d->notes);
	cm_buf_release(&d->log);
	cm_catalog_row_release(&d->row);
	cm_drill_settings_release(&d->settings);
	cm_drill_check_release(&d->check);
	free(d);
}

int cm_drill_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		 struct json_object **ret_result, struct cm_err *err)
{
	struct cm_err why = { 0 };
	struct cm_drill *d;
	int rc = cm_drill_params_check(params, err);

	if (rc < 0)
		return rc;
	d = cm_alloc(sizeof(*d));
	d->app = app;
	d->outer = progress;
	d->within = (struct cm_progress){ d, on_step, on_bytes, on_warn, on_cancelled };
	d->began_ms = cm_monotonic_ms();
	d->filename = cm_json_str(params, "filename", "");
	d->user = cm_json_str(params, "user", NULL);
	d->scheduled = cm_json_bool(params, "scheduled", false);
	d->notes = json_object_new_array();
	cm_buf_init(&d->log, 4 * CM_DRILL_LOG_MAX);
	rc = cm_catalog_get(NULL, d->filename, &d->row, &why);
	rc = rc ? rc : cm_drill_settings_load(&d->settings, &why);
	d->limit_s = cm_json_int(params, "time_limit", d->settings.limit_s);
	d->run = (struct cm_restore_run){ .app = app,
					  .progress = &d->within,
					  .kind = "drill",
					  .subject = d->row.container_name,
					  .warnings = json_object_new_array(),
					  .steps = OWN_STEPS };
	audit(d, "started", NULL);
	rc = rc ? rc : drill(d, params, &why);
	audit(d, rc == 0 ? "completed" : rc == CM_ECANCELLED ? "cancelled" : "error", rc ? why.text : NULL);
	if (rc == 0 && ret_result != NULL)
		*ret_result = result_make(d);
	if (rc != 0 && err != NULL)
		*err = why;
	release(d);
	return rc;
}
