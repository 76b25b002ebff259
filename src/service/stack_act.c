/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starting, stopping and removing a whole stack. Containers of one level go at the same time, each in a thread of its
 * own: ten that take ten seconds to stop take ten seconds.
 */
#include "service/stacks.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/network.h"
#include "docker/volume.h"
#include "service/audit.h"
#include "service/engine.h"
#include "service/stack_int.h"
#include "service/stack_order.h"

enum { AT_ONCE = 8, HEALTHY_MS = 60000, NETWORK_TRIES = 20 };

static const struct {
	const char *operation, *text;
} verbs[] = {
	[CM_STACK_START] = { "stack_start", "started" },
	[CM_STACK_STOP] = { "stack_stop", "stopped" },
	[CM_STACK_RESTART] = { "stack_restart", "restarted" },
	[CM_STACK_REMOVE] = { "stack_delete", "deleted" },
};

void cm_stack_result(struct json_object *results, const char *name, const char *kind, const char *text, int rc,
		     const struct cm_err *why)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "kind", kind);
	cm_json_set_bool(o, "success", rc == 0);
	cm_json_set_str(o, "text", text);
	cm_json_set_str(o, "error", rc < 0 ? why->text : NULL);
	cm_json_set_str(o, "code", rc < 0 ? cm_err_word(rc) : NULL);
	json_object_array_add(results, o);
}

/* One container and what is done to it; rc and err come back. */
struct task {
	const struct cm_app *app;
	struct cm_stack_member *member;
	enum cm_stack_verb verb;
	bool volumes;
	pthread_t thread;
	bool threaded, skipped;
	int rc;
	struct cm_err err;
};

static int stop_one(struct cm_docker *d, const struct cm_stack_member *m, struct cm_err *err)
{
	bool paused = json_object_get_boolean(cm_json_at(m->inspect, "State.Paused"));
	int rc = paused ? cm_container_unpause(d, m->id, err) : 0;

	/* With its end it may have removed itself. */
	rc = rc < 0 && rc != CM_EBUSY ? rc : cm_container_stop(d, m->id, -1, err);
	return rc == CM_ENOTFOUND && json_object_get_boolean(cm_json_at(m->inspect, "HostConfig.AutoRemove")) ? 0 : rc;
}

static int task_do(struct task *t, struct cm_docker *d)
{
	const char *id = t->member->id;
	int rc;

	switch (t->verb) {
	case CM_STACK_START:
		if (json_object_get_boolean(cm_json_at(t->member->inspect, "State.Paused")))
			return cm_container_unpause(d, id, &t->err);
		return cm_container_start(d, id, &t->err);
	case CM_STACK_STOP:
		return stop_one(d, t->member, &t->err);
	case CM_STACK_REMOVE:
		rc = stop_one(d, t->member, &t->err);
		rc = rc < 0 && rc != CM_ENOTFOUND ? rc : cm_container_remove(d, id, true, t->volumes, &t->err);
		return rc == CM_ENOTFOUND ? 0 : rc;
	default:
		return cm_err_set(&t->err, CM_EINTERNAL, "There is no such action.");
	}
}

static void *task_main(void *arg)
{
	struct task *t = arg;
	struct cm_docker *d;

	t->rc = cm_engine_get(t->app, &d, &t->err);
	if (t->rc == 0)
		t->rc = task_do(t, d);
	return NULL;
}

/* Waits until those a member's label asks for are healthy; gone, ended and not in time are its failure. */
static int wait_healthy(struct cm_docker *d, const struct cm_stack_member *m, struct cm_err *err)
{
	int64_t end = cm_monotonic_ms() + HEALTHY_MS;

	for (;;) {
		cm_autojson struct json_object *now = NULL;
		const char *health;
		int rc = cm_container_inspect(d, m->id, false, &now, err);

		if (rc < 0)
			return rc;
		health = cm_json_str_at(now, "State.Health.Status", "healthy");
		if (!json_object_get_boolean(cm_json_at(now, "State.Running")))
			return cm_err_set(err, CM_EBUSY, "%s ended before it was healthy.", m->name);
		if (cm_str_eq(health, "healthy"))
			return 0;
		if (cm_str_eq(health, "unhealthy") || cm_monotonic_ms() > end)
			return cm_err_set(err, CM_EBUSY, "%s did not become healthy in time.", m->name);
		usleep(200000);
	}
}

static struct cm_stack_node node_of(const struct cm_stack_member *m)
{
	return (struct cm_stack_node){
		.id = m->id,
		.name = m->name,
		.service = m->service,
		.depends_on = cm_json_str(cm_json_at(m->inspect, "Config.Labels"), CM_COMPOSE_DEPENDS, NULL),
	};
}

/* May this one be started: do those it needs run, and are they healthy where that was asked for? */
static void start_gate(struct task *tasks, size_t count, struct task *t)
{
	struct cm_stack_node mine = node_of(t->member);
	struct cm_docker *d;

	for (size_t i = 0; i < count && !t->skipped; i++) {
		struct cm_stack_node other = node_of(tasks[i].member);

		if (tasks[i].member->level >= t->member->level || !cm_stack_needs(&mine, &other))
			continue;
		if (tasks[i].rc < 0)
			t->rc = cm_err_set(&t->err, CM_EBUSY, "Not started: it needs %s, which did not start.",
					   tasks[i].member->name);
		else if (cm_stack_waits_healthy(&mine, &other) && cm_engine_get(t->app, &d, &t->err) == 0)
			t->rc = wait_healthy(d, tasks[i].member, &t->err);
		t->skipped = t->rc < 0;
	}
}

static void level_run(struct task *tasks, size_t count, size_t level)
{
	size_t first = 0;

	while (first < count) {
		size_t last, running = 0;

		for (last = first; last < count && running < AT_ONCE; last++) {
			struct task *t = &tasks[last];

			if (t->member->level != level)
				continue;
			if (t->verb == CM_STACK_START)
				start_gate(tasks, count, t);
			if (t->skipped)
				continue;
			t->threaded = pthread_create(&t->thread, NULL, task_main, t) == 0;
			running += t->threaded;
			if (!t->threaded)
				task_main(t);
		}
		for (; first < last; first++) {
			if (tasks[first].threaded)
				pthread_join(tasks[first].thread, NULL);
			tasks[first].threaded = false;
		}
	}
}

/* Goes up for a start, down for the rest. */
static void members_run(const struct cm_app *app, struct cm_stack_members *m, enum cm_stack_verb verb, bool volumes,
			struct json_object *results)
{
	struct task *tasks = cm_alloc_array(m->count + 1, sizeof(*tasks));
	size_t top = 0;

	for (size_t i = 0; i < m->count; i++) {
		tasks[i] = (struct task){ .app = app, .member = &m->all[i], .verb = verb, .volumes = volumes };
		top = m->all[i].level > top ? m->all[i].level : top;
	}
	for (size_t l = 0; l <= top; l++)
		level_run(tasks, m->count, verb == CM_STACK_START ? l : top - l);
	for (size_t i = 0; results != NULL && i < m->count; i++) {
		struct task *t = &tasks[verb == CM_STACK_START ? i : m->count - 1 - i];

		cm_stack_result(results, t->member->name, "container", verbs[verb].text, t->rc, &t->err);
	}
	free(tasks);
}

/* Restart: everything stops, then everything starts; what did not stop is not started again. */
static void compose_restart(const struct cm_app *app, struct cm_stack_members *m, struct json_object *results)
{
	cm_autojson struct json_object *stops = json_object_new_array(), *starts = json_object_new_array();

	members_run(app, m, CM_STACK_STOP, false, stops);
	for (size_t i = 0; i < m->count; i++)
		json_object_object_del(cm_json_obj(m->all[i].inspect, "State"), "Paused");
	members_run(app, m, CM_STACK_START, false, starts);
	for (size_t i = 0; i < m->count; i++) {
		struct json_object *stop = json_object_array_get_idx(stops, m->count - 1 - i);
		struct json_object *start = json_object_array_get_idx(starts, i);
		bool good = cm_json_bool(stop, "success", false);

		cm_json_set_str(start, "text", verbs[CM_STACK_RESTART].text);
		json_object_array_add(results, json_object_get(good ? start : stop));
	}
}

static void networks_remove(struct cm_docker *d, struct json_object *networks, struct json_object *results)
{
	for (size_t i = 0; i < cm_json_len(networks); i++) {
		struct json_object *n = json_object_array_get_idx(networks, i);
		struct cm_err why = { 0 };
		int rc = 0;

		if (!cm_json_bool(n, "own", false))
			continue;
		/* Tasks of a swarm leave it a moment after their service went. */
		for (int k = 0; k < NETWORK_TRIES; k++) {
			rc = cm_network_remove(d, cm_json_str(n, "id", ""), &why);
			if (rc != CM_EINUSE)
				break;
			usleep(500000);
		}
		rc = rc == CM_ENOTFOUND ? 0 : rc;
		cm_stack_result(results, cm_json_str(n, "name", ""), "network", verbs[CM_STACK_REMOVE].text, rc, &why);
	}
}

static void volumes_remove(struct cm_docker *d, struct json_object *volumes, struct json_object *results)
{
	for (size_t i = 0; i < cm_json_len(volumes); i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i);
		const char *name = cm_json_str(v, "name", "");
		struct cm_err why = { 0 };
		int rc = 0;

		if (!cm_json_bool(v, "own", false))
			continue;
		for (int k = 0; k < NETWORK_TRIES; k++) {
			rc = cm_volume_remove(d, name, true, &why);
			if (rc != CM_EINUSE)
				break;
			usleep(250000);
		}
		cm_stack_result(results, name, "volume", verbs[CM_STACK_REMOVE].text, rc, &why);
	}
}

static int remove_rest(const struct cm_app *app, struct json_object *belongings, bool volumes,
		       struct json_object *results)
{
	struct cm_docker *d;
	int rc = cm_engine_get(app, &d, NULL);

	if (rc < 0)
		return rc;
	networks_remove(d, cm_json_arr(belongings, "networks"), results);
	if (volumes)
		volumes_remove(d, cm_json_arr(belongings, "volumes"), results);
	return 0;
}

static int compose_act(const struct cm_app *app, const struct cm_stack *s, enum cm_stack_verb verb, bool volumes,
		       struct json_object *belongings, struct json_object *results, struct cm_err *err)
{
	struct cm_stack_members m;
	int rc = cm_stack_members(app, s, &m, err);

	if (rc < 0)
		return rc;
	if (verb == CM_STACK_RESTART)
		compose_restart(app, &m, results);
	else
		members_run(app, &m, verb, volumes, results);
	cm_stack_members_release(&m);
	return verb == CM_STACK_REMOVE ? remove_rest(app, belongings, volumes, results) : 0;
}

static void audit(const char *name, enum cm_stack_verb verb, const char *user, struct json_object *results)
{
	cm_autojson struct json_object *details = json_object_new_object();
	struct cm_audit_event event = { .operation = verbs[verb].operation,
					.status = "completed",
					.container_name = name,
					.user = user,
					.details = details };

	cm_json_set_str(details, "stack", name);
	cm_json_set(details, "results", json_object_get(results));
	for (size_t i = 0; i < cm_json_len(results); i++) {
		struct json_object *o = json_object_array_get_idx(results, i);

		if (!cm_json_bool(o, "success", false) && event.error == NULL) {
			event.status = "error";
			event.error = cm_json_str(o, "error", NULL);
		}
	}
	(void)cm_audit(&event, NULL);
}

int cm_stack_act(const struct cm_app *app, const char *name, enum cm_stack_verb verb, bool volumes, const char *user,
		 struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *belongings = NULL;
	struct json_object *results = json_object_new_array();
	const struct cm_stack *s;
	struct cm_stack_list list;
	int rc;

	/* What was made a moment ago belongs to it too. */
	cm_engine_changed();
	rc = cm_stacks_list(app, &list, err);
	if (rc == 0) {
		rc = cm_stack_find(&list, name, &s, err);
		if (rc == 0 && verb == CM_STACK_REMOVE)
			rc = cm_stack_belongings(app, s, &belongings, err);
		if (rc == 0 && s->swarm)
			rc = cm_stack_swarm_act(app, s, verb, results, err);
		else if (rc == 0)
			rc = compose_act(app, s, verb, volumes, belongings, results, err);
		if (rc == 0 && s->swarm && verb == CM_STACK_REMOVE)
			rc = remove_rest(app, belongings, volumes, results);
		cm_stack_list_release(&list);
	}
	cm_engine_changed();
	if (cm_json_len(results) > 0)
		audit(name, verb, user, results);
	if (rc < 0) {
		json_object_put(results);
		return rc;
	}
	*ret = results;
	return 0;
}
