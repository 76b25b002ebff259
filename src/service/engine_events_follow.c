/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/engine_events_follow.h"

#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/events.h"
#include "service/engine.h"
#include "service/engine_events.h"

enum {
	BATCH_MAX = 200,
	BATCH_AGE_MS = 150, /* what comes in a burst is written together */
	FIRST_MS = 24 * 3600 * 1000,
	PRUNE_EVERY_MS = 10 * 60 * 1000,
	AGAIN_MS = 1000,
	AGAIN_MAX_MS = 15000,
	SLICE_MS = 200,
	OURS_MAX = 64
};
static const int64_t ns_in_ms = 1000000;

struct follower {
	const atomic_bool *stop;
	struct cm_event batch[BATCH_MAX];
	size_t count;
	int64_t began_ms;  /* of the batch */
	int64_t pruned_ms; /* monotonic */
	int64_t came_ms;   /* when the engine last said something; monotonic */
	bool connected;
	/* Helpers and containers of drills: what they do to volumes and networks says only their id. */
	char ours[OURS_MAX][65];
	size_t ours_next;
};

static void flush(struct follower *f)
{
	int64_t added = 0;

	if (f->count == 0)
		return;
	/* What the database does not take now is asked for again after the next connection. */
	if (cm_events_add(f->batch, f->count, &added, NULL) == 0 && added > 0)
		cm_events_seen_more();
	for (size_t i = 0; i < f->count; i++)
		cm_event_release(&f->batch[i]);
	f->count = 0;
}

/* Asked five times a second while nothing comes. */
static bool on_tick(void *ctx)
{
	struct follower *f = ctx;
	int64_t now = cm_monotonic_ms();

	if (!f->connected) {
		f->connected = true;
		cm_events_state_set(true, NULL);
	}
	if (f->count > 0 && now - f->began_ms >= BATCH_AGE_MS)
		flush(f);
	if (f->pruned_ms == 0 || now - f->pruned_ms >= PRUNE_EVERY_MS) {
		f->pruned_ms = now;
		(void)cm_events_prune(cm_now_ms(), NULL);
	}
	return atomic_load(f->stop);
}

static bool is_ours(const struct follower *f, const char *id)
{
	for (size_t i = 0; id != NULL && i < OURS_MAX; i++)
		if (strcmp(f->ours[i], id) == 0)
			return true;
	return false;
}

static void note_ours(struct follower *f, struct json_object *event)
{
	const char *id = cm_json_str_at(event, "Actor.ID", "");

	if (cm_str_eq(cm_json_str(event, "Type", NULL), "container") && strlen(id) == 64 && !is_ours(f, id))
		cm_str_copy(f->ours[f->ours_next++ % OURS_MAX], sizeof(f->ours[0]), id);
}

/* Does it change what a list shows? */
static bool changes_lists(const struct cm_event *e)
{
	return !cm_event_is_exec(e->action) && strcmp(e->action, "top") != 0 && strcmp(e->action, "attach") != 0;
}

static int on_event(void *ctx, struct json_object *event, struct cm_err *err)
{
	struct follower *f = ctx;
	struct json_object *actor = cm_json_obj(event, "Actor");
	struct cm_event e;

	(void)err;
	on_tick(f);
	if (!cm_event_read(event, &e)) {
		note_ours(f, event);
		return 0;
	}
	if (is_ours(f, cm_json_str(cm_json_obj(actor, "Attributes"), "container", NULL))) {
		cm_event_release(&e);
		return 0;
	}
	if (changes_lists(&e))
		cm_engine_changed();
	if (f->count == 0)
		f->began_ms = cm_monotonic_ms();
	f->batch[f->count++] = e;
	if (f->count == BATCH_MAX)
		flush(f);
	return 0;
}

static int64_t since(void)
{
	int64_t id = 0, nano = 0, first = cm_now_ms() - FIRST_MS;

	/* The last one once more, since others may have come in its millisecond. */
	if (cm_events_last(&id, &nano, NULL) == 0 && nano / ns_in_ms > first)
		return nano / ns_in_ms;
	return first;
}

static void nap(const atomic_bool *stop, int64_t ms)
{
	for (; ms > 0 && !atomic_load(stop); ms -= SLICE_MS)
		nanosleep(&(struct timespec){ .tv_nsec = SLICE_MS * 1000000L }, NULL);
}

void cm_events_follow(const struct cm_app *app, const atomic_bool *stop)
{
	cm_autofree struct follower *f = cm_alloc(sizeof(*f));
	int64_t again = AGAIN_MS;

	f->stop = stop;
	while (!atomic_load(stop)) {
		struct cm_err err = { 0 };
		struct cm_docker *d;
		int rc = cm_engine_get(app, &d, &err);

		f->connected = false;
		/* A ping of its own, since following has no time limit before the first event. */
		rc = rc < 0 ? rc : cm_docker_ping(d, &err);
		if (rc == 0) {
			struct cm_events_spec spec = { .since_ms = since() };

			cm_docker_set_cancel(d, on_tick, f);
			rc = cm_events_run(d, &spec, on_event, f, &err);
			cm_docker_set_cancel(d, NULL, NULL);
			again = AGAIN_MS;
		}
		flush(f);
		if (atomic_load(stop))
			break;
		cm_events_state_set(false, rc < 0 ? err.text : "");
		nap(stop, again);
		again = again * 2 < AGAIN_MAX_MS ? again * 2 : AGAIN_MAX_MS;
	}
}
