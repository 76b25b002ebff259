/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The migrations behind cm_db_migrate(), open for tests: they can run a list of their own. Blocks.
 */
#ifndef CM_DB_MIGRATE_H
#define CM_DB_MIGRATE_H

#include <stddef.h>

#include "core/err.h"

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

#endif
