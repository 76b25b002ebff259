/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/watch.h"

#include "core/log.h"
#include "db/db.h"
#include "jobs/hold.h"
#include "service/engine_events_follow.h"
#include "service/stats_collect.h"

enum { STACK_SIZE = 1 << 20 };

const struct cm_watch_row cm_watch_rows[CM_WATCH_COUNT] = {
	{ "statistics", cm_stats_collect },
	{ "disk", cm_stats_collect_disk },
	{ "events", cm_events_follow },
};

static void *thread_main(void *arg)
{
	struct cm_watcher *w = arg;

	w->row->run(w->app, w->stop);
	cm_db_close_thread();
	atomic_store(&w->over, true);
	return NULL;
}

void cm_watch_begin(struct cm_runner *r)
{
	pthread_attr_t attr;

	atomic_store(&r->watch.stop, false);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (size_t i = 0; i < r->table->watch_count && i < CM_WATCH_MAX; i++) {
		struct cm_watcher *w = &r->watch.watchers[i];

		w->app = r->app;
		w->row = &r->table->watch[i];
		w->stop = &r->watch.stop;
		atomic_store(&w->over, false);
		w->running = pthread_create(&w->thread, &attr, thread_main, w) == 0;
		if (!w->running)
			cm_error("jobs", "watcher name=%s: no thread to be had", w->row->name);
	}
	pthread_attr_destroy(&attr);
}

void cm_watch_end(struct cm_runner *r)
{
	atomic_store(&r->watch.stop, true);
}

void cm_watch_reap(struct cm_runner *r)
{
	for (size_t i = 0; i < CM_WATCH_MAX; i++) {
		struct cm_watcher *w = &r->watch.watchers[i];

		if (!w->running || !atomic_load(&w->over))
			continue;
		pthread_join(w->thread, NULL);
		w->running = false;
	}
}

bool cm_watch_running(const struct cm_runner *r)
{
	for (size_t i = 0; i < CM_WATCH_MAX; i++)
		if (r->watch.watchers[i].running)
			return true;
	return false;
}
