/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/timetable.h"

#include "core/clock.h"
#include "core/log.h"
#include "jobs/hold.h"
#include "jobs/recovery.h"

enum { STACK_SIZE = 1 << 20, COMPLAIN_EVERY_MS = 10 * 60 * 1000 };

bool cm_timetable_due(int64_t now_ms, int64_t last_ms, int64_t every_ms)
{
	return last_ms == 0 || now_ms - last_ms >= every_ms || last_ms - now_ms > CM_TIMETABLE_SLACK_MS;
}

/* The same row may fail in every round: said every ten minutes. */
static void complain(struct cm_round *t, const struct cm_timetable_row *row, const struct cm_err *err)
{
	int64_t now = cm_monotonic_ms();

	if (t->complained_ms != 0 && now - t->complained_ms < COMPLAIN_EVERY_MS)
		return;
	t->complained_ms = now;
	cm_error("jobs", "timetable row=%s: %s detail=\"%s\"", row->name, err->text, err->detail);
}

static void *thread_main(void *arg)
{
	struct cm_runner *r = arg;

	for (size_t i = 0; i < r->table->timetable_count; i++) {
		const struct cm_timetable_row *row = &r->table->timetable[i];
		struct cm_err err = { 0 };

		if (row->due(r->app, cm_now_ms(), &err) != 0)
			complain(&r->round, row, &err);
	}
	cm_db_close_thread();
	atomic_store(&r->round.over, true);
	return NULL;
}

static void thread_begin(struct cm_runner *r)
{
	struct cm_round *t = &r->round;
	pthread_attr_t attr;

	t->began_ms = cm_monotonic_ms();
	atomic_store(&t->over, false);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	t->running = pthread_create(&t->thread, &attr, thread_main, r) == 0;
	pthread_attr_destroy(&attr);
}

void cm_timetable_reap(struct cm_runner *r)
{
	if (!r->round.running || !atomic_load(&r->round.over))
		return;
	pthread_join(r->round.thread, NULL);
	r->round.running = false;
}

void cm_timetable_tend(struct cm_runner *r)
{
	int64_t every = r->table->timetable_ms ? r->table->timetable_ms : CM_TIMETABLE_EVERY_MS;
	char kinds[CM_HOLD_KINDS_SIZE];

	cm_timetable_reap(r);
	if (r->round.running || r->table->timetable_count == 0 ||
	    (r->round.began_ms != 0 && cm_monotonic_ms() - r->round.began_ms < every))
		return;
	if (cm_recovery_allowed(r, kinds, sizeof(kinds)))
		thread_begin(r);
}

bool cm_timetable_running(const struct cm_runner *r)
{
	return r->round.running;
}
