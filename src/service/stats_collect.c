/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/stats_collect.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/stats.h"
#include "service/containers.h"
#include "service/engine.h"
#include "service/host.h"
#include "service/own.h"
#include "service/stats_board.h"
#include "service/stats_parse.h"

enum {
	SLICE_MS = 200,	      /* how often *stop and wishes are looked at */
	SECOND_MS = 1000,     /* after the first round, so that rates are there soon */
	LIST_MS = 10 * 1000,  /* for the list, and for what the engine is */
	EACH_MS = 10 * 1000,  /* for one container */
	LATER_MS = 60 * 1000, /* one that did not answer is asked again after this */
	DISK_FIRST_MS = 10 * 1000,
	DISK_EVERY_MS = 30 * 60 * 1000,
	DISK_AGAIN_MS = 60 * 1000, /* when it failed */
	LATE_MAX = 32,
	PARALLEL_FIRST = 32,
	SLOW_ROUND_MS = 1500 /* more are asked at the same time from then on */
};

struct collector {
	const struct cm_app *app;
	const atomic_bool *stop;
	int64_t memory_total;
	struct late {
		char id[65];
		int64_t until_ms;
	} late[LATE_MAX]; /* those that did not answer */
	size_t late_next;
	size_t parallel;
};

struct round {
	struct collector *c;
	struct cm_stats_now *list;
	const char **ids; /* of those that run */
	size_t count, running;
};

static bool stopped(void *stop)
{
	return atomic_load((const atomic_bool *)stop);
}

static int handle(struct collector *c, int timeout_ms, struct cm_docker **ret, struct cm_err *err)
{
	int rc = cm_engine_get(c->app, ret, err);

	if (rc != 0)
		return rc;
	cm_docker_set_timeout(*ret, timeout_ms);
	cm_docker_set_cancel(*ret, stopped, (void *)c->stop);
	return 0;
}

static bool is_late(const struct collector *c, const char *id)
{
	for (size_t i = 0; i < LATE_MAX; i++)
		if (strcmp(c->late[i].id, id) == 0)
			return cm_monotonic_ms() < c->late[i].until_ms;
	return false;
}

static void note_late(struct collector *c, const char *id)
{
	struct late *l = &c->late[c->late_next++ % LATE_MAX];

	cm_str_copy(l->id, sizeof(l->id), id);
	l->until_ms = cm_monotonic_ms() + LATER_MS;
}

static void entry_read(struct json_object *entry, struct cm_stats_now *n)
{
	struct json_object *labels = cm_json_obj(entry, "Labels");

	cm_str_copy(n->id, sizeof(n->id), cm_json_str(entry, "Id", ""));
	cm_str_copy(n->name, sizeof(n->name), cm_containers_entry_name(entry));
	cm_str_copy(n->image, sizeof(n->image), cm_json_str(entry, "Image", ""));
	cm_str_copy(n->state, sizeof(n->state), cm_json_str(entry, "State", ""));
	cm_str_copy(n->status, sizeof(n->status), cm_json_str(entry, "Status", ""));
	cm_str_copy(
	    n->stack, sizeof(n->stack),
	    cm_json_str(labels, "com.docker.compose.project", cm_json_str(labels, "com.docker.stack.namespace", "")));
	n->running = strcmp(n->state, "running") == 0 || strcmp(n->state, "paused") == 0;
}

static int list_read(struct round *r, struct cm_err *err)
{
	cm_autojson struct json_object *list = NULL;
	int rc = cm_engine_containers(r->c->app, &list, err);

	if (rc != 0)
		return rc;
	r->count = cm_json_len(list);
	r->list = cm_alloc_array(r->count + 1, sizeof(*r->list));
	r->ids = cm_alloc_array(r->count + 1, sizeof(*r->ids));
	for (size_t i = 0; i < r->count; i++)
		entry_read(json_object_array_get_idx(list, i), &r->list[i]);
	cm_stats_begin(r->list, r->count, r->c->memory_total);
	for (size_t i = 0; i < r->count && i < CM_STATS_CONTAINERS; i++)
		if (r->list[i].running && !is_late(r->c, r->list[i].id))
			r->ids[r->running++] = r->list[i].id;
	return 0;
}

static void take(void *ctx, size_t i, struct json_object *stats, const struct cm_err *why)
{
	struct round *r = ctx;
	struct cm_stats_raw raw;
	struct cm_err err = { 0 };

	if (why == NULL && cm_stats_parse(stats, &raw, &err) == 0) {
		cm_stats_put(r->ids[i], &raw, NULL, cm_now_ms());
		return;
	}
	why = why ? why : &err;
	if (why->code == CM_ETIMEDOUT)
		note_late(r->c, r->ids[i]);
	if (why->code != CM_ENOTFOUND) /* it went meanwhile */
		cm_stats_put(r->ids[i], NULL, why->text, cm_now_ms());
}

/* What memory the engine's host has: unlimited containers have this limit. It is asked for once, and again after the
 * engine was away. */
static int memory_read(struct collector *c, struct cm_err *err)
{
	cm_autojson struct json_object *info = NULL;
	struct cm_docker *d;
	int rc = c->memory_total > 0 ? 0 : handle(c, LIST_MS, &d, err);

	if (rc != 0 || c->memory_total > 0)
		return rc;
	rc = cm_docker_info(d, &info, err);
	if (rc == 0)
		c->memory_total = cm_json_int(info, "MemTotal", 0);
	return rc;
}

static void round_run(struct collector *c)
{
	struct round r = { .c = c };
	struct cm_err err = { 0 };
	struct cm_docker *d;
	struct cm_host host;
	int64_t began = cm_monotonic_ms();
	int rc;

	cm_stats_busy(CM_STATS_WORK_ROUND, true);
	rc = memory_read(c, &err);
	rc = rc < 0 ? rc : list_read(&r, &err);
	rc = rc < 0 ? rc : handle(c, LIST_MS, &d, &err);
	rc = rc < 0 ? rc : cm_stats_many(d, r.ids, r.running, c->parallel, EACH_MS, take, &r, &err);
	cm_host_sample(&host);
	if (rc < 0)
		c->memory_total = 0;
	if (rc == 0 && cm_monotonic_ms() - began > SLOW_ROUND_MS && r.running > c->parallel)
		c->parallel = c->parallel * 2 < CM_STATS_PARALLEL_MAX ? c->parallel * 2 : CM_STATS_PARALLEL_MAX;
	if (rc != CM_ECANCELLED)
		cm_stats_end(rc < 0 ? err.text : NULL, cm_monotonic_ms() - began, cm_now_ms(), host.cpu_percent,
			     host.memory_used);
	cm_stats_busy(CM_STATS_WORK_ROUND, false);
	free(r.ids);
	free(r.list);
}

/* Until the moment, or a new wish, or the end. */
static void wait_until(const atomic_bool *stop, int64_t moment, unsigned asked)
{
	while (!atomic_load(stop) && cm_stats_asked() == asked) {
		int64_t left = moment - cm_monotonic_ms();

		if (left <= 0)
			return;
		left = left < SLICE_MS ? left : SLICE_MS;
		nanosleep(&(struct timespec){ .tv_nsec = left * 1000000 }, NULL);
	}
}

void cm_stats_collect(const struct cm_app *app, const atomic_bool *stop)
{
	struct collector c = { .app = app, .stop = stop, .parallel = PARALLEL_FIRST };
	bool first = true;

	while (!atomic_load(stop)) {
		unsigned asked = cm_stats_asked();
		int64_t now;

		round_run(&c);
		now = cm_monotonic_ms();
		wait_until(stop, first ? now + SECOND_MS : (now / CM_STATS_EVERY_MS + 1) * CM_STATS_EVERY_MS, asked);
		first = false;
	}
}

static int64_t sum_of(struct json_object *list, const char *path)
{
	int64_t sum = 0;

	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *v = cm_json_at(json_object_array_get_idx(list, i), path);
		int64_t n = v != NULL ? json_object_get_int64(v) : 0;

		sum += n > 0 ? n : 0;
	}
	return sum;
}

/* Without ours, as the list of volumes: the vault is often one. */
static int64_t volumes_sum(const struct cm_own *own, struct json_object *volumes)
{
	int64_t sum = 0;

	for (size_t i = 0; i < cm_json_len(volumes); i++) {
		struct json_object *volume = json_object_array_get_idx(volumes, i);
		int64_t n = cm_json_int(cm_json_obj(volume, "UsageData"), "Size", -1);

		sum += n > 0 && cm_own_volume(own, volume) == CM_OWN_NOT ? n : 0;
	}
	return sum;
}

static int disk_run(struct collector *c)
{
	cm_autojson struct json_object *df = NULL;
	struct json_object *containers;
	struct cm_docker *d;
	struct cm_own own;
	int rc = handle(c, 0, &d, NULL);

	rc = rc < 0 ? rc : cm_docker_df(d, &df, NULL);
	if (rc < 0)
		return rc;
	(void)cm_own_get(c->app, &own, NULL);
	containers = cm_json_arr(df, "Containers");
	for (size_t i = 0; i < cm_json_len(containers); i++) {
		struct json_object *o = json_object_array_get_idx(containers, i);

		cm_stats_disk_one(cm_json_str(o, "Id", ""), cm_json_int(o, "SizeRw", 0),
				  cm_json_int(o, "SizeRootFs", -1));
	}
	cm_stats_disk(sum_of(containers, "SizeRw"), cm_json_int(df, "LayersSize", -1),
		      volumes_sum(&own, cm_json_arr(df, "Volumes")), cm_now_ms());
	return 0;
}

void cm_stats_collect_disk(const struct cm_app *app, const atomic_bool *stop)
{
	struct collector c = { .app = app, .stop = stop };
	unsigned asked = cm_stats_asked();

	wait_until(stop, cm_monotonic_ms() + DISK_FIRST_MS, asked);
	while (!atomic_load(stop)) {
		int rc;

		asked = cm_stats_asked();
		cm_stats_busy(CM_STATS_WORK_DISK, true);
		rc = disk_run(&c);
		cm_stats_busy(CM_STATS_WORK_DISK, false);
		wait_until(stop, cm_monotonic_ms() + (rc == 0 ? DISK_EVERY_MS : DISK_AGAIN_MS), asked);
	}
}
