/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of stacks, and one of them.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "service/audit.h"
#include "service/stack_compose.h"
#include "service/stacks.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_backup.h"
#include "web/view/view_stack.h"

static const char *const columns[] = { "name", "type", "state", "containers", NULL };

enum { STACKS_MAX = 2000, COMPOSE_MAX = 8 << 20 };

static const char engine_help[] = "Start the engine (systemctl start docker) or mend its address, then load this page "
				  "again. Backups in the vault stay readable.";

static bool holds(const char *text, const char *part)
{
	return part[0] == '\0' || strcasestr(text, part) != NULL;
}

static bool matches(struct json_object *row, const char *q)
{
	return holds(cm_json_str(row, "name", ""), q) || holds(cm_json_str(row, "services_text", ""), q) ||
	       holds(cm_json_str(row, "networks_text", ""), q);
}

static int row_order(const void *a, const void *b, void *field)
{
	struct json_object *const *x = a, *const *y = b;
	const char *sort = field;
	bool descending = sort[0] == '-';
	int order = 0;

	sort += descending;
	if (cm_str_eq(sort, "type"))
		order = strcmp(cm_json_str(*x, "type", ""), cm_json_str(*y, "type", ""));
	else if (cm_str_eq(sort, "state"))
		order = strcmp(cm_json_str(*x, "state_text", ""), cm_json_str(*y, "state_text", ""));
	else if (cm_str_eq(sort, "containers"))
		order = (int)(cm_json_int(*x, "containers_count", 0) - cm_json_int(*y, "containers_count", 0));
	if (order == 0)
		order = strcasecmp(cm_json_str(*x, "name", ""), cm_json_str(*y, "name", ""));
	return descending ? -order : order;
}

static struct json_object **rows_make(const struct cm_stack_list *stacks, const struct cm_stack_ctx *ctx, const char *q,
				      size_t *ret_count)
{
	struct json_object **rows = cm_alloc_array(stacks->count + 1, sizeof(struct json_object *));
	size_t count = 0;

	for (size_t i = 0; i < stacks->count; i++) {
		struct json_object *row = cm_view_stack(&stacks->stacks[i], ctx);

		if (matches(row, q))
			rows[count++] = row;
		else
			json_object_put(row);
	}
	*ret_count = count;
	return rows;
}

static void docker_add(struct json_object *data, const struct cm_err *why)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_bool(o, "is_ok", why == NULL);
	cm_json_set_str(o, "error", why ? why->text : NULL);
	cm_json_set_str(o, "help", why ? engine_help : NULL);
	cm_json_set(data, "docker", o);
}

static void list_fill(struct cm_request *rq, struct json_object *data, const struct cm_list *list,
		      const struct cm_stack_list *stacks)
{
	struct cm_stack_ctx ctx = { .now_ms = cm_now_ms(), .role = rq->role };
	struct json_object *shown = json_object_new_array(), **rows;
	char text[96];
	size_t count;

	rows = rows_make(stacks, &ctx, list->q, &count);
	if (count > 0)
		qsort_r(rows, count, sizeof(struct json_object *), row_order, (void *)list->sort);
	for (size_t i = 0; i < count; i++) {
		if ((int64_t)i >= list->offset && (int64_t)i < list->offset + list->limit)
			json_object_array_add(shown, rows[i]);
		else
			json_object_put(rows[i]);
	}
	free(rows);
	cm_count_text(text, (int64_t)count, "stack", "stacks");
	cm_json_set_str(data, "total_text", text);
	cm_json_set_bool(data, "is_empty", stacks->count == 0);
	cm_json_set_bool(data, "is_no_match", stacks->count > 0 && count == 0);
	cm_json_set_bool(data, "can_change", rq->role >= CM_ROLE_DEVELOPER);
	cm_view_list(data, rq, list, columns, (int64_t)cm_json_len(shown), (int64_t)count);
	cm_json_set(data, "stacks", shown);
}

int cm_page_stacks(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_stack_list stacks = { 0 };
	struct json_object *data;
	struct cm_err why = { 0 };
	struct cm_list list;
	int rc = cm_list_parse(rq, columns, STACKS_MAX, STACKS_MAX, &list, err);

	if (rc < 0)
		return rc;
	rc = cm_stacks_list(rq->app, &stacks, &why);
	if (rc < 0 && rq->is_api) {
		*err = why;
		return rc;
	}
	data = cm_view_data(rp);
	docker_add(data, rc < 0 ? &why : NULL);
	list_fill(rq, data, &list, &stacks);
	if (rc < 0)
		cm_json_set_bool(data, "is_empty", false);
	cm_stack_list_release(&stacks);
	return 0;
}

/* Its last complete backup as a whole. */
static void backup_add(struct json_object *data, const char *name, const struct cm_stack_ctx *ctx)
{
	struct cm_catalog_list set;

	cm_json_set(data, "backup", NULL);
	if (cm_catalog_set(NULL, name, &set, NULL) < 0)
		return;
	cm_json_set(data, "backup", cm_view_backup_set(&set, ctx->role, ctx->now_ms));
	cm_catalog_list_release(&set);
}

int cm_page_stack(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_stack_ctx ctx = { .now_ms = cm_now_ms(), .role = rq->role };
	cm_autojson struct json_object *belongings = NULL, *row = NULL;
	struct cm_stack_list stacks;
	const struct cm_stack *s;
	struct json_object *data;
	int rc = cm_stacks_list(rq->app, &stacks, err);

	if (rc < 0)
		return rc;
	rc = cm_stack_find(&stacks, rq->params[0], &s, err);
	rc = rc < 0 ? rc : cm_stack_belongings(rq->app, s, &belongings, err);
	if (rc == 0) {
		data = cm_view_data(rp);
		cm_view_title(rp, "Stack %s", s->name);
		row = cm_view_stack(s, &ctx);
		json_object_object_foreach(row, key, value) cm_json_set(data, key, json_object_get(value));
		cm_view_stack_details(data, s, belongings, &ctx);
		backup_add(data, s->name, &ctx);
	}
	cm_stack_list_release(&stacks);
	return rc;
}

int cm_page_stack_compose(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(COMPOSE_MAX);
	cm_autofree char *name = cm_asprintf("%s-compose.yml", rq->params[0]);
	bool values = cm_form_bool(rq->get, "values", false);
	struct cm_audit_event event = {
		.operation = "stack_compose", .status = "completed", .container_name = rq->params[0], .user = rq->user
	};
	int rc = 0;

	if (values && rq->role < CM_ROLE_ADMIN)
		rc = cm_err_set(err, CM_EDENIED, "Only administrators see the values of environment variables.");
	rc = rc < 0 ? rc : cm_stack_compose(rq->app, rq->params[0], values, &text, err);
	if (rc < 0)
		return rc;
	/* Who looked at the values stands in the log. */
	if (values)
		(void)cm_audit(&event, NULL);
	cm_reply_attachment(rp, name);
	cm_reply_body(rp, 200, "application/yaml; charset=utf-8", text.data, text.len);
	return 0;
}
