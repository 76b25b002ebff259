/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "core/mem.h"
#include "db/db.h"
#include "db/handle.h"

static void stmt_clear(struct cm_stmt *st)
{
	sqlite3_finalize(st->handle);
	free(st->sql);
	*st = (struct cm_stmt){ 0 };
}

void cm_stmt_cache_clear(struct cm_db *db)
{
	for (size_t i = 0; i < CM_STMT_CACHE; i++)
		stmt_clear(&db->cache[i]);
}

/* The cached statement of this text when it is free, or NULL; *ret_slot is where a new one may go (NULL: nowhere). */
static struct cm_stmt *cache_find(struct cm_db *db, const char *sql, struct cm_stmt **ret_slot)
{
	struct cm_stmt *oldest = NULL;

	*ret_slot = NULL;
	for (size_t i = 0; i < CM_STMT_CACHE; i++) {
		struct cm_stmt *st = &db->cache[i];
		if (st->handle != NULL && strcmp(st->sql, sql) == 0)
			return st->in_use ? NULL : st;
		if (!st->in_use && (oldest == NULL || st->used < oldest->used))
			oldest = st;
	}
	*ret_slot = oldest;
	return NULL;
}

static int stmt_take(struct cm_db *db, const char *sql, struct cm_stmt **ret, struct cm_err *err)
{
	struct cm_stmt *slot, *st = cache_find(db, sql, &slot);

	if (st == NULL) {
		sqlite3_stmt *handle = NULL;
		int rc = sqlite3_prepare_v3(db->handle, sql, -1, slot ? SQLITE_PREPARE_PERSISTENT : 0, &handle, NULL);
		if (rc != SQLITE_OK)
			return cm_db_error(db->handle, rc, sql, err);
		if (slot != NULL)
			stmt_clear(slot);
		st = slot ? slot : cm_alloc(sizeof(*st));
		st->handle = handle;
		st->db = db;
		st->cached = slot != NULL;
		st->sql = slot ? cm_strdup(sql) : NULL;
	}
	st->in_use = true;
	st->used = ++db->tick;
	*ret = st;
	return 0;
}

void cm_stmt_done(struct cm_stmt *st)
{
	if (st == NULL)
		return;
	sqlite3_reset(st->handle);
	sqlite3_clear_bindings(st->handle);
	st->in_use = false;
	if (!st->cached) {
		stmt_clear(st);
		free(st);
	}
}

static int bind_one(sqlite3_stmt *st, int i, const struct cm_value *v)
{
	switch (v->type) {
	case CM_VALUE_INT:
		return sqlite3_bind_int64(st, i, v->i);
	case CM_VALUE_NUM:
		return sqlite3_bind_double(st, i, v->num);
	case CM_VALUE_TEXT:
		return sqlite3_bind_text(st, i, v->p, -1, SQLITE_TRANSIENT);
	case CM_VALUE_BLOB:
		return v->len == 0 ? sqlite3_bind_zeroblob(st, i, 0)
				   : sqlite3_bind_blob64(st, i, v->p, v->len, SQLITE_TRANSIENT);
	case CM_VALUE_NULL:
	case CM_VALUE_END:
		break;
	}
	return sqlite3_bind_null(st, i);
}

static int stmt_bind(struct cm_stmt *st, const struct cm_value *values, struct cm_err *err)
{
	int n = 0;

	for (; values[n].type != CM_VALUE_END; n++) {
		int rc = bind_one(st->handle, n + 1, &values[n]);
		if (rc != SQLITE_OK)
			return cm_db_error(st->db->handle, rc, sqlite3_sql(st->handle), err);
	}
	if (n != sqlite3_bind_parameter_count(st->handle)) {
		cm_err_set(err, CM_EINTERNAL, "The database was asked in a wrong way.");
		return cm_err_detail(err, "%d values for: %.300s", n, sqlite3_sql(st->handle));
	}
	return 0;
}

int cm_db_query_values(struct cm_db *db, struct cm_stmt **ret, struct cm_err *err, const char *sql,
		       const struct cm_value *values)
{
	struct cm_stmt *st = NULL;

	/* SQLite has rolled back by itself (full disk): going on would change things outside of any transaction. */
	if (db->depth > 0 && sqlite3_get_autocommit(db->handle))
		return cm_err_set(err, CM_EIO, "The change could not be stored. Check the disk of the data folder.");
	int rc = stmt_take(db, sql, &st, err);
	if (st == NULL)
		return rc;
	rc = stmt_bind(st, values, err);
	if (rc != 0) {
		cm_stmt_done(st);
		return rc;
	}
	*ret = st;
	return 0;
}

int cm_db_exec_values(struct cm_db *db, struct cm_err *err, const char *sql, const struct cm_value *values)
{
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_query_values(db, &st, err, sql, values);

	if (st == NULL)
		return rc;
	do
		rc = cm_stmt_step(st, err);
	while (rc > 0);
	return rc;
}

int cm_db_int_values(struct cm_db *db, int64_t *ret, struct cm_err *err, const char *sql, const struct cm_value *values)
{
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_query_values(db, &st, err, sql, values);

	if (st == NULL)
		return rc;
	rc = cm_stmt_step(st, err);
	if (rc == 0)
		return cm_err_set(err, CM_ENOTFOUND, "Not found.");
	if (rc < 0)
		return rc;
	*ret = cm_stmt_int(st, 0);
	return 0;
}

int64_t cm_db_changes(struct cm_db *db)
{
	return sqlite3_changes64(db->handle);
}

int64_t cm_db_last_id(struct cm_db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

int cm_stmt_step(struct cm_stmt *st, struct cm_err *err)
{
	int rc = sqlite3_step(st->handle);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return cm_db_error(st->db->handle, rc, sqlite3_sql(st->handle), err);
}

const char *cm_stmt_str(struct cm_stmt *st, int column)
{
	return (const char *)sqlite3_column_text(st->handle, column);
}

int64_t cm_stmt_int(struct cm_stmt *st, int column)
{
	return sqlite3_column_int64(st->handle, column);
}

double cm_stmt_num(struct cm_stmt *st, int column)
{
	return sqlite3_column_double(st->handle, column);
}

bool cm_stmt_null(struct cm_stmt *st, int column)
{
	return sqlite3_column_type(st->handle, column) == SQLITE_NULL;
}

const void *cm_stmt_blob(struct cm_stmt *st, int column, size_t *ret_len)
{
	const void *p = sqlite3_column_blob(st->handle, column);

	*ret_len = (size_t)sqlite3_column_bytes(st->handle, column);
	return p;
}
