/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads what can still be read from a damaged database of ours. Blocks.
 */
#ifndef CM_DB_SALVAGE_H
#define CM_DB_SALVAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct sqlite3;

enum { CM_SALVAGE_TABLES = 32 };

struct cm_salvage_table {
	char name[32];
	int64_t rows; /* taken over */
	bool whole;   /* every row could be read */
};

struct cm_salvage {
	struct cm_salvage_table tables[CM_SALVAGE_TABLES];
	size_t count;
};

/* Reads the database at path, whatever is wrong with it, into the tables of into, a sound database of this version
 * whose rows are an older state of it, or none. The file itself is not touched: it works on "<path>.salvage", which is
 * removed. A table that can be read to its end replaces the rows of into; of any other each row that can be read
 * replaces the one with its key. Rows that make no sense are left out. Only errors of into count as errors. */
int cm_db_salvage(const char *path, struct sqlite3 *into, struct cm_salvage *ret, struct cm_err *err);

#endif
