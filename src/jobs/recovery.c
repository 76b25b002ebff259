/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/recovery.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"
#include "db/journal.h"
#include "service/audit.h"

enum {
	AGAIN_MS = 2 * 1000,	  /* after the first failure; then twice as long each time */
	AGAIN_MAX_MS = 60 * 1000, /* the engine may be back at any moment, and somebody waits for his container */
	WAIT_AT_MOST_MS = 60 * 1000,
	ATTEMPTS_MAX = 2, /* a backup that died twice is not tried a third time */
	STACK_SIZE = 1 << 20
};

static void audit(const struct cm_audit_event *event)
{
	struct cm_err err = { 0 };

	if (cm_audit(event, &err) != 0)
		cm_error("jobs", "the audit log cannot be written: %s detail=\"%s\"", err.text, err.detail);
}

void cm_recovery_audit(const struct cm_runner *r, const struct cm_job *job, const struct cm_claim_result *result)
{
	const struct cm_job_kind *kind = cm_job_kind_find(r->table, job->kind);
	bool scheduled = kind != NULL && kind->audit_scheduled != NULL && cm_json_bool(job->params, "scheduled", false);
	cm_autojson struct json_object *details = json_object_new_object();

	cm_json_set_str(details, "progress_id", job->id);
	cm_json_set_int(details, "attempt", job->attempt);
	audit(&(struct cm_audit_event){ .operation = scheduled ? kind->audit_scheduled
						     : kind    ? kind->audit
							       : job->kind,
					.status = cm_job_state_name(result->state),
					.container_name = job->subject,
					.error = result->error_text,
					.user = job->user,
					.address = job->address,
					.details = details });
}

static void former_interrupted(void *ctx, const struct cm_job *job)
{
	struct cm_claim_result result = { .state = job->state, .error_text = job->error_text };

	cm_warn("jobs", "interrupted job=%s kind=%s attempt=%d", job->id, job->kind, job->attempt);
	cm_recovery_audit(ctx, job, &result);
	CM_FAULT_POINT("recovery_told");
}

static int requeue(const struct cm_runner *r, struct cm_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->table->kind_count; i++) {
		int64_t count = 0;
		if (!r->table->kinds[i].again)
			continue;
		rc = cm_claim_requeue(r->table->kinds[i].name, ATTEMPTS_MAX, &count, err);
		if (count > 0)
			cm_info("jobs", "queued again kind=%s count=%lld", r->table->kinds[i].name, (long long)count);
	}
	return rc;
}

/* In one transaction: nobody sees "interrupted" of what goes on. False: the database did not let us; once more at the
 * next tick. */
static bool interrupt_former(struct cm_runner *r)
{
	struct cm_err err = { 0 };
	struct cm_db *db;
	int rc = cm_db_get(&db, &err);

	rc = rc ? rc : cm_db_begin_durable(db, &err);
	if (rc == 0) {
		rc = cm_claim_interrupt_all(former_interrupted, r, &err);
		rc = cm_db_end(db, rc ? rc : requeue(r, &err), &err);
	}
	if (rc != 0)
		cm_error("jobs", "the queue cannot be put in order: %s detail=\"%s\"", err.text, err.detail);
	return rc == 0;
}

static void *thread_main(void *arg)
{
	struct cm_runner *r = arg;
	struct cm_recovery *rec = &r->recovery;

	rec->rc = r->table->recover(r->app, &rec->report, &rec->err);
	cm_db_close_thread();
	const struct cm_app *app = r->app;
	atomic_store(&rec->over, true);
	cm_queue_wake(app);
	return NULL;
}

static void thread_begin(struct cm_runner *r)
{
	struct cm_recovery *rec = &r->recovery;
	pthread_attr_t attr;

	rec->tried_ms = cm_monotonic_ms();
	rec->report = NULL;
	rec->err = (struct cm_err){ 0 };
	atomic_store(&rec->over, false);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	rec->running = pthread_create(&rec->thread, &attr, thread_main, r) == 0;
	pthread_attr_destroy(&attr);
}

void cm_recovery_begin(struct cm_runner *r)
{
	struct cm_recovery *rec = &r->recovery;

	rec->interrupted = false;
	rec->complete = r->table->recover == NULL;
	rec->began_ms = cm_monotonic_ms();
	rec->tried_ms = 0;
	/* Doubled at each outcome, the first one too. */
	rec->again_ms = (r->table->recover_again_ms ? r->table->recover_again_ms : AGAIN_MS) / 2;
	rec->told = false;
}

/* Did the job leave something that it could not put back? */
static bool left_open(const struct cm_job *job)
{
	struct cm_journal_entry *list;
	size_t count;

	if (cm_journal_list(job->id, &list, &count, NULL) < 0)
		return true;
	cm_journal_list_free(list, count);
	return count > 0;
}

void cm_recovery_after(struct cm_runner *r, const struct cm_job *job, int rc)
{
	bool engine_away = rc == CM_EUNREACHABLE || rc == CM_ETIMEDOUT || rc == CM_EUPSTREAM;

	if (r->table->recover == NULL || !r->recovery.complete || (!engine_away && !left_open(job)))
		return;
	cm_recovery_begin(r);
	r->recovery.interrupted = true;
}

static void sentences_log(struct json_object *report, const char *key, enum cm_log_level level)
{
	struct json_object *list = cm_json_arr(report, key);

	for (size_t i = 0; i < cm_json_len(list); i++)
		cm_log(level, "jobs", "recovery %s: %s", key,
		       json_object_get_string(json_object_array_get_idx(list, i)));
}

/* Said in the audit log only when there was something to put in order, a failure only once. */
static void report_outcome(struct cm_recovery *rec)
{
	size_t undone = cm_json_len(cm_json_arr(rec->report, "undone"));
	size_t failed = cm_json_len(cm_json_arr(rec->report, "failed"));
	int64_t swept = cm_json_int(rec->report, "partials", 0) + cm_json_int(rec->report, "helpers", 0);

	if (rec->rc != 0)
		cm_error("jobs", "recovery failed: %s detail=\"%s\"", rec->err.text, rec->err.detail);
	sentences_log(rec->report, "undone", CM_LOG_WARN);
	sentences_log(rec->report, "failed", CM_LOG_ERROR);
	bool bad = rec->rc != 0 || failed > 0;
	if ((bad && rec->told) || (!bad && undone == 0 && swept == 0))
		return;
	rec->told = bad;
	audit(&(struct cm_audit_event){ .operation = "recovery",
					.status = rec->rc != 0 || failed > 0 ? "error" : "completed",
					.error = rec->rc != 0 ? rec->err.text
						 : failed > 0 ? "Not everything could be put back yet."
							      : NULL,
					.details = rec->report });
}

void cm_recovery_reap(struct cm_runner *r)
{
	struct cm_recovery *rec = &r->recovery;

	if (!rec->running || !atomic_load(&rec->over))
		return;
	pthread_join(rec->thread, NULL);
	rec->running = false;
	rec->complete = rec->rc == 0 && cm_json_len(cm_json_arr(rec->report, "failed")) == 0;
	rec->again_ms = rec->again_ms * 2 < AGAIN_MAX_MS ? rec->again_ms * 2 : AGAIN_MAX_MS;
	report_outcome(rec);
	json_object_put(rec->report);
	rec->report = NULL;
	CM_FAULT_POINT("runner_recovered");
}

bool cm_recovery_tend(struct cm_runner *r)
{
	struct cm_recovery *rec = &r->recovery;
	int64_t now = cm_monotonic_ms();
	bool was_running = rec->running;

	if (!rec->interrupted) {
		rec->interrupted = interrupt_former(r);
		if (!rec->interrupted)
			return false;
		CM_FAULT_POINT("recovery_requeued");
	}
	cm_recovery_reap(r);
	if (!rec->complete && !rec->running && r->run_count == 0 &&
	    (rec->tried_ms == 0 || now - rec->tried_ms >= rec->again_ms))
		thread_begin(r);
	return was_running && !rec->running;
}

bool cm_recovery_running(const struct cm_runner *r)
{
	return r->recovery.running;
}

bool cm_recovery_allowed(const struct cm_runner *r, char *kinds, size_t size)
{
	const struct cm_recovery *rec = &r->recovery;
	size_t len = 0;

	kinds[0] = '\0';
	if (!rec->interrupted || rec->running || (!rec->complete && rec->tried_ms == 0))
		return false;
	if (rec->complete || cm_monotonic_ms() - rec->began_ms >= WAIT_AT_MOST_MS)
		return true;
	for (size_t i = 0; i < r->table->kind_count && len < size; i++)
		if (!r->table->kinds[i].needs_recovery)
			len +=
			    (size_t)snprintf(kinds + len, size - len, "%s%s", len ? "," : "", r->table->kinds[i].name);
	return len > 0 && len < size;
}
