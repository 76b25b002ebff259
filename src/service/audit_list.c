/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"
#include "service/audit.h"

enum { LIMIT_DEFAULT = 1000, LIMIT_MAX = 10000, VALUES_MAX = 16, ID_MIN = 12 };

/* Lines have ids in the order of time, even when the clock was set back in between. */
static const struct {
	const char *field;
	const char *order;
} sorts[] = {
	{ "-time", "id DESC" },
	{ "time", "id" },
	{ "operation", "operation, id DESC" },
	{ "-operation", "operation DESC, id DESC" },
	{ "status", "status, id DESC" },
	{ "-status", "status DESC, id DESC" },
	{ "user", "user COLLATE NOCASE, id DESC" },
	{ "-user", "user COLLATE NOCASE DESC, id DESC" },
	{ "container", "container_name COLLATE NOCASE, id DESC" },
	{ "-container", "container_name COLLATE NOCASE DESC, id DESC" },
};

struct where {
	struct cm_buf sql;
	struct cm_value values[VALUES_MAX];
	size_t count;
	char *like;
};

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

/* Lines hold the whole id; people and the predecessor's API know its beginning. */
static bool is_id(const char *s)
{
	size_t n = strlen(s);
	return n >= ID_MIN && n <= 64 && strspn(s, "0123456789abcdef") == n;
}

static void where_container(struct where *w, const char *name, const char *id)
{
	if (id != NULL && *id != '\0' && is_id(id)) {
		where_add(w, "container_id >= ?", cm_v_text(id));
		where_add(w, "container_id < ? || 'g'", cm_v_text(id));
	} else {
		where_text(w, "container_id = ?", id);
	}
	if (name != NULL && is_id(name)) {
		/* Conditions are joined by AND, which binds more tightly than OR. */
		where_add(w, "(container_name = ?", cm_v_text(name));
		where_add(w, "1 OR (container_id >= ?", cm_v_text(name));
		where_add(w, "container_id < ? || 'g'))", cm_v_text(name));
	} else {
		where_text(w, "container_name = ?", name);
	}
}

static void where_build(struct where *w, const struct cm_audit_query *q)
{
	cm_buf_init(&w->sql, 4096);
	where_text(w, "operation = ?", q->operation);
	where_text(w, "status = ?", q->status);
	where_container(w, q->container, q->container_id);
	where_text(w, "user = ?", q->user);
	if (q->from_ms != 0)
		where_add(w, "at_ms >= ?", cm_v_int(q->from_ms));
	if (q->to_ms != 0)
		where_add(w, "at_ms < ?", cm_v_int(q->to_ms));
	if (q->search != NULL && *q->search != '\0') {
		w->like = cm_db_like(q->search);
		where_add(w,
			  "(operation || char(10) || coalesce(container_name, '') || char(10) ||"
			  " coalesce(container_id, '') || char(10) || coalesce(backup_filename, '') || char(10) ||"
			  " coalesce(error, '') || char(10) || coalesce(user, '') || char(10) ||"
			  " coalesce(address, '') || char(10) || coalesce(details, '')) LIKE ? ESCAPE '\\'",
			  cm_v_text(w->like));
	}
	if (q->before_id > 0)
		where_add(w, "id < ?", cm_v_int(q->before_id));
}

static const char *order_of(const char *sort)
{
	if (sort == NULL || *sort == '\0')
		return sorts[0].order;
	for (size_t i = 0; i < CM_COUNT(sorts); i++)
		if (cm_str_eq(sorts[i].field, sort))
			return sorts[i].order;
	return NULL;
}

static void row_read(struct cm_stmt *st, struct cm_audit_row *r)
{
	r->id = cm_stmt_int(st, 0);
	r->at_ms = cm_stmt_int(st, 1);
	r->operation = cm_strdup(cm_stmt_str(st, 2));
	r->status = cm_strdup(cm_stmt_str(st, 3));
	r->container_id = cm_strdup(cm_stmt_str(st, 4));
	r->container_name = cm_strdup(cm_stmt_str(st, 5));
	r->backup_filename = cm_strdup(cm_stmt_str(st, 6));
	r->error = cm_strdup(cm_stmt_str(st, 7));
	r->user = cm_strdup(cm_stmt_str(st, 8));
	r->address = cm_strdup(cm_stmt_str(st, 9));
	r->details = cm_strdup(cm_stmt_str(st, 10));
	r->duration_ms = cm_stmt_null(st, 11) ? -1 : cm_stmt_int(st, 11);
}

static int rows_load(struct cm_db *db, const struct where *w, const char *order, int64_t limit, int64_t offset,
		     struct cm_audit_list *list, struct cm_err *err)
{
	cm_autofree char *sql =
	    cm_asprintf("SELECT id, at_ms, operation, status, container_id, container_name, backup_filename, error,"
			" user, address, details, duration_ms FROM audit%s ORDER BY %s LIMIT ? OFFSET ?",
			w->sql.data, order);
	cm_autostmt struct cm_stmt *st = NULL;
	struct cm_value values[VALUES_MAX + 3];
	size_t room = 0;

	memcpy(values, w->values, sizeof(w->values));
	values[w->count] = cm_v_int(limit);
	values[w->count + 1] = cm_v_int(offset);
	values[w->count + 2] = (struct cm_value){ .type = CM_VALUE_END };
	int rc = cm_db_query_values(db, &st, err, sql, values);
	while (rc == 0 && (rc = cm_stmt_step(st, err)) > 0) {
		if (list->count == room) {
			room = room ? room * 2 : 32;
			list->rows = cm_realloc(list->rows, room, sizeof(*list->rows));
		}
		row_read(st, &list->rows[list->count++]);
		rc = 0;
	}
	return rc;
}

int cm_audit_list(const struct cm_audit_query *q, struct cm_audit_list *ret, struct cm_err *err)
{
	struct cm_audit_list list = { 0 };
	struct where w = { 0 };
	struct cm_db *db;
	const char *order = order_of(q->sort);
	int64_t limit = q->limit ? q->limit : LIMIT_DEFAULT;

	if (limit < 1 || limit > LIMIT_MAX)
		return cm_err_set(err, CM_EINVAL, "limit must be between 1 and %d", LIMIT_MAX);
	if (q->offset < 0)
		return cm_err_set(err, CM_EINVAL, "offset must be 0 or more");
	if (order == NULL)
		return cm_err_set(err, CM_EINVAL, "The audit log cannot be sorted by that.");
	int rc = cm_db_get(&db, err);
	if (rc != 0 || (rc = cm_db_begin_read(db, err)) != 0)
		return rc;
	where_build(&w, q);
	cm_autofree char *count = cm_asprintf("SELECT count(*) FROM audit%s", w.sql.data);
	rc = cm_db_int_values(db, &list.total, err, count, w.values);
	if (rc == 0)
		rc = rows_load(db, &w, order, limit, q->offset, &list, err);
	rc = cm_db_end(db, rc, err);
	cm_buf_release(&w.sql);
	free(w.like);
	if (rc != 0)
		cm_audit_list_release(&list);
	else
		*ret = list;
	return rc;
}

void cm_audit_list_release(struct cm_audit_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct cm_audit_row *r = &list->rows[i];
		free(r->operation);
		free(r->status);
		free(r->container_id);
		free(r->container_name);
		free(r->backup_filename);
		free(r->error);
		free(r->user);
		free(r->address);
		free(r->details);
	}
	free(list->rows);
	*list = (struct cm_audit_list){ 0 };
}

int cm_audit_words(const char *column, int limit, struct json_object **ret, struct cm_err *err)
{
	struct cm_db *db;
	cm_autostmt struct cm_stmt *st = NULL;
	cm_autojson struct json_object *words = json_object_new_array();

	if (strcmp(column, "operation") != 0 && strcmp(column, "container_name") != 0)
		return cm_err_set(err, CM_EINTERNAL, "The audit log has no such words.");
	/* From one word to the next by the index, however many lines there are. */
	cm_autofree char *sql =
	    cm_asprintf("WITH RECURSIVE w(word) AS (SELECT min(%1$s) FROM audit UNION ALL SELECT (SELECT min(%1$s)"
			" FROM audit WHERE %1$s > w.word) FROM w WHERE w.word IS NOT NULL)"
			" SELECT word FROM w WHERE word IS NOT NULL LIMIT ?",
			column);
	int rc = cm_db_get(&db, err);
	rc = rc != 0 ? rc : cm_db_query(db, &st, err, sql, cm_v_int(limit));
	while (rc == 0 && (rc = cm_stmt_step(st, err)) > 0) {
		cm_json_add_str(words, cm_stmt_str(st, 0));
		rc = 0;
	}
	if (rc == 0)
		*ret = cm_move(&words);
	return rc;
}
