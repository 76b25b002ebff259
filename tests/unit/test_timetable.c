/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/timetable.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "jobs/runner.h"
#include "scratch.h"
#include "test.h"

enum { HOUR_MS = 3600 * 1000 };

static void nap(int ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L }, NULL);
}

TEST(timetable_due__when_the_time_has_passed)
{
	int64_t now = INT64_C(1764408000000);

	CHECK(cm_timetable_due(now, 0, HOUR_MS));
	CHECK(!cm_timetable_due(now, now, HOUR_MS));
	CHECK(!cm_timetable_due(now, now - HOUR_MS + 1, HOUR_MS));
	CHECK(cm_timetable_due(now, now - HOUR_MS, HOUR_MS));
}

/* Asks every 30 s of real time, from 12:00 on, what is due every hour; returns how often it was, and sets the longest
 * wait. */
static int times_due(int minutes, int jump_at, int64_t jump_ms, int64_t *ret_longest)
{
	int64_t wall = INT64_C(1764417600000), last = wall, real = 0, real_last = 0, longest = 0;
	int count = 0;

	for (int i = 0; i < minutes * 2; i++) {
		real += 30000;
		wall += 30000 + (i == jump_at * 2 ? jump_ms : 0);
		if (!cm_timetable_due(wall, last, HOUR_MS))
			continue;
		last = wall;
		longest = real - real_last > longest ? real - real_last : longest;
		real_last = real;
		count++;
	}
	*ret_longest = longest;
	return count;
}

TEST(timetable_clock__a_jump_makes_neither_a_storm_nor_a_stall)
{
	int64_t longest;

	CHECK_INT(times_due(24 * 60, 0, 0, &longest), 24);
	CHECK_INT(longest, HOUR_MS);
	for (int at = 1; at < 180; at++) {
		/* Back by an hour: never later than after two, and at most one time too many. */
		int back = times_due(24 * 60, at, -HOUR_MS, &longest);
		CHECK(back >= 23 && back <= 25);
		CHECK(longest <= 2 * HOUR_MS);
		/* Back by a year. */
		back = times_due(24 * 60, at, -365 * 24 * (int64_t)HOUR_MS, &longest);
		CHECK(back >= 24 && back <= 25);
		CHECK(longest <= HOUR_MS);
		/* Forward by a year: once, not 8,760 times. */
		back = times_due(24 * 60, at, 365 * 24 * (int64_t)HOUR_MS, &longest);
		CHECK(back >= 24 && back <= 25);
		CHECK(longest <= HOUR_MS);
	}
	/* Corrections of a second do nothing. */
	CHECK(!cm_timetable_due(1764417600000, 1764417600000 + 1000, HOUR_MS));
}

/* --- in the runner --- */

static atomic_int first_calls, slow_calls, slow_now, jobs_done;

static int run_nothing(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		       struct json_object **ret_result, struct cm_err *err)
{
	(void)app;
	(void)params;
	(void)progress;
	(void)ret_result;
	(void)err;
	atomic_fetch_add(&jobs_done, 1);
	return 0;
}

static const struct cm_job_table table;

/* Adds a job in the first round, and fails. */
static int due_first(const struct cm_app *app, int64_t now_ms, struct cm_err *err)
{
	struct cm_job_request rq = { .kind = "nothing" };

	if (now_ms < INT64_C(1700000000000))
		abort();
	if (atomic_fetch_add(&first_calls, 1) == 0 && cm_job_add_with(&table, app, &rq, NULL, NULL) != 0)
		abort();
	return cm_err_set(err, CM_EIO, "It cannot be read.");
}

/* Stays until the job of the first row is done: it must not need the end of the round. */
static int due_slow(const struct cm_app *app, int64_t now_ms, struct cm_err *err)
{
	(void)app;
	(void)now_ms;
	(void)err;
	if (atomic_fetch_add(&slow_now, 1) != 0)
		abort();
	for (int64_t end = cm_monotonic_ms() + 20000; atomic_load(&jobs_done) == 0 && cm_monotonic_ms() < end;)
		nap(5);
	if (atomic_load(&jobs_done) == 0)
		abort();
	nap(100);
	atomic_fetch_sub(&slow_now, 1);
	atomic_fetch_add(&slow_calls, 1);
	return 0;
}

static const struct cm_job_kind kinds[] = {
	{ .name = "nothing", .label = "Nothing", .lane = "backup", .run = run_nothing, .audit = "verify" },
};
static const struct cm_job_lane lanes[] = { { .name = "backup", .per_host = 1, .threads = 1 } };
static const struct cm_timetable_row rows[] = { { "first", due_first }, { "slow", due_slow } };
static const struct cm_job_table table = {
	.kinds = kinds,
	.kind_count = CM_COUNT(kinds),
	.lanes = lanes,
	.lane_count = CM_COUNT(lanes),
	.timetable = rows,
	.timetable_count = CM_COUNT(rows),
	.timetable_ms = 50,
};

static atomic_bool stop;

static void *side_main(void *arg)
{
	cm_runner_main(arg, &stop);
	return NULL;
}

static bool grows_to(atomic_int *value, int want)
{
	for (int64_t end = cm_monotonic_ms() + 20000; cm_monotonic_ms() < end; nap(5))
		if (atomic_load(value) >= want)
			return true;
	return false;
}

TEST(timetable_round__adds_jobs_and_holds_nobody_up)
{
	struct cm_runner *runner;
	pthread_t thread;

	cm_log_level_set(CM_LOG_ERROR + 1);
	scratch_begin();
	CHECK_INT(cm_runner_prepare(&scratch_app, NULL), 0);
	runner = cm_runner_new_with(&scratch_app, &table);
	CHECK_INT(pthread_create(&thread, NULL, side_main, runner), 0);
	/* A row that takes long delays no job (due_slow aborts), one that fails stops no other, rounds never overlap.
	 */
	CHECK(grows_to(&slow_calls, 3));
	CHECK(atomic_load(&first_calls) >= 3);
	CHECK_INT(atomic_load(&jobs_done), 1);
	/* The end waits for the round. */
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	CHECK_INT(atomic_load(&slow_now), 0);
	cm_runner_free(runner);
	scratch_end();
}
