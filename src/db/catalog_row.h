/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a row of the catalog is read; shared by catalog.c and catalog_list.c.
 */
#ifndef CM_DB_CATALOG_ROW_H
#define CM_DB_CATALOG_ROW_H

#include "db/catalog.h"
#include "db/db.h"

/* The columns that cm_catalog_row_read takes, of table "backups b", in its order. */
#define CM_CATALOG_COLUMNS                                                                                             \
	"b.id, vault, file, backup_id, type, backup_type, container_name, container_id, server_name, image, stack,"    \
	" format, compression, consistency, note, sha256, verify_state, verify_error, drill_state, drill_error, size," \
	" content_size, created_ms, modified_ms, companion_ms, verified_ms, drilled_ms, drill_duration_ms, "           \
	"warning_count,"                                                                                               \
	" has_manifest, locked, missing_ms, set_id, set_index, set_count"
enum { CM_CATALOG_COLUMN_COUNT = 35 };

void cm_catalog_row_read(struct cm_stmt *st, struct cm_catalog_row *row);

#endif
