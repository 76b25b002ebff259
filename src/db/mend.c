/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/mend.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "db/copies.h"
#include "db/db.h"
#include "db/handle.h"
#include "db/migrate.h"

/* What of an older state could do harm: ended sessions that live again, an undoing of what was long undone, work that
 * was done already. */
static const char copy_clear[] =
    "DELETE FROM flashes; DELETE FROM sessions; DELETE FROM login_limits;"
    "DELETE FROM journal;"
    "DELETE FROM jobs WHERE state NOT IN ('complete', 'error', 'cancelled', 'interrupted')";

static void folder_of(const char *path, char dir[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	snprintf(dir, PATH_MAX, "%.*s", slash == NULL || slash == path ? 1 : (int)(slash - path), slash ? path : ".");
}

static int bytes_copy(const char *from, int out, struct cm_err *err)
{
	cm_autoclose int in = open(from, O_RDONLY | O_CLOEXEC);
	cm_autofree char *buf = cm_alloc(65536);
	ssize_t n = in < 0 ? -1 : 0;

	while (in >= 0 && (n = read(in, buf, 65536)) > 0)
		if (cm_fd_write_all(out, buf, (size_t)n) != 0)
			return cm_err_errno(err, errno, "mending the database");
	return n < 0 ? cm_err_errno(err, errno, "reading a copy of the database") : 0;
}

/* The base that rows are saved into: the newest copy that is sound, else empty tables. */
static int base_make(const char *path, const char *fresh, int fd, int64_t *ret_copy_ms, struct cm_err *err)
{
	char copy[PATH_MAX];
	sqlite3 *h = NULL;

	*ret_copy_ms = 0;
	for (int i = 0; cm_db_copy_find(path, i, copy, ret_copy_ms, NULL) == 0; i++) {
		enum cm_db_file_kind kind;
		int rc = ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0
			     ? cm_err_errno(err, errno, "mending the database")
			     : bytes_copy(copy, fd, err);
		if (rc == 0 && cm_db_file_kind(fresh, &kind, err) == 0 && kind == CM_DB_FILE_OURS &&
		    cm_db_upgrade(fresh, cm_migrations, cm_migration_count, err) == 0 &&
		    cm_db_open_file(fresh, &h, err) == 0) {
			rc = cm_db_run(h, copy_clear, err);
			if (rc == 0)
				rc = cm_db_run(h, "PRAGMA journal_mode = WAL", err);
			sqlite3_close(h);
			if (rc == 0)
				return 0;
		}
		if (rc == CM_ENOSPACE)
			return rc;
	}
	*ret_copy_ms = 0;
	if (ftruncate(fd, 0) != 0)
		return cm_err_errno(err, errno, "mending the database");
	return cm_db_fill_new(fresh, cm_migrations, cm_migration_count, err);
}

static int rows_save(const char *path, const char *fresh, struct cm_salvage *ret, struct cm_err *err)
{
	sqlite3 *h;
	int rc = cm_db_open_file(fresh, &h, err);

	if (rc != 0)
		return rc;
	rc = cm_db_salvage(path, h, ret, err);
	if (sqlite3_close(h) != SQLITE_OK && rc == 0)
		rc = cm_err_set(err, CM_EINTERNAL, "The mended database could not be closed.");
	return rc;
}

/* The new one is complete and on the disk before the damaged one leaves its name. */
static int replace(const char *path, const char *fresh, int fd, struct cm_mending *m, struct cm_err *err)
{
	char kept[PATH_MAX], dir[PATH_MAX], suspect[PATH_MAX];

	if (fsync(fd) != 0)
		return cm_err_errno(err, errno, "mending the database");
	int rc = cm_db_set_aside(path, m->missing ? "lost" : "damaged", true, kept, sizeof(kept), err);
	if (rc != 0)
		return rc;
	if (rename(fresh, path) != 0)
		return cm_err_errno(err, errno, "mending the database");
	cm_db_suspect_path(path, suspect);
	unlink(suspect);
	if (!m->missing)
		snprintf(m->kept, sizeof(m->kept), "%.120s", strrchr(kept, '/') ? strrchr(kept, '/') + 1 : kept);
	folder_of(path, dir);
	return cm_dir_fsync(dir, err);
}

static int mend(const char *path, struct cm_mending *m, struct cm_err *err)
{
	char fresh[PATH_MAX];
	cm_autoclose int fd = -1;
	int rc = cm_db_partial(path, fresh, sizeof(fresh), &fd, err);

	if (rc != 0)
		return rc;
	rc = base_make(path, fresh, fd, &m->copy_ms, err);
	if (rc == 0 && !m->missing)
		rc = rows_save(path, fresh, &m->report, err);
	if (rc == 0)
		rc = replace(path, fresh, fd, m, err);
	if (rc != 0) {
		cm_db_remove(fresh);
		return cm_err_prefix(err, "The database config/monkey.db is damaged and could not be mended");
	}
	m->mended = true;
	return 0;
}

/* Under the folder's lock: is it (still) damaged, or missing with copies? */
static int look(const char *path, struct cm_mending *m, struct cm_err *err)
{
	enum cm_db_file_kind kind;
	char copy[PATH_MAX];
	int64_t ms;
	int rc = cm_db_file_kind(path, &kind, err);

	if (rc == 0 && kind == CM_DB_FILE_OURS)
		rc = cm_db_upgrade(path, cm_migrations, cm_migration_count, err);
	m->missing = rc == 0 && kind == CM_DB_FILE_MISSING && cm_db_copy_find(path, 0, copy, &ms, NULL) == 0;
	return rc;
}

int cm_db_open_or_mend(const char *path, struct cm_mending *ret, struct cm_err *err)
{
	struct cm_err own = { 0 };
	char dir[PATH_MAX];
	int lock = -1;

	*ret = (struct cm_mending){ 0 };
	cm_db_library_init();
	folder_of(path, dir);
	int rc = cm_dir_make(dir, 0700, err);
	if (rc == 0)
		rc = cm_db_folder_lock(dir, &lock, err);
	if (rc != 0)
		return rc;
	rc = look(path, ret, &own);
	if (rc == CM_ECORRUPT || ret->missing) {
		snprintf(ret->detail, sizeof(ret->detail), "%.250s", ret->missing ? "the file is missing" : own.detail);
		rc = mend(path, ret, &own);
	}
	close(lock);
	if (rc == 0 && !ret->mended)
		return cm_db_migrate(path, err); /* a new one, or the predecessor's */
	if (rc != 0 && err != NULL)
		*err = own;
	return rc;
}
