/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/job_log.h"

#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"

static const char *const kind_names[] = {
	[CM_JOB_LINE_STEP] = "step",
	[CM_JOB_LINE_WARNING] = "warning",
	[CM_JOB_LINE_ERROR] = "error",
};

int cm_job_log_add(struct cm_db *db, const char *job_id, const struct cm_job_line *line, struct cm_err *err)
{
	int most = line->kind == CM_JOB_LINE_ERROR ? CM_JOB_LOG_MAX : CM_JOB_LOG_MAX - CM_JOB_LOG_ERRORS;

	return cm_db_exec(db, err,
			  "INSERT INTO job_log (job, ms, kind, text) SELECT number, ?, ?, ? FROM jobs WHERE id = ?"
			  " AND (SELECT count(*) FROM job_log WHERE job = jobs.number) < ?",
			  cm_v_int(line->ms), cm_v_text(kind_names[line->kind]),
			  cm_v_text(line->text ? line->text : ""), cm_v_text(job_id), cm_v_int(most));
}

static enum cm_job_line_kind kind_of(const char *name)
{
	for (size_t i = 0; i < CM_COUNT(kind_names); i++)
		if (cm_str_eq(name, kind_names[i]))
			return (enum cm_job_line_kind)i;
	return CM_JOB_LINE_STEP;
}

int cm_job_log_read(const char *job_id, struct cm_job_line **ret, size_t *ret_count, struct cm_err *err)
{
	struct cm_db *db;
	cm_autostmt struct cm_stmt *st = NULL;
	struct cm_job_line *lines;
	size_t count = 0, room = 16;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_query(db, &st, err,
				 "SELECT l.ms, l.kind, l.text FROM job_log l JOIN jobs j ON j.number = l.job"
				 " WHERE j.id = ? ORDER BY l.id LIMIT ?",
				 cm_v_text(job_id), cm_v_int(CM_JOB_LOG_MAX));
	if (rc != 0)
		return rc;
	lines = cm_realloc(NULL, room, sizeof(*lines));
	while ((rc = cm_stmt_step(st, err)) > 0) {
		if (count == room) {
			room *= 2;
			lines = cm_realloc(lines, room, sizeof(*lines));
		}
		lines[count++] = (struct cm_job_line){ .ms = cm_stmt_int(st, 0),
						       .kind = kind_of(cm_stmt_str(st, 1)),
						       .text = cm_strdup(cm_stmt_str(st, 2)) };
	}
	if (rc != 0) {
		cm_job_log_free(lines, count);
		return rc;
	}
	*ret = lines;
	*ret_count = count;
	return 0;
}

void cm_job_log_free(struct cm_job_line *lines, size_t count)
{
	for (size_t i = 0; lines != NULL && i < count; i++)
		free(lines[i].text);
	free(lines);
}
