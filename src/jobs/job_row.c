/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/job_row.h"

#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

static const char *const state_names[CM_JOB_STATE_COUNT] = {
	[CM_JOB_QUEUED] = "queued",	  [CM_JOB_WAITING] = "waiting",		[CM_JOB_STARTING] = "starting",
	[CM_JOB_RUNNING] = "running",	  [CM_JOB_COMPLETE] = "complete",	[CM_JOB_ERROR] = "error",
	[CM_JOB_CANCELLED] = "cancelled", [CM_JOB_INTERRUPTED] = "interrupted",
};

const char *cm_job_state_name(enum cm_job_state state)
{
	return (unsigned)state < CM_JOB_STATE_COUNT ? state_names[state] : "";
}

bool cm_job_state_parse(const char *name, enum cm_job_state *ret)
{
	for (unsigned i = 0; i < CM_JOB_STATE_COUNT; i++) {
		if (!cm_str_eq(name, state_names[i]))
			continue;
		*ret = (enum cm_job_state)i;
		return true;
	}
	return false;
}

/* Stored by ourselves; one that cannot be read (a damaged file) is as good as none. */
static struct json_object *json_column(struct cm_stmt *st, int column)
{
	const char *text = cm_stmt_str(st, column);
	struct json_object *o = NULL;

	if (text != NULL && cm_json_parse(text, strlen(text), &o, NULL) != 0)
		return NULL;
	return o;
}

void cm_job_read(struct cm_stmt *st, struct cm_job *job)
{
	int c = 0;

	*job = (struct cm_job){ 0 };
	cm_str_copy(job->id, sizeof(job->id), cm_stmt_str(st, c++));
	job->number = cm_stmt_int(st, c++);
	cm_str_copy(job->kind, sizeof(job->kind), cm_stmt_str(st, c++));
	cm_str_copy(job->lane, sizeof(job->lane), cm_stmt_str(st, c++));
	cm_str_copy(job->host, sizeof(job->host), cm_stmt_str(st, c++));
	job->subject = cm_strdup(cm_stmt_str(st, c++));
	job->title = cm_strdup(cm_stmt_str(st, c++));
	job->state = CM_JOB_ERROR;
	cm_job_state_parse(cm_stmt_str(st, c++), &job->state);
	job->params = json_column(st, c++);
	job->result = json_column(st, c++);
	job->warnings = json_column(st, c++);
	if (!json_object_is_type(job->warnings, json_type_array)) {
		json_object_put(job->warnings);
		job->warnings = json_object_new_array();
	}
	job->user = cm_strdup(cm_stmt_str(st, c++));
	job->created_ms = cm_stmt_int(st, c++);
	job->started_ms = cm_stmt_int(st, c++);
	job->finished_ms = cm_stmt_int(st, c++);
	job->updated_ms = cm_stmt_int(st, c++);
	job->version = cm_stmt_int(st, c++);
	job->step = (int)cm_stmt_int(st, c++);
	job->step_total = (int)cm_stmt_int(st, c++);
	job->step_text = cm_strdup(cm_stmt_str(st, c++));
	job->bytes_done = cm_stmt_int(st, c++);
	job->bytes_total = cm_stmt_int(st, c++);
	job->bytes_per_second = cm_stmt_int(st, c++);
	job->seconds_left = cm_stmt_int(st, c++);
	job->error_text = cm_strdup(cm_stmt_str(st, c++));
	job->error_code = cm_strdup(cm_stmt_str(st, c++));
	job->cancel = cm_stmt_int(st, c++) != 0;
	job->attempt = (int)cm_stmt_int(st, c++);
	job->fence = cm_stmt_int(st, c++);
	job->owner = cm_strdup(cm_stmt_str(st, c++));
	job->address = cm_strdup(cm_stmt_str(st, c++));
}

void cm_job_release(struct cm_job *job)
{
	free(job->subject);
	free(job->title);
	free(job->user);
	free(job->step_text);
	free(job->error_text);
	free(job->error_code);
	free(job->owner);
	free(job->address);
	cm_job_log_free(job->log, job->log_count);
	json_object_put(job->params);
	json_object_put(job->result);
	json_object_put(job->warnings);
	*job = (struct cm_job){ 0 };
}

int cm_job_load(struct cm_db *db, const char *id, struct cm_job *ret, struct cm_err *err)
{
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_query(db, &st, err, "SELECT " CM_JOB_COLUMNS " FROM jobs WHERE id = ?", cm_v_text(id));

	if (rc != 0 || (rc = cm_stmt_step(st, err)) < 0)
		return rc;
	if (rc == 0)
		return cm_err_set(err, CM_ENOTFOUND, "There is no such job.");
	cm_job_read(st, ret);
	return 0;
}

int cm_job_mark_next(struct cm_db *db, const char *lane, const char *host, struct cm_err *err)
{
	return cm_db_exec(db, err,
			  "UPDATE jobs SET state = 'waiting', step_text = ?, updated_ms = ?, version = version + 1"
			  " WHERE number = (SELECT min(number) FROM jobs WHERE state = 'queued' AND lane = ?3 AND"
			  " host = ?4) AND NOT EXISTS (SELECT 1 FROM jobs WHERE state = 'waiting' AND lane = ?3 AND"
			  " host = ?4) AND EXISTS (SELECT 1 FROM jobs WHERE state IN " CM_JOB_RUNS " AND lane = ?3 AND"
			  " host = ?4)",
			  cm_v_text(CM_JOB_TEXT_WAITING), cm_v_int(cm_now_ms()), cm_v_text(lane), cm_v_text(host));
}
