/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The timetable: work that begins by the clock. About every CM_TIMETABLE_EVERY_MS the holder of the runner lock asks
 * each row, one after the other, in a thread of its own: a row may read the database, the vault and the engine, and
 * adds the jobs that are due (jobs/kinds.h). The runner goes on meanwhile; a row that takes long delays only the other
 * rows. The first round is soon after the start, as soon as the jobs of the former holder are dealt with.
 *
 * A row keeps when it last did something in the database, so that it survives restarts and another process taking
 * over, and decides with cm_timetable_due(). It writes "last" before it adds jobs: killed in between it misses one time
 * rather than doing it twice.
 */
#ifndef CM_JOBS_TIMETABLE_H
#define CM_JOBS_TIMETABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "service/app.h"

enum { CM_TIMETABLE_EVERY_MS = 30 * 1000, CM_TIMETABLE_SLACK_MS = 60 * 1000 };

struct cm_timetable_row {
	const char *name; /* for the log */
	/* now_ms: wall clock, since people's schedules are meant in it. Errors are logged; the next round tries again.
	 */
	int (*due)(const struct cm_app *app, int64_t now_ms, struct cm_err *err);
};

/* Is it time again for what happens every every_ms and last happened at last_ms (0: never)? The wall clock may jump.
 * Forward: due once, not once for each time that was skipped. Back: a last that lies in the future (by more than the
 * slack, which is for small corrections) was written before the jump, and it is due at once, so that nothing waits for
 * the clock to come there again; the new "last" ends that, so one jump makes at most one time too many. */
bool cm_timetable_due(int64_t now_ms, int64_t last_ms, int64_t every_ms);

/* The runner's side; its thread only. */
struct cm_runner;
/* At each tick: begins a round when it is time and takes the end of the last one. */
void cm_timetable_tend(struct cm_runner *r);
void cm_timetable_reap(struct cm_runner *r);
bool cm_timetable_running(const struct cm_runner *r);

#endif
