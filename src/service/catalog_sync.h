/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps the catalog equal to what lies in the vaults: files that appeared are added (from their companion; files of
 * the predecessor from their own metadata too), changed ones are read again, and those that vanished without being
 * deleted here are marked missing: somebody must know. Quick when nothing changed: one listing. Blocks; task threads
 * only.
 */
#ifndef CM_SERVICE_CATALOG_SYNC_H
#define CM_SERVICE_CATALOG_SYNC_H

#include "core/err.h"
#include "service/app.h"

struct cm_catalog_changes {
	int added, updated;
	int removed; /* newly missing */
};

/* ret may be NULL. Safe while backups are made and deleted by others. */
int cm_catalog_sync(const struct cm_app *app, struct cm_catalog_changes *ret, struct cm_err *err);

#endif
