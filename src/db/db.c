/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/mem.h"
#include "db/handle.h"

enum { BUSY_MS = 5000, LOOKASIDE_SLOT = 512, LOOKASIDE_SLOTS = 32, VALUE_MAX = 16 << 20 };

static char db_path[PATH_MAX];
static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;
/* Who of this process holds the write lock: named in the log when somebody else waits in vain. */
static const char *_Atomic writer;

static void connection_free(void *p)
{
	struct cm_db *db = p;

	if (db == NULL)
		return;
	/* In a child the file belongs to the parent's connection: closing it here would touch the parent's locks. */
	if (db->pid == getpid()) {
		if (db->depth > 0) {
			db->depth = 1;
			cm_db_rollback(db);
		}
		cm_stmt_cache_clear(db);
		sqlite3_close_v2(db->handle);
	}
	free(db);
}

static void library_init(void)
{
	/* Counting memory takes a lock that all threads share. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_initialize();
	if (pthread_key_create(&thread_key, connection_free) != 0)
		abort();
}

void cm_db_library_init(void)
{
	pthread_once(&library_once, library_init);
}

void cm_db_init(const char *path)
{
	cm_db_library_init();
	snprintf(db_path, sizeof(db_path), "%s", path);
}

static const struct {
	int primary;
	int code;
	const char *sentence;
} meanings[] = {
	{ SQLITE_BUSY, CM_EBUSY, "The database is busy. Try again in a moment." },
	{ SQLITE_LOCKED, CM_EBUSY, "The database is busy. Try again in a moment." },
	{ SQLITE_FULL, CM_ENOSPACE, "No space left for the database. Free some space in the data folder." },
	{ SQLITE_CORRUPT, CM_ECORRUPT,
	  "The database config/monkey.db is damaged. Restart the program: it mends it and keeps the damaged file "
	  "aside. "
	  "Backups are not touched." },
	{ SQLITE_NOTADB, CM_ECORRUPT,
	  "The file config/monkey.db is not a database. Restart the program: it mends it and keeps the damaged file "
	  "aside. Backups are not touched." },
	{ SQLITE_READONLY, CM_EIO, "The database cannot be written. Check the rights of the data folder." },
	{ SQLITE_CANTOPEN, CM_EIO,
	  "The database cannot be opened. Check that the data folder is there, and its rights." },
	{ SQLITE_PERM, CM_EIO, "The database cannot be opened. Check the rights of the data folder." },
	{ SQLITE_IOERR, CM_EIO, "Reading or writing the database failed. Check the disk of the data folder." },
	{ SQLITE_NOMEM, CM_ENOMEM, "Out of memory in the database." },
	{ SQLITE_TOOBIG, CM_ETOOBIG, "A value is too big for the database." },
	{ SQLITE_CONSTRAINT, CM_EINVAL, "A value does not fit the database." },
};

static int meaning_of(int rc, int system_errno, const char **ret_sentence)
{
	if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY || rc == SQLITE_CONSTRAINT_ROWID) {
		*ret_sentence = "There is one of that name already.";
		return CM_EEXIST;
	}
	int primary = rc & 0xff;
	if (primary == SQLITE_IOERR && (system_errno == ENOSPC || system_errno == EDQUOT))
		primary = SQLITE_FULL;
	for (size_t i = 0; i < CM_COUNT(meanings); i++) {
		if (meanings[i].primary != primary)
			continue;
		*ret_sentence = meanings[i].sentence;
		return meanings[i].code;
	}
	*ret_sentence = "The database gave an unexpected answer.";
	return CM_EINTERNAL;
}

void cm_db_suspect_path(const char *path, char dst[PATH_MAX])
{
	snprintf(dst, PATH_MAX, "%.*s.suspect", PATH_MAX - 16, path);
}

static void suspect_note(void)
{
	char path[PATH_MAX];

	cm_db_suspect_path(db_path, path);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

int cm_db_error(sqlite3 *handle, int rc, const char *doing, struct cm_err *err)
{
	const char *sentence;
	int code = meaning_of(rc, handle ? sqlite3_system_errno(handle) : 0, &sentence);
	const char *who = atomic_load(&writer);

	if (code == CM_ECORRUPT && handle != NULL && db_path[0] != '\0')
		suspect_note();
	cm_err_set(err, code, "%s", sentence);
	cm_err_detail(err, "sqlite %d: %s; %.300s%s%s", rc, handle ? sqlite3_errmsg(handle) : sqlite3_errstr(rc), doing,
		      code == CM_EBUSY && who ? "; writing here: " : "", code == CM_EBUSY && who ? who : "");
	return code;
}

int cm_db_run(sqlite3 *handle, const char *sql, struct cm_err *err)
{
	int rc = sqlite3_exec(handle, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : cm_db_error(handle, rc, sql, err);
}

/* Small caches: there is a connection for every thread of every worker, and the system caches the file anyway. */
int cm_db_configure(sqlite3 *handle, struct cm_err *err)
{
	sqlite3_extended_result_codes(handle, 1);
	sqlite3_busy_timeout(handle, BUSY_MS);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_LOOKASIDE, NULL, LOOKASIDE_SLOT, LOOKASIDE_SLOTS);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, VALUE_MAX);
	sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
	return cm_db_run(handle,
			 "PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -512;"
			 "PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 500;"
			 "PRAGMA journal_size_limit = 4194304",
			 err);
}

static int connection_open(struct cm_db **ret, struct cm_err *err)
{
	if (db_path[0] == '\0')
		return cm_err_set(err, CM_EINTERNAL, "The database was not set up.");
	struct cm_db *db = cm_alloc(sizeof(*db));
	db->pid = getpid();
	int rc = sqlite3_open_v2(db_path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	rc = rc == SQLITE_OK ? cm_db_configure(db->handle, err)
			     : cm_db_error(db->handle, rc, "opening the database", err);
	if (rc != 0) {
		connection_free(db);
		return rc;
	}
	*ret = db;
	return 0;
}

int cm_db_get(struct cm_db **ret, struct cm_err *err)
{
	cm_db_library_init();
	struct cm_db *db = pthread_getspecific(thread_key);
	if (db != NULL && db->pid != getpid()) {
		connection_free(db);
		pthread_setspecific(thread_key, NULL);
		db = NULL;
	}
	if (db == NULL) {
		int rc = connection_open(&db, err);
		if (rc != 0)
			return rc;
		if (pthread_setspecific(thread_key, db) != 0) {
			connection_free(db);
			return cm_err_set(err, CM_ENOMEM, "Out of memory in the database.");
		}
	}
	*ret = db;
	return 0;
}

void cm_db_close_thread(void)
{
	cm_db_library_init();
	struct cm_db *db = pthread_getspecific(thread_key);
	pthread_setspecific(thread_key, NULL);
	connection_free(db);
}

static int begin_inner(struct cm_db *db, bool write, bool durable, const char *who, struct cm_err *err)
{
	if (write && !db->writing) {
		cm_err_set(err, CM_EINTERNAL, "A write was begun inside of a read.");
		return cm_err_detail(err, "%s inside of %s", who, db->beginner);
	}
	if (durable && !db->durable) {
		cm_err_set(err, CM_EINTERNAL, "A durable write was begun inside of an ordinary one.");
		return cm_err_detail(err, "%s inside of %s", who, db->beginner);
	}
	db->depth++;
	return 0;
}

static int begin(struct cm_db *db, bool write, bool durable, const char *who, struct cm_err *err)
{
	if (db->depth > 0)
		return begin_inner(db, write, durable, who, err);
	int rc = 0;
	/* In WAL mode FULL syncs the log at each commit, NORMAL only before it is folded into the database. */
	if (durable)
		rc = cm_db_run(db->handle, "PRAGMA synchronous = FULL", err);
	if (rc == 0)
		rc = cm_db_run(db->handle, write ? "BEGIN IMMEDIATE" : "BEGIN", err);
	if (rc != 0) {
		if (durable)
			cm_db_run(db->handle, "PRAGMA synchronous = NORMAL", NULL);
		return rc;
	}
	db->depth = 1;
	db->writing = write;
	db->durable = durable;
	db->doomed = false;
	db->beginner = who;
	if (write)
		atomic_store(&writer, who);
	return 0;
}

int cm_db_begin_as(struct cm_db *db, const char *who, struct cm_err *err)
{
	return begin(db, true, false, who, err);
}

int cm_db_begin_durable_as(struct cm_db *db, const char *who, struct cm_err *err)
{
	return begin(db, true, true, who, err);
}

int cm_db_begin_read(struct cm_db *db, struct cm_err *err)
{
	return begin(db, false, false, "a read", err);
}

static void ended(struct cm_db *db)
{
	if (db->writing)
		atomic_store(&writer, NULL);
	if (db->durable)
		cm_db_run(db->handle, "PRAGMA synchronous = NORMAL", NULL);
	db->depth = 0;
	db->writing = db->durable = db->doomed = false;
}

static void roll_back_now(struct cm_db *db)
{
	/* After a full disk and the like SQLite has done so itself. */
	if (!sqlite3_get_autocommit(db->handle))
		cm_db_run(db->handle, "ROLLBACK", NULL);
	ended(db);
}

void cm_db_rollback(struct cm_db *db)
{
	if (db->depth > 1) {
		db->depth--;
		db->doomed = true;
	} else if (db->depth == 1) {
		roll_back_now(db);
	}
}

int cm_db_commit(struct cm_db *db, struct cm_err *err)
{
	if (db->depth == 0)
		return cm_err_set(err, CM_EINTERNAL, "Nothing was begun.");
	if (db->depth > 1) {
		db->depth--;
		return 0;
	}
	if (db->doomed) {
		const char *who = db->beginner;
		roll_back_now(db);
		cm_err_set(err, CM_EINTERNAL, "A part of the change failed, so nothing was changed.");
		return cm_err_detail(err, "begun by %s", who);
	}
	int rc = cm_db_run(db->handle, "COMMIT", err);
	if (rc != 0)
		roll_back_now(db);
	else
		ended(db);
	return rc;
}

int cm_db_end(struct cm_db *db, int rc, struct cm_err *err)
{
	if (rc == 0)
		return cm_db_commit(db, err);
	cm_db_rollback(db);
	return rc;
}

char *cm_db_like(const char *text)
{
	struct cm_buf b = CM_BUF_INIT(4096);

	cm_buf_char(&b, '%');
	for (const char *p = text; *p && b.len < 2048; p++) {
		if (strchr("%_\\", *p) != NULL)
			cm_buf_char(&b, '\\');
		cm_buf_char(&b, *p);
	}
	cm_buf_char(&b, '%');
	return cm_buf_detach(&b);
}
