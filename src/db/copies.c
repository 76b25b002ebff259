/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/copies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"
#include "db/handle.h"
#include "db/migrate.h"

enum { NAME_SIZE = 64, COPIES_MAX = 64, DAY_LEN = 8 };

/* folder "<dir>/copies", stem "<name>-": of /data/config/monkey.db "/data/config/copies" and "monkey-". */
static void names_of(const char *path, char folder[PATH_MAX], char stem[NAME_SIZE])
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	snprintf(folder, PATH_MAX, "%.*s/copies", slash ? (int)(slash - path) : 1, slash ? path : ".");
	snprintf(stem, NAME_SIZE, "%.*s-", (int)strcspn(name, "."), name);
}

static bool is_copy(const char *name, const char *stem)
{
	size_t len = strlen(stem);

	return strncmp(name, stem, len) == 0 && strspn(name + len, "0123456789") == DAY_LEN &&
	       strcmp(name + len + DAY_LEN, ".db") == 0;
}

static int newest_first(const void *a, const void *b)
{
	return strcmp(b, a);
}

/* How many there are, their names newest first. */
static size_t list(const char *folder, const char *stem, char names[COPIES_MAX][NAME_SIZE])
{
	DIR *d = opendir(folder);
	size_t n = 0;

	for (struct dirent *e; d != NULL && n < COPIES_MAX && (e = readdir(d)) != NULL;)
		if (strlen(e->d_name) < NAME_SIZE && is_copy(e->d_name, stem))
			cm_str_copy(names[n++], NAME_SIZE, e->d_name);
	if (d != NULL)
		closedir(d);
	qsort(names, n, NAME_SIZE, newest_first);
	return n;
}

int cm_db_copy_find(const char *path, int number, char ret_file[PATH_MAX], int64_t *ret_ms, struct cm_err *err)
{
	char folder[PATH_MAX], stem[NAME_SIZE], names[COPIES_MAX][NAME_SIZE];
	struct stat st;

	names_of(path, folder, stem);
	size_t n = list(folder, stem, names);
	if (number < 0 || (size_t)number >= n ||
	    snprintf(ret_file, PATH_MAX, "%s/%s", folder, names[number]) >= PATH_MAX || stat(ret_file, &st) != 0)
		return cm_err_set(err, CM_ENOTFOUND, "There is no copy of the database.");
	*ret_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	return 0;
}

/* VACUUM reads every page, so that a damaged database gives no copy. */
static int copy_into(const char *partial, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc != 0)
		return rc;
	/* VACUUM attaches its target; nothing else may. */
	sqlite3_limit(db->handle, SQLITE_LIMIT_ATTACHED, 1);
	rc = cm_db_exec(db, err, "VACUUM INTO ?", cm_v_text(partial));
	sqlite3_limit(db->handle, SQLITE_LIMIT_ATTACHED, 0);
	if (rc != 0)
		return rc;
	cm_autoclose int fd = open(partial, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0600) != 0 || fsync(fd) != 0)
		return cm_err_errno(err, errno, "keeping a copy of the database");
	return 0;
}

int cm_db_copy_make(const char *path, struct cm_err *err)
{
	char folder[PATH_MAX], stem[NAME_SIZE], names[COPIES_MAX][NAME_SIZE], stamp[32], old[PATH_MAX + NAME_SIZE];
	int rc;

	names_of(path, folder, stem);
	cm_time_stamp(stamp, cm_now_ms());
	cm_autofree char *file = cm_asprintf("%s/%s%.*s.db", folder, stem, DAY_LEN, stamp);
	cm_autofree char *partial = cm_asprintf("%s.partial", file);
	if ((rc = cm_dir_make(folder, 0700, err)) != 0)
		return rc;
	cm_db_remove(partial);
	rc = copy_into(partial, err);
	if (rc == 0 && rename(partial, file) != 0)
		rc = cm_err_errno(err, errno, "keeping a copy of the database");
	if (rc != 0) {
		cm_db_remove(partial);
		return rc;
	}
	size_t n = list(folder, stem, names);
	for (size_t i = CM_DB_COPIES_KEEP; i < n; i++) {
		snprintf(old, sizeof(old), "%s/%s", folder, names[i]);
		unlink(old);
	}
	return cm_dir_fsync(folder, err);
}
