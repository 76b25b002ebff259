/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copies of the database, one a day: "<folder>/copies/<name>-YYYYMMDD.db", whole databases that anybody can open. They
 * are what a damaged database is mended from (db/mend.h). All block.
 */
#ifndef CM_DB_COPIES_H
#define CM_DB_COPIES_H

#include <limits.h>
#include <stdint.h>

#include "core/err.h"

enum { CM_DB_COPIES_KEEP = 7 };

/* Makes the copy of this day from the calling thread's connection (whose path is path), replacing an older one of the
 * same day, and removes those that are too many. Others may read and write meanwhile. Errors as in db/db.h; the older
 * copies stay then. */
int cm_db_copy_make(const char *path, struct cm_err *err);
/* The number'th newest copy (0: the newest) and when it was made. CM_ENOTFOUND: there are not so many. */
int cm_db_copy_find(const char *path, int number, char ret_file[PATH_MAX], int64_t *ret_ms, struct cm_err *err);

#endif
