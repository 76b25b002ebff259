/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of containers: what runs, and is it protected?
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "jobs/queue.h"
#include "service/containers.h"
#include "service/engine.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_containers.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_container.h"

static const char *const columns[] = { "name", "state", "image", "stack", "created", "backup", NULL };

enum { CONTAINERS_MAX = 10000 };

static const char engine_help[] = "Start the engine (systemctl start docker) or mend its address, then load this page "
				  "again. Backups in the vault stay readable.";

struct row {
	struct json_object *view;
	const char *name, *state, *image, *stack;
	int64_t created, backup;
	bool running, stopped, protected, self;
};

struct overview {
	struct cm_catalog_list good;
	struct cm_job_list jobs;
	struct json_object *good_by_name; /* name -> index in good */
};

static void overview_load(struct overview *o)
{
	struct cm_job_query unfinished = { .kind = "backup", .only_unfinished = true, .limit = 1000 };

	*o = (struct overview){ .good_by_name = json_object_new_object() };
	/* Without the catalog the containers can still be shown; nothing is then said to be protected. */
	if (cm_catalog_newest(&o->good, NULL) < 0)
		o->good = (struct cm_catalog_list){ 0 };
	for (size_t i = 0; i < o->good.count; i++) {
		if (o->good.rows[i].container_name != NULL)
			cm_json_set_int(o->good_by_name, o->good.rows[i].container_name, (int64_t)i);
	}
	if (cm_queue_list(&unfinished, &o->jobs, NULL) < 0)
		o->jobs = (struct cm_job_list){ 0 };
}

static void overview_release(struct overview *o)
{
	cm_catalog_list_release(&o->good);
	cm_job_list_release(&o->jobs);
	json_object_put(o->good_by_name);
}

const struct cm_catalog_row *cm_containers_good(const struct cm_catalog_list *good, const char *name)
{
	for (size_t i = 0; i < good->count; i++) {
		if (cm_str_eq(good->rows[i].container_name, name))
			return &good->rows[i];
	}
	return NULL;
}

static void row_context(const struct overview *o, const char *name, struct cm_container_ctx *ctx)
{
	int64_t i = cm_json_int(o->good_by_name, name, -1);

	ctx->good = i >= 0 ? &o->good.rows[i] : NULL;
	ctx->job_id = NULL;
	ctx->job_percent = -1;
	for (size_t k = 0; k < o->jobs.count; k++) {
		const struct cm_job *job = &o->jobs.jobs[k];

		if (!cm_str_eq(job->subject, name))
			continue;
		ctx->job_id = job->id;
		ctx->job_waits = job->state == CM_JOB_QUEUED || job->state == CM_JOB_WAITING;
		if (job->bytes_total > 0)
			ctx->job_percent = (int)(job->bytes_done * 100 / job->bytes_total);
	}
}

/* The name the browser used for this machine, without the port; in brackets stays what came so. */
static bool host_name(const struct cm_request *rq, char dst[256])
{
	const char *host = cm_request_header(rq, "host");
	size_t len = host ? strcspn(host, host[0] == '[' ? "]" : ":") : 0;

	if (len == 0 || len > 250)
		return false;
	snprintf(dst, 256, "%.*s%s", (int)len, host, host[0] == '[' ? "]" : "");
	return dst[strspn(dst, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]")] == '\0';
}

static struct row *rows_make(struct cm_request *rq, struct json_object *list, const struct overview *o)
{
	size_t count = cm_json_len(list);
	struct row *rows = cm_alloc_array(count + 1, sizeof(*rows));
	struct cm_container_ctx ctx = { .now_ms = cm_now_ms(), .role = rq->role };
	struct cm_engine_overview engine;
	char host[256];

	cm_engine_overview(rq->app, &engine);
	ctx.self_id = engine.self_id;
	ctx.host = host_name(rq, host) ? host : NULL;
	for (size_t i = 0; i < count; i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);
		struct row *r = &rows[i];

		row_context(o, cm_containers_entry_name(entry), &ctx);
		r->view = cm_view_container(entry, &ctx);
		r->name = cm_json_str(r->view, "name", "");
		r->state = cm_json_str(r->view, "state_text", "");
		r->image = cm_json_str(r->view, "image", "");
		r->stack = cm_json_str(cm_json_obj(r->view, "stack"), "name", "");
		r->created = cm_json_int(r->view, "created", 0);
		r->backup = ctx.good ? ctx.good->created_ms : 0;
		r->running = !cm_str_eq(cm_json_str(r->view, "status", ""), "stopped");
		r->stopped = !r->running;
		r->self = cm_json_bool(r->view, "is_self", false);
		r->protected = cm_view_is_protected(ctx.good, ctx.now_ms);
	}
	return rows;
}

static bool holds(const char *text, const char *part)
{
	return part[0] == '\0' || strcasestr(text, part) != NULL;
}

static bool in_state(const struct row *r, const char *state)
{
	if (cm_str_eq(state, "running"))
		return r->running;
	if (cm_str_eq(state, "stopped"))
		return r->stopped;
	if (cm_str_eq(state, "unprotected"))
		return !r->protected && !r->self;
	return true;
}

static bool row_matches(const struct row *r, const char *q, const char *state, const char *stack)
{
	return in_state(r, state) && (stack[0] == '\0' || cm_str_eq(r->stack, stack)) &&
	       (holds(r->name, q) || holds(cm_json_str(r->view, "id", ""), q) || holds(r->image, q) ||
		holds(r->stack, q));
}

static int number_order(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int row_order(const void *a, const void *b, void *field)
{
	const struct row *x = a, *y = b;
	const char *sort = field;
	bool descending = sort[0] == '-';
	int order;

	sort += descending;
	if (cm_str_eq(sort, "state"))
		order = strcmp(x->state, y->state);
	else if (cm_str_eq(sort, "image"))
		order = strcasecmp(x->image, y->image);
	else if (cm_str_eq(sort, "stack"))
		order = strcasecmp(x->stack, y->stack);
	else if (cm_str_eq(sort, "created"))
		order = number_order(x->created, y->created);
	else if (cm_str_eq(sort, "backup"))
		order = number_order(x->backup, y->backup);
	else
		order = strcasecmp(x->name, y->name);
	if (order == 0)
		order = strcmp(x->name, y->name);
	return descending ? -order : order;
}

static void tabs_add(struct cm_request *rq, struct json_object *data, const struct row *rows, size_t count)
{
	static const char *const words[] = { "", "running", "stopped", "unprotected" };
	static const char *const texts[] = { "All", "Running", "Stopped", "Not protected" };
	const char *now = cm_form_str(rq->get, "state", "");
	struct json_object *list = json_object_new_array();

	for (size_t k = 0; k < CM_COUNT(words); k++) {
		int64_t n = 0;

		for (size_t i = 0; i < count; i++)
			n += in_state(&rows[i], words[k]);
		cm_view_tab(list, texts[k], n, cm_view_href(rq, "state", words[k]), cm_str_eq(now, words[k]));
	}
	cm_json_set(data, "states", list);
}

static void summary_add(struct json_object *data, const struct row *rows, size_t count, int64_t total)
{
	int64_t others = 0, protected = 0;
	char text[96];

	for (size_t i = 0; i < count; i++) {
		others += !rows[i].self;
		protected += rows[i].protected && !rows[i].self;
	}
	cm_count_text(text, total, "container", "containers");
	cm_json_set_str(data, "total_text", text);
	cm_view_text(data, "protected_text",
		     others > 0 ? "%lld of %lld protected by a backup of the last %d days" : NULL, (long long)protected,
		     (long long)others, CM_PROTECTED_DAYS);
}

static void docker_add(struct json_object *data, const struct cm_err *why)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_bool(o, "is_ok", why == NULL);
	cm_json_set_str(o, "error", why ? why->text : NULL);
	cm_json_set_str(
	    o, "help",
	    why ? "Start the engine (systemctl start docker) or mend its address, then load this page again. "
		  "Backups in the vault stay readable."
		: NULL);
	cm_json_set(data, "docker", o);
}

static void list_add(struct cm_request *rq, struct json_object *data, const struct cm_list *list, struct row *rows,
		     size_t count)
{
	const char *state = cm_form_str(rq->get, "state", ""), *stack = cm_form_str(rq->get, "stack", "");
	struct json_object *shown = json_object_new_array();
	int64_t total = 0;

	if (count > 0)
		qsort_r(rows, count, sizeof(*rows), row_order, (void *)list->sort);
	for (size_t i = 0; i < count; i++) {
		if (!row_matches(&rows[i], list->q, state, stack))
			continue;
		if (total >= list->offset && total < list->offset + list->limit)
			json_object_array_add(shown, json_object_get(rows[i].view));
		total++;
	}
	tabs_add(rq, data, rows, count);
	summary_add(data, rows, count, total);
	cm_json_set_bool(data, "is_empty", count == 0);
	cm_json_set_bool(data, "is_no_match", count > 0 && total == 0);
	cm_json_set_bool(data, "is_filtered", list->q[0] != '\0' || state[0] != '\0' || stack[0] != '\0');
	cm_view_list(data, rq, list, columns, (int64_t)cm_json_len(shown), total);
	cm_json_set(data, "containers", shown);
}

/* The page without its rows: what is there in every case. */
static void frame_add(struct cm_request *rq, struct json_object *data, const struct cm_form *typed)
{
	bool may = rq->role >= CM_ROLE_DEVELOPER;

	cm_json_set_bool(data, "can_backup", may);
	cm_json_set_bool(data, "can_change", may);
	cm_json_set_str(data, "form_action", "/containers/backup");
	cm_json_set_bool(data, "options_open", typed != NULL);
	cm_json_set(data, "options", cm_view_backup_options(typed));
}

int cm_containers_view(struct cm_request *rq, struct cm_reply *rp, const struct cm_form *typed, struct cm_err *err)
{
	cm_autojson struct json_object *containers = NULL;
	struct json_object *data;
	struct cm_err why = { 0 };
	struct overview o;
	struct cm_list list;
	struct row *rows;
	size_t count;
	int rc = cm_list_parse(rq, columns, CONTAINERS_MAX, CONTAINERS_MAX, &list, err);

	if (rc < 0)
		return rc;
	rc = cm_engine_containers(rq->app, &containers, &why);
	if (rc < 0 && rq->is_api) {
		struct json_object *extra = json_object_new_object();

		cm_json_set_str(extra, "message", why.text);
		cm_json_set_str(extra, "help", engine_help);
		cm_reply_error_json(rp, &why, extra);
		return 0;
	}
	data = cm_view_data(rp);
	count = cm_json_len(containers);
	overview_load(&o);
	rows = rows_make(rq, containers, &o);
	frame_add(rq, data, typed);
	docker_add(data, rc < 0 ? &why : NULL);
	list_add(rq, data, &list, rows, count);
	if (rc < 0) {
		cm_json_set_bool(data, "is_empty", false);
		cm_json_set_str(data, "total_text", "unknown");
		cm_json_set(data, "states", json_object_new_array());
	}
	for (size_t i = 0; i < count; i++)
		json_object_put(rows[i].view);
	free(rows);
	overview_release(&o);
	return 0;
}

int cm_page_containers(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return cm_containers_view(rq, rp, NULL, err);
}
