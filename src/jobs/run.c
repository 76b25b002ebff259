/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"
#include "db/journal.h"
#include "service/audit.h"

enum { STACK_SIZE = 1 << 20, WARNING_TEXT_MAX = 1000, WAIT_NAP_MS = 50 };

/* --- the work's side --- */

/* Under the lock. */
static void add_line(struct cm_run *run, enum cm_job_line_kind kind, const char *text)
{
	if (run->line_count < CM_RUN_LINES_MAX)
		run->lines[run->line_count++] =
		    (struct cm_job_line){ .ms = cm_now_ms(), .kind = kind, .text = cm_strdup(text) };
}

static void on_step(void *ctx, int number, int total, const char *text)
{
	struct cm_run *run = ctx;

	pthread_mutex_lock(&run->lock);
	bool same = cm_str_eq(run->step_text, text ? text : "");
	run->step = number;
	run->step_total = total;
	cm_str_copy(run->step_text, sizeof(run->step_text), text ? text : "");
	if (!same)
		add_line(run, CM_JOB_LINE_STEP, run->step_text);
	run->dirty = true;
	pthread_mutex_unlock(&run->lock);
}

static void on_bytes(void *ctx, uint64_t done, uint64_t total)
{
	struct cm_run *run = ctx;

	pthread_mutex_lock(&run->lock);
	run->bytes_done = done > INT64_MAX ? INT64_MAX : (int64_t)done;
	run->bytes_total = total > INT64_MAX ? INT64_MAX : (int64_t)total;
	run->dirty = true;
	pthread_mutex_unlock(&run->lock);
}

static void on_warn(void *ctx, const char *text)
{
	struct cm_run *run = ctx;
	char cut[WARNING_TEXT_MAX];

	cm_str_copy(cut, sizeof(cut), text ? text : "");
	pthread_mutex_lock(&run->lock);
	size_t n = cm_json_len(run->warnings);
	if (n < CM_RUN_WARNINGS_MAX)
		cm_json_add_str(run->warnings, cut);
	else if (n == CM_RUN_WARNINGS_MAX)
		cm_json_add_str(run->warnings, "There were more warnings; they are not listed.");
	if (n < CM_RUN_WARNINGS_MAX)
		add_line(run, CM_JOB_LINE_WARNING, cut);
	run->dirty = run->new_warnings = true;
	pthread_mutex_unlock(&run->lock);
}

static bool on_cancelled(void *ctx)
{
	struct cm_run *run = ctx;

	while (atomic_load(&run->wait) && atomic_load(&run->stop) == CM_RUN_GO)
		nanosleep(&(struct timespec){ .tv_nsec = WAIT_NAP_MS * 1000000L }, NULL);
	return atomic_load(&run->stop) != CM_RUN_GO;
}

static void *thread_main(void *arg)
{
	struct cm_run *run = arg;
	struct cm_progress progress = { run, on_step, on_bytes, on_warn, on_cancelled };
	struct json_object *result = NULL;

	cm_journal_set_job(run->job.id);
	cm_audit_set_ending(&run->ending);
	cm_audit_act_begin(run->job.user, run->job.address);
	run->rc = run->kind->run(run->app, run->job.params, &progress, &result, &run->err);
	if (run->rc == 0)
		run->result = result;
	cm_audit_act_end();
	cm_audit_set_ending(NULL);
	cm_journal_set_job(NULL);
	cm_db_close_thread();
	/* From here on the runner may free run at any time. */
	const struct cm_app *app = run->app;
	atomic_store(&run->over, true);
	cm_queue_wake(app);
	return NULL;
}

/* --- the runner's side --- */

static void free_lines(struct cm_job_line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(lines[i].text);
}

static void run_destroy(struct cm_run *run)
{
	cm_job_release(&run->job);
	json_object_put(run->result);
	json_object_put(run->warnings);
	pthread_mutex_destroy(&run->lock);
	free_lines(run->lines, run->line_count);
	free(run);
}

int cm_run_start(const struct cm_app *app, const struct cm_job_kind *kind, struct cm_job *job, const char *owner,
		 struct cm_run **ret, struct cm_err *err)
{
	struct cm_run *run = cm_alloc(sizeof(*run));
	pthread_attr_t attr;

	run->app = app;
	run->kind = kind;
	run->job = *job;
	if (run->job.params == NULL)
		run->job.params = json_object_new_object();
	run->claim = (struct cm_claim){ .owner = owner, .fence = job->fence };
	memcpy(run->claim.id, job->id, sizeof(run->claim.id));
	run->begun_ms = run->beat_ms = cm_monotonic_ms();
	run->warnings = json_object_new_array();
	cm_str_copy(run->step_text, sizeof(run->step_text), kind->starting ? kind->starting : "Starting...");
	add_line(run, CM_JOB_LINE_STEP, run->step_text);
	run->dirty = true;
	pthread_mutex_init(&run->lock, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	int rc = pthread_create(&run->thread, &attr, thread_main, run);
	pthread_attr_destroy(&attr);
	if (rc != 0) {
		*job = run->job;
		run->job = (struct cm_job){ 0 };
		run_destroy(run);
		return cm_err_errno(err, rc, "starting a job");
	}
	*job = (struct cm_job){ 0 };
	*ret = run;
	return 0;
}

void cm_run_stop(struct cm_run *run, enum cm_run_stop why)
{
	int go = CM_RUN_GO;

	if (why == CM_RUN_ENDING && atomic_load(&run->stop) == CM_RUN_GO)
		atomic_store(&run->ending, true);
	if (why == CM_RUN_LOST)
		atomic_store(&run->stop, CM_RUN_LOST);
	else
		atomic_compare_exchange_strong(&run->stop, &go, why);
}

void cm_run_wait(struct cm_run *run, bool wait)
{
	if (atomic_exchange(&run->wait, wait) == wait)
		return;
	pthread_mutex_lock(&run->lock);
	run->dirty = true;
	pthread_mutex_unlock(&run->lock);
}

/* A moving average over samples at least CM_RUN_WRITE_MS apart: calm enough to read, quick enough to be true. */
static void rate_sample(struct cm_run *run, int64_t now, int64_t done)
{
	if (run->sampled_ms == 0 || done < run->sampled_bytes) {
		run->sampled_ms = now;
		run->sampled_bytes = done;
		return;
	}
	int64_t elapsed = now - run->sampled_ms;
	if (elapsed < CM_RUN_WRITE_MS)
		return;
	double current = (double)(done - run->sampled_bytes) * 1000.0 / (double)elapsed;
	run->rate = run->rate == 0 ? current : 0.7 * run->rate + 0.3 * current;
	run->sampled_ms = now;
	run->sampled_bytes = done;
}

/* Lines that could not be written, before those that came meanwhile. Under the lock. */
static void lines_back(struct cm_run *run, const struct cm_job_line *lines, size_t count)
{
	while (run->line_count + count > CM_RUN_LINES_MAX)
		free(run->lines[--run->line_count].text);
	memmove(run->lines + count, run->lines, run->line_count * sizeof(*lines));
	memcpy(run->lines, lines, count * sizeof(*lines));
	run->line_count += count;
}

static int write_progress(struct cm_run *run, int64_t now, struct cm_err *err)
{
	struct cm_claim_progress p = { .seconds_left = -1 };
	char text[sizeof(run->step_text) + 64];
	struct cm_job_line lines[CM_RUN_LINES_MAX];
	cm_autojson struct json_object *warnings = NULL;

	pthread_mutex_lock(&run->lock);
	p.step = run->step;
	p.step_total = run->step_total;
	snprintf(text, sizeof(text), "%s%s", run->step_text,
		 atomic_load(&run->wait) ? " (waits until other work is done)" : "");
	p.bytes_done = run->bytes_done;
	p.bytes_total = run->bytes_total;
	if (run->new_warnings)
		warnings = cm_json_copy(run->warnings);
	p.line_count = run->line_count;
	memcpy(lines, run->lines, p.line_count * sizeof(lines[0]));
	run->line_count = 0;
	run->dirty = run->new_warnings = false;
	pthread_mutex_unlock(&run->lock);

	rate_sample(run, now, p.bytes_done);
	p.step_text = text;
	p.lines = lines;
	p.warnings = warnings;
	p.bytes_per_second = (int64_t)run->rate;
	if (p.bytes_total > p.bytes_done && run->rate >= 1)
		p.seconds_left = (int64_t)((double)(p.bytes_total - p.bytes_done) / run->rate) + 1;
	int rc = cm_claim_progress(&run->claim, &p, err);
	if (rc != 0 && rc != CM_EDENIED) {
		/* Once more at the next time. */
		pthread_mutex_lock(&run->lock);
		run->dirty = true;
		run->new_warnings = run->new_warnings || warnings != NULL;
		lines_back(run, lines, p.line_count);
		pthread_mutex_unlock(&run->lock);
	} else {
		free_lines(lines, p.line_count);
	}
	run->written_ms = run->beat_ms = now;
	return rc;
}

static bool is_dirty(struct cm_run *run)
{
	pthread_mutex_lock(&run->lock);
	bool dirty = run->dirty;
	pthread_mutex_unlock(&run->lock);
	/* Without news the shown rate must still go down. */
	return dirty || run->rate >= 1;
}

int cm_run_tend(struct cm_run *run, int64_t now_ms, struct cm_err *err)
{
	bool cancel = false;
	int rc;

	if ((run->written_ms == 0 || now_ms - run->written_ms >= CM_RUN_WRITE_MS) && is_dirty(run))
		rc = write_progress(run, now_ms, err);
	else
		rc = 0;
	if (rc == 0 && now_ms - run->beat_ms >= CM_RUN_BEAT_MS) {
		rc = cm_claim_heartbeat(&run->claim, &cancel, err);
		run->beat_ms = now_ms;
	} else if (rc == 0) {
		rc = cm_claim_cancelled(&run->claim, &cancel, err);
	}
	if (rc == CM_EDENIED)
		cm_run_stop(run, CM_RUN_LOST);
	else if (rc == 0 && cancel)
		cm_run_stop(run, CM_RUN_CANCEL);
	return rc;
}

/* Told to stop and not come to a good end: then the reason of the stop is what happened, whatever error came first. */
static void result_of(struct cm_run *run, struct cm_claim_result *r)
{
	int why = atomic_load(&run->stop);

	if (run->rc == 0) {
		*r = (struct cm_claim_result){ .state = CM_JOB_COMPLETE,
					       .step_text = run->kind->done,
					       .result = run->result };
	} else if (why == CM_RUN_CANCEL) {
		*r = (struct cm_claim_result){ .state = CM_JOB_CANCELLED, .step_text = "Cancelled" };
	} else if (why == CM_RUN_ENDING) {
		*r = (struct cm_claim_result){ .state = CM_JOB_INTERRUPTED,
					       .error_text = "The program ended while this was running.",
					       .error_code = "INTERRUPTED",
					       .give_back_attempt = true };
	} else {
		*r = (struct cm_claim_result){ .state = CM_JOB_ERROR,
					       .error_text = run->err.text[0] ? run->err.text : "It failed.",
					       .error_code = cm_err_word(run->rc) };
	}
	r->warnings = run->warnings;
}

static void follow(struct cm_run *run, enum cm_job_state state)
{
	struct cm_err err = { 0 };

	if (run->followed)
		return;
	run->followed = true;
	if (state == CM_JOB_COMPLETE && run->kind->then != NULL &&
	    run->kind->then(run->app, run->job.params, run->result, &err) != 0)
		cm_error("jobs", "what follows job=%s could not be queued: %s detail=\"%s\"", run->job.id, err.text,
			 err.detail);
}

int cm_run_finish(struct cm_run *run, enum cm_job_state *ret_state, struct cm_err *err)
{
	struct cm_claim_result result;

	if (atomic_load(&run->stop) == CM_RUN_LOST)
		return cm_err_set(err, CM_EDENIED, "This job now belongs to another runner.");
	result_of(run, &result);
	CM_FAULT_POINT("job_before_finish");
	follow(run, result.state);
	int rc = is_dirty(run) ? write_progress(run, cm_monotonic_ms(), err) : 0;
	if (rc == 0)
		rc = cm_claim_finish(&run->claim, &result, err);
	if (rc == 0)
		*ret_state = result.state;
	CM_FAULT_POINT("job_finished");
	return rc;
}

void cm_run_free(struct cm_run *run)
{
	if (run == NULL)
		return;
	pthread_join(run->thread, NULL);
	run_destroy(run);
}
