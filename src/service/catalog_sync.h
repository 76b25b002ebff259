/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps the catalog equal to what lies in the vaults: files that appeared are added (from their companion; files of
 * the predecessor from their own metadata, or else from their name), files that vanished are removed, a changed
 * companion is read again. Quick when nothing changed: one listing. Blocks; task threads only.
 */
#ifndef CM_SERVICE_CATALOG_SYNC_H
#define CM_SERVICE_CATALOG_SYNC_H

#include "core/err.h"
#include "service/app.h"

struct cm_catalog_changes {
	int added, updated, removed;
};

/* Moves what the predecessor left lying in CM_DATA into place (cm_vault_adopt_old_layout), then compares. ret may be
 * NULL. */
int cm_catalog_sync(const struct cm_app *app, struct cm_catalog_changes *ret, struct cm_err *err);

#endif
