/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/stack_backup.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/audit.h"
#include "service/backup.h"
#include "service/backup_int.h"
#include "service/engine.h"
#include "service/stacks.h"
#include "service/vaults.h"

enum { PHASES = 5 };

struct set;

/* One container of the set. Its run tells its progress to the set's. */
struct member {
	struct set *set;
	char *name;
	struct json_object *params;
	struct cm_progress progress;
	struct cm_backup_run *run;
	struct json_object *result; /* published */
	uint64_t done, total;
};

struct set {
	const struct cm_app *app;
	struct json_object *params;
	struct cm_progress *progress;
	const char *stack, *user;
	char id[CM_UUID_LEN + 1];
	struct member *members; /* in the order of starting */
	size_t count, held;	/* held: how many, from the end */
	int phase;
	int64_t held_ms;
};

static void on_step(void *ctx, int number, int total, const char *text)
{
	struct member *m = ctx;
	char line[400];

	(void)number;
	(void)total;
	snprintf(line, sizeof(line), "%.120s: %.250s", m->name, text);
	cm_progress_step(m->set->progress, m->set->phase, PHASES, line);
}

static void on_bytes(void *ctx, uint64_t done, uint64_t total)
{
	struct member *m = ctx;
	uint64_t all_done = 0, all_total = 0;
	bool known = true;

	m->done = done;
	m->total = total;
	for (size_t i = 0; i < m->set->count; i++) {
		known &= m->set->members[i].total > 0;
		all_done += m->set->members[i].done;
		all_total += m->set->members[i].total;
	}
	cm_progress_bytes(m->set->progress, all_done, known ? all_total : 0);
}

static void on_warn(void *ctx, const char *text)
{
	struct member *m = ctx;
	cm_autofree char *line = cm_asprintf("%s: %s", m->name, text);

	cm_progress_warn(m->set->progress, line);
}

static bool on_cancelled(void *ctx)
{
	struct member *m = ctx;

	return cm_progress_cancelled(m->set->progress);
}

static const char *const own_params[] = { "stack", "note", "user" };
static const char *const refused[] = { "container", "exec_pre", "exec_post", "drill" };

/* The params of one member's backup. Caller puts. */
static struct json_object *member_params(struct json_object *params, const char *container)
{
	struct json_object *o = cm_json_copy(params);

	json_object_object_del(o, own_params[0]);
	cm_json_set_str(o, "container", container);
	return o;
}

int cm_stack_backup_params_check(struct json_object *params, struct cm_err *err)
{
	cm_autojson struct json_object *one = member_params(params, "x");

	for (size_t i = 0; i < CM_COUNT(refused); i++) {
		if (cm_json_get(params, refused[i]) != NULL)
			return cm_err_set(err, CM_EINVAL, "The backup of a stack has no option called \"%s\".",
					  refused[i]);
	}
	if (cm_json_str(params, "stack", "")[0] == '\0')
		return cm_err_set(err, CM_EINVAL, "Say which stack to back up.");
	if (cm_str_eq(cm_json_str(params, "consistency", ""), "live"))
		return cm_err_set(
		    err, CM_EINVAL,
		    "The containers of a stack are paused or stopped together: consistency must be \"pause\" "
		    "or \"stop\".");
	return cm_backup_params_check(one, err);
}

static void audit(const struct set *s, const char *status, const struct cm_err *why, struct json_object *details)
{
	struct cm_audit_event event = { .operation = "stack_backup",
					.status = status,
					.container_name = s->stack,
					.error = why != NULL ? why->text : NULL,
					.user = s->user,
					.details = details };

	(void)cm_audit(&event, NULL);
}

static void members_make(struct set *s, const struct cm_stack_members *all)
{
	s->members = cm_alloc_array(all->count + 1, sizeof(*s->members));
	for (size_t i = 0; i < all->count; i++) {
		struct member *m = &s->members[s->count++];

		m->set = s;
		m->name = cm_strdup(all->all[i].name);
		m->params = member_params(s->params, all->all[i].id);
		m->progress = (struct cm_progress){
			.ctx = m, .step = on_step, .bytes = on_bytes, .warn = on_warn, .cancelled = on_cancelled
		};
	}
}

static int members_find(struct set *s, struct cm_err *err)
{
	struct cm_stack_members all;
	const struct cm_stack *stack;
	struct cm_stack_list list;
	int rc;

	cm_engine_changed();
	rc = cm_stacks_list(s->app, &list, err);
	if (rc < 0)
		return rc;
	rc = cm_stack_find(&list, s->stack, &stack, err);
	if (rc == 0 && stack->swarm)
		rc = cm_err_set(
		    err, CM_EUNSUPPORTED,
		    "%.100s is a stack of a swarm, which would start others in place of what is held: back up its "
		    "containers one by one.",
		    s->stack);
	rc = rc < 0 ? rc : cm_stack_members(s->app, stack, &all, err);
	cm_stack_list_release(&list);
	if (rc < 0)
		return rc;
	if (all.count == 0)
		rc = cm_err_set(err, CM_ENOTFOUND, "The stack %.100s has no containers.", s->stack);
	else if (all.count > CM_STACK_SET_MAX)
		rc = cm_err_set(err, CM_ETOOBIG,
				"The stack %.100s has %zu containers; at most %d can be backed up as one set.",
				s->stack, all.count, CM_STACK_SET_MAX);
	else
		members_make(s, &all);
	cm_stack_members_release(&all);
	return rc;
}

/* What every member says about the set. Caller puts. */
static struct json_object *set_json(const struct set *s, size_t index)
{
	struct json_object *o = json_object_new_object(), *ids = json_object_new_array();

	cm_json_set_str(o, "id", s->id);
	cm_json_set_str(o, "stack", s->stack);
	cm_json_set_int(o, "index", (int64_t)index);
	cm_json_set_int(o, "count", (int64_t)s->count);
	for (size_t i = 0; i < s->count; i++)
		cm_json_add_str(ids, cm_json_str(s->members[i].params, "container", ""));
	cm_json_set(o, "ids", ids);
	return o;
}

static int named(int rc, const struct member *m, struct cm_err *err)
{
	if (rc < 0 && rc != CM_ECANCELLED && err != NULL)
		cm_err_prefix(err, "%s", m->name);
	return rc;
}

static int prepare(struct set *s, struct cm_err *err)
{
	int rc = 0;

	s->phase = 1;
	for (size_t i = 0; rc == 0 && i < s->count; i++) {
		struct member *m = &s->members[i];

		rc = cm_backup_new(s->app, m->params, &m->progress, &m->run, err);
		m->run->set = set_json(s, i);
		rc = named(rc < 0 ? rc : cm_backup_prepare(m->run, err), m, err);
	}
	return rc;
}

/* The commands before, then pause or stop: those first that need others. */
static int hold(struct set *s, struct cm_err *err)
{
	int rc = 0;

	s->phase = 2;
	cm_progress_step(s->progress, s->phase, PHASES, "Holding all containers");
	for (size_t i = 0; rc == 0 && i < s->count; i++)
		rc = named(cm_backup_hold_pre(&s->members[i].run->hold, err), &s->members[i], err);
	for (size_t i = s->count; rc == 0 && i > 0; i--) {
		rc = named(cm_backup_hold_begin(&s->members[i - 1].run->hold, err), &s->members[i - 1], err);
	}
	CM_FAULT_POINT("stack_backup_held");
	return rc;
}

static void let_go(struct set *s)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->members[i].run != NULL && s->members[i].run->hold.d != NULL)
			cm_backup_hold_end(&s->members[i].run->hold);
	}
}

static int read_all(struct set *s, struct cm_err *err)
{
	int64_t began = cm_monotonic_ms();
	int rc = hold(s, err);

	s->phase = 3;
	for (size_t i = 0; rc == 0 && i < s->count; i++)
		rc = named(cm_backup_read(s->members[i].run, err), &s->members[i], err);
	let_go(s);
	s->held_ms = cm_monotonic_ms() - began;
	return rc;
}

static int verify_all(struct set *s, struct cm_err *err)
{
	int rc = 0;

	s->phase = 4;
	for (size_t i = 0; rc == 0 && i < s->count; i++)
		rc = named(cm_backup_complete(s->members[i].run, err), &s->members[i], err);
	return rc;
}

/* A set is whole or it is not there. */
static int publish_all(struct set *s, struct cm_err *err)
{
	int rc = 0;

	s->phase = 5;
	for (size_t i = 0; rc == 0 && i < s->count; i++) {
		rc = named(cm_backup_publish(s->members[i].run, &s->members[i].result, err), &s->members[i], err);
	}
	for (size_t i = 0; rc < 0 && i < s->count; i++) {
		if (s->members[i].result != NULL)
			(void)cm_vaults_remove(s->app, s->members[i].run->filename, s->user, NULL);
	}
	return rc;
}

static struct json_object *result_make(const struct set *s)
{
	struct json_object *o = json_object_new_object(), *files = json_object_new_array();
	struct json_object *names = json_object_new_array();
	int64_t size = 0, warnings = 0;

	for (size_t i = 0; i < s->count; i++) {
		cm_json_add_str(files, cm_json_str(s->members[i].result, "filename", ""));
		cm_json_add_str(names, s->members[i].name);
		size += cm_json_int(s->members[i].result, "size", 0);
		warnings += cm_json_int(s->members[i].result, "warning_count", 0);
	}
	cm_json_set_str(o, "stack", s->stack);
	cm_json_set_str(o, "set_id", s->id);
	cm_json_set(o, "files", files);
	cm_json_set(o, "containers", names);
	cm_json_set_int(o, "size", size);
	cm_json_set_int(o, "warning_count", warnings);
	cm_json_set_int(o, "held_ms", s->held_ms);
	return o;
}

static void release(struct set *s, const struct cm_err *why)
{
	for (size_t i = 0; i < s->count; i++) {
		struct member *m = &s->members[i];

		if (why != NULL && m->run != NULL && m->result == NULL)
			cm_backup_failed(m->run, why);
		cm_backup_free(m->run);
		json_object_put(m->params);
		json_object_put(m->result);
		free(m->name);
	}
	free(s->members);
}

int cm_stack_backup_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
			struct json_object **ret_result, struct cm_err *err)
{
	struct set s = { .app = app,
			 .params = params,
			 .progress = progress,
			 .stack = cm_json_str(params, "stack", ""),
			 .user = cm_json_str(params, "user", NULL) };
	struct json_object *result = NULL;
	struct cm_err why = { 0 };
	int rc = cm_stack_backup_params_check(params, &why);

	cm_uuid4(s.id);
	rc = rc < 0 ? rc : members_find(&s, &why);
	if (rc == 0)
		audit(&s, "started", NULL, NULL);
	rc = rc < 0 ? rc : prepare(&s, &why);
	rc = rc < 0 ? rc : read_all(&s, &why);
	rc = rc < 0 ? rc : verify_all(&s, &why);
	rc = rc < 0 ? rc : publish_all(&s, &why);
	if (rc == 0)
		result = result_make(&s);
	audit(&s, rc == 0 ? "completed" : rc == CM_ECANCELLED ? "cancelled" : "error", rc < 0 ? &why : NULL, result);
	release(&s, rc < 0 ? &why : NULL);
	if (rc < 0 && err != NULL)
		*err = why;
	if (rc == 0 && ret_result != NULL)
		*ret_result = cm_move(&result);
	json_object_put(result);
	return rc;
}
