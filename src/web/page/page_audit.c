/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The audit log: who did what, when, with which result. */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "service/audit.h"
#include "service/user.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_audit.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_audit.h"

enum { PAGE_SIZE = 100, API_SIZE = 1000, SIZE_MAX_LINES = 10000, WORDS_MAX = 200, NAMES_MAX = 200 };

static const char *const columns[] = { "-time", "operation", "status", "user", "container", NULL };

/* The predecessor takes a limit that is no number for none, and refuses one outside. */
static int read_limit(const struct cm_request *rq, struct cm_audit_query *q, struct cm_err *err)
{
	const char *limit = cm_form_str(rq->get, "limit", NULL), *offset = cm_form_str(rq->get, "offset", NULL);
	int64_t n;

	q->limit = rq->is_api ? API_SIZE : PAGE_SIZE;
	if (limit != NULL && cm_str_i64(limit, INT32_MIN, INT32_MAX, &n)) {
		if (n < 1 || n > SIZE_MAX_LINES)
			return cm_err_set(err, CM_EINVAL, "limit must be between 1 and %d", SIZE_MAX_LINES);
		q->limit = n;
	}
	if (offset != NULL && cm_str_i64(offset, INT32_MIN, INT32_MAX, &n)) {
		if (n < 0)
			return cm_err_set(err, CM_EINVAL, "offset must be at least 0");
		q->offset = n;
	}
	return 0;
}

static bool is_sort(const char *sort)
{
	for (size_t i = 0; columns[i] != NULL; i++)
		if (strcmp(columns[i] + (columns[i][0] == '-'), sort + (sort[0] == '-')) == 0)
			return true;
	return false;
}

int cm_audit_query_read(const struct cm_request *rq, struct cm_audit_query *q, struct cm_err *err)
{
	int rc = read_limit(rq, q, err);

	q->operation = cm_form_str(rq->get, "operation_type", NULL);
	q->status = cm_form_str(rq->get, "status", NULL);
	q->container_id = cm_form_str(rq->get, "container_id", NULL);
	q->container = cm_form_str(rq->get, "container", NULL);
	q->user = cm_form_str(rq->get, "user", NULL);
	q->search = cm_form_str(rq->get, "q", cm_form_str(rq->get, "search", NULL));
	q->sort = cm_form_str(rq->get, "sort", columns[0]);
	if (rc == 0 && !is_sort(q->sort))
		rc = cm_err_set(err, CM_EINVAL, "The audit log cannot be sorted by \"%.40s\".", q->sort);
	if (rc == 0)
		rc = cm_audit_parse_date(cm_form_get(rq->get, "start_date"), false, &q->from_ms, err);
	if (rc == 0)
		rc = cm_audit_parse_date(cm_form_get(rq->get, "end_date"), true, &q->to_ms, err);
	return rc;
}

static bool in_vault(const char *file)
{
	struct cm_catalog_row row;

	if (file == NULL || cm_catalog_get(NULL, file, &row, NULL) != 0)
		return false;
	cm_catalog_row_release(&row);
	return true;
}

/* Those the page knows, then others that occur. */
static struct json_object *operations_choice(const char *chosen)
{
	struct json_object *list = json_object_new_array();
	cm_autojson struct json_object *there = NULL;

	cm_view_choice(list, "", "All operations", NULL, chosen == NULL);
	for (size_t i = 0; cm_audit_operations[i] != NULL; i++)
		cm_view_choice(list, cm_audit_operations[i], cm_audit_operation_text(cm_audit_operations[i]), NULL,
			       cm_str_eq(cm_audit_operations[i], chosen));
	if (cm_audit_words("operation", WORDS_MAX, &there, NULL) != 0)
		return list;
	for (size_t i = 0; i < cm_json_len(there); i++) {
		const char *word = json_object_get_string(json_object_array_get_idx(there, i));
		if (!cm_audit_operation_known(word))
			cm_view_choice(list, word, cm_audit_operation_text(word), NULL, cm_str_eq(word, chosen));
	}
	return list;
}

static struct json_object *words_choice(const char *const *words, const char *(*text)(const char *), const char *all,
					const char *chosen)
{
	struct json_object *list = json_object_new_array();

	cm_view_choice(list, "", all, NULL, chosen == NULL);
	for (size_t i = 0; words[i] != NULL; i++)
		cm_view_choice(list, words[i], text(words[i]), NULL, cm_str_eq(words[i], chosen));
	return list;
}

static struct json_object *users_choice(const char *chosen)
{
	struct json_object *list = json_object_new_array();
	struct cm_user *users = NULL;
	size_t count = 0;
	bool found = chosen == NULL;

	cm_view_choice(list, "", "All users", NULL, chosen == NULL);
	if (cm_user_list(&users, &count, NULL) == 0) {
		for (size_t i = 0; i < count; i++) {
			found = found || cm_str_eq(users[i].name, chosen);
			cm_view_choice(list, users[i].name, users[i].name, NULL, cm_str_eq(users[i].name, chosen));
		}
	}
	if (!found)
		cm_view_choice(list, chosen, chosen, NULL, true);
	free(users);
	return list;
}

static void add_statistics(struct json_object *data)
{
	static const char *const keys[][2] = { { "total_logs", "total_text" },
					       { "last_24h", "day_text" },
					       { "last_7d", "week_text" } };
	struct json_object *texts = json_object_new_object(), *s = NULL;
	char text[96];

	if (cm_audit_statistics(&s, NULL) != 0)
		s = NULL;
	for (size_t i = 0; i < CM_COUNT(keys); i++) {
		cm_count_text(text, cm_json_int(s, keys[i][0], 0), "", "");
		text[strlen(text) - 1] = '\0';
		cm_json_set_str(texts, keys[i][1], s ? text : "unknown");
	}
	json_object_put(s);
	cm_json_set(data, "statistics", texts);
}

/* With what this page is filtered by. */
static void set_export_url(struct json_object *data, const char *key, const struct cm_request *rq, const char *format)
{
	cm_view_text(data, key, "/audit/export?format=%s%s%s", format, rq->query && rq->query[0] ? "&" : "",
		     rq->query ? rq->query : "");
}

static void add_page(struct json_object *data, const struct cm_request *rq, const struct cm_audit_query *q,
		     int64_t total)
{
	struct json_object *filters = json_object_new_object(), *names = NULL;
	bool filtered = q->operation || q->status || q->container || q->container_id || q->user || q->search ||
			q->from_ms || q->to_ms;

	if (cm_audit_words("container_name", NAMES_MAX, &names, NULL) != 0)
		names = json_object_new_array();
	cm_json_set(data, "container_names", names);
	cm_json_set_str(data, "container", cm_form_str(rq->get, "container", ""));
	set_export_url(data, "csv_url", rq, "csv");
	set_export_url(data, "json_url", rq, "json");
	cm_json_set_str(data, "start_date", cm_form_str(rq->get, "start_date", ""));
	cm_json_set_str(data, "end_date", cm_form_str(rq->get, "end_date", ""));
	cm_json_set_bool(data, "is_filtered", filtered);
	cm_json_set_bool(data, "is_empty", total == 0 && !filtered);
	cm_json_set_bool(data, "is_no_match", total == 0 && filtered);
	cm_json_set(filters, "operation_type", operations_choice(q->operation));
	cm_json_set(filters, "status", words_choice(cm_audit_statuses, cm_audit_status_text, "Any result", q->status));
	cm_json_set(filters, "user", users_choice(q->user));
	cm_json_set(data, "filters", filters);
	cm_json_set_bool(data, "can_clear", rq->role >= CM_ROLE_ADMIN && total > 0);
	cm_json_set_str(data, "empty_url", "/audit/clear");
	add_statistics(data);
}

int cm_page_audit(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *data, *rows;
	struct cm_audit_query q = { 0 };
	struct cm_audit_list logs = { 0 };
	struct cm_list list = { 0 };
	int rc = cm_audit_query_read(rq, &q, err);

	if (rc == 0)
		rc = cm_audit_list(&q, &logs, err);
	if (rc != 0)
		return rc;
	data = cm_view_data(rp);
	rows = json_object_new_array();
	for (size_t i = 0; i < logs.count; i++)
		json_object_array_add(rows, cm_view_audit_row(&logs.rows[i],
							      !rq->is_api && in_vault(logs.rows[i].backup_filename),
							      cm_now_ms()));
	cm_str_copy(list.q, sizeof(list.q), q.search ? q.search : "");
	cm_str_copy(list.sort, sizeof(list.sort), q.sort);
	list.limit = q.limit;
	list.offset = q.offset;
	cm_view_list(data, rq, &list, columns, (int64_t)logs.count, logs.total);
	cm_view_keep(data, rq, "container_id");
	if (!rq->is_api)
		add_page(data, rq, &q, logs.total);
	cm_json_set(data, "logs", rows);
	cm_audit_list_release(&logs);
	return 0;
}

int cm_page_audit_statistics(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *statistics = NULL;
	int rc = cm_audit_statistics(&statistics, err);

	(void)rq;
	if (rc == 0)
		cm_reply_json(rp, 200, statistics);
	return rc;
}

int cm_page_audit_clear_confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_audit_query q = { .sort = "time", .limit = 1 };
	struct json_object *data = cm_view_data(rp);
	struct cm_audit_list logs = { 0 };
	int rc = cm_audit_list(&q, &logs, err);
	char count[96], since[64] = "";

	(void)rq;
	if (rc != 0)
		return rc;
	cm_count_text(count, logs.total, "entry", "entries");
	if (logs.count > 0) {
		cm_time_title(since, logs.rows[0].at_ms);
		since[strcspn(since, ",")] = '\0';
	}
	cm_json_set_str(data, "count_text", count);
	cm_view_text(data, "oldest_text", logs.count > 0 ? "since %s" : NULL, since);
	cm_view_text(data, "button_text", "Clear %s", count);
	cm_json_set_str(data, "action", "/audit/clear");
	cm_json_set_str(data, "cancel_url", "/audit");
	cm_audit_list_release(&logs);
	return 0;
}

int cm_page_audit_clear(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *details = json_object_new_object(), *answer;
	struct cm_audit_event event = { .operation = "audit_clear",
					.status = "completed",
					.user = rq->user,
					.address = rq->client,
					.details = details };
	char count[96];
	int64_t deleted = 0;
	int rc;

	if (!rq->is_api && !cm_form_bool(rq->post, "confirm", false))
		rc = cm_err_set(err, CM_EINVAL, "Confirm that the audit log shall be cleared.");
	else
		rc = cm_audit_clear(&deleted, err);
	if (rc == 0) {
		cm_json_set_int(details, "deleted_count", deleted);
		if (cm_audit(&event, NULL) != 0)
			cm_warn("web", "the audit log could not be written");
		answer = json_object_new_object();
		cm_json_set_int(answer, "deleted_count", deleted);
		cm_count_text(count, deleted, "entry", "entries");
		cm_reply_done(rq, rp, "/audit", answer, "%s of the audit log deleted.", count);
	}
	json_object_put(details);
	return rc;
}
