/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/journal.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "db/db.h"

enum { DATA_MAX = 1 << 20, KEEP_CLOSED_MS = 7 * 24 * 3600 * 1000, LIST_MAX = 100000 };

static __thread char current_job[64];

void cm_journal_set_job(const char *job_id)
{
	snprintf(current_job, sizeof(current_job), "%s", job_id ? job_id : "");
}

const char *cm_journal_job(void)
{
	return current_job[0] ? current_job : NULL;
}

static int data_check(const char *data, struct cm_err *err)
{
	if (data != NULL && strlen(data) > DATA_MAX)
		return cm_err_set(err, CM_ETOOBIG, "There is too much to remember for undoing this.");
	return 0;
}

int cm_journal_add(const char *job_id, const char *kind, const char *container_id, const char *name, const char *data,
		   int64_t *ret_id, struct cm_err *err)
{
	struct cm_db *db;
	int64_t now = cm_now_ms(), id = 0;
	int rc = data_check(data, err);

	if (rc != 0 || (rc = cm_db_get(&db, err)) != 0 || (rc = cm_db_begin_durable(db, err)) != 0)
		return rc;
	rc = cm_db_exec(db, err, "DELETE FROM journal WHERE state = 'closed' AND closed_ms < ?",
			cm_v_int(now - KEEP_CLOSED_MS));
	if (rc == 0)
		rc = cm_db_exec(db, err,
				"INSERT INTO journal (job_id, kind, container_id, name, data, created_ms)"
				" VALUES (?, ?, ?, ?, ?, ?)",
				cm_v_text(job_id ? job_id : cm_journal_job()), cm_v_text(kind), cm_v_text(container_id),
				cm_v_text(name), cm_v_text(data), cm_v_int(now));
	if (rc == 0)
		id = cm_db_last_id(db);
	rc = cm_db_end(db, rc, err);
	if (rc == 0 && ret_id != NULL)
		*ret_id = id;
	return rc;
}

int cm_journal_update(int64_t id, const char *data, struct cm_err *err)
{
	struct cm_db *db;
	int rc = data_check(data, err);

	if (rc != 0 || (rc = cm_db_get(&db, err)) != 0 || (rc = cm_db_begin_durable(db, err)) != 0)
		return rc;
	rc = cm_db_exec(db, err, "UPDATE journal SET data = ? WHERE id = ? AND state = 'open'", cm_v_text(data),
			cm_v_int(id));
	if (rc == 0 && cm_db_changes(db) == 0)
		rc = cm_err_set(err, CM_ENOTFOUND, "There is no such open entry in the journal.");
	return cm_db_end(db, rc, err);
}

/* Not durable by itself: an entry that is open again after a power cut is undone once more, which does nothing. */
int cm_journal_close(int64_t id, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc != 0)
		return rc;
	return cm_db_exec(db, err,
			  "UPDATE journal SET state = 'closed', error = NULL, closed_ms = ?"
			  " WHERE id = ? AND state = 'open'",
			  cm_v_int(cm_now_ms()), cm_v_int(id));
}

int cm_journal_failed(int64_t id, const char *error, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc != 0)
		return rc;
	return cm_db_exec(db, err, "UPDATE journal SET tries = tries + 1, error = ? WHERE id = ? AND state = 'open'",
			  cm_v_text(error), cm_v_int(id));
}

static void entry_read(struct cm_stmt *st, struct cm_journal_entry *e)
{
	e->id = cm_stmt_int(st, 0);
	e->job_id = cm_strdup(cm_stmt_str(st, 1));
	e->kind = cm_strdup(cm_stmt_str(st, 2));
	e->container_id = cm_strdup(cm_stmt_str(st, 3));
	e->name = cm_strdup(cm_stmt_str(st, 4));
	e->data = cm_strdup(cm_stmt_str(st, 5));
	e->state = cm_strdup(cm_stmt_str(st, 6));
	e->error = cm_strdup(cm_stmt_str(st, 7));
	e->tries = cm_stmt_int(st, 8);
	e->created_ms = cm_stmt_int(st, 9);
	e->closed_ms = cm_stmt_int(st, 10);
}

int cm_journal_list(const char *job_id, struct cm_journal_entry **ret, size_t *ret_count, struct cm_err *err)
{
	struct cm_db *db;
	struct cm_journal_entry *list = NULL;
	size_t count = 0, room = 0;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_query(db, &st, err,
				 "SELECT id, job_id, kind, container_id, name, data, state, error, tries, created_ms,"
				 " closed_ms FROM journal WHERE state = 'open' AND (?1 IS NULL OR job_id = ?1)"
				 " ORDER BY id DESC LIMIT ?2",
				 cm_v_text(job_id), cm_v_int(LIST_MAX));
	if (rc != 0)
		return rc;
	while ((rc = cm_stmt_step(st, err)) > 0) {
		if (count == room) {
			room = room ? room * 2 : 8;
			list = cm_realloc(list, room, sizeof(*list));
		}
		entry_read(st, &list[count++]);
	}
	if (rc < 0) {
		cm_journal_list_free(list, count);
		return rc;
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

void cm_journal_list_free(struct cm_journal_entry *list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++) {
		free(list[i].job_id);
		free(list[i].kind);
		free(list[i].container_id);
		free(list[i].name);
		free(list[i].data);
		free(list[i].state);
		free(list[i].error);
	}
	free(list);
}
