/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of db/ share about a connection and nobody else sees.
 */
#ifndef CM_DB_HANDLE_H
#define CM_DB_HANDLE_H

#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/err.h"
#include "db/catalog.h"

/* Prepared statements a connection keeps; the least recently used goes. */
enum { CM_STMT_CACHE = 24 };

struct cm_stmt {
	struct cm_db *db;
	sqlite3_stmt *handle;
	char *sql;
	bool in_use;
	bool cached; /* lies in the connection's cache, else it is freed when done */
	uint64_t used;
};

struct cm_db {
	sqlite3 *handle;
	pid_t pid; /* who opened it: a child of that process must not use it */
	int depth; /* begun and not yet ended transactions */
	bool writing;
	bool durable;
	bool doomed; /* an inner one was rolled back */
	const char *beginner;
	uint64_t tick;
	struct cm_stmt cache[CM_STMT_CACHE];
	/* Of catalog_list.c: what it counted, and when: changes of others and of this connection up to then. */
	struct {
		bool known;
		int64_t others, own;
		struct cm_catalog_totals value;
	} totals;
};

/* Once per process before SQLite is used; cheap afterwards. */
void cm_db_library_init(void);
/* Settings of every connection. */
int cm_db_configure(sqlite3 *handle, struct cm_err *err);
/* Fills err from a result code; doing says what was tried, for the log. */
int cm_db_error(sqlite3 *handle, int rc, const char *doing, struct cm_err *err);
/* "<path>.suspect": a file that is made when a damage was met, so that the next start looks thoroughly. */
void cm_db_suspect_path(const char *path, char dst[PATH_MAX]);
/* Runs SQL without parameters or rows that matter. */
int cm_db_run(sqlite3 *handle, const char *sql, struct cm_err *err);
/* Frees what the cache holds. */
void cm_stmt_cache_clear(struct cm_db *db);

#endif
