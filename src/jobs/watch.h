/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Watchers: threads that look at the engine as long as this process holds the runner lock, so that one process does it
 * for all. A watcher lives until *stop, which it looks at at least twice a second, and deals with its errors itself.
 */
#ifndef CM_JOBS_WATCH_H
#define CM_JOBS_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "service/app.h"

enum { CM_WATCH_MAX = 8 };

struct cm_watch_row {
	const char *name; /* for the log */
	void (*run)(const struct cm_app *app, const atomic_bool *stop);
};

/* The product's watchers. */
enum { CM_WATCH_COUNT = 3 };
extern const struct cm_watch_row cm_watch_rows[CM_WATCH_COUNT];

/* The runner's side; its thread only. */
struct cm_runner;
struct cm_watch {
	struct cm_watcher {
		const struct cm_app *app;
		const struct cm_watch_row *row;
		const atomic_bool *stop;
		pthread_t thread;
		atomic_bool over;
		bool running;
	} watchers[CM_WATCH_MAX];
	atomic_bool stop;
};
void cm_watch_begin(struct cm_runner *r);
void cm_watch_end(struct cm_runner *r); /* does not wait */
void cm_watch_reap(struct cm_runner *r);
bool cm_watch_running(const struct cm_runner *r);

#endif
