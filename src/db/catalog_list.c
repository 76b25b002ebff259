/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "db/catalog_row.h"
#include "db/db.h"
#include "db/handle.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 10000, VALUES_MAX = 24, SERVERS_MAX = 1000 };

const char *const cm_catalog_sort_fields[] = { "file",	 "container", "type",	  "backup_type", "vault", "server",
					       "size",	 "created",   "verified", "drilled",	 "image", "stack",
					       "format", "warnings",  "state",	  NULL };

/* What a sort field means. Each has an index that ends with the id, so that no sort is needed. */
static const struct {
	const char *field;
	const char *column;
} sorts[] = {
	{ "file", "file COLLATE NOCASE" },
	{ "filename", "file COLLATE NOCASE" },
	{ "container", "container_name COLLATE NOCASE" },
	{ "container_name", "container_name COLLATE NOCASE" },
	{ "type", "type" },
	{ "backup_type", "backup_type" },
	{ "vault", "vault" },
	{ "storage", "vault" },
	{ "storage_location", "vault" },
	{ "server", "server_name COLLATE NOCASE" },
	{ "server_name", "server_name COLLATE NOCASE" },
	{ "size", "size" },
	{ "created", "created_ms" },
	{ "verified", "verified_ms" },
	{ "drilled", "drilled_ms" },
	{ "image", "image COLLATE NOCASE" },
	{ "stack", "stack COLLATE NOCASE" },
	{ "format", "format" },
	{ "warnings", "warning_count" },
	/* What needs somebody first. */
	{ "state", "CASE WHEN missing_ms > 0 THEN 0 WHEN verify_state = 'damaged' THEN 1 WHEN verify_state = 'unknown'"
		   " THEN 2 WHEN verify_state = 'readable' THEN 3 ELSE 4 END" },
};

struct where {
	struct cm_buf sql;
	struct cm_value values[VALUES_MAX];
	size_t count;
};

static void where_release(struct where *w)
{
	cm_buf_release(&w->sql);
}

static void where_add(struct where *w, const char *condition, struct cm_value value)
{
	cm_buf_str(&w->sql, w->count ? " AND " : " WHERE ");
	cm_buf_str(&w->sql, condition);
	w->values[w->count++] = value;
}

static void where_text(struct where *w, const char *condition, const char *value)
{
	if (value != NULL && *value != '\0')
		where_add(w, condition, cm_v_text(value));
}

/* The first of each set that is left: another one when that was deleted. */
#define SETS_FOLDED                                                                                            \
	"(set_id IS NULL OR id IN (SELECT id FROM (SELECT id, min(set_index) FROM backups WHERE set_id IS NOT" \
	" NULL GROUP BY set_id)))"

static void where_build(struct where *w, const struct cm_catalog_query *q, bool fold)
{
	cm_buf_init(&w->sql, 4096);
	where_text(w, "vault = ?", q->vault);
	where_text(w, "type = ?", q->type);
	where_text(w, "backup_type = ?", q->backup_type);
	where_text(w,
		   cm_str_eq(q->server_name, "Unknown Server") ? "coalesce(server_name, 'Unknown Server') = ?"
							       : "server_name = ?",
		   q->server_name);
	where_text(w, "container_name = ?", q->container_name);
	where_text(w, "stack = ?", q->stack);
	where_text(w, "missing_ms = 0 AND verify_state = ?", q->verify_state);
	where_text(w, "drill_state = ?", q->drill_state);
	where_text(w, "set_id = ?", q->set_id);
	if (fold)
		where_add(w, SETS_FOLDED " AND 1 = ?", cm_v_int(1));
	if (q->missing)
		where_add(w, "missing_ms > 0 AND 1 = ?", cm_v_int(1)); /* as its index has it */
	if (q->from_ms != 0)
		where_add(w, "created_ms >= ?", cm_v_int(q->from_ms));
	if (q->to_ms != 0)
		where_add(w, "created_ms < ?", cm_v_int(q->to_ms));
	where_text(w, "instr(search, lower(?)) > 0", q->search);
}

static int order_of(const char *sort, const char **ret_column, bool *ret_descending, struct cm_err *err)
{
	if (sort == NULL || *sort == '\0')
		sort = "-created";
	bool descending = *sort == '-';
	for (size_t i = 0; i < CM_COUNT(sorts); i++) {
		if (!cm_str_eq(sorts[i].field, sort + descending))
			continue;
		*ret_column = sorts[i].column;
		*ret_descending = descending;
		return 0;
	}
	return cm_err_set(err, CM_EINVAL, "The vault cannot be sorted by that.");
}

static int rows_read(struct cm_stmt *st, struct cm_catalog_list *list, struct cm_err *err)
{
	size_t room = 0;
	int rc;

	while ((rc = cm_stmt_step(st, err)) > 0) {
		if (list->count == room) {
			room = room ? room * 2 : 32;
			list->rows = cm_realloc(list->rows, room, sizeof(*list->rows));
		}
		cm_catalog_row_read(st, &list->rows[list->count++]);
	}
	return rc;
}

/* Counts all rows: each part comes from an index alone, and still all of it takes as long as the rest of a page. */
static int totals_count(struct cm_db *db, struct cm_catalog_totals *ret, struct cm_err *err)
{
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_query(db, &st, err,
			     "SELECT count(*) - m.n, coalesce(sum(size), 0) - m.bytes,"
			     " (SELECT count(*) FROM backups WHERE verify_state = 'damaged' AND missing_ms = 0),"
			     " (SELECT count(*) FROM backups WHERE verify_state = 'unknown') -"
			     " (SELECT count(*) FROM backups WHERE missing_ms > 0 AND verify_state = 'unknown'),"
			     " (SELECT count(*) FROM backups WHERE drill_state = 'failed'),"
			     " (SELECT coalesce(max(created_ms), 0) FROM backups), m.n FROM backups,"
			     " (SELECT count(*) AS n, coalesce(sum(size), 0) AS bytes FROM backups"
			     " WHERE missing_ms > 0) m");

	if (rc != 0 || (rc = cm_stmt_step(st, err)) < 0)
		return rc;
	ret->count = cm_stmt_int(st, 0);
	ret->bytes = cm_stmt_int(st, 1);
	ret->damaged = cm_stmt_int(st, 2);
	ret->never_checked = cm_stmt_int(st, 3);
	ret->drill_failed = cm_stmt_int(st, 4);
	ret->newest_ms = cm_stmt_int(st, 5);
	ret->missing = cm_stmt_int(st, 6);
	return 0;
}

/* The same, remembered until anything in the database changes: by others, which SQLite numbers, or by this connection.
 * What a transaction of our own has changed so far may be undone, so then it is counted and not remembered. */
static int totals_of(struct cm_db *db, struct cm_catalog_totals *ret, struct cm_err *err)
{
	int64_t own = sqlite3_total_changes64(db->handle), others;
	int rc = cm_db_int(db, &others, err, "PRAGMA data_version");

	if (rc != 0)
		return rc;
	if (db->writing || !db->totals.known || db->totals.own != own || db->totals.others != others) {
		struct cm_catalog_totals totals;

		rc = totals_count(db, &totals, err);
		if (rc == 0)
			*ret = totals;
		if (rc != 0 || db->writing)
			return rc;
		db->totals.known = true;
		db->totals.own = own;
		db->totals.others = others;
		db->totals.value = totals;
	}
	*ret = db->totals.value;
	return 0;
}

static int list_total(struct cm_db *db, const struct where *w, int64_t *ret, struct cm_err *err)
{
	cm_autofree char *sql = cm_asprintf("SELECT count(*) FROM backups b%s", w->sql.data);
	struct cm_catalog_totals all;
	int rc;

	if (w->count > 0)
		return cm_db_int_values(db, ret, err, sql, w->values);
	rc = totals_of(db, &all, err);
	if (rc == 0)
		*ret = all.count + all.missing;
	return rc;
}

static int list_rows(struct cm_db *db, const struct where *w, const char *column, bool descending, int64_t limit,
		     int64_t offset, struct cm_catalog_list *list, struct cm_err *err)
{
	const char *direction = descending ? "DESC" : "ASC";
	/* All rows: straight off the index of the column. Some: reading the table once and sorting what fits is quicker
	 * than jumping from the index into the table for each row; the + keeps SQLite from doing that. Only ids are
	 * sorted, the rows are fetched for the page alone. */
	cm_autofree char *sql =
	    cm_asprintf("SELECT " CM_CATALOG_COLUMNS " FROM (SELECT id AS hit FROM backups%s ORDER BY %s%s %s, id %s"
			" LIMIT ? OFFSET ?) JOIN backups b ON b.id = hit ORDER BY %s %s, b.id %s",
			w->sql.data, w->count ? "+" : "", column, direction, direction, column, direction, direction);
	cm_autostmt struct cm_stmt *st = NULL;
	struct cm_value values[VALUES_MAX + 3];

	memcpy(values, w->values, sizeof(w->values));
	values[w->count] = cm_v_int(limit);
	values[w->count + 1] = cm_v_int(offset);
	values[w->count + 2] = (struct cm_value){ .type = CM_VALUE_END };
	int rc = cm_db_query_values(db, &st, err, sql, values);
	return rc != 0 ? rc : rows_read(st, list, err);
}

int cm_catalog_list(const struct cm_catalog_query *q, struct cm_catalog_list *ret, struct cm_err *err)
{
	struct cm_catalog_list list = { 0 };
	struct where w = { 0 };
	struct cm_db *db;
	const char *column = NULL;
	bool descending = false;
	int64_t limit = q->limit ? q->limit : LIMIT_DEFAULT, any = 0;

	if (limit < 1 || limit > LIMIT_MAX || q->offset < 0)
		return cm_err_set(err, CM_EINVAL, "limit must be between 1 and %d, offset 0 or more", LIMIT_MAX);
	int rc = order_of(q->sort, &column, &descending, err);
	if (rc != 0 || (rc = cm_db_get(&db, err)) != 0 || (rc = cm_db_begin_read(db, err)) != 0)
		return rc;
	/* While there is no set, the list comes straight off an index. */
	if (q->fold_sets)
		rc = cm_db_int(db, &any, err, "SELECT EXISTS (SELECT 1 FROM backups WHERE set_id IS NOT NULL)");
	where_build(&w, q, any != 0);
	rc = rc < 0 ? rc : list_total(db, &w, &list.total, err);
	if (rc == 0)
		rc = list_rows(db, &w, column, descending, limit, q->offset, &list, err);
	rc = cm_db_end(db, rc, err);
	where_release(&w);
	if (rc != 0)
		cm_catalog_list_release(&list);
	else
		*ret = list;
	return rc;
}

void cm_catalog_list_release(struct cm_catalog_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		cm_catalog_row_release(&list->rows[i]);
	free(list->rows);
	*list = (struct cm_catalog_list){ 0 };
}

int cm_catalog_set(const char *set_id, const char *stack, struct cm_catalog_list *ret, struct cm_err *err)
{
	struct cm_catalog_list list = { 0 };
	struct cm_db *db;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_query(
		    db, &st, err,
		    "SELECT " CM_CATALOG_COLUMNS " FROM backups b WHERE set_id = coalesce(?1,"
		    " (SELECT set_id FROM backups WHERE set_id IS NOT NULL AND stack = ?2 AND missing_ms = 0"
		    " AND verify_state <> 'damaged' GROUP BY set_id HAVING count(*) = max(set_count)"
		    " ORDER BY max(created_ms) DESC LIMIT 1)) ORDER BY set_index, b.id",
		    cm_v_text(set_id), cm_v_text(stack));
	rc = rc != 0 ? rc : rows_read(st, &list, err);
	if (rc == 0 && list.count == 0)
		rc = cm_err_set(err, CM_ENOTFOUND,
				set_id != NULL ? "There is no such stack backup."
					       : "There is no complete backup of this stack.");
	if (rc != 0) {
		cm_catalog_list_release(&list);
		return rc;
	}
	list.total = (int64_t)list.count;
	*ret = list;
	return 0;
}

int cm_catalog_totals(struct cm_catalog_totals *ret, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	return rc != 0 ? rc : totals_of(db, ret, err);
}

int cm_catalog_servers(char ***ret, struct cm_err *err)
{
	struct cm_db *db;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_get(&db, err);

	/* From one to the next by the index: few values in many rows. */
	if (rc == 0)
		rc = cm_db_query(db, &st, err,
				 "WITH RECURSIVE servers (name) AS (SELECT min(server_name) FROM backups UNION ALL"
				 " SELECT (SELECT min(server_name) FROM backups WHERE server_name > name) FROM servers"
				 " WHERE name IS NOT NULL LIMIT ?)"
				 " SELECT name FROM servers WHERE name IS NOT NULL ORDER BY name COLLATE NOCASE",
				 cm_v_int(SERVERS_MAX));
	if (rc != 0)
		return rc;
	char **values = cm_alloc_array(SERVERS_MAX + 1, sizeof(*values));
	for (size_t n = 0; n < SERVERS_MAX && (rc = cm_stmt_step(st, err)) > 0; n++)
		values[n] = cm_strdup(cm_stmt_str(st, 0));
	if (rc < 0) {
		cm_catalog_servers_free(values);
		return rc;
	}
	*ret = values;
	return 0;
}

void cm_catalog_servers_free(char **names)
{
	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		free(names[i]);
	free(names);
}

int cm_catalog_newest(struct cm_catalog_list *ret, struct cm_err *err)
{
	struct cm_catalog_list list = { 0 };
	struct cm_db *db;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_get(&db, err);

	/* From one name to the next by the index of the newest, and from there to the first that is of use: what is
	 * read depends on the containers, not on how often they were backed up. */
	if (rc == 0)
		rc = cm_db_query(db, &st, err,
				 "WITH RECURSIVE names (name) AS ("
				 " SELECT min(container_name) FROM backups WHERE type = 'container' UNION ALL"
				 " SELECT (SELECT min(container_name) FROM backups"
				 " WHERE type = 'container' AND container_name > name) FROM names"
				 " WHERE name IS NOT NULL LIMIT ?)"
				 " SELECT " CM_CATALOG_COLUMNS " FROM names JOIN backups b ON b.id ="
				 " (SELECT id FROM backups WHERE type = 'container' AND container_name = name"
				 " AND verify_state <> 'damaged' AND missing_ms = 0"
				 " ORDER BY created_ms DESC, id DESC LIMIT 1)",
				 cm_v_int(LIMIT_MAX));
	if (rc != 0)
		return rc;
	rc = rows_read(st, &list, err);
	if (rc != 0) {
		cm_catalog_list_release(&list);
		return rc;
	}
	list.total = (int64_t)list.count;
	*ret = list;
	return 0;
}

int cm_catalog_oldest_verified(int64_t now_ms, int64_t before_ms, struct cm_catalog_pick **ret, size_t *ret_count,
			       struct cm_err *err)
{
	struct cm_catalog_pick *list = NULL;
	size_t count = 0, room = 0;
	struct cm_db *db;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_query(
		    db, &st, err,
		    "SELECT id, size, content_size, iif(verified_ms > ?1, 0, verified_ms) AS at FROM backups"
		    " WHERE missing_ms = 0 AND type <> 'network' AND iif(verified_ms > ?1, 0, verified_ms)"
		    " < ?2 ORDER BY at, id",
		    cm_v_int(now_ms), cm_v_int(before_ms));
	while (rc == 0 && (rc = cm_stmt_step(st, err)) > 0) {
		if (count == room) {
			room = room ? room * 2 : 64;
			list = cm_realloc(list, room, sizeof(*list));
		}
		list[count++] = (struct cm_catalog_pick){ cm_stmt_int(st, 0), cm_stmt_int(st, 1), cm_stmt_int(st, 2),
							  cm_stmt_int(st, 3) };
		rc = 0;
	}
	if (rc != 0) {
		free(list);
		return rc;
	}
	*ret = list;
	*ret_count = count;
	return 0;
}
