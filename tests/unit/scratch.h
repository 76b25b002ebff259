/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A data folder of its own for each test: scratch_begin() makes it with a migrated database and fills app;
 * scratch_end() removes it.
 */
#ifndef CM_TEST_SCRATCH_H
#define CM_TEST_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/secret.h"
#include "db/db.h"
#include "service/app.h"

static struct cm_app scratch_app;

static inline int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* The folders only. */
static inline void scratch_dir(void)
{
	struct cm_app *a = &scratch_app;
	const char *tmp = getenv("TMPDIR");

	memset(a, 0, sizeof(*a));
	snprintf(a->data_dir, sizeof(a->data_dir), "%s/cm-test-XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(a->data_dir) == NULL)
		abort();
	snprintf(a->config_dir, sizeof(a->config_dir), "%.500s/config", a->data_dir);
	snprintf(a->backups_dir, sizeof(a->backups_dir), "%.500s/backups", a->data_dir);
	snprintf(a->tmp_dir, sizeof(a->tmp_dir), "%.500s/tmp", a->data_dir);
	snprintf(a->db_path, sizeof(a->db_path), "%.500s/config/monkey.db", a->data_dir);
	if (cm_dir_make(a->config_dir, 0700, NULL) != 0)
		abort();
}

static inline void scratch_begin(void)
{
	struct cm_err err = { 0 };

	cm_db_close_thread(); /* of a test that failed */
	scratch_dir();
	cm_secret_init(NULL);
	if (cm_db_migrate(scratch_app.db_path, &err) != 0) {
		printf("# migrate: %s %s\n", err.text, err.detail);
		abort();
	}
	cm_db_init(scratch_app.db_path);
}

static inline void scratch_end(void)
{
	cm_db_close_thread();
	nftw(scratch_app.data_dir, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
