/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/restore.h"

#include <string.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "db/journal.h"
#include "service/audit.h"
#include "service/engine.h"
#include "service/preflight.h"
#include "service/restore_run.h"
#include "service/restore_undo.h"

enum { FIXED_STEPS = 4, SHOWN_MAX = 210 };

static void run_audit(struct cm_restore_run *r, const struct cm_restore_options *o, const char *status,
		      const struct cm_err *why)
{
	cm_autojson struct json_object *details = json_object_new_object();
	struct cm_audit_event event = {
		.operation = "restore",
		.status = status,
		.container_id = r->new_id,
		.container_name = r->plan ? r->plan->name : o->new_name,
		.backup_filename = o->file,
		.error = why ? why->text : NULL,
		.user = o->user,
		.details = details,
	};

	if (cm_json_len(r->warnings) > 0)
		cm_json_set(details, "warnings", json_object_get(r->warnings));
	(void)cm_audit(&event, NULL);
}

int cm_restore_findings(struct cm_restore_plan *p, struct cm_err *err)
{
	struct json_object *f = p->findings;
	bool conflict = cm_findings_conflict(f);
	size_t blocks = 0;

	for (size_t i = 0; i < cm_json_len(f); i++)
		blocks += cm_str_eq(cm_json_str(json_object_array_get_idx(f, i), "level", ""), "block");
	if (blocks == 0)
		return 0;
	cm_err_set(err, conflict ? CM_EEXIST : CM_EUNSUPPORTED, "%s.", cm_findings_first_block(f));
	if (blocks > 1)
		cm_err_set(err, err ? err->code : CM_EEXIST, "%s, and %zu more in the way.", cm_findings_first_block(f),
			   blocks - 1);
	return conflict ? CM_EEXIST : CM_EUNSUPPORTED;
}

static void state_begin(struct cm_restore_run *r)
{
	static const char *const lists[] = { "networks", "volumes", "scratch", "kept" };
	struct json_object *s = json_object_new_object(), *fresh = json_object_new_object();
	cm_autofree char *aside = NULL;

	if (r->tag[0] == '\0')
		cm_random_hex(r->tag, 4);
	aside = cm_asprintf("cm-restore-%s", r->tag);
	cm_json_set_int(s, "v", 1);
	cm_json_set_str(s, "file", r->plan->options.file);
	cm_json_set_str(s, "name", r->plan->name);
	cm_json_set_str(s, "tag", r->tag);
	cm_json_set_int(s, "since_ms", cm_now_ms());
	for (size_t i = 0; i < CM_COUNT(lists); i++)
		cm_json_set(s, lists[i], json_object_new_array());
	cm_json_set_str(fresh, "aside", aside);
	cm_json_set_str(fresh, "id", NULL);
	cm_json_set(s, "new", fresh);
	cm_json_set_bool(s, "done", false);
	r->state = s;
}

static void count_steps(struct cm_restore_run *r)
{
	struct cm_restore_plan *p = r->plan;

	r->steps = FIXED_STEPS + (p->old != NULL) + (p->source->rootfs != NULL) + (p->image_action != CM_RI_PRESENT);
	for (size_t i = 0; i < p->network_count; i++)
		r->steps += p->networks[i].action == CM_RN_CREATE || p->networks[i].action == CM_RN_CREATE_ANYWHERE;
	for (size_t i = 0; i < p->bind_count; i++)
		r->steps += p->binds[i].write;
	for (size_t i = 0; i < p->volume_count; i++)
		r->steps += p->volumes[i].action == CM_RV_CREATE ||
			    (p->volumes[i].has_data &&
			     (p->volumes[i].action == CM_RV_REPLACE || p->volumes[i].action == CM_RV_ANONYMOUS));
	r->bytes_total = (uint64_t)cm_restore_source_bytes(p->source);
}

void cm_restore_begin(struct cm_restore_run *r)
{
	count_steps(r);
	state_begin(r);
}

/* Nothing is left for a helper to do. */
static int helpers_end(struct cm_restore_run *r, struct cm_err *err)
{
	return cm_shift_end(cm_restore_shift(r), err);
}

int cm_restore_steps(struct cm_restore_run *r, struct cm_err *err)
{
	static int (*const steps[])(struct cm_restore_run *, struct cm_err *) = {
		cm_restore_save,
		cm_restore_image,
		cm_restore_networks,
		cm_restore_volumes_prepare,
		cm_restore_old_aside,
		cm_restore_volumes_switch,
		cm_restore_binds,
		cm_restore_container_make,
		cm_restore_volumes_anonymous,
		cm_restore_layer,
		helpers_end,
		cm_restore_container_name,
		cm_restore_container_start,
	};

	for (size_t i = 0; i < CM_COUNT(steps); i++) {
		int rc = cm_restore_check(r, err);
		rc = rc ? rc : steps[i](r, err);
		/* What the engine has refused does not come any more. */
		if (rc != 0 && rc != CM_ECANCELLED && rc != CM_ETIMEDOUT && rc != CM_EUNREACHABLE)
			cm_json_set_int(r->state, "saved_ms", 0);
		if (rc != 0) {
			cm_shift_drop(&r->shift);
			return rc;
		}
	}
	return 0;
}

int cm_restore_back(struct cm_restore_run *r, const char *text, struct cm_err *err)
{
	struct cm_err why = { 0 };
	int rc;

	if (r->journal == 0)
		return 0;
	cm_progress_step(r->progress, r->steps, r->steps, text);
	cm_docker_set_cancel(r->d, NULL, NULL);
	/* The journal may already say that there is no way back: it must not say so when the way back begins. */
	rc = cm_json_bool(r->state, "done", false);
	cm_json_set_bool(r->state, "done", false);
	rc = rc ? cm_restore_save(r, &why) : 0;
	rc = rc ? rc : cm_restore_undo(r->app, r->journal, r->state, &why);
	if (rc == 0) {
		(void)cm_journal_close(r->journal, NULL);
		return 0;
	}
	(void)cm_journal_failed(r->journal, why.text, NULL);
	if (err != NULL)
		*err = why;
	return rc;
}

/* How much of a text to show: at most max, whole sentences or else whole words. */
static int clip(const char *text, size_t max)
{
	size_t len = strlen(text), word = max, n;

	if (len <= max)
		return (int)len;
	for (n = max; n > 0 && !(text[n - 1] == '.' && text[n] == ' '); n--)
		if (word == max && text[n] == ' ')
			word = n;
	return (int)(n > 0 ? n : word);
}

/* Puts everything back. The error stays the one that led here; what could not be undone is added to it. */
static void run_undo(struct cm_restore_run *r, struct cm_err *err)
{
	struct cm_err why = { 0 };

	r->back = cm_restore_back(r, "Putting everything back", &why) == 0;
	if (r->back)
		return;
	if (err != NULL) {
		struct cm_err first = *err;
		cm_err_set(err, first.code,
			   "%.*s Not everything could be put back, which is tried again until it works: %.*s",
			   clip(first.text, SHOWN_MAX), first.text, clip(why.text, SHOWN_MAX), why.text);
		cm_err_detail(err, "%s", first.detail);
	}
}

static void run_finish(struct cm_restore_run *r)
{
	struct cm_err why = { 0 };

	cm_restore_step(r, "Tidying up");
	CM_FAULT_POINT("restore_done");
	cm_docker_set_cancel(r->d, NULL, NULL);
	if (cm_restore_finish(r->app, r->d, r->state, &why) == 0) {
		(void)cm_journal_close(r->journal, NULL);
		return;
	}
	/* The restore is good; the recovery takes the rest. */
	(void)cm_journal_failed(r->journal, why.text, NULL);
	cm_restore_warn(r, "Something temporary could not be removed yet: %s", why.text);
}

static struct json_object *names_of_volumes(const struct cm_restore_plan *p)
{
	static const char *const words[] = { "created", "replaced", "kept", "anonymous", "shared", "blocked" };
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < p->volume_count; i++) {
		struct json_object *o = json_object_new_object();
		cm_json_set_str(o, "name", p->volumes[i].name);
		cm_json_set_str(o, "recorded", p->volumes[i].recorded);
		cm_json_set_str(o, "destination", p->volumes[i].destination);
		cm_json_set_str(o, "action", words[p->volumes[i].action]);
		json_object_array_add(list, o);
	}
	return list;
}

static void stack_result(const struct cm_restore_plan *p, struct json_object *result)
{
	struct json_object *labels = cm_json_at(p->source->inspect, "Config.Labels"), *o;
	const char *project = cm_json_str(labels, "com.docker.compose.project", "");
	bool exists = false;

	if (project[0] == '\0')
		return;
	for (size_t i = 0; i < cm_json_len(p->containers) && !exists; i++) {
		struct json_object *c = json_object_array_get_idx(p->containers, i);
		exists = !cm_restore_plan_is_old(p, cm_json_str(c, "Id", NULL)) &&
			 cm_str_eq(cm_json_str(cm_json_obj(c, "Labels"), "com.docker.compose.project", NULL), project);
	}
	o = json_object_new_object();
	cm_json_set_str(o, "project", project);
	cm_json_set_str(o, "service", cm_json_str(labels, "com.docker.compose.service", NULL));
	cm_json_set_bool(o, "exists", exists);
	cm_json_set(result, "stack_info", o);
	if (!exists) {
		cm_autofree char *text = cm_asprintf("It belongs to the stack %s, of which no other container is on "
						     "this host. Restore the others too.",
						     project);
		cm_json_set_str(result, "stack_warning", text);
	}
}

static struct json_object *run_result(struct cm_restore_run *r)
{
	struct json_object *o = json_object_new_object(), *networks = json_object_new_array();
	char short_id[13];

	cm_str_copy(short_id, sizeof(short_id), r->new_id);
	cm_json_set_bool(o, "success", true);
	cm_json_set_str(o, "message", "Container restored successfully");
	cm_json_set_str(o, "container_id", short_id);
	cm_json_set_str(o, "id", r->new_id);
	cm_json_set_str(o, "container_name", r->plan->name);
	cm_json_set_str(o, "filename", r->plan->options.file);
	cm_json_set_bool(o, "started", r->started);
	cm_json_set(o, "volumes", names_of_volumes(r->plan));
	for (size_t i = 0; i < r->plan->network_count; i++)
		cm_json_add_str(networks, r->plan->networks[i].name);
	cm_json_set(o, "networks", networks);
	cm_json_set(o, "warnings", json_object_get(r->warnings));
	cm_json_set(o, "findings", json_object_get(r->plan->findings));
	if (r->plan->options.keep_old && r->plan->old != NULL)
		cm_json_set_str(o, "old_container", cm_json_str_at(r->state, "old.aside", NULL));
	stack_result(r->plan, o);
	return o;
}

int cm_restore_go(struct cm_restore_run *r, struct cm_err *err)
{
	int rc = cm_restore_steps(r, err);

	if (rc == 0) {
		/* From here on there is no way back, and none is needed. */
		cm_json_set_bool(r->state, "done", true);
		rc = cm_restore_save(r, err);
	}
	if (rc != 0)
		run_undo(r, err);
	else
		run_finish(r);
	cm_engine_changed();
	return rc;
}

static int run_all(struct cm_restore_run *r, struct json_object *params, struct cm_err *err)
{
	int rc;

	cm_restore_step(r, "Checking");
	rc = cm_restore_plan_make(r->app, params, &r->plan, err);
	if (rc != 0)
		return rc;
	r->d = r->plan->d;
	rc = cm_preflight_run(r->plan, err);
	rc = rc ? rc : cm_restore_findings(r->plan, err);
	if (rc != 0)
		return rc;
	cm_restore_begin(r);
	return cm_restore_go(r, err);
}

int cm_restore_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		   struct json_object **ret_result, struct cm_err *err)
{
	struct cm_restore_run r = { .app = app, .progress = progress, .kind = "restore", .steps = FIXED_STEPS };
	struct cm_restore_options o = { 0 };
	struct cm_err why = { 0 };
	int rc = cm_restore_options_parse(params, &o, err);

	if (rc != 0)
		return rc;
	r.warnings = json_object_new_array();
	run_audit(&r, &o, "started", NULL);
	rc = run_all(&r, params, &why);
	run_audit(&r, &o, rc == 0 ? "completed" : rc == CM_ECANCELLED ? "cancelled" : "error", rc ? &why : NULL);
	if (rc == 0 && ret_result != NULL)
		*ret_result = run_result(&r);
	if (rc != 0 && err != NULL)
		*err = why;
	json_object_put(r.warnings);
	json_object_put(r.state);
	free(r.new_id);
	cm_restore_plan_free(r.plan);
	cm_restore_options_release(&o);
	return rc;
}
