/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/stack_backup.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "db/journal.h"
#include "docker/container.h"
#include "service/audit.h"
#include "service/backup_hold.h"
#include "service/containers.h"
#include "service/engine.h"
#include "service/restore.h"

enum { TEXT_SIZE = 1024, STOP_S = 10 };

static const char *const members_known[] = { "stack",	"set",	 "replace",	  "keep_old",
					     "volumes", "start", "restore_binds", "user" };

/* A container that runs now and will be replaced: stopped before the first is restored. */
struct stopped {
	char id[65];
	char *name;
	int64_t journal, since_ms; /* journal 0: need not be put back */
};

struct run {
	const struct cm_app *app;
	struct json_object *params;
	struct cm_progress *progress, part; /* part: of the member at work */
	const char *stack, *user;
	struct cm_catalog_list set;
	struct stopped *stopped;     /* one for each member */
	struct json_object *volumes; /* {"name": true}: that an earlier member brought */
	struct json_object *done;    /* array for the result */
	size_t at;
};

int cm_stack_restore_params_check(struct json_object *params, struct cm_err *err)
{
	const char *volumes = cm_json_str(params, "volumes", NULL);

	json_object_object_foreach(params, key, value)
	{
		size_t i = 0;

		(void)value;
		while (i < CM_COUNT(members_known) && strcmp(members_known[i], key) != 0)
			i++;
		if (i == CM_COUNT(members_known))
			return cm_err_set(err, CM_EINVAL, "The restore of a stack has no option called \"%.60s\".",
					  key);
	}
	if (cm_json_str(params, "stack", "")[0] == '\0' && cm_json_str(params, "set", "")[0] == '\0')
		return cm_err_set(err, CM_EINVAL, "Say which stack to restore.");
	if (volumes != NULL && !cm_str_eq(volumes, "keep") && !cm_str_eq(volumes, "replace"))
		return cm_err_set(err, CM_EINVAL,
				  "volumes must be \"keep\" or \"replace\": the containers of a stack share theirs.");
	return 0;
}

static int set_load(struct run *r, struct cm_err *err)
{
	const char *set = cm_json_str(r->params, "set", "");
	int64_t missing = 0;
	int rc = cm_catalog_set(set[0] != '\0' ? set : NULL, r->stack, &r->set, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < r->set.count; i++)
		missing += r->set.rows[i].missing_ms != 0;
	if (missing > 0 || (int64_t)r->set.count < r->set.rows[0].set_count)
		return cm_err_set(err, CM_ENOTFOUND,
				  "Of this stack backup %lld of %lld files are left: restore them one by one.",
				  (long long)((int64_t)r->set.count - missing), (long long)r->set.rows[0].set_count);
	if (r->stack[0] != '\0' && !cm_str_eq(r->set.rows[0].stack, r->stack))
		return cm_err_set(err, CM_ENOTFOUND, "This backup is not of the stack %.200s.", r->stack);
	r->stack = r->set.rows[0].stack != NULL ? r->set.rows[0].stack : r->stack;
	return 0;
}

/* The params of one member's restore: what an earlier member brought is kept. Caller puts. */
static struct json_object *member_params(struct run *r, const struct cm_catalog_row *row, struct json_object *parts)
{
	static const char *const same[] = { "replace", "keep_old", "start", "restore_binds", "user" };
	struct json_object *o = json_object_new_object(), *each = json_object_new_object();
	const char *choice = cm_json_str(r->params, "volumes", NULL);

	cm_json_set_str(o, "file", row->file);
	for (size_t i = 0; i < CM_COUNT(same); i++) {
		if (cm_json_get(r->params, same[i]) != NULL)
			cm_json_set(o, same[i], json_object_get(cm_json_get(r->params, same[i])));
	}
	for (size_t i = 0; i < cm_json_len(parts); i++) {
		struct json_object *p = json_object_array_get_idx(parts, i);
		const char *name = cm_json_str(p, "name", "");

		if (!cm_str_eq(cm_json_str(p, "kind", ""), "volume"))
			continue;
		if (cm_json_bool(r->volumes, name, false))
			cm_json_set_str(each, name, "keep");
		else if (choice != NULL)
			cm_json_set_str(each, name, choice);
	}
	if (json_object_object_length(each) > 0)
		cm_json_set(o, "volumes", each);
	else
		json_object_put(each);
	return o;
}

static struct json_object *parts_of(const struct cm_catalog_row *row)
{
	struct cm_catalog_row full;
	struct json_object *parts = NULL;

	if (cm_catalog_get(row->vault, row->file, &full, NULL) < 0)
		return NULL;
	if (full.parts != NULL)
		(void)cm_json_parse(full.parts, strlen(full.parts), &parts, NULL);
	cm_catalog_row_release(&full);
	return parts;
}

static void volumes_note(struct run *r, struct json_object *parts)
{
	for (size_t i = 0; i < cm_json_len(parts); i++) {
		struct json_object *p = json_object_array_get_idx(parts, i);

		if (cm_str_eq(cm_json_str(p, "kind", ""), "volume"))
			cm_json_set_bool(r->volumes, cm_json_str(p, "name", ""), true);
	}
}

/* Others of the set that are stopped first do not stand in the way. */
static bool stands(const struct run *r, struct json_object *finding)
{
	const char *code = cm_json_str(finding, "code", "");

	if (!cm_str_eq(cm_json_str(finding, "level", ""), "block"))
		return false;
	return !cm_json_bool(r->params, "replace", false) ||
	       (!cm_str_eq(code, "VOLUME_IN_USE") && !cm_str_eq(code, "BIND_IN_USE"));
}

static int member_look(struct run *r, const struct cm_catalog_row *row, struct json_object *list, struct cm_err *err)
{
	cm_autojson struct json_object *parts = parts_of(row), *params = member_params(r, row, parts), *view = NULL;
	struct json_object *o, *findings;
	int rc = cm_restore_preview(r->app, row->file, params, &view, err);
	bool can = true;

	if (rc < 0) {
		cm_err_prefix(err, "%s", row->container_name);
		return rc;
	}
	findings = cm_json_arr(view, "findings");
	for (size_t i = 0; i < cm_json_len(findings); i++)
		can &= !stands(r, json_object_array_get_idx(findings, i));
	o = json_object_new_object();
	cm_json_set_str(o, "file", row->file);
	cm_json_set_str(o, "name", row->container_name);
	cm_json_set(o, "findings", cm_json_copy(findings));
	cm_json_set_bool(o, "can_restore", can);
	json_object_array_add(list, o);
	return 0;
}

static int look_all(struct run *r, struct json_object *list, struct cm_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->set.count; i++)
		rc = member_look(r, &r->set.rows[i], list, err);
	return rc;
}

/* The first that stands in the way, as an error. */
static int refuse(const struct run *r, struct json_object *members, struct cm_err *err)
{
	for (size_t i = 0; i < cm_json_len(members); i++) {
		struct json_object *m = json_object_array_get_idx(members, i), *f = cm_json_arr(m, "findings");

		for (size_t k = 0; k < cm_json_len(f); k++) {
			struct json_object *one = json_object_array_get_idx(f, k);
			const char *code = cm_json_str(one, "code", "");

			if (stands(r, one))
				return cm_err_set(err,
						  cm_str_eq(code, "NAME_TAKEN") || cm_str_eq(code, "VOLUME_EXISTS")
						      ? CM_EEXIST
						  : strstr(code, "IN_USE") != NULL ? CM_EINUSE
										   : CM_EUNSUPPORTED,
						  "%s: %s. %s", cm_json_str(m, "name", ""),
						  cm_json_str(one, "text", ""), cm_json_str(one, "hint", ""));
		}
	}
	return 0;
}

static int stop_one(struct cm_docker *d, const char *name, struct stopped *s, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	int rc = cm_container_inspect(d, name, false, &inspect, err);
	char data[96];

	if (rc == CM_ENOTFOUND)
		return 0;
	if (rc < 0 || !json_object_get_boolean(cm_json_at(inspect, "State.Running")))
		return rc;
	cm_str_copy(s->id, sizeof(s->id), cm_json_str(inspect, "Id", ""));
	s->name = cm_strdup(name);
	s->since_ms = cm_now_ms();
	snprintf(data, sizeof(data), "{\"state\":\"stopping\",\"timeout\":%lld}",
		 (long long)cm_json_int(cm_json_at(inspect, "Config"), "StopTimeout", STOP_S));
	rc = cm_journal_add(NULL, "stopped", s->id, name, data, &s->journal, err);
	rc = rc < 0 ? rc : cm_container_stop(d, s->id, -1, err);
	CM_FAULT_POINT("stack_restore_stopped_one");
	return rc < 0 ? rc : cm_journal_update(s->journal, "{\"state\":\"stopped\",\"timeout\":-1}", err);
}

/* Those that need others first. Only what is going to be replaced is there: the look made sure. */
static int stop_all(struct run *r, struct cm_err *err)
{
	struct cm_docker *d;
	int rc = cm_engine_get(r->app, &d, err);

	for (size_t i = r->set.count; rc == 0 && i > 0 && cm_json_bool(r->params, "replace", false); i--) {
		if (cm_progress_cancelled(r->progress))
			return cm_err_set(err, CM_ECANCELLED, "The restore was cancelled.");
		rc = stop_one(d, r->set.rows[i - 1].container_name, &r->stopped[i - 1], err);
	}
	cm_engine_changed();
	return rc;
}

/* What was stopped and not replaced runs again. */
static void put_back(struct run *r)
{
	struct cm_docker *d;

	for (size_t i = 0; i < r->set.count; i++) {
		struct stopped *s = &r->stopped[i];
		char data[] = "{\"state\":\"stopped\",\"timeout\":-1}", kind[] = "stopped", text[TEXT_SIZE];
		struct cm_journal_entry entry = { .id = s->journal,
						  .kind = kind,
						  .container_id = s->id,
						  .name = s->name,
						  .data = data,
						  .created_ms = s->since_ms };
		struct cm_err why = { 0 };
		int rc;

		if (s->journal == 0)
			continue;
		rc = cm_engine_get(r->app, &d, &why);
		if (rc == 0)
			cm_docker_set_cancel(d, NULL, NULL);
		rc = rc < 0 ? rc : cm_hold_undo(d, &entry, text, &why);
		if (rc == 0)
			cm_journal_close(s->journal, NULL);
		else
			cm_journal_failed(s->journal, why.text, NULL);
		s->journal = 0;
	}
	cm_engine_changed();
}

static void on_step(void *ctx, int number, int total, const char *text)
{
	struct run *r = ctx;
	char line[400];

	(void)number;
	(void)total;
	snprintf(line, sizeof(line), "%.120s: %.250s", r->set.rows[r->at].container_name, text);
	cm_progress_step(r->progress, (int)r->at + 1, (int)r->set.count, line);
}

static void on_bytes(void *ctx, uint64_t done, uint64_t total)
{
	struct run *r = ctx;

	cm_progress_bytes(r->progress, done, total);
}

static void on_warn(void *ctx, const char *text)
{
	struct run *r = ctx;
	cm_autofree char *line = cm_asprintf("%s: %s", r->set.rows[r->at].container_name, text);

	cm_progress_warn(r->progress, line);
}

static bool on_cancelled(void *ctx)
{
	struct run *r = ctx;

	return cm_progress_cancelled(r->progress);
}

static int restore_all(struct run *r, struct cm_err *err)
{
	int rc = 0;

	for (r->at = 0; rc == 0 && r->at < r->set.count; r->at++) {
		const struct cm_catalog_row *row = &r->set.rows[r->at];
		cm_autojson struct json_object *parts = parts_of(row), *params = member_params(r, row, parts);
		cm_autojson struct json_object *result = NULL;
		struct json_object *o;

		rc = cm_restore_run(r->app, params, &r->part, &result, err);
		if (rc < 0) {
			cm_err_prefix(err, "%s", row->container_name);
			break;
		}
		/* The one before is gone, or kept: it does not start again. */
		if (r->stopped[r->at].journal != 0)
			cm_journal_close(r->stopped[r->at].journal, NULL);
		r->stopped[r->at].journal = 0;
		volumes_note(r, parts);
		o = json_object_new_object();
		cm_json_set_str(o, "name", cm_json_str(result, "container_name", row->container_name));
		cm_json_set_str(o, "file", row->file);
		cm_json_set_str(o, "container_id", cm_json_str(result, "container_id", NULL));
		cm_json_set_bool(o, "started", cm_json_bool(result, "started", false));
		json_object_array_add(r->done, o);
	}
	return rc;
}

/* A failure says what stands restored already. */
static void done_say(const struct run *r, struct cm_err *err)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1024);
	char text[sizeof(err->text)];

	for (size_t i = 0; i < cm_json_len(r->done); i++)
		cm_buf_printf(&b, "%s%.64s", i > 0 ? ", " : "",
			      cm_json_str(json_object_array_get_idx(r->done, i), "name", ""));
	if (b.len == 0)
		return;
	snprintf(text, sizeof(text), "%.350s Restored before that: %.120s.", err->text, b.data);
	cm_str_copy(err->text, sizeof(err->text), text);
}

static void audit(const struct run *r, const char *status, const struct cm_err *why)
{
	cm_autojson struct json_object *details = json_object_new_object();
	struct cm_audit_event event = { .operation = "stack_restore",
					.status = status,
					.container_name = r->stack,
					.error = why != NULL ? why->text : NULL,
					.user = r->user,
					.details = details };

	if (r->set.count > 0)
		cm_json_set_str(details, "set_id", r->set.rows[0].set_id);
	cm_json_set(details, "containers", json_object_get(r->done));
	(void)cm_audit(&event, NULL);
}

static void run_init(struct run *r, const struct cm_app *app, struct json_object *params, struct cm_progress *progress)
{
	*r = (struct run){ .app = app,
			   .params = params,
			   .progress = progress,
			   .stack = cm_json_str(params, "stack", ""),
			   .user = cm_json_str(params, "user", NULL),
			   .volumes = json_object_new_object(),
			   .done = json_object_new_array() };
	r->part = (struct cm_progress){
		.ctx = r, .step = on_step, .bytes = on_bytes, .warn = on_warn, .cancelled = on_cancelled
	};
}

static void run_release(struct run *r)
{
	for (size_t i = 0; r->stopped != NULL && i < r->set.count; i++)
		free(r->stopped[i].name);
	free(r->stopped);
	cm_catalog_list_release(&r->set);
	json_object_put(r->volumes);
	json_object_put(r->done);
}

int cm_stack_restore_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
			 struct json_object **ret_result, struct cm_err *err)
{
	cm_autojson struct json_object *members = json_object_new_array();
	struct json_object *result;
	struct cm_err why = { 0 };
	struct run r;
	int rc;

	run_init(&r, app, params, progress);
	rc = cm_stack_restore_params_check(params, &why);
	rc = rc < 0 ? rc : set_load(&r, &why);
	if (rc == 0) {
		r.stopped = cm_alloc_array(r.set.count, sizeof(*r.stopped));
		audit(&r, "started", NULL);
	}
	rc = rc < 0 ? rc : look_all(&r, members, &why);
	rc = rc < 0 ? rc : refuse(&r, members, &why);
	rc = rc < 0 ? rc : stop_all(&r, &why);
	rc = rc < 0 ? rc : restore_all(&r, &why);
	if (r.stopped != NULL)
		put_back(&r);
	if (rc < 0)
		done_say(&r, &why);
	audit(&r, rc == 0 ? "completed" : rc == CM_ECANCELLED ? "cancelled" : "error", rc < 0 ? &why : NULL);
	if (rc < 0 && err != NULL)
		*err = why;
	if (rc == 0 && ret_result != NULL) {
		result = json_object_new_object();
		cm_json_set_bool(result, "success", true);
		cm_json_set_str(result, "stack", r.stack);
		cm_json_set_str(result, "set_id", r.set.rows[0].set_id);
		cm_json_set(result, "containers", json_object_get(r.done));
		*ret_result = result;
	}
	run_release(&r);
	return rc;
}

int cm_stack_restore_preview(const struct cm_app *app, struct json_object *params, struct json_object **ret,
			     struct cm_err *err)
{
	struct json_object *members = json_object_new_array(), *o;
	bool can = true;
	struct run r;
	int rc;

	run_init(&r, app, params, NULL);
	rc = cm_stack_restore_params_check(params, err);
	rc = rc < 0 ? rc : set_load(&r, err);
	rc = rc < 0 ? rc : look_all(&r, members, err);
	if (rc == 0) {
		for (size_t i = 0; i < cm_json_len(members); i++)
			can &= cm_json_bool(json_object_array_get_idx(members, i), "can_restore", false);
		o = json_object_new_object();
		cm_json_set_str(o, "stack", r.stack);
		cm_json_set_str(o, "set_id", r.set.rows[0].set_id);
		cm_json_set_bool(o, "can_restore", can);
		cm_json_set(o, "members", json_object_get(members));
		*ret = o;
	}
	json_object_put(members);
	run_release(&r);
	return rc;
}
