/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"
#include "jobs/job_row.h"
#include "jobs/queue.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000, VALUES_MAX = 8 };

static const struct {
	const char *field;
	const char *order;
} sorts[] = {
	{ "-created", "number DESC" },
	{ "created", "number" },
	{ "kind", "kind, number DESC" },
	{ "-kind", "kind DESC, number DESC" },
	{ "state", "state, number DESC" },
	{ "-state", "state DESC, number DESC" },
	{ "title", "title COLLATE NOCASE, number DESC" },
	{ "-title", "title COLLATE NOCASE DESC, number DESC" },
	{ "finished", "finished_ms, number" },
	{ "-finished", "finished_ms DESC, number DESC" },
};

struct where {
	struct cm_buf sql;
	struct cm_value values[VALUES_MAX];
	size_t count;
	char *like;
};

static void where_add(struct where *w, const char *condition)
{
	cm_buf_str(&w->sql, w->sql.len ? " AND " : " WHERE ");
	cm_buf_str(&w->sql, condition);
}

static void where_text(struct where *w, const char *condition, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	where_add(w, condition);
	w->values[w->count++] = cm_v_text(value);
}

static void where_build(struct where *w, const struct cm_job_query *q)
{
	cm_buf_init(&w->sql, 4096);
	where_text(w, "kind = ?", q->kind);
	where_text(w, "user = ?", q->user);
	where_text(w, "subject = ?", q->subject);
	where_text(w, "state = ?", q->state);
	if (q->only_unfinished)
		where_add(w, "state IN " CM_JOB_UNFINISHED);
	if (q->only_finished)
		where_add(w, "state IN " CM_JOB_FINISHED);
	if (q->search != NULL && *q->search != '\0') {
		w->like = cm_db_like(q->search);
		where_text(w,
			   "(title || char(10) || coalesce(subject, '') || char(10) || coalesce(user, '') || char(10)"
			   " || coalesce(error_text, '')) LIKE ? ESCAPE '\\'",
			   w->like);
	}
}

static int rows_load(struct cm_db *db, const struct where *w, const char *order, int64_t limit, int64_t offset,
		     struct cm_job_list *list, struct cm_err *err)
{
	cm_autofree char *sql =
	    cm_asprintf("SELECT " CM_JOB_COLUMNS " FROM jobs%s ORDER BY %s LIMIT ? OFFSET ?", w->sql.data, order);
	cm_autostmt struct cm_stmt *st = NULL;
	struct cm_value values[VALUES_MAX + 3];
	size_t room = 0;

	memcpy(values, w->values, sizeof(w->values));
	values[w->count] = cm_v_int(limit);
	values[w->count + 1] = cm_v_int(offset);
	values[w->count + 2] = (struct cm_value){ .type = CM_VALUE_END };
	int rc = cm_db_query_values(db, &st, err, sql, values);
	while (rc == 0 && (rc = cm_stmt_step(st, err)) > 0) {
		if (list->count == room) {
			room = room ? room * 2 : 16;
			list->jobs = cm_realloc(list->jobs, room, sizeof(*list->jobs));
		}
		cm_job_read(st, &list->jobs[list->count++]);
		rc = 0;
	}
	return rc;
}

static int query_check(const struct cm_job_query *q, const char **ret_order, struct cm_err *err)
{
	enum cm_job_state state;
	const char *sort = q->sort != NULL && *q->sort != '\0' ? q->sort : sorts[0].field;

	if (q->limit < 0 || q->limit > LIMIT_MAX || q->offset < 0)
		return cm_err_set(err, CM_EINVAL, "limit must be between 1 and %d, offset 0 or more", LIMIT_MAX);
	if (q->state != NULL && *q->state != '\0' && !cm_job_state_parse(q->state, &state))
		return cm_err_set(err, CM_EINVAL, "There is no such state of a job.");
	for (size_t i = 0; i < CM_COUNT(sorts); i++) {
		if (!cm_str_eq(sorts[i].field, sort))
			continue;
		*ret_order = sorts[i].order;
		return 0;
	}
	return cm_err_set(err, CM_EINVAL, "Jobs cannot be sorted by that.");
}

int cm_queue_list(const struct cm_job_query *q, struct cm_job_list *ret, struct cm_err *err)
{
	struct cm_job_list list = { 0 };
	struct where w = { 0 };
	struct cm_db *db;
	const char *order = NULL;
	int rc = query_check(q, &order, err);

	if (rc != 0 || (rc = cm_db_get(&db, err)) != 0 || (rc = cm_db_begin_read(db, err)) != 0)
		return rc;
	where_build(&w, q);
	cm_autofree char *count = cm_asprintf("SELECT count(*) FROM jobs%s", w.sql.data);
	rc = cm_db_int_values(db, &list.total, err, count, w.values);
	if (rc == 0)
		rc = rows_load(db, &w, order, q->limit ? q->limit : LIMIT_DEFAULT, q->offset, &list, err);
	rc = cm_db_end(db, rc, err);
	cm_buf_release(&w.sql);
	free(w.like);
	if (rc != 0)
		cm_job_list_release(&list);
	else
		*ret = list;
	return rc;
}

void cm_job_list_release(struct cm_job_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		cm_job_release(&list->jobs[i]);
	free(list->jobs);
	*list = (struct cm_job_list){ 0 };
}
