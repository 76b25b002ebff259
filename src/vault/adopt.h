/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Older layouts kept everything directly in the data folder. Moves archives, network files and companions into
 * backups/, databases and the scheduler's file into config/. Never overwrites: a name that is taken stays where it is
 * and is reported by the count. Call before the database is opened. Blocks.
 */
#ifndef CM_VAULT_ADOPT_H
#define CM_VAULT_ADOPT_H

#include "core/err.h"

struct cm_adopt_result {
	int moved;
	int kept; /* a file of that name was already in place */
};

/* The three folders exist and lie on one file system. ret may be NULL. */
int cm_vault_adopt_old_layout(const char *data_dir, const char *backups_dir, const char *config_dir,
			      struct cm_adopt_result *ret, struct cm_err *err);

#endif
