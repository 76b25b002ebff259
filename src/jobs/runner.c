/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/owner.h"
#include "jobs/hold.h"
#include "jobs/recovery.h"
#include "jobs/timetable.h"
#include "jobs/watch.h"
#include "service/session.h"

enum {
	TICK_NEW_MS = 20,     /* until a new job's first progress is written */
	TICK_BUSY_MS = 200,   /* while jobs run: progress, wishes to cancel */
	TICK_IDLE_MS = 500,   /* else: only *stop; a new job wakes us by the pipe */
	TICK_BLIND_MS = 100,  /* without the pipe */
	LOOK_EVERY_MS = 1000, /* at the queue, even when nobody woke us */
	LOCK_EVERY_MS = 1000,
	END_WAIT_MS = 6500, /* Docker kills after 10 s in all */
	UPKEEP_EVERY_MS = 3600 * 1000,
	PRUNE_EVERY_JOBS = 20
};

struct cm_runner *cm_runner_new_with(const struct cm_app *app, const struct cm_job_table *table)
{
	struct cm_runner *r = cm_alloc(sizeof(*r));

	r->app = app;
	r->table = table;
	return r;
}

/* Not in cm_runner_new: that may have run before a fork. */
static void owner_name(struct cm_runner *r)
{
	char random[17];

	cm_secret_init(NULL);
	cm_random_hex(random, 8);
	snprintf(r->owner, sizeof(r->owner), "%ld-%s", (long)getpid(), random);
}

bool cm_runner_is_holder(const struct cm_runner *r)
{
	return atomic_load(&r->holding);
}

void cm_runner_free(struct cm_runner *r)
{
	if (r != NULL && !r->stuck)
		free(r);
}

static void nap(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

/* The same thing goes wrong at each tick: said once a minute. */
static void complain(struct cm_runner *r, const char *what, const struct cm_err *err)
{
	int64_t now = cm_monotonic_ms();

	if (r->complained_ms != 0 && now - r->complained_ms < 60000)
		return;
	r->complained_ms = now;
	cm_error("jobs", "%s: %s detail=\"%s\"", what, err->text, err->detail);
}

static size_t lane_running(const struct cm_runner *r, size_t lane)
{
	size_t n = 0;

	for (size_t i = 0; i < r->run_count; i++)
		n += r->runs[i]->lane == lane;
	return n;
}

/* A job of a program newer than this one. */
static void refuse_unknown(struct cm_runner *r, struct cm_job *job)
{
	struct cm_err err = { 0 };
	struct cm_claim claim = { .owner = r->owner, .fence = job->fence };
	struct cm_claim_result result = { .state = CM_JOB_ERROR,
					  .error_text = "This program does not know this kind of job.",
					  .error_code = cm_err_word(CM_EUNSUPPORTED) };

	memcpy(claim.id, job->id, sizeof(claim.id));
	if (cm_claim_finish(&claim, &result, &err) != 0)
		complain(r, "a job could not be refused", &err);
	cm_job_release(job);
}

/* Begins the next job of a lane. Errors: CM_ENOTFOUND: none may begin now. */
static int lane_begin(struct cm_runner *r, size_t lane, const char *kinds, struct cm_err *err)
{
	const struct cm_job_lane *l = &r->table->lanes[lane];
	struct cm_job job;
	struct cm_run *run;
	int rc = cm_claim_next(l->name, l->per_host, kinds, r->owner, &job, err);

	if (rc != 0)
		return rc;
	CM_FAULT_POINT("job_claimed");
	const struct cm_job_kind *kind = cm_job_kind_find(r->table, job.kind);
	if (kind == NULL) {
		refuse_unknown(r, &job);
		return 0;
	}
	cm_info("jobs", "begin job=%s kind=%s attempt=%d subject=\"%s\"", job.id, job.kind, job.attempt,
		job.subject ? job.subject : "");
	rc = cm_run_start(r->app, kind, &job, r->owner, &run, err);
	if (rc != 0) {
		/* No thread to be had: it stays claimed by us, and the next holder finds it interrupted. */
		cm_job_release(&job);
		return rc;
	}
	run->lane = lane;
	r->runs[r->run_count++] = run;
	return 0;
}

/* Does a job run that does not yield? */
static bool others_run(const struct cm_runner *r)
{
	for (size_t i = 0; i < r->run_count; i++)
		if (!r->table->lanes[r->runs[i]->lane].yields)
			return true;
	return false;
}

static void yielding_tend(struct cm_runner *r)
{
	bool wait = others_run(r);

	for (size_t i = 0; i < r->run_count; i++)
		if (r->table->lanes[r->runs[i]->lane].yields)
			cm_run_wait(r->runs[i], wait);
}

static void lanes_fill(struct cm_runner *r)
{
	char kinds[CM_HOLD_KINDS_SIZE];
	struct cm_err err = { 0 };
	int64_t waiting = 0;
	int rc = cm_claim_waiting(&waiting, &err);

	if (rc != 0)
		complain(r, "the queue cannot be read", &err);
	if (rc != 0 || waiting == 0 || !cm_recovery_allowed(r, kinds, sizeof(kinds)))
		return;
	for (size_t lane = 0; lane < r->table->lane_count; lane++) {
		if (r->table->lanes[lane].yields && others_run(r))
			continue;
		rc = 0;
		while (rc == 0 && r->run_count < CM_HOLD_RUNS_MAX &&
		       lane_running(r, lane) < (size_t)r->table->lanes[lane].threads)
			rc = lane_begin(r, lane, kinds[0] ? kinds : NULL, &err);
		if (rc != 0 && rc != CM_ENOTFOUND)
			complain(r, "a job cannot begin", &err);
	}
}

/* Writes the end of a run whose work is over, and forgets it. False: it could not be written, try again. */
static bool run_reap(struct cm_runner *r, struct cm_run *run)
{
	struct cm_err err = { 0 };
	enum cm_job_state state = CM_JOB_ERROR;
	int rc = cm_run_finish(run, &state, &err);

	if (rc != 0 && rc != CM_EDENIED) {
		complain(r, "the end of a job cannot be written", &err);
		return false;
	}
	cm_log(run->rc == 0 || state == CM_JOB_CANCELLED ? CM_LOG_INFO : CM_LOG_WARN, "jobs",
	       "end job=%s kind=%s state=%s ms=%lld error=\"%s\" detail=\"%s\"", run->job.id, run->job.kind,
	       rc == 0 ? cm_job_state_name(state) : "lost", (long long)(cm_monotonic_ms() - run->begun_ms),
	       run->rc == 0 ? "" : run->err.text, run->rc == 0 ? "" : run->err.detail);
	r->lost = r->lost || rc == CM_EDENIED;
	cm_recovery_after(r, &run->job, run->rc);
	cm_run_free(run);
	if (++r->finished % PRUNE_EVERY_JOBS == 0 && cm_claim_prune(CM_JOBS_KEEP, &err) != 0)
		complain(r, "old jobs cannot be removed", &err);
	return true;
}

/* True when a job ended, so that another may begin. */
static bool runs_tend(struct cm_runner *r)
{
	struct cm_err err = { 0 };
	bool ended = false;

	for (size_t i = 0; i < r->run_count;) {
		struct cm_run *run = r->runs[i];
		if (atomic_load(&run->over) && run_reap(r, run)) {
			r->runs[i] = r->runs[--r->run_count];
			ended = true;
			continue;
		}
		if (!atomic_load(&run->over)) {
			int rc = cm_run_tend(run, cm_monotonic_ms(), &err);
			r->lost = r->lost || rc == CM_EDENIED;
			if (rc != 0 && rc != CM_EDENIED)
				complain(r, "the progress of a job cannot be written", &err);
		}
		i++;
	}
	return ended;
}

static void upkeep(struct cm_runner *r)
{
	int64_t now = cm_monotonic_ms();
	struct cm_err err = { 0 };

	if (r->upkeep_ms != 0 && now - r->upkeep_ms < UPKEEP_EVERY_MS)
		return;
	r->upkeep_ms = now;
	if (cm_session_sweep(&err) != 0 || cm_claim_prune(CM_JOBS_KEEP, &err) != 0)
		complain(r, "old sessions and jobs cannot be removed", &err);
}

static int tick_ms(const struct cm_runner *r)
{
	for (size_t i = 0; i < r->run_count; i++)
		if (r->runs[i]->written_ms == 0)
			return TICK_NEW_MS;
	return r->run_count > 0 || cm_recovery_running(r) ? TICK_BUSY_MS : TICK_IDLE_MS;
}

/* Waits for a byte in the pipe or for the time; true when it was woken. */
static bool wait_for_news(struct cm_runner *r)
{
	struct pollfd p = { .fd = r->wake_fd, .events = POLLIN };
	char drain[512];

	if (r->wake_fd < 0) {
		nap(TICK_BLIND_MS);
		return true;
	}
	if (poll(&p, 1, tick_ms(r)) <= 0)
		return false;
	while (read(r->wake_fd, drain, sizeof(drain)) == (ssize_t)sizeof(drain))
		;
	return true;
}

static void stuck_finish(struct cm_runner *r, struct cm_run *run)
{
	struct cm_err err = { 0 };
	struct cm_claim_result result = { .state = CM_JOB_INTERRUPTED,
					  .error_text = "The program ended while this was running.",
					  .error_code = "INTERRUPTED",
					  .give_back_attempt = true };

	cm_warn("jobs", "end job=%s kind=%s state=interrupted: it does not listen", run->job.id, run->job.kind);
	int rc = cm_claim_finish(&run->claim, &result, &err);
	if (rc == 0)
		cm_recovery_audit(r, &run->job, &result);
	else if (rc != CM_EDENIED)
		complain(r, "the end of a job cannot be written", &err);
}

/* Asks all to stop and waits for them. When the program ends, who does not listen in time is left alone, with the
 * lock. */
static void runs_end(struct cm_runner *r, const atomic_bool *stop)
{
	int64_t deadline = 0;

	for (size_t i = 0; i < r->run_count; i++)
		cm_run_stop(r->runs[i], CM_RUN_ENDING);
	cm_watch_end(r);
	while (r->run_count > 0 || cm_recovery_running(r) || cm_timetable_running(r) || cm_watch_running(r)) {
		runs_tend(r);
		cm_recovery_reap(r);
		cm_timetable_reap(r);
		cm_watch_reap(r);
		if (deadline == 0 && atomic_load(stop))
			deadline = cm_monotonic_ms() + (r->table->end_wait_ms ? r->table->end_wait_ms : END_WAIT_MS);
		if (deadline != 0 && cm_monotonic_ms() >= deadline)
			break;
		nap(10);
	}
	for (size_t i = 0; i < r->run_count; i++) {
		if (!atomic_load(&r->runs[i]->over))
			stuck_finish(r, r->runs[i]);
		r->stuck = true;
	}
	r->stuck = r->stuck || cm_recovery_running(r) || cm_timetable_running(r) || cm_watch_running(r);
}

/* Works while it holds the lock: until *stop, or until another runner took its jobs. */
static void hold(struct cm_runner *r, const atomic_bool *stop)
{
	int64_t looked = 0;
	bool news = true;

	r->lost = false;
	cm_info("jobs", "this process runs the jobs owner=%s", r->owner);
	cm_recovery_begin(r);
	cm_watch_begin(r);
	while (!atomic_load(stop) && !r->lost) {
		int64_t now = cm_monotonic_ms();
		news |= cm_recovery_tend(r);
		news |= runs_tend(r);
		if (news || now - looked >= LOOK_EVERY_MS) {
			lanes_fill(r);
			looked = now;
		}
		yielding_tend(r);
		upkeep(r);
		cm_timetable_tend(r);
		news = wait_for_news(r);
	}
	runs_end(r, stop);
}

void cm_runner_main(struct cm_runner *r, const atomic_bool *stop)
{
	int64_t tried = 0;

	owner_name(r);
	while (!atomic_load(stop)) {
		int64_t now = cm_monotonic_ms();
		if (tried != 0 && now - tried < LOCK_EVERY_MS) {
			nap(50);
			continue;
		}
		tried = now;
		int lock = cm_hold_lock(r->app);
		if (lock < 0)
			continue;
		r->wake_fd = cm_hold_wake_open(r->app);
		atomic_store(&r->holding, true);
		hold(r, stop);
		atomic_store(&r->holding, false);
		if (r->wake_fd >= 0)
			close(r->wake_fd);
		r->wake_fd = -1;
		if (r->stuck)
			break;
		close(lock);
	}
	cm_db_close_thread();
}
