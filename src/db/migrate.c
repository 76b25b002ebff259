/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/owner.h"
#include "db/db.h"
#include "db/handle.h"

const struct cm_migration cm_migrations[] = {
#include "db_migrations.h"
};
const size_t cm_migration_count = CM_COUNT(cm_migrations);

enum {
	LOCK_WAIT_MS = 30000,
	HEADER_LEN = 100,	    /* of a SQLite file */
	HEADER_APPLICATION_ID = 68, /* big-endian, 4 bytes */
	CHECK_MAX = 64 << 20	    /* larger ones are not checked at each start */
};

/* The fields of a header that never vary. */
static bool header_sound(const unsigned char *h)
{
	unsigned page = (unsigned)h[16] << 8 | h[17];

	return (page == 1 || (page >= 512 && (page & (page - 1)) == 0)) && h[21] == 64 && h[22] == 32 && h[23] == 32;
}

/* Tables that only our databases have: their marker was damaged then. Looks without writing anything. */
static bool has_our_tables(const char *path)
{
	cm_autofree char *uri = cm_asprintf("file:%s?immutable=1", path);
	sqlite3_stmt *st = NULL;
	sqlite3 *h = NULL;
	bool ours = false;

	/* Such a name is never taken for a URI's options: no database is found then. */
	if (strpbrk(path, "?#%") == NULL &&
	    sqlite3_open_v2(uri, &h, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(h,
			       "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND "
			       "name IN ('login_limits', 'flashes', 'tokens', 'audit')",
			       -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		ours = sqlite3_column_int(st, 0) == 4;
	sqlite3_finalize(st);
	sqlite3_close(h);
	return ours;
}

int cm_db_file_kind(const char *path, enum cm_db_file_kind *ret, struct cm_err *err)
{
	unsigned char h[HEADER_LEN];
	cm_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		*ret = CM_DB_FILE_MISSING;
		return 0;
	}
	if (fd < 0)
		return cm_err_errno(err, errno, "opening the database");
	int n = cm_fd_read_all(fd, h, sizeof(h));
	if (n < 0 && errno != EPIPE)
		return cm_err_errno(err, errno, "reading the database");
	if (n == 0) {
		*ret = CM_DB_FILE_MISSING;
		return 0;
	}
	if (n != 1 || memcmp(h, "SQLite format 3", 16) != 0 || !header_sound(h))
		return cm_db_error(NULL, SQLITE_NOTADB, "reading the header", err);
	unsigned id = (unsigned)h[HEADER_APPLICATION_ID] << 24 | (unsigned)h[HEADER_APPLICATION_ID + 1] << 16 |
		      (unsigned)h[HEADER_APPLICATION_ID + 2] << 8 | (unsigned)h[HEADER_APPLICATION_ID + 3];
	if (id != CM_DB_APPLICATION_ID && has_our_tables(path))
		return cm_db_error(NULL, SQLITE_CORRUPT, "reading the marker", err);
	*ret = id == CM_DB_APPLICATION_ID ? CM_DB_FILE_OURS : CM_DB_FILE_FOREIGN;
	return 0;
}

static int free_name(const char *path, const char *label, char *to, size_t size, struct cm_err *err)
{
	char stamp[32];

	cm_time_stamp(stamp, cm_now_ms());
	for (int try = 0; try < 100; try++) {
		int n = snprintf(to, size, "%s.%s-%s", path, label, stamp);
		if (try > 0 && n > 0 && (size_t)n < size)
			n += snprintf(to + n, size - (size_t)n, "-%d", try);
		if (n < 0 || (size_t)n > size - 16)
			return cm_err_set(err, CM_EINVAL, "The name of the data folder is too long.");
		if (access(to, F_OK) != 0)
			break;
	}
	return 0;
}

int cm_db_set_aside(const char *path, const char *label, bool keep_name, char *ret_to, size_t size, struct cm_err *err)
{
	static const char *const companions[] = { "-journal", "-wal", "-shm" };
	char to[PATH_MAX], from_beside[PATH_MAX], to_beside[PATH_MAX];
	int rc = free_name(path, label, to, sizeof(to), err);

	if (rc != 0)
		return rc;
	bool linked = keep_name && link(path, to) == 0;
	for (size_t i = 0; i < CM_COUNT(companions); i++) {
		if (snprintf(from_beside, sizeof(from_beside), "%s%s", path, companions[i]) >=
			(int)sizeof(from_beside) ||
		    snprintf(to_beside, sizeof(to_beside), "%s%s", to, companions[i]) >= (int)sizeof(to_beside))
			return cm_err_set(err, CM_EINVAL, "The name of the data folder is too long.");
		if (rename(from_beside, to_beside) != 0 && errno != ENOENT)
			return cm_err_errno(err, errno, "keeping the former database");
	}
	if (!linked && rename(path, to) != 0 && errno != ENOENT)
		return cm_err_errno(err, errno, "keeping the former database");
	if (ret_to != NULL)
		snprintf(ret_to, size, "%s", to);
	return 0;
}

static int pragma_int(sqlite3 *h, const char *sql, int *ret, struct cm_err *err)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(h, sql, -1, &st, NULL);

	if (rc != SQLITE_OK)
		return cm_db_error(h, rc, sql, err);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : cm_db_error(h, rc, sql, err);
}

static int run_step(sqlite3 *h, const struct cm_migration *step, struct cm_err *err)
{
	char version[64];
	int rc = cm_db_run(h, "BEGIN IMMEDIATE", err);

	if (rc != 0)
		return rc;
	snprintf(version, sizeof(version), "PRAGMA user_version = %d", step->number);
	if ((rc = cm_db_run(h, step->sql, err)) == 0 && (rc = cm_db_run(h, version, err)) == 0)
		rc = cm_db_run(h, "COMMIT", err);
	if (rc != 0) {
		if (!sqlite3_get_autocommit(h))
			cm_db_run(h, "ROLLBACK", NULL);
		cm_err_prefix(err, "Bringing the database to version %d (%s) failed and was undone", step->number,
			      step->name);
	}
	return rc;
}

static int run_steps(sqlite3 *h, const struct cm_migration *steps, size_t count, struct cm_err *err)
{
	int version = 0;
	int rc = pragma_int(h, "PRAGMA user_version", &version, err);

	if (rc != 0)
		return rc;
	if (version < 0 || (size_t)version > count)
		return cm_err_set(err, CM_EUNSUPPORTED,
				  "The database was written by a newer version of the program (its version is %d, this "
				  "program knows up to %zu). Start the newer program again.",
				  version, count);
	for (size_t i = (size_t)version; rc == 0 && i < count; i++)
		rc = run_step(h, &steps[i], err);
	return rc;
}

/* A damage that was met while the program ran is looked for more thoroughly. */
static int check_sound(sqlite3 *h, const char *path, struct cm_err *err)
{
	char suspect[PATH_MAX];
	struct stat st;
	sqlite3_stmt *q;

	cm_db_suspect_path(path, suspect);
	bool thorough = access(suspect, F_OK) == 0;
	if (!thorough && (stat(path, &st) != 0 || st.st_size > CHECK_MAX))
		return 0;
	int rc = sqlite3_prepare_v2(h, thorough ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", -1, &q, NULL);
	if (rc != SQLITE_OK)
		return cm_db_error(h, rc, "checking the database", err);
	rc = sqlite3_step(q);
	const char *answer = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
	if (answer == NULL || strcmp(answer, "ok") != 0) {
		rc = cm_db_error(NULL, rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_CORRUPT : rc,
				 answer ? answer : "checking the database", err);
	} else {
		rc = 0;
		unlink(suspect);
	}
	sqlite3_finalize(q);
	return rc;
}

int cm_db_open_file(const char *path, sqlite3 **ret, struct cm_err *err)
{
	sqlite3 *h = NULL;
	int rc = sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	rc = rc == SQLITE_OK ? cm_db_configure(h, err) : cm_db_error(h, rc, "opening the database", err);
	if (rc == 0)
		rc = cm_db_run(h, "PRAGMA synchronous = FULL", err);
	if (rc != 0) {
		sqlite3_close(h);
		return rc;
	}
	*ret = h;
	return 0;
}

int cm_db_upgrade(const char *path, const struct cm_migration *steps, size_t count, struct cm_err *err)
{
	sqlite3 *h;
	int rc = cm_db_open_file(path, &h, err);

	if (rc != 0)
		return rc;
	rc = check_sound(h, path, err);
	if (rc == 0)
		rc = run_steps(h, steps, count, err);
	sqlite3_close(h);
	return rc;
}

int cm_db_fill_new(const char *path, const struct cm_migration *steps, size_t count, struct cm_err *err)
{
	char marker[64];
	sqlite3 *h;
	int rc = cm_db_open_file(path, &h, err);

	if (rc != 0)
		return rc;
	snprintf(marker, sizeof(marker), "PRAGMA application_id = %d", CM_DB_APPLICATION_ID);
	if ((rc = cm_db_run(h, marker, err)) == 0 && (rc = run_steps(h, steps, count, err)) == 0)
		rc = cm_db_run(h, "PRAGMA journal_mode = WAL", err);
	if (sqlite3_close(h) != SQLITE_OK && rc == 0)
		rc = cm_err_set(err, CM_EINTERNAL, "The new database could not be closed.");
	return rc;
}

void cm_db_remove(const char *path)
{
	static const char *const endings[] = { "", "-journal", "-wal", "-shm" };
	char p[PATH_MAX];

	for (size_t i = 0; i < CM_COUNT(endings); i++)
		if (snprintf(p, sizeof(p), "%s%s", path, endings[i]) < (int)sizeof(p))
			unlink(p);
}

int cm_db_partial(const char *path, char *ret_fresh, size_t size, int *ret_fd, struct cm_err *err)
{
	if (snprintf(ret_fresh, size, "%s.partial", path) >= (int)size - 16)
		return cm_err_set(err, CM_EINVAL, "The name of the data folder is too long.");
	cm_db_remove(ret_fresh);
	/* SQLite gives -wal and -shm the rights and the owner of the file itself. */
	int fd = open(ret_fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return cm_err_errno(err, errno, "making the database");
	int rc = cm_owner_adopt(fd, path, err);
	if (rc != 0) {
		close(fd);
		cm_db_remove(ret_fresh);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

/* Built under another name and renamed when it is complete and on the disk. */
static int create(const char *path, const char *dir, const struct cm_migration *steps, size_t count, struct cm_err *err)
{
	char fresh[PATH_MAX];

	cm_autoclose int fd = -1;
	int rc = cm_db_partial(path, fresh, sizeof(fresh), &fd, err);
	if (rc != 0)
		return rc;
	if (rc == 0)
		rc = cm_db_fill_new(fresh, steps, count, err);
	if (rc == 0 && (fsync(fd) != 0 || rename(fresh, path) != 0))
		rc = cm_err_errno(err, errno, "making the database");
	if (rc != 0) {
		cm_db_remove(fresh);
		return rc;
	}
	return cm_dir_fsync(dir, err);
}

int cm_db_folder_lock(const char *dir, int *ret_fd, struct cm_err *err)
{
	int64_t deadline = cm_monotonic_ms() + LOCK_WAIT_MS;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return cm_err_errno(err, errno, "opening the configuration folder");
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			int e = errno;
			close(fd);
			return cm_err_errno(err, e, "locking the configuration folder");
		}
		if (cm_monotonic_ms() > deadline) {
			close(fd);
			return cm_err_set(err, CM_EBUSY,
					  "Another program is setting up this data folder. Wait for it, or end it.");
		}
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	*ret_fd = fd;
	return 0;
}

int cm_db_migrate_steps(const char *path, const struct cm_migration *steps, size_t count, struct cm_err *err)
{
	char dir[PATH_MAX];
	enum cm_db_file_kind kind = CM_DB_FILE_MISSING;
	const char *slash = strrchr(path, '/');
	cm_autoclose int lock = -1;

	cm_db_library_init();
	snprintf(dir, sizeof(dir), "%.*s", slash == NULL || slash == path ? 1 : (int)(slash - path),
		 slash ? path : ".");
	int rc = cm_dir_make(dir, 0700, err);
	if (rc == 0)
		rc = cm_db_folder_lock(dir, &lock, err);
	if (rc == 0)
		rc = cm_db_file_kind(path, &kind, err);
	if (rc != 0)
		return rc;
	if (kind == CM_DB_FILE_OURS)
		return cm_db_upgrade(path, steps, count, err);
	rc = cm_db_set_aside(path, "predecessor", false, NULL, 0, err);
	return rc != 0 ? rc : create(path, dir, steps, count, err);
}

int cm_db_migrate(const char *path, struct cm_err *err)
{
	return cm_db_migrate_steps(path, cm_migrations, cm_migration_count, err);
}
