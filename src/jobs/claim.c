/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/claim.h"

#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"
#include "jobs/job_row.h"

#define HELD " WHERE id = ? AND owner = ? AND fence = ? AND state IN " CM_JOB_RUNS

static int lost(struct cm_err *err)
{
	return cm_err_set(err, CM_EDENIED, "This job now belongs to another runner.");
}

static int log_line(struct cm_db *db, const char *id, int64_t ms, enum cm_job_line_kind kind, const char *text,
		    struct cm_err *err)
{
	return cm_job_log_add(db, id, &(struct cm_job_line){ .ms = ms, .kind = kind, .text = (char *)text }, err);
}

static int claim(struct cm_db *db, const char *lane, int per_host, const char *kinds, const char *owner,
		 struct cm_job *ret, struct cm_err *err)
{
	char id[CM_UUID_LEN + 1];
	int64_t now = cm_now_ms();
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_query(
	    db, &st, err,
	    "UPDATE jobs SET state = 'starting', owner = ?1, fence = fence + 1, lease_ms = ?2 + ?3,"
	    " attempt = attempt + 1, started_ms = ?2, updated_ms = ?2, version = version + 1, step = 0, step_total = 0,"
	    " step_text = 'Starting...', bytes_done = 0, bytes_total = 0, bytes_per_second = 0, seconds_left = -1,"
	    " result = NULL, warnings = NULL WHERE number ="
	    " (SELECT j.number FROM jobs j WHERE j.state IN " CM_JOB_WAITS " AND j.lane = ?4 AND"
	    " (?5 IS NULL OR instr(',' || ?5 || ',', ',' || j.kind || ',') > 0) AND"
	    " (SELECT count(*) FROM jobs r WHERE r.state IN " CM_JOB_RUNS " AND r.lane = j.lane AND r.host = j.host)"
	    " < ?6 AND (j.lock IS NULL OR NOT EXISTS"
	    " (SELECT 1 FROM jobs r WHERE r.state IN " CM_JOB_RUNS " AND r.lock = j.lock))"
	    " ORDER BY j.number LIMIT 1) RETURNING id",
	    cm_v_text(owner), cm_v_int(now), cm_v_int(CM_LEASE_MS), cm_v_text(lane), cm_v_text(kinds),
	    cm_v_int(per_host));

	if (rc != 0 || (rc = cm_stmt_step(st, err)) < 0)
		return rc;
	if (rc == 0)
		return cm_err_set(err, CM_ENOTFOUND, "No job waits.");
	cm_str_copy(id, sizeof(id), cm_stmt_str(st, 0));
	/* To its end: only then the change is done. */
	if ((rc = cm_stmt_step(st, err)) != 0 || (rc = cm_job_load(db, id, ret, err)) != 0)
		return rc;
	rc = cm_job_mark_next(db, lane, ret->host, err);
	if (rc != 0)
		cm_job_release(ret);
	return rc;
}

int cm_claim_next(const char *lane, int per_host, const char *kinds, const char *owner, struct cm_job *ret,
		  struct cm_err *err)
{
	struct cm_db *db;
	struct cm_job job;
	int rc = cm_db_get(&db, err);

	if (rc != 0 || (rc = cm_db_begin(db, err)) != 0)
		return rc;
	rc = claim(db, lane, per_host, kinds, owner, &job, err);
	if (rc != 0) {
		cm_db_rollback(db);
		return rc;
	}
	rc = cm_db_commit(db, err);
	if (rc != 0)
		cm_job_release(&job);
	else
		*ret = job;
	return rc;
}

int cm_claim_waiting(int64_t *ret_count, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	return rc != 0 ? rc : cm_db_int(db, ret_count, err, "SELECT count(*) FROM jobs WHERE state IN " CM_JOB_WAITS);
}

static int write_progress(struct cm_db *db, const struct cm_claim *c, const struct cm_claim_progress *p,
			  struct cm_err *err)
{
	int64_t now = cm_now_ms();
	cm_autofree char *warnings = p->warnings ? cm_json_text(p->warnings) : NULL;
	int rc = cm_db_exec(
	    db, err,
	    "UPDATE jobs SET state = 'running', step = ?, step_total = ?, step_text = coalesce(?, step_text),"
	    " bytes_done = ?, bytes_total = ?, bytes_per_second = ?, seconds_left = ?,"
	    " warnings = coalesce(?, warnings), lease_ms = ?, updated_ms = ?, version = version + 1" HELD,
	    cm_v_int(p->step), cm_v_int(p->step_total), cm_v_text(p->step_text), cm_v_int(p->bytes_done),
	    cm_v_int(p->bytes_total), cm_v_int(p->bytes_per_second), cm_v_int(p->seconds_left), cm_v_text(warnings),
	    cm_v_int(now + CM_LEASE_MS), cm_v_int(now), cm_v_text(c->id), cm_v_text(c->owner), cm_v_int(c->fence));
	if (rc == 0 && cm_db_changes(db) == 0)
		return lost(err);
	for (size_t i = 0; rc == 0 && i < p->line_count; i++)
		rc = cm_job_log_add(db, c->id, &p->lines[i], err);
	return rc;
}

int cm_claim_progress(const struct cm_claim *c, const struct cm_claim_progress *p, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc != 0 || (rc = cm_db_begin(db, err)) != 0)
		return rc;
	return cm_db_end(db, write_progress(db, c, p, err), err);
}

int cm_claim_heartbeat(const struct cm_claim *c, bool *ret_cancel, struct cm_err *err)
{
	struct cm_db *db;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_query(db, &st, err, "UPDATE jobs SET lease_ms = ?" HELD " RETURNING cancel",
				 cm_v_int(cm_now_ms() + CM_LEASE_MS), cm_v_text(c->id), cm_v_text(c->owner),
				 cm_v_int(c->fence));
	if (rc != 0 || (rc = cm_stmt_step(st, err)) < 0)
		return rc;
	if (rc == 0)
		return lost(err);
	bool cancel = cm_stmt_int(st, 0) != 0;
	if ((rc = cm_stmt_step(st, err)) != 0)
		return rc;
	*ret_cancel = cancel;
	return 0;
}

int cm_claim_cancelled(const struct cm_claim *c, bool *ret_cancel, struct cm_err *err)
{
	struct cm_db *db;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_query(db, &st, err, "SELECT cancel FROM jobs" HELD, cm_v_text(c->id), cm_v_text(c->owner),
				 cm_v_int(c->fence));
	if (rc != 0 || (rc = cm_stmt_step(st, err)) < 0)
		return rc;
	if (rc == 0)
		return lost(err);
	*ret_cancel = cm_stmt_int(st, 0) != 0;
	return 0;
}

static int finish(struct cm_db *db, const struct cm_claim *c, const struct cm_claim_result *r, struct cm_err *err)
{
	int64_t now = cm_now_ms();
	cm_autofree char *result = r->result ? cm_json_text(r->result) : NULL;
	cm_autofree char *warnings = r->warnings ? cm_json_text(r->warnings) : NULL;
	int rc = cm_db_exec(
	    db, err,
	    "UPDATE jobs SET state = ?, step_text = coalesce(?, step_text), result = ?,"
	    " warnings = coalesce(?, warnings), error_text = ?, error_code = ?, finished_ms = ?, updated_ms = ?,"
	    " attempt = attempt - ?, seconds_left = -1, version = version + 1,"
	    " bytes_per_second = bytes_done * 1000 / max(1, ?7 - started_ms)" HELD,
	    cm_v_text(cm_job_state_name(r->state)), cm_v_text(r->step_text), cm_v_text(result), cm_v_text(warnings),
	    cm_v_text(r->error_text), cm_v_text(r->error_code), cm_v_int(now), cm_v_int(now),
	    cm_v_int(r->give_back_attempt), cm_v_text(c->id), cm_v_text(c->owner), cm_v_int(c->fence));
	if (rc == 0 && cm_db_changes(db) == 0)
		return lost(err);
	const char *last = r->error_text ? r->error_text : r->step_text;
	if (rc == 0 && last != NULL)
		rc = log_line(db, c->id, now, r->error_text ? CM_JOB_LINE_ERROR : CM_JOB_LINE_STEP, last, err);
	return rc;
}

int cm_claim_finish(const struct cm_claim *c, const struct cm_claim_result *r, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc != 0 || (rc = cm_db_begin_durable(db, err)) != 0)
		return rc;
	return cm_db_end(db, finish(db, c, r, err), err);
}

/* The jobs that were running, as they are after the change. */
static int interrupt(struct cm_db *db, struct cm_job_list *list, struct cm_err *err)
{
	size_t room = 0;
	int rc;
	int64_t now = cm_now_ms();
	cm_autostmt struct cm_stmt *st = NULL;

	/* The fence too: a former holder that still lives (its lock file was deleted, say) can then write nothing. */
	rc = cm_db_query(db, &st, err,
			 "UPDATE jobs SET state = CASE WHEN cancel THEN 'cancelled' ELSE 'interrupted' END,"
			 " fence = fence + 1, owner = NULL, lease_ms = 0, finished_ms = ?1, updated_ms = ?1,"
			 " seconds_left = -1, error_text = CASE WHEN cancel THEN NULL ELSE"
			 " 'The program ended while this was running.' END,"
			 " error_code = CASE WHEN cancel THEN NULL ELSE 'INTERRUPTED' END, version = version + 1"
			 " WHERE state IN " CM_JOB_RUNS " RETURNING " CM_JOB_COLUMNS,
			 cm_v_int(now));
	while (rc == 0 && (rc = cm_stmt_step(st, err)) > 0) {
		if (list->count == room) {
			room = room ? room * 2 : 4;
			list->jobs = cm_realloc(list->jobs, room, sizeof(*list->jobs));
		}
		cm_job_read(st, &list->jobs[list->count++]);
		rc = 0;
	}
	for (size_t i = 0; rc == 0 && i < list->count; i++) {
		const struct cm_job *job = &list->jobs[i];

		rc = log_line(db, job->id, now, job->error_text ? CM_JOB_LINE_ERROR : CM_JOB_LINE_STEP,
			      job->error_text ? job->error_text : "Cancelled", err);
	}
	return rc;
}

int cm_claim_interrupt_all(cm_claim_job_fn fn, void *ctx, struct cm_err *err)
{
	struct cm_db *db;
	struct cm_job_list list = { 0 };
	int rc = cm_db_get(&db, err);

	if (rc != 0 || (rc = cm_db_begin_durable(db, err)) != 0)
		return rc;
	rc = cm_db_end(db, interrupt(db, &list, err), err);
	for (size_t i = 0; rc == 0 && fn != NULL && i < list.count; i++)
		fn(ctx, &list.jobs[i]);
	cm_job_list_release(&list);
	return rc;
}

int cm_claim_requeue(const char *kind, int max_attempts, int64_t *ret_count, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_exec(db, err,
				"UPDATE jobs SET state = 'queued', step = 0, step_total = 0, step_text = ?,"
				" finished_ms = 0, updated_ms = ?, bytes_done = 0, bytes_total = 0,"
				" bytes_per_second = 0, error_text = NULL, error_code = NULL, warnings = NULL,"
				" version = version + 1"
				" WHERE kind = ? AND state = 'interrupted' AND attempt < ? AND cancel = 0",
				cm_v_text(CM_JOB_TEXT_QUEUED), cm_v_int(cm_now_ms()), cm_v_text(kind),
				cm_v_int(max_attempts));
	if (rc == 0 && ret_count != NULL)
		*ret_count = cm_db_changes(db);
	return rc;
}

int cm_claim_prune(int64_t keep, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	return rc != 0 ? rc
		       : cm_db_exec(db, err,
				    "DELETE FROM jobs WHERE state IN " CM_JOB_FINISHED " AND number <= coalesce("
				    "(SELECT number FROM jobs WHERE state IN " CM_JOB_FINISHED
				    " ORDER BY number DESC LIMIT 1 OFFSET ?), 0)",
				    cm_v_int(keep));
}
