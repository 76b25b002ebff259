/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database: one SQLite file in WAL mode, one connection per thread. The parent migrates it, once, before workers
 * start; after that every thread that asks gets its own connection, opened on first use and closed when the thread
 * ends (or by cm_db_close_thread). A connection must not cross fork(): the parent calls cm_db_close_thread() first,
 * and a child that finds its parent's connection opens one of its own.
 *
 * Everything here blocks (at most about 5 s when another process holds the write lock, then CM_EBUSY): task threads
 * only. The functions of db/catalog.h, db/journal.h, service/user.h and so on use the calling thread's connection by
 * themselves; only code that has SQL of its own calls cm_db_get().
 *
 *	struct cm_db *db;
 *	cm_autostmt struct cm_stmt *st = NULL;
 *	if (cm_db_get(&db, err) || cm_db_query(db, &st, err, "SELECT name FROM users WHERE id = ?", cm_v_int(id)))
 *		return err->code;
 *	while ((rc = cm_stmt_step(st, err)) > 0)
 *		use(cm_stmt_str(st, 0));
 *
 * Errors of all: CM_EBUSY (locked for too long), CM_ENOSPACE, CM_ECORRUPT (damaged file), CM_EEXIST (a unique value is
 * taken), CM_EINVAL (another constraint), CM_EIO, CM_EINTERNAL (a mistake in the SQL).
 */
#ifndef CM_DB_DB_H
#define CM_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct cm_db;
struct cm_stmt;

/* Makes the folder of path and the database when missing, and brings it to this program's version: numbered,
 * forward-only migrations, each in one transaction. A new database appears under its name only when it is complete.
 * A file of that name that is a database but not ours (the predecessor's) is renamed to
 * "<path>.predecessor-<stamp>" and kept. Run as root, what it makes belongs to the folder's owner. Two programs may
 * call it on one path at the same time. Errors: CM_EUNSUPPORTED (written by a newer program), CM_ECORRUPT. */
int cm_db_migrate(const char *path, struct cm_err *err);

/* Where the connections of this process lead. Once, before threads start; a later call is for tests and only affects
 * connections opened after it. */
void cm_db_init(const char *path);

/* The calling thread's connection; borrowed. */
int cm_db_get(struct cm_db **ret, struct cm_err *err);
/* Closes it; the next cm_db_get() opens another. Rolls back what was begun. */
void cm_db_close_thread(void);

/* Values for parameters, in order. Text and blobs are copied by the database. NULL text binds NULL. */
struct cm_value {
	enum { CM_VALUE_END, CM_VALUE_NULL, CM_VALUE_INT, CM_VALUE_NUM, CM_VALUE_TEXT, CM_VALUE_BLOB } type;
	int64_t i;
	double num;
	const void *p;
	size_t len;
};
static inline struct cm_value cm_v_int(int64_t i)
{
	return (struct cm_value){ .type = CM_VALUE_INT, .i = i };
}
static inline struct cm_value cm_v_num(double num)
{
	return (struct cm_value){ .type = CM_VALUE_NUM, .num = num };
}
static inline struct cm_value cm_v_text(const char *s)
{
	return (struct cm_value){ .type = s ? CM_VALUE_TEXT : CM_VALUE_NULL, .p = s };
}
static inline struct cm_value cm_v_blob(const void *p, size_t len)
{
	return (struct cm_value){ .type = CM_VALUE_BLOB, .p = p, .len = len };
}
static inline struct cm_value cm_v_null(void)
{
	return (struct cm_value){ .type = CM_VALUE_NULL };
}

int cm_db_exec_values(struct cm_db *db, struct cm_err *err, const char *sql, const struct cm_value *values);
int cm_db_query_values(struct cm_db *db, struct cm_stmt **ret, struct cm_err *err, const char *sql,
		       const struct cm_value *values);
int cm_db_int_values(struct cm_db *db, int64_t *ret, struct cm_err *err, const char *sql,
		     const struct cm_value *values);
/* The first element is only there so that the list may be empty. */
#define CM_VALUES(...) \
	((const struct cm_value[]){ { .type = CM_VALUE_NULL }, ##__VA_ARGS__, { .type = CM_VALUE_END } } + 1)

/* Runs one statement whose rows do not matter. */
#define cm_db_exec(db, err, sql, ...) cm_db_exec_values((db), (err), (sql), CM_VALUES(__VA_ARGS__))
/* Begins reading rows. *ret is freed with cm_stmt_done(); it is set only on success. */
#define cm_db_query(db, ret, err, sql, ...) cm_db_query_values((db), (ret), (err), (sql), CM_VALUES(__VA_ARGS__))
/* The first column of the first row. CM_ENOTFOUND when there is no row. */
#define cm_db_int(db, ret, err, sql, ...) cm_db_int_values((db), (ret), (err), (sql), CM_VALUES(__VA_ARGS__))

int64_t cm_db_changes(struct cm_db *db); /* rows changed by the last statement */
int64_t cm_db_last_id(struct cm_db *db); /* row id of the last insert */

/* 1: there is a row; 0: no more; negative: error. */
int cm_stmt_step(struct cm_stmt *st, struct cm_err *err);
/* Columns of the row, from 0. Strings and blobs live until the next step or done. */
const char *cm_stmt_str(struct cm_stmt *st, int column); /* NULL for NULL */
int64_t cm_stmt_int(struct cm_stmt *st, int column);	 /* 0 for NULL */
double cm_stmt_num(struct cm_stmt *st, int column);
bool cm_stmt_null(struct cm_stmt *st, int column);
const void *cm_stmt_blob(struct cm_stmt *st, int column, size_t *ret_len);
void cm_stmt_done(struct cm_stmt *st); /* gives it back to the cache; NULL is fine */

static inline void cm_cleanup_stmt(struct cm_stmt **st)
{
	cm_stmt_done(*st);
}
#define cm_autostmt __attribute__((cleanup(cm_cleanup_stmt)))

/* Write transactions begin with the write lock (BEGIN IMMEDIATE), so that they never fail half-way for it. They nest:
 * an inner one joins the outer; when an inner one is rolled back the outer can only roll back too (its commit does
 * so and returns CM_EINTERNAL, naming who began it). Every begin that succeeded needs one commit or rollback. */
#define cm_db_begin(db, err) cm_db_begin_as((db), __func__, (err))
int cm_db_begin_as(struct cm_db *db, const char *who, struct cm_err *err);
/* As cm_db_begin, and the commit is on the disk when it returns, whatever happens to the power afterwards. An ordinary
 * commit survives the death of the program, but the last ones may be lost with the power; they are never torn. */
#define cm_db_begin_durable(db, err) cm_db_begin_durable_as((db), __func__, (err))
int cm_db_begin_durable_as(struct cm_db *db, const char *who, struct cm_err *err);
/* A consistent view for several reads. Nests in any other. */
int cm_db_begin_read(struct cm_db *db, struct cm_err *err);
int cm_db_commit(struct cm_db *db, struct cm_err *err); /* after an error everything is rolled back */
void cm_db_rollback(struct cm_db *db);
/* Commits when rc is 0, else rolls back; returns what the whole came to. For the last line of a function. */
int cm_db_end(struct cm_db *db, int rc, struct cm_err *err);

/* Appends %, the text with %, _ and \ escaped, and %: for "LIKE ? ESCAPE '\'". Caller frees. */
char *cm_db_like(const char *text);

#endif
