/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/salvage.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/handle.h"
#include "db/migrate.h"

enum {
	SQL_MAX = 16384,
	HEADER_LEN = 100,	/* of a SQLite file */
	HEADER_PAGES = 28,	/* its size in pages, big-endian, 4 bytes */
	PROBES_MAX = 400 * 1000 /* rows of a gap that are asked for one by one */
};

/* What a row of these must look like; elsewhere the tables' own rules are enough. */
static const struct {
	const char *table, *condition;
} sense[] = {
	{ "users", "typeof(password) = 'text' AND password GLOB '$argon2id$*' AND length(password) > 60 AND "
		   "NOT password GLOB '*[^!-~]*' AND length(name) BETWEEN 1 AND 200" },
	{ "sessions", "typeof(hash) = 'blob' AND length(hash) = 32" },
	{ "tokens", "typeof(hash) = 'blob' AND length(hash) = 32" },
};

/* Columns and keys of a table that both databases have. */
struct plan {
	const char *table;
	char *columns;	/* "a", "b" */
	char *forward;	/* SELECT …, by key */
	char *backward; /* the same from the end */
	char *one;	/* the row of ?1; NULL without rowids */
	char *insert;
	bool has_rowid;
};

static void plan_release(struct plan *p)
{
	free(p->columns);
	free(p->forward);
	free(p->backward);
	free(p->one);
	free(p->insert);
}

static bool has_column(sqlite3 *from, const char *table, const char *column)
{
	return sqlite3_table_column_metadata(from, "main", table, column, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

/* The columns as a list, as many question marks, the key for ORDER BY in both directions; returns their number. */
static int columns_of(sqlite3 *into, sqlite3 *from, const char *table, struct cm_buf *list, struct cm_buf *marks,
		      struct cm_buf *keys, struct cm_buf *keys_down)
{
	sqlite3_stmt *st = NULL;
	int n = 0;

	/* hidden 0: neither generated nor of a virtual table. */
	if (sqlite3_prepare_v2(into, "SELECT name, pk FROM pragma_table_xinfo(?) WHERE hidden = 0", -1, &st, NULL) !=
	    SQLITE_OK)
		return 0;
	sqlite3_bind_text(st, 1, table, -1, SQLITE_STATIC);
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(st, 0);
		if (name == NULL || !has_column(from, table, name))
			continue;
		cm_buf_printf(list, "%s\"%s\"", n ? ", " : "", name);
		cm_buf_printf(marks, "%s?", n ? ", " : "");
		if (sqlite3_column_int(st, 1) > 0) {
			cm_buf_printf(keys, "%s\"%s\"", keys->len ? ", " : "", name);
			cm_buf_printf(keys_down, "%s\"%s\" DESC", keys_down->len ? ", " : "", name);
		}
		n++;
	}
	sqlite3_finalize(st);
	return n;
}

static bool plan_make(struct plan *p, sqlite3 *into, sqlite3 *from, const char *table)
{
	struct cm_buf list = CM_BUF_INIT(SQL_MAX), marks = CM_BUF_INIT(SQL_MAX), keys = CM_BUF_INIT(SQL_MAX),
		      down = CM_BUF_INIT(SQL_MAX);
	const char *condition = "1";
	int n = columns_of(into, from, table, &list, &marks, &keys, &down);
	sqlite3_stmt *probe = NULL;

	for (size_t i = 0; i < CM_COUNT(sense); i++)
		if (strcmp(sense[i].table, table) == 0)
			condition = sense[i].condition;
	*p = (struct plan){ .table = table };
	cm_autofree char *ask = cm_asprintf("SELECT rowid FROM \"%s\"", table);
	p->has_rowid = sqlite3_prepare_v2(into, ask, -1, &probe, NULL) == SQLITE_OK;
	sqlite3_finalize(probe);
	p->columns = cm_buf_detach(&list);
	cm_autofree char *question = cm_buf_detach(&marks);
	cm_autofree char *up = cm_buf_detach(&keys);
	cm_autofree char *back = cm_buf_detach(&down);
	if (n == 0)
		return false;
	/* Without the indexes: they may be what is damaged. The last columns: does it make sense, and the rowid. */
	const char *id = p->has_rowid ? "rowid" : "NULL";
	cm_autofree char *select =
	    cm_asprintf("SELECT %s, (%s), %s FROM \"%s\" NOT INDEXED", p->columns, condition, id, table);
	p->forward = cm_asprintf("%s ORDER BY %s", select, p->has_rowid ? "rowid" : up);
	p->backward = cm_asprintf("%s ORDER BY %s", select, p->has_rowid ? "rowid DESC" : back);
	if (p->has_rowid)
		p->one = cm_asprintf("%s WHERE rowid = ?1", select);
	p->insert = cm_asprintf("INSERT OR REPLACE INTO \"%s\" (%s) VALUES (%s)", table, p->columns, question);
	return true;
}

static bool is_text_sound(sqlite3_stmt *row, int column)
{
	const char *s = (const char *)sqlite3_column_text(row, column);
	size_t len = (size_t)sqlite3_column_bytes(row, column);

	return s != NULL && memchr(s, 0, len) == NULL && cm_utf8_valid(s, len);
}

/* 1: taken over; 0: the row makes no sense; negative: into failed. */
static int row_take(sqlite3 *into, sqlite3_stmt *insert, sqlite3_stmt *row, struct cm_err *err)
{
	int n = sqlite3_column_count(row) - 2;

	sqlite3_reset(insert);
	if (sqlite3_column_int(row, n) == 0)
		return 0;
	for (int i = 0; i < n; i++) {
		if (sqlite3_column_type(row, i) == SQLITE_TEXT && !is_text_sound(row, i))
			return 0;
		sqlite3_bind_value(insert, i + 1, sqlite3_column_value(row, i));
	}
	int rc = sqlite3_step(insert);
	sqlite3_reset(insert);
	if (rc == SQLITE_DONE)
		return 1;
	if ((rc & 0xff) == SQLITE_CONSTRAINT || (rc & 0xff) == SQLITE_MISMATCH)
		return 0;
	return cm_db_error(into, rc, "saving a row", err);
}

/* Reads rows until they end or cannot be read. *last: the rowid of the last one that was read; *ret_whole: it came to
 * the end, and all made sense. */
static int scan(sqlite3 *into, sqlite3_stmt *insert, sqlite3 *from, const char *sql, int64_t *rows, int64_t *last,
		bool *ret_whole, struct cm_err *err)
{
	bool all = true;
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(from, sql, -1, &st, NULL), took = 0;

	while (rc == SQLITE_OK && took >= 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		*last = sqlite3_column_int64(st, sqlite3_column_count(st) - 1);
		took = row_take(into, insert, st, err);
		*rows += took > 0;
		all = all && took > 0;
		rc = SQLITE_OK;
	}
	*ret_whole = all && rc == SQLITE_DONE;
	sqlite3_finalize(st);
	return took < 0 ? took : 0;
}

/* The rows between two that could be read, one by one. */
static int probe(sqlite3 *into, sqlite3_stmt *insert, sqlite3 *from, const char *sql, int64_t after, int64_t before,
		 int64_t *rows, struct cm_err *err)
{
	sqlite3_stmt *st = NULL;
	int took = 0;

	if (sqlite3_prepare_v2(from, sql, -1, &st, NULL) != SQLITE_OK)
		return 0;
	for (int64_t id = after + 1; took >= 0 && id < before && id - after <= PROBES_MAX; id++) {
		sqlite3_reset(st);
		sqlite3_bind_int64(st, 1, id);
		if (sqlite3_step(st) != SQLITE_ROW)
			continue;
		took = row_take(into, insert, st, err);
		*rows += took > 0;
	}
	sqlite3_finalize(st);
	return took < 0 ? took : 0;
}

static bool has_rows(sqlite3 *h, const char *table)
{
	cm_autofree char *sql = cm_asprintf("SELECT 1 FROM \"%s\" LIMIT 1", table);
	sqlite3_stmt *st = NULL;
	bool any = sqlite3_prepare_v2(h, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW;

	sqlite3_finalize(st);
	return any;
}

static int table_read(const struct plan *p, sqlite3 *into, sqlite3_stmt *insert, sqlite3 *from,
		      struct cm_salvage_table *t, struct cm_err *err)
{
	cm_autofree char *clear = cm_asprintf("SAVEPOINT salvage; DELETE FROM \"%s\"", p->table);
	int64_t after = 0, before = INT64_MAX, rows = 0;
	bool had = has_rows(into, p->table), end;
	int rc = cm_db_run(into, clear, err);

	if (rc == 0)
		rc = scan(into, insert, from, p->forward, &rows, &after, &t->whole, err);
	/* A table that is suddenly empty is not believed. */
	t->whole = t->whole && (rows > 0 || !had);
	if (rc == 0)
		rc = cm_db_run(into, t->whole ? "RELEASE salvage" : "ROLLBACK TO salvage; RELEASE salvage", err);
	t->rows = rows;
	if (rc != 0 || t->whole)
		return rc;
	t->rows = 0;
	rc = scan(into, insert, from, p->forward, &t->rows, &after, &end, err);
	if (rc == 0)
		rc = scan(into, insert, from, p->backward, &t->rows, &before, &end, err);
	if (rc == 0 && p->one != NULL)
		rc = probe(into, insert, from, p->one, after, before, &t->rows, err);
	return rc;
}

static int table_salvage(sqlite3 *into, sqlite3 *from, struct cm_salvage_table *t, struct cm_err *err)
{
	struct plan p;
	sqlite3_stmt *insert = NULL;
	int rc = 0;

	if (plan_make(&p, into, from, t->name)) {
		rc = sqlite3_prepare_v2(into, p.insert, -1, &insert, NULL);
		rc =
		    rc == SQLITE_OK ? table_read(&p, into, insert, from, t, err) : cm_db_error(into, rc, p.insert, err);
		sqlite3_finalize(insert);
	}
	plan_release(&p);
	return rc;
}

/* Rows that point to rows which are lost go too: session without user, line without job. */
static int orphans_remove(sqlite3 *into, struct cm_err *err)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(into, "SELECT \"table\", rowid FROM pragma_foreign_key_check", -1, &st, NULL);
	struct cm_buf sql = CM_BUF_INIT(16 << 20);

	if (rc != SQLITE_OK)
		return cm_db_error(into, rc, "looking for orphans", err);
	while (sqlite3_step(st) == SQLITE_ROW)
		cm_buf_printf(&sql, "DELETE FROM \"%s\" WHERE rowid = %lld;", (const char *)sqlite3_column_text(st, 0),
			      (long long)sqlite3_column_int64(st, 1));
	sqlite3_finalize(st);
	cm_autofree char *text = cm_buf_detach(&sql);
	return text == NULL || *text == '\0' ? 0 : cm_db_run(into, text, err);
}

/* Into an empty or new file; what cannot be read becomes zeros. */
static bool file_copy(const char *from, const char *to)
{
	cm_autoclose int in = open(from, O_RDONLY | O_CLOEXEC);
	cm_autoclose int out = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	cm_autofree char *buf = cm_alloc(4096);
	struct stat st;

	if (in < 0 || out < 0 || fstat(in, &st) != 0 || ftruncate(out, st.st_size) != 0)
		return false;
	for (off_t at = 0; at < st.st_size; at += 4096) {
		ssize_t n = pread(in, buf, 4096, at);
		if (n > 0 && pwrite(out, buf, (size_t)n, at) != n)
			return false;
	}
	return true;
}

/* A destroyed header is replaced by that of a sound database: ours all have the same page size and settings. */
static bool header_mend(const char *work, sqlite3 *into)
{
	unsigned char good[HEADER_LEN];
	enum cm_db_file_kind kind;
	struct stat st;
	cm_autoclose int out = open(work, O_RDWR | O_CLOEXEC);
	cm_autoclose int in = open(sqlite3_db_filename(into, "main"), O_RDONLY | O_CLOEXEC);

	if (out < 0 || in < 0 || fstat(out, &st) != 0 || pread(in, good, sizeof(good), 0) != (ssize_t)sizeof(good))
		return false;
	if (cm_db_file_kind(work, &kind, NULL) == 0 && kind == CM_DB_FILE_OURS)
		return true;
	unsigned page = (unsigned)good[16] << 8 | good[17];
	unsigned pages = page ? (unsigned)(st.st_size / page) : 0;
	for (int i = 0; i < 4; i++)
		good[HEADER_PAGES + i] = (unsigned char)(pages >> (24 - 8 * i));
	memset(good + 32, 0, 8);	 /* no free pages */
	memcpy(good + 92, good + 24, 4); /* the size is valid for this change counter */
	/* Only these fields, never the tree that begins behind them. */
	return pwrite(out, good, sizeof(good), 0) == (ssize_t)sizeof(good);
}

static sqlite3 *work_open(const char *path, const char *work, sqlite3 *into)
{
	cm_autofree char *wal = cm_asprintf("%s-wal", path), *work_wal = cm_asprintf("%s-wal", work);
	sqlite3 *h = NULL;

	cm_db_remove(work);
	if (!file_copy(path, work))
		return NULL;
	if (access(wal, F_OK) == 0)
		(void)file_copy(wal, work_wal);
	(void)header_mend(work, into);
	if (sqlite3_open_v2(work, &h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		sqlite3_close(h);
		return NULL;
	}
	/* What is wrong in the text of one table must not hide the others. */
	sqlite3_exec(h, "PRAGMA writable_schema = ON; PRAGMA cell_size_check = ON; PRAGMA query_only = ON", NULL, NULL,
		     NULL);
	return h;
}

static int tables_list(sqlite3 *into, struct cm_salvage *ret, struct cm_err *err)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(into,
				    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
				    "ORDER BY rowid",
				    -1, &st, NULL);

	if (rc != SQLITE_OK)
		return cm_db_error(into, rc, "listing tables", err);
	ret->count = 0;
	while (ret->count < CM_SALVAGE_TABLES && sqlite3_step(st) == SQLITE_ROW) {
		struct cm_salvage_table *t = &ret->tables[ret->count++];
		*t = (struct cm_salvage_table){ 0 };
		snprintf(t->name, sizeof(t->name), "%s", (const char *)sqlite3_column_text(st, 0));
	}
	sqlite3_finalize(st);
	return 0;
}

int cm_db_salvage(const char *path, sqlite3 *into, struct cm_salvage *ret, struct cm_err *err)
{
	cm_autofree char *work = cm_asprintf("%s.salvage", path);
	int rc = tables_list(into, ret, err);
	sqlite3 *from = rc == 0 ? work_open(path, work, into) : NULL;

	if (from != NULL && (rc = cm_db_run(into, "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE", err)) == 0) {
		for (size_t i = 0; rc == 0 && i < ret->count; i++)
			rc = table_salvage(into, from, &ret->tables[i], err);
		if (rc == 0)
			rc = orphans_remove(into, err);
		if (rc == 0)
			rc = cm_db_run(into, "COMMIT; PRAGMA foreign_keys = ON", err);
	}
	sqlite3_close(from);
	cm_db_remove(work);
	return rc;
}
