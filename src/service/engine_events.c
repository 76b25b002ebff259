/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/engine_events.h"

#include <string.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"
#include "docker/helper.h"
#include "service/engine.h"

enum { VALUES_MAX = 16, ID_MIN = 12, ATTRIBUTES_MAX = 4096, DAY_MS = 86400000 };
static const int64_t ns_in_ms = 1000000;

bool cm_event_is_exec(const char *action)
{
	return cm_str_has_prefix(action, "exec_");
}

void cm_event_release(struct cm_event *e)
{
	free(e->type);
	free(e->action);
	free(e->object_id);
	free(e->name);
	free(e->scope);
	free(e->attributes);
	memset(e, 0, sizeof(*e));
}

void cm_event_list_release(struct cm_event_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		cm_event_release(&list->rows[i]);
	free(list->rows);
	memset(list, 0, sizeof(*list));
}

/* ---- What is kept ---- */
static bool is_ours(struct json_object *attributes)
{
	const char *name = cm_json_str(attributes, "name", ""), *image = cm_json_str(attributes, "image", "");

	return cm_json_get(attributes, CM_HELPER_LABEL) != NULL || cm_json_get(attributes, CM_DRILL_LABEL) != NULL ||
	       cm_str_has_prefix(name, CM_HELPER_REPO) || cm_str_has_prefix(image, CM_HELPER_REPO);
}

/* Volumes have their name as id; images are named by what they were asked for with. */
static const char *name_of(struct json_object *attributes, const char *type, const char *id)
{
	const char *name = cm_json_str(attributes, "name", "");

	return name[0] != '\0' || strcmp(type, "volume") != 0 ? name : id;
}

static char *attributes_text(struct json_object *attributes)
{
	cm_autofree char *text = attributes ? cm_json_text(attributes) : NULL;

	return text != NULL && strlen(text) <= ATTRIBUTES_MAX ? cm_move(&text) : cm_strdup("{}");
}

bool cm_event_read(struct json_object *engine, struct cm_event *ret)
{
	struct json_object *actor = cm_json_obj(engine, "Actor"), *attributes = cm_json_obj(actor, "Attributes");
	const char *type = cm_json_str(engine, "Type", ""), *action = cm_json_str(engine, "Action", "");
	const char *id = cm_json_str(actor, "ID", "");
	int64_t nano = cm_json_int(engine, "timeNano", cm_json_int(engine, "time", 0) * 1000 * ns_in_ms);

	if (type[0] == '\0' || action[0] == '\0' || nano <= 0 || is_ours(attributes))
		return false;
	/* "exec_create: mysql -psecret" and the like. "health_status: healthy" is the state itself. */
	*ret = (struct cm_event){ .time_nano = nano,
				  .type = cm_strdup(type),
				  .action = cm_event_is_exec(action) ? cm_strndup(action, strcspn(action, ": "))
								     : cm_strdup(action),
				  .object_id = cm_strdup(id),
				  .name = cm_strdup(name_of(attributes, type, id)),
				  .scope = cm_strdup(cm_json_str(engine, "scope", "local")),
				  .attributes = attributes_text(attributes) };
	return true;
}

int cm_events_add(const struct cm_event *events, size_t count, int64_t *ret_new, struct cm_err *err)
{
	struct cm_db *db;
	int64_t added = 0;
	int rc = cm_db_get(&db, err);

	if (rc != 0 || (rc = cm_db_begin(db, err)) != 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		const struct cm_event *e = &events[i];

		rc = cm_db_exec(db, err,
				"INSERT OR IGNORE INTO events (time_nano, type, action, object_id, name, scope,"
				" attributes) VALUES (?, ?, ?, ?, ?, ?, ?)",
				cm_v_int(e->time_nano), cm_v_text(e->type), cm_v_text(e->action),
				cm_v_text(e->object_id), cm_v_text(e->name), cm_v_text(e->scope),
				cm_v_text(e->attributes));
		added += rc == 0 ? cm_db_changes(db) : 0;
	}
	rc = cm_db_end(db, rc, err);
	if (rc == 0)
		*ret_new = added;
	return rc;
}

int cm_events_prune(int64_t now_ms, struct cm_err *err)
{
	static const char beyond[] = "DELETE FROM events WHERE action LIKE 'exec\\_%' ESCAPE '\\' = ? AND id <="
				     " (SELECT id FROM events WHERE action LIKE 'exec\\_%' ESCAPE '\\' = ?"
				     " ORDER BY id DESC LIMIT 1 OFFSET ?)";
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc != 0 || (rc = cm_db_begin(db, err)) != 0)
		return rc;
	rc = cm_db_exec(db, err, "DELETE FROM events WHERE time_nano < ?",
			cm_v_int((now_ms - (int64_t)CM_EVENTS_KEEP_DAYS * DAY_MS) * ns_in_ms));
	if (rc == 0)
		rc = cm_db_exec(db, err, beyond, cm_v_int(1), cm_v_int(1), cm_v_int(CM_EVENTS_KEEP_EXEC));
	if (rc == 0)
		rc = cm_db_exec(db, err, beyond, cm_v_int(0), cm_v_int(0), cm_v_int(CM_EVENTS_KEEP));
	return cm_db_end(db, rc, err);
}

/* ---- Lists ---- */
struct where {
	struct cm_buf sql;
	struct cm_value values[VALUES_MAX];
	size_t count;
	char *like;
};

static void where_add(struct where *w, const char *condition, struct cm_value value)
{
	cm_buf_str(&w->sql, w->sql.len ? " AND " : " WHERE ");
	cm_buf_str(&w->sql, condition);
	if (value.type != CM_VALUE_END)
		w->values[w->count++] = value;
}

static bool is_id(const char *s)
{
	size_t n = strlen(s);

	return n >= ID_MIN && n <= 64 && strspn(s, "0123456789abcdef") == n;
}

static void where_build(struct where *w, const struct cm_event_query *q)
{
	const struct cm_value none = { .type = CM_VALUE_END };

	cm_buf_init(&w->sql, 4096);
	if (q->since_ms != 0)
		where_add(w, "time_nano >= ?", cm_v_int(q->since_ms * ns_in_ms));
	if (q->until_ms != 0)
		where_add(w, "time_nano < ?", cm_v_int(q->until_ms * ns_in_ms));
	if (q->type != NULL && q->type[0] != '\0')
		where_add(w, "type = ?", cm_v_text(q->type));
	if (cm_str_eq(q->action, "exec"))
		where_add(w, "action LIKE 'exec\\_%' ESCAPE '\\'", none);
	else if (q->action != NULL && q->action[0] != '\0')
		where_add(w, "action = ?", cm_v_text(q->action));
	else if (q->without_exec)
		where_add(w, "action NOT LIKE 'exec\\_%' ESCAPE '\\'", none);
	if (q->object != NULL && q->object[0] != '\0') {
		where_add(w, "(name = ?", cm_v_text(q->object));
		cm_buf_str(&w->sql, is_id(q->object) ? " OR replace(object_id, 'sha256:', '') LIKE ? || '%')"
						     : " OR object_id = ?)");
		w->values[w->count++] = cm_v_text(q->object);
	}
	if (q->search != NULL && q->search[0] != '\0') {
		w->like = cm_db_like(q->search);
		where_add(w,
			  "(type || char(10) || action || char(10) || name || char(10) || object_id || char(10) ||"
			  " attributes) LIKE ? ESCAPE '\\'",
			  cm_v_text(w->like));
	}
	if (q->after_id > 0)
		where_add(w, "id > ?", cm_v_int(q->after_id));
}

static void row_read(struct cm_stmt *st, struct cm_event *e)
{
	e->id = cm_stmt_int(st, 0);
	e->time_nano = cm_stmt_int(st, 1);
	e->type = cm_strdup(cm_stmt_str(st, 2));
	e->action = cm_strdup(cm_stmt_str(st, 3));
	e->object_id = cm_strdup(cm_stmt_str(st, 4));
	e->name = cm_strdup(cm_stmt_str(st, 5));
	e->scope = cm_strdup(cm_stmt_str(st, 6));
	e->attributes = cm_strdup(cm_stmt_str(st, 7));
}

static int rows_load(struct cm_db *db, const struct where *w, const struct cm_event_query *q,
		     struct cm_event_list *list, struct cm_err *err)
{
	cm_autofree char *sql =
	    cm_asprintf("SELECT id, time_nano, type, action, object_id, name, scope, attributes FROM events%s"
			" ORDER BY %s LIMIT ? OFFSET ?",
			w->sql.data, q->after_id > 0 ? "id" : "time_nano DESC, id DESC");
	cm_autostmt struct cm_stmt *st = NULL;
	struct cm_value values[VALUES_MAX + 3];
	size_t room = 0;
	int rc;

	memcpy(values, w->values, sizeof(w->values));
	values[w->count] = cm_v_int(q->limit > 0 && q->limit < CM_EVENTS_MAX ? q->limit : CM_EVENTS_MAX);
	values[w->count + 1] = cm_v_int(q->offset);
	values[w->count + 2] = (struct cm_value){ .type = CM_VALUE_END };
	rc = cm_db_query_values(db, &st, err, sql, values);
	while (rc == 0 && (rc = cm_stmt_step(st, err)) > 0) {
		if (list->count == room) {
			room = room ? room * 2 : 64;
			list->rows = cm_realloc(list->rows, room, sizeof(*list->rows));
		}
		row_read(st, &list->rows[list->count++]);
		rc = 0;
	}
	return rc;
}

int cm_events_list(const struct cm_event_query *q, struct cm_event_list *ret, struct cm_err *err)
{
	struct cm_event_list list = { 0 };
	struct where w = { .count = 0 };
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc != 0 || (rc = cm_db_begin_read(db, err)) != 0)
		return rc;
	where_build(&w, q);
	w.values[w.count].type = CM_VALUE_END;
	cm_autofree char *count = cm_asprintf("SELECT count(*) FROM events%s", w.sql.data);
	rc = cm_db_int_values(db, &list.total, err, count, w.values);
	if (rc == 0)
		rc = rows_load(db, &w, q, &list, err);
	rc = cm_db_end(db, rc, err);
	cm_buf_release(&w.sql);
	free(w.like);
	if (rc == 0)
		*ret = list;
	else
		cm_event_list_release(&list);
	return rc;
}

int cm_events_words(const char *type, struct json_object **ret, struct cm_err *err)
{
	cm_autostmt struct cm_stmt *st = NULL;
	struct json_object *list;
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc == 0 && type == NULL)
		rc = cm_db_query(db, &st, err, "SELECT DISTINCT type FROM events ORDER BY 1");
	else if (rc == 0)
		rc = cm_db_query(db, &st, err, "SELECT DISTINCT action FROM events WHERE ? IN ('', type) ORDER BY 1",
				 cm_v_text(type));
	if (rc != 0)
		return rc;
	list = json_object_new_array();
	while ((rc = cm_stmt_step(st, err)) > 0)
		cm_json_add_str(list, cm_stmt_str(st, 0));
	if (rc == 0)
		*ret = list;
	else
		json_object_put(list);
	return rc;
}

int cm_events_last(int64_t *ret_id, int64_t *ret_time_nano, struct cm_err *err)
{
	cm_autostmt struct cm_stmt *st = NULL;
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_query(db, &st, err, "SELECT coalesce(max(id), 0), coalesce(max(time_nano), 0) FROM events");
	if (rc == 0 && (rc = cm_stmt_step(st, err)) > 0) {
		*ret_id = cm_stmt_int(st, 0);
		*ret_time_nano = cm_stmt_int(st, 1);
		rc = 0;
	}
	return rc;
}
