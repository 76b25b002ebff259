/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/catalog.h"

#include <string.h>

#include "core/mem.h"
#include "db/catalog_row.h"
#include "db/db.h"

static const char missing[] = "Backup file not found";

void cm_catalog_row_release(struct cm_catalog_row *row)
{
	char **texts[] = { &row->vault,	      &row->file,	    &row->backup_id,	&row->type,
			   &row->backup_type, &row->container_name, &row->container_id, &row->server_name,
			   &row->image,	      &row->stack,	    &row->format,	&row->compression,
			   &row->consistency, &row->note,	    &row->sha256,	&row->parts,
			   &row->warnings,    &row->verify_error,   &row->verify_state, &row->drill_state,
			   &row->drill_error, &row->drill_log,	    &row->set_id };

	for (size_t i = 0; i < CM_COUNT(texts); i++)
		free(*texts[i]);
	*row = (struct cm_catalog_row){ 0 };
}

void cm_catalog_row_read(struct cm_stmt *st, struct cm_catalog_row *row)
{
	int c = 0;

	*row = (struct cm_catalog_row){ 0 };
	row->id = cm_stmt_int(st, c++);
	row->vault = cm_strdup(cm_stmt_str(st, c++));
	row->file = cm_strdup(cm_stmt_str(st, c++));
	row->backup_id = cm_strdup(cm_stmt_str(st, c++));
	row->type = cm_strdup(cm_stmt_str(st, c++));
	row->backup_type = cm_strdup(cm_stmt_str(st, c++));
	row->container_name = cm_strdup(cm_stmt_str(st, c++));
	row->container_id = cm_strdup(cm_stmt_str(st, c++));
	row->server_name = cm_strdup(cm_stmt_str(st, c++));
	row->image = cm_strdup(cm_stmt_str(st, c++));
	row->stack = cm_strdup(cm_stmt_str(st, c++));
	row->format = cm_strdup(cm_stmt_str(st, c++));
	row->compression = cm_strdup(cm_stmt_str(st, c++));
	row->consistency = cm_strdup(cm_stmt_str(st, c++));
	row->note = cm_strdup(cm_stmt_str(st, c++));
	row->sha256 = cm_strdup(cm_stmt_str(st, c++));
	row->verify_state = cm_strdup(cm_stmt_str(st, c++));
	row->verify_error = cm_strdup(cm_stmt_str(st, c++));
	row->drill_state = cm_strdup(cm_stmt_str(st, c++));
	row->drill_error = cm_strdup(cm_stmt_str(st, c++));
	row->size = cm_stmt_int(st, c++);
	row->content_size = cm_stmt_int(st, c++);
	row->created_ms = cm_stmt_int(st, c++);
	row->modified_ms = cm_stmt_int(st, c++);
	row->companion_ms = cm_stmt_int(st, c++);
	row->verified_ms = cm_stmt_int(st, c++);
	row->drilled_ms = cm_stmt_int(st, c++);
	row->drill_duration_ms = cm_stmt_int(st, c++);
	row->warning_count = cm_stmt_int(st, c++);
	row->has_manifest = cm_stmt_int(st, c++) != 0;
	row->locked = cm_stmt_int(st, c++) != 0;
	row->missing_ms = cm_stmt_int(st, c++);
	row->set_id = cm_strdup(cm_stmt_str(st, c++));
	row->set_index = cm_stmt_int(st, c++);
	row->set_count = cm_stmt_int(st, c++);
}

/* Same content (by hash when both are known): what was found out about it still holds. */
#define SAME "(size = excluded.size AND (sha256 IS NULL OR excluded.sha256 IS NULL OR sha256 = excluded.sha256))"
/* The new value when it brings one, else the stored one while the content is the same, else none. */
#define KEEP(column, marker, none)                                                                            \
#column " = CASE WHEN excluded." #marker " > 0 THEN excluded." #column " WHEN " SAME " THEN " #column \
		" ELSE " none " END"

static int put_row(struct cm_db *db, const struct cm_catalog_row *r, struct cm_err *err)
{
	return cm_db_exec(
	    db, err,
	    "INSERT INTO backups (vault, file, backup_id, type, backup_type, container_name, container_id, server_name,"
	    " image, stack, format, compression, consistency, note, sha256, size, content_size, created_ms, "
	    "modified_ms,"
	    " companion_ms, verified_ms, verify_state, verify_error, drilled_ms, drill_state, warning_count,"
	    " has_manifest, locked, drill_error, drill_duration_ms, set_id, set_index, set_count) VALUES (?1, ?2, ?3, "
	    "?4, ?5, ?6, ?7, ?8, ?9, ?10, "
	    "?11, ?12, ?13, ?14, ?15, ?16, ?17,"
	    " ?18, ?19, ?20, ?21, coalesce(?22, 'unknown'), ?23, ?24, coalesce(?25, 'unknown'), ?26, ?27, ?28, ?29, "
	    "?30, ?31, ?32, ?33)"
	    " ON CONFLICT (vault, file) DO UPDATE SET backup_id = excluded.backup_id, type = excluded.type,"
	    " backup_type = excluded.backup_type, container_name = excluded.container_name,"
	    " container_id = excluded.container_id, server_name = excluded.server_name, image = excluded.image,"
	    " stack = excluded.stack, format = excluded.format, compression = excluded.compression,"
	    " consistency = excluded.consistency, note = coalesce(note, excluded.note),"
	    " size = excluded.size, content_size = excluded.content_size, created_ms = excluded.created_ms,"
	    " modified_ms = excluded.modified_ms, companion_ms = excluded.companion_ms,"
	    " set_id = excluded.set_id, set_index = excluded.set_index, set_count = excluded.set_count,"
	    " missing_ms = 0, warning_count = excluded.warning_count, has_manifest = excluded.has_manifest, sha256 = "
	    "excluded.sha256,"
	    " " KEEP(verify_state, verified_ms, "'unknown'") ", " KEEP(verify_error, verified_ms, "NULL") ", " KEEP(
		verified_ms, verified_ms,
		"0") ", " KEEP(drill_state, drilled_ms,
			       "'unknown'") ", " KEEP(drill_error, drilled_ms,
						      "NULL") ", " KEEP(drill_duration_ms, drilled_ms,
									"0") ", " KEEP(drilled_ms, drilled_ms, "0"),
	    cm_v_text(r->vault), cm_v_text(r->file), cm_v_text(r->backup_id), cm_v_text(r->type),
	    cm_v_text(r->backup_type), cm_v_text(r->container_name), cm_v_text(r->container_id),
	    cm_v_text(r->server_name), cm_v_text(r->image), cm_v_text(r->stack), cm_v_text(r->format),
	    cm_v_text(r->compression), cm_v_text(r->consistency), cm_v_text(r->note), cm_v_text(r->sha256),
	    cm_v_int(r->size), cm_v_int(r->content_size), cm_v_int(r->created_ms), cm_v_int(r->modified_ms),
	    cm_v_int(r->companion_ms), cm_v_int(r->verified_ms), cm_v_text(r->verify_state), cm_v_text(r->verify_error),
	    cm_v_int(r->drilled_ms), cm_v_text(r->drill_state), cm_v_int(r->warning_count), cm_v_int(r->has_manifest),
	    cm_v_int(r->locked), cm_v_text(r->drill_error), cm_v_int(r->drill_duration_ms), cm_v_text(r->set_id),
	    cm_v_int(r->set_index), cm_v_int(r->set_count));
}

static int put(struct cm_db *db, const struct cm_catalog_row *r, struct cm_err *err)
{
	if (r->vault == NULL || r->file == NULL || r->type == NULL || r->backup_type == NULL)
		return cm_err_set(err, CM_EINVAL, "A backup needs a vault, a file name and types to be listed.");
	int rc = put_row(db, r, err);
	if (rc != 0)
		return rc;
	return cm_db_exec(db, err,
			  "INSERT INTO backup_texts (id, parts, warnings, drill_log)"
			  " SELECT id, ?3, ?4, ?5 FROM backups WHERE vault = ?1 AND file = ?2"
			  " ON CONFLICT (id) DO UPDATE SET parts = excluded.parts, warnings = excluded.warnings,"
			  " drill_log = coalesce(excluded.drill_log, drill_log)",
			  cm_v_text(r->vault), cm_v_text(r->file), cm_v_text(r->parts), cm_v_text(r->warnings),
			  cm_v_text(r->drill_log));
}

int cm_catalog_put(const struct cm_catalog_row *row, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc != 0 || (rc = cm_db_begin(db, err)) != 0)
		return rc;
	return cm_db_end(db, put(db, row, err), err);
}

/* Rows that are not among the new ones are those whose id is not in the list of names. */
static int replace(struct cm_db *db, const char *vault, const struct cm_catalog_row *rows, size_t count, int *ret_added,
		   int *ret_removed, struct cm_err *err)
{
	int64_t before = 0, after = 0;
	int rc = cm_db_exec(db, err, "CREATE TEMP TABLE IF NOT EXISTS kept (file TEXT PRIMARY KEY) WITHOUT ROWID");

	if (rc == 0)
		rc = cm_db_exec(db, err, "DELETE FROM temp.kept");
	for (size_t i = 0; rc == 0 && i < count; i++) {
		if (rows[i].vault == NULL || strcmp(rows[i].vault, vault) != 0)
			return cm_err_set(err, CM_EINTERNAL, "A row of another vault.");
		rc = cm_db_exec(db, err, "INSERT OR IGNORE INTO temp.kept VALUES (?)", cm_v_text(rows[i].file));
	}
	if (rc == 0)
		rc = cm_db_exec(db, err,
				"DELETE FROM backups WHERE vault = ? AND file NOT IN (SELECT file FROM temp.kept)",
				cm_v_text(vault));
	int removed = rc == 0 ? (int)cm_db_changes(db) : 0;
	if (rc == 0)
		rc = cm_db_int(db, &before, err, "SELECT count(*) FROM backups");
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = put(db, &rows[i], err);
	if (rc == 0)
		rc = cm_db_int(db, &after, err, "SELECT count(*) FROM backups");
	if (rc == 0)
		rc = cm_db_exec(db, err, "DROP TABLE temp.kept");
	if (rc != 0)
		return rc;
	*ret_added = (int)(after - before);
	*ret_removed = removed;
	return 0;
}

int cm_catalog_replace(const char *vault, const struct cm_catalog_row *rows, size_t count, int *ret_added,
		       int *ret_removed, struct cm_err *err)
{
	struct cm_db *db;
	int added = 0, removed = 0;
	int rc = cm_db_get(&db, err);

	if (rc != 0 || (rc = cm_db_begin(db, err)) != 0)
		return rc;
	rc = cm_db_end(db, replace(db, vault, rows, count, &added, &removed, err), err);
	if (rc == 0 && ret_added != NULL)
		*ret_added = added;
	if (rc == 0 && ret_removed != NULL)
		*ret_removed = removed;
	return rc;
}

int cm_catalog_remove(const char *vault, const char *file, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_exec(db, err, "DELETE FROM backups WHERE vault = coalesce(?1, vault) AND file = ?2",
				cm_v_text(vault), cm_v_text(file));
	if (rc == 0 && cm_db_changes(db) == 0)
		rc = cm_err_set(err, CM_ENOTFOUND, "%s", missing);
	return rc;
}

#define ROW_AND_TEXTS                                               \
	"SELECT " CM_CATALOG_COLUMNS ", parts, warnings, drill_log" \
	" FROM backups b LEFT JOIN backup_texts t ON t.id = b.id"

/* By vault (NULL: any) and file, or by id when file is NULL. */
static int get(const char *vault, const char *file, int64_t id, struct cm_catalog_row *ret, struct cm_err *err)
{
	struct cm_db *db;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_get(&db, err);

	if (rc == 0 && file == NULL)
		rc = cm_db_query(db, &st, err, ROW_AND_TEXTS " WHERE b.id = ?", cm_v_int(id));
	else if (rc == 0)
		rc =
		    cm_db_query(db, &st, err,
				ROW_AND_TEXTS " WHERE vault = coalesce(?1, vault) AND file = ?2 ORDER BY vault LIMIT 1",
				cm_v_text(vault), cm_v_text(file));
	if (rc != 0 || (rc = cm_stmt_step(st, err)) < 0)
		return rc;
	if (rc == 0)
		return cm_err_set(err, CM_ENOTFOUND, "%s", missing);
	cm_catalog_row_read(st, ret);
	ret->parts = cm_strdup(cm_stmt_str(st, CM_CATALOG_COLUMN_COUNT));
	ret->warnings = cm_strdup(cm_stmt_str(st, CM_CATALOG_COLUMN_COUNT + 1));
	ret->drill_log = cm_strdup(cm_stmt_str(st, CM_CATALOG_COLUMN_COUNT + 2));
	return 0;
}

int cm_catalog_get(const char *vault, const char *file, struct cm_catalog_row *ret, struct cm_err *err)
{
	return get(vault, file, 0, ret, err);
}

int cm_catalog_get_id(int64_t id, struct cm_catalog_row *ret, struct cm_err *err)
{
	return get(NULL, NULL, id, ret, err);
}

/* One column's change of one backup. */
static int changed(struct cm_db *db, int rc, struct cm_err *err)
{
	if (rc == 0 && cm_db_changes(db) == 0)
		return cm_err_set(err, CM_ENOTFOUND, "%s", missing);
	return rc;
}

int cm_catalog_set_verified(const char *vault, const char *file, const char *state, const char *error, int64_t at_ms,
			    struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	return rc != 0 ? rc
		       : changed(db,
				 cm_db_exec(db, err,
					    "UPDATE backups SET verify_state = ?, verify_error = ?, verified_ms = ?,"
					    " missing_ms = 0"
					    " WHERE vault = coalesce(?, vault) AND file = ?",
					    cm_v_text(state), cm_v_text(error), cm_v_int(at_ms), cm_v_text(vault),
					    cm_v_text(file)),
				 err);
}

static int set_drilled(struct cm_db *db, const char *vault, const char *file, const struct cm_catalog_drill *drill,
		       struct cm_err *err)
{
	int rc = changed(db,
			 cm_db_exec(db, err,
				    "UPDATE backups SET drill_state = ?, drill_error = ?, drilled_ms = ?,"
				    " drill_duration_ms = ? WHERE vault = coalesce(?, vault) AND file = ?",
				    cm_v_text(drill->state), cm_v_text(drill->error), cm_v_int(drill->at_ms),
				    cm_v_int(drill->duration_ms), cm_v_text(vault), cm_v_text(file)),
			 err);

	if (rc != 0)
		return rc;
	return cm_db_exec(db, err,
			  "INSERT INTO backup_texts (id, drill_log)"
			  " SELECT id, ?3 FROM backups WHERE vault = coalesce(?1, vault) AND file = ?2"
			  " ON CONFLICT (id) DO UPDATE SET drill_log = excluded.drill_log",
			  cm_v_text(vault), cm_v_text(file), cm_v_text(drill->log));
}

int cm_catalog_set_drilled(const char *vault, const char *file, const struct cm_catalog_drill *drill,
			   struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc != 0 || (rc = cm_db_begin(db, err)) != 0)
		return rc;
	return cm_db_end(db, set_drilled(db, vault, file, drill, err), err);
}

int cm_catalog_set_locked(const char *vault, const char *file, bool locked, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	return rc != 0
		   ? rc
		   : changed(db,
			     cm_db_exec(db, err,
					"UPDATE backups SET locked = ? WHERE vault = coalesce(?, vault) AND file = ?",
					cm_v_int(locked), cm_v_text(vault), cm_v_text(file)),
			     err);
}

int cm_catalog_set_note(const char *vault, const char *file, const char *note, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	return rc != 0 ? rc
		       : changed(db,
				 cm_db_exec(db, err,
					    "UPDATE backups SET note = ? WHERE vault = coalesce(?, vault) AND file = ?",
					    cm_v_text(note), cm_v_text(vault), cm_v_text(file)),
				 err);
}

int cm_catalog_set_missing(const char *vault, const char *file, int64_t at_ms, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	return rc != 0 ? rc
		       : changed(db,
				 cm_db_exec(db, err,
					    "UPDATE backups SET missing_ms = CASE WHEN ?1 > 0 AND missing_ms > 0 THEN"
					    " missing_ms ELSE ?1 END WHERE vault = coalesce(?2, vault) AND file = ?3",
					    cm_v_int(at_ms), cm_v_text(vault), cm_v_text(file)),
				 err);
}

int cm_catalog_each_name(const char *vault, cm_catalog_name_fn fn, void *ctx, struct cm_err *err)
{
	struct cm_db *db;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_query(db, &st, err,
				 "SELECT file, size, modified_ms, companion_ms, missing_ms FROM backups WHERE vault = ?"
				 " ORDER BY file",
				 cm_v_text(vault));
	if (rc != 0)
		return rc;
	while ((rc = cm_stmt_step(st, err)) > 0) {
		/* Borrowed for the callback: names point into the statement. */
		struct cm_catalog_row row = { .vault = (char *)vault,
					      .file = (char *)cm_stmt_str(st, 0),
					      .size = cm_stmt_int(st, 1),
					      .modified_ms = cm_stmt_int(st, 2),
					      .companion_ms = cm_stmt_int(st, 3),
					      .missing_ms = cm_stmt_int(st, 4) };
		int stop = fn(ctx, &row);
		if (stop != 0)
			return stop;
	}
	return rc;
}
