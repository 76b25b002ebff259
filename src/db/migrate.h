/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The migrations behind cm_db_migrate(), open for tests: they can run a list of their own. Blocks.
 */
#ifndef CM_DB_MIGRATE_H
#define CM_DB_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

struct sqlite3;

/* One step: brings the database from number - 1 to number. Numbers begin at 1 and have no holes. */
struct cm_migration {
	int number;
	const char *name;
	const char *sql;
};

/* Those of src/db/sql, in order. */
extern const struct cm_migration cm_migrations[];
extern const size_t cm_migration_count;

/* The marker of our databases (SQLite's application_id): "CMK1". */
enum { CM_DB_APPLICATION_ID = 0x434d4b31 };

/* cm_db_migrate() with these steps. */
int cm_db_migrate_steps(const char *path, const struct cm_migration *steps, size_t count, struct cm_err *err);

/* Its parts, which mending a damaged one (db/mend.h) uses too. The callers hold the folder's lock.
 *
 * Which database is it? Read from the header without opening it as a database: that could already change it. Ours
 * always has its marker there, because a new one is complete before it gets its name. An empty file counts as missing.
 * CM_ECORRUPT: no sound header, or one of ours whose marker is damaged. */
enum cm_db_file_kind { CM_DB_FILE_MISSING, CM_DB_FILE_OURS, CM_DB_FILE_FOREIGN };
int cm_db_file_kind(const char *path, enum cm_db_file_kind *ret, struct cm_err *err);
/* Two programs that start at once must not both make, upgrade or mend it. Waits; the lock lasts until the fd closes. */
int cm_db_folder_lock(const char *dir, int *ret_fd, struct cm_err *err);
/* Opens for reading and writing, with the settings of every connection. */
int cm_db_open_file(const char *path, struct sqlite3 **ret, struct cm_err *err);
/* Checks that it is sound and runs the steps it lacks. */
int cm_db_upgrade(const char *path, const struct cm_migration *steps, size_t count, struct cm_err *err);
/* Makes an empty file "<path>.partial" of the right owner, and tables in it. The caller renames it, or removes it. */
int cm_db_partial(const char *path, char *ret_fresh, size_t size, int *ret_fd, struct cm_err *err);
int cm_db_fill_new(const char *path, const struct cm_migration *steps, size_t count, struct cm_err *err);
/* Keeps the file as "<path>.<label>-<stamp>", told in ret_to (may be NULL). A journal beside it goes along under the
 * matching name: without it a database that was not closed is torn, and left alone it would be played into the new one.
 * keep_name: the file keeps its old name too, where the file system has links, until another is renamed over it. */
int cm_db_set_aside(const char *path, const char *label, bool keep_name, char *ret_to, size_t size, struct cm_err *err);
/* Removes the file and what SQLite keeps beside it. */
void cm_db_remove(const char *path);

#endif
