/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/queue.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"
#include "jobs/job_row.h"
#include "service/audit.h"

enum { UNFINISHED_MAX = 5000 };

void cm_queue_wake(const struct cm_app *app)
{
	char path[sizeof(app->config_dir) + 16];
	struct stat st;

	snprintf(path, sizeof(path), "%s/runner.wake", app->config_dir);
	/* Fails at once when no runner listens; that one looks by itself when it begins. */
	cm_autoclose int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		(void)!write(fd, "", 1);
}

static int refuse_busy(struct cm_db *db, const char *kind, struct cm_err *err)
{
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_query(db, &st, err,
			     "SELECT coalesce(subject, title) FROM jobs WHERE kind = ? AND state IN " CM_JOB_UNFINISHED
			     " ORDER BY state IN " CM_JOB_RUNS " DESC, number LIMIT 1",
			     cm_v_text(kind));

	if (rc != 0 || (rc = cm_stmt_step(st, err)) <= 0)
		return rc;
	return cm_err_set(err, CM_EBUSY, "A %s is already in progress: %s", kind, cm_stmt_str(st, 0));
}

/* 1: there is one already, and id is set. */
static int find_same(struct cm_db *db, const struct cm_job_request *rq, char *id, struct cm_err *err)
{
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_query(
	    db, &st, err,
	    "SELECT id FROM jobs WHERE kind = ? AND subject IS ? AND cancel = 0 AND state IN " CM_JOB_UNFINISHED
	    " ORDER BY number LIMIT 1",
	    cm_v_text(rq->kind), cm_v_text(rq->subject));

	if (rc == 0 && (rc = cm_stmt_step(st, err)) > 0)
		cm_str_copy(id, CM_UUID_LEN + 1, cm_stmt_str(st, 0));
	return rc;
}

static int add(struct cm_db *db, const struct cm_job_request *rq, char *id, const char *params, struct cm_err *err)
{
	const char *host = rq->host ? rq->host : "local";
	int64_t now = cm_now_ms(), unfinished = 0;
	cm_autofree char *title =
	    rq->title ? cm_strdup(rq->title) : cm_asprintf("%s %s", rq->kind, rq->subject ? rq->subject : "");
	int rc = rq->once ? find_same(db, rq, id, err) : 0;

	if (rc != 0)
		return rc > 0 ? 0 : rc;
	rc = rq->refuse_when_busy ? refuse_busy(db, rq->kind, err) : 0;

	if (rc == 0)
		rc = cm_db_int(db, &unfinished, err, "SELECT count(*) FROM jobs WHERE state IN " CM_JOB_UNFINISHED);
	if (rc != 0)
		return rc;
	if (unfinished >= UNFINISHED_MAX)
		return cm_err_set(err, CM_EBUSY, "The queue is full (%d jobs). Wait for some to end, or cancel some.",
				  UNFINISHED_MAX);
	rc = cm_db_exec(db, err,
			"INSERT INTO jobs (id, kind, lane, host, lock, state, subject, title, user, params, created_ms,"
			" updated_ms, step_text, address) VALUES (?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?)",
			cm_v_text(id), cm_v_text(rq->kind), cm_v_text(rq->lane), cm_v_text(host), cm_v_text(rq->lock),
			cm_v_text(rq->subject), cm_v_text(title), cm_v_text(rq->user), cm_v_text(params), cm_v_int(now),
			cm_v_int(now), cm_v_text(CM_JOB_TEXT_QUEUED), cm_v_text(cm_audit_act_address()));
	return rc != 0 ? rc : cm_job_mark_next(db, rq->lane, host, err);
}

int cm_queue_add(const struct cm_app *app, const struct cm_job_request *rq, char ret_id[CM_UUID_LEN + 1],
		 struct cm_err *err)
{
	struct cm_db *db;
	char id[CM_UUID_LEN + 1];
	cm_autofree char *params = rq->params ? cm_json_text(rq->params) : NULL;

	if (rq->kind == NULL || rq->lane == NULL)
		return cm_err_set(err, CM_EINTERNAL, "A job needs a kind and a lane.");
	if (params != NULL && strlen(params) > CM_JOB_PARAMS_MAX)
		return cm_err_set(err, CM_ETOOBIG, "There are too many options for one job.");
	int rc = cm_secret_init(err);
	if (rc != 0 || (rc = cm_db_get(&db, err)) != 0 || (rc = cm_db_begin_durable(db, err)) != 0)
		return rc;
	cm_uuid4(id);
	rc = cm_db_end(db, add(db, rq, id, params, err), err);
	if (rc != 0)
		return rc;
	cm_audit_act_covered();
	cm_queue_wake(app);
	if (ret_id != NULL)
		memcpy(ret_id, id, sizeof(id));
	return 0;
}

int cm_queue_get(const char *id, struct cm_job *ret, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	return rc != 0 ? rc : cm_job_load(db, id, ret, err);
}

int cm_queue_log(struct cm_job *job, struct cm_err *err)
{
	struct cm_job_line *lines;
	size_t count;
	int rc = cm_job_log_read(job->id, &lines, &count, err);

	if (rc != 0)
		return rc;
	cm_job_log_free(job->log, job->log_count);
	job->log = lines;
	job->log_count = count;
	return 0;
}

static int cancel(struct cm_db *db, const char *id, enum cm_job_state *ret_state, struct cm_err *err)
{
	struct cm_job job;
	int64_t now = cm_now_ms();
	int rc = cm_job_load(db, id, &job, err);

	if (rc != 0)
		return rc;
	enum cm_job_state state = job.state;
	cm_job_release(&job);
	if (cm_job_state_over(state))
		return cm_err_set(err, CM_EINVAL, "This job is over already.");
	if (state == CM_JOB_QUEUED || state == CM_JOB_WAITING) {
		rc = cm_db_exec(db, err,
				"UPDATE jobs SET state = 'cancelled', cancel = 1, finished_ms = ?, updated_ms = ?,"
				" version = version + 1, step_text = 'Cancelled' WHERE id = ?",
				cm_v_int(now), cm_v_int(now), cm_v_text(id));
		if (rc == 0)
			rc = cm_job_log_add(
			    db, id,
			    &(struct cm_job_line){ .ms = now, .kind = CM_JOB_LINE_STEP, .text = (char *)"Cancelled" },
			    err);
		state = CM_JOB_CANCELLED;
	} else {
		rc = cm_db_exec(db, err,
				"UPDATE jobs SET cancel = 1, updated_ms = ?, version = version + 1 WHERE id = ?",
				cm_v_int(now), cm_v_text(id));
	}
	if (rc == 0)
		*ret_state = state;
	return rc;
}

int cm_queue_cancel(const struct cm_app *app, const char *id, enum cm_job_state *ret_state, struct cm_err *err)
{
	struct cm_db *db;
	enum cm_job_state state = CM_JOB_CANCELLED;
	int rc = cm_db_get(&db, err);

	if (rc != 0 || (rc = cm_db_begin_durable(db, err)) != 0)
		return rc;
	rc = cm_db_end(db, cancel(db, id, &state, err), err);
	if (rc != 0)
		return rc;
	cm_queue_wake(app);
	if (ret_state != NULL)
		*ret_state = state;
	return 0;
}

int cm_queue_status(struct cm_queue_status *ret, struct cm_err *err)
{
	struct cm_db *db;
	cm_autostmt struct cm_stmt *st = NULL;
	struct cm_queue_status status = { 0 };
	int rc = cm_db_get(&db, err);

	/* One statement, so that number and name belong to the same moment. */
	if (rc == 0)
		rc = cm_db_query(db, &st, err,
				 "SELECT id, coalesce(subject, title), state IN " CM_JOB_RUNS ","
				 " (SELECT count(*) FROM jobs WHERE kind = 'backup' AND state IN " CM_JOB_WAITS ")"
				 " FROM jobs WHERE kind = 'backup' AND state IN " CM_JOB_UNFINISHED
				 " ORDER BY 3 DESC, number LIMIT 1");
	if (rc != 0 || (rc = cm_stmt_step(st, err)) < 0)
		return rc;
	if (rc > 0) {
		status.busy = true;
		cm_str_copy(status.progress_id, sizeof(status.progress_id), cm_stmt_str(st, 0));
		cm_str_copy(status.current, sizeof(status.current), cm_stmt_str(st, 1));
		status.queue_size = cm_stmt_int(st, 3) - (cm_stmt_int(st, 2) ? 0 : 1);
	}
	*ret = status;
	return 0;
}

int cm_queue_unfinished(int64_t *ret, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	return rc != 0 ? rc : cm_db_int(db, ret, err, "SELECT count(*) FROM jobs WHERE state IN " CM_JOB_UNFINISHED);
}

int cm_queue_lock_free(const char *lock, struct cm_err *err)
{
	struct cm_db *db;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_query(db, &st, err,
				 "SELECT title FROM jobs WHERE lock = ? AND state IN " CM_JOB_UNFINISHED " LIMIT 1",
				 cm_v_text(lock));
	if (rc != 0 || (rc = cm_stmt_step(st, err)) <= 0)
		return rc;
	return cm_err_set(err, CM_EINUSE, "A job is using it: %s. Wait for it, or cancel it.", cm_stmt_str(st, 0));
}
