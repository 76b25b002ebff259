/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A damaged database does not stop the program: it is mended. Blocks; in the parent, before workers start.
 */
#ifndef CM_DB_MEND_H
#define CM_DB_MEND_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "db/salvage.h"

struct cm_mending {
	bool mended;		  /* else the rest is empty */
	bool missing;		  /* there was no file, but copies of it */
	char kept[128];		  /* the damaged file's name now, in the same folder; "": missing */
	char detail[256];	  /* what was wrong, for the log */
	int64_t copy_ms;	  /* when the copy was made that lies below; 0: none */
	struct cm_salvage report; /* what could be read from the damaged file */
};

/* As cm_db_migrate(). A damaged file is kept as "<path>.damaged-<stamp>" and replaced by a new one, made of the newest
 * sound copy (db/copies.h) and of what can still be read from the damaged file; of a copy only what cannot do harm
 * when it is old: no sessions, no journal, no unfinished jobs. A missing file is replaced by its newest copy, if there
 * is one. Errors: CM_EUNSUPPORTED (newer), CM_EBUSY, CM_ENOSPACE, CM_EIO; a damaged one stays as it is then. */
int cm_db_open_or_mend(const char *path, struct cm_mending *ret, struct cm_err *err);

#endif
