/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/page/page_containers_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "jobs/queue.h"
#include "service/containers.h"
#include "web/page/page_containers.h"
#include "web/view/view_container.h"

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

/* What all rows of one answer share; the strings in ctx point into it. */
struct frame {
	struct overview overview;
	struct cm_own own;
	struct cm_container_ctx ctx;
	char host[256];
};

static void frame_load(struct frame *f, struct cm_request *rq)
{
	overview_load(&f->overview);
	(void)cm_own_get(rq->app, &f->own, NULL);
	f->ctx = (struct cm_container_ctx){ .now_ms = cm_now_ms(), .role = rq->role };
	f->ctx.host = host_name(rq, f->host) ? f->host : NULL;
}

static void row_make(struct frame *f, struct json_object *entry, enum cm_own_kind own, struct cm_container_row *r)
{
	const char *status, *health = cm_json_str(entry, "Status", "");

	row_context(&f->overview, cm_containers_entry_name(entry), &f->ctx);
	f->ctx.own = own;
	r->entry = entry;
	r->view = cm_view_container(entry, &f->ctx);
	r->name = cm_json_str(r->view, "name", "");
	r->state = cm_json_str(r->view, "state_text", "");
	r->image = cm_json_str(r->view, "image", "");
	r->address = cm_json_str(r->view, "address", "");
	r->stack = cm_json_str(cm_json_obj(r->view, "stack"), "name", "");
	r->created = cm_json_int(r->view, "created", 0);
	r->backup = f->ctx.good ? f->ctx.good->created_ms : 0;
	status = cm_json_str(r->view, "status", "");
	r->stopped = cm_str_eq(status, "stopped");
	r->paused = cm_str_eq(status, "paused");
	r->running = !r->stopped;
	r->unhealthy = strstr(health, "(unhealthy)") != NULL;
	r->self = own != CM_OWN_NOT;
	r->protected = cm_view_is_protected(f->ctx.good, f->ctx.now_ms);
}

struct cm_container_row *cm_container_rows_make(struct cm_request *rq, struct json_object *list)
{
	size_t count = cm_json_len(list);
	struct cm_container_row *rows = cm_alloc_array(count + 1, sizeof(*rows));
	struct frame f;

	frame_load(&f, rq);
	for (size_t i = 0; i < count; i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);

		row_make(&f, entry, cm_own_container(&f.own, entry), &rows[i]);
	}
	overview_release(&f.overview);
	return rows;
}

void cm_container_rows_release(struct cm_container_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		json_object_put(rows[i].view);
	free(rows);
}

struct json_object *cm_container_row_view(struct cm_request *rq, struct json_object *entry, enum cm_own_kind own)
{
	struct cm_container_row row = { 0 };
	struct frame f;

	frame_load(&f, rq);
	row_make(&f, entry, own, &row);
	overview_release(&f.overview);
	return row.view;
}

static bool holds(const char *text, const char *part)
{
	return part[0] == '\0' || strcasestr(text, part) != NULL;
}

bool cm_container_row_in_state(const struct cm_container_row *r, const char *state)
{
	if (cm_str_eq(state, "running"))
		return r->running;
	if (cm_str_eq(state, "paused"))
		return r->paused;
	if (cm_str_eq(state, "stopped"))
		return r->stopped;
	if (cm_str_eq(state, "unhealthy"))
		return r->unhealthy;
	if (cm_str_eq(state, "unprotected"))
		return !r->protected && !r->self;
	return true;
}

static bool in_network(const struct cm_container_row *r, const char *network)
{
	struct json_object *names = cm_json_arr(r->view, "networks");

	for (size_t i = 0; i < cm_json_len(names); i++) {
		if (cm_str_eq(json_object_get_string(json_object_array_get_idx(names, i)), network))
			return true;
	}
	return false;
}

/* By its name, with or without ":latest", or by its id, with or without "sha256:", 12 digits or more. */
static bool of_image(const struct cm_container_row *r, const char *image)
{
	const char *id = cm_json_str(r->entry, "ImageID", "");
	size_t len = strlen(r->image);

	if (cm_str_eq(r->image, image) ||
	    (cm_str_has_prefix(image, r->image) && cm_str_eq(image + len, ":latest") && len > 0))
		return true;
	image += cm_str_has_prefix(image, "sha256:") ? strlen("sha256:") : 0;
	id += cm_str_has_prefix(id, "sha256:") ? strlen("sha256:") : 0;
	return strlen(image) >= 12 && cm_str_has_prefix(id, image);
}

bool cm_container_row_is_meant(const struct cm_container_row *r, const struct cm_container_filter *f)
{
	return (f->own || !r->self) && (f->stack[0] == '\0' || cm_str_eq(r->stack, f->stack)) &&
	       (f->network[0] == '\0' || in_network(r, f->network)) && (f->image[0] == '\0' || of_image(r, f->image));
}

bool cm_container_row_matches(const struct cm_container_row *r, const struct cm_container_filter *f)
{
	return cm_container_row_in_state(r, f->state) && cm_container_row_is_meant(r, f) &&
	       (holds(r->name, f->q) || holds(cm_json_str(r->view, "id", ""), f->q) || holds(r->image, f->q) ||
		holds(r->stack, f->q) || holds(r->address, f->q));
}

static int number_order(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int row_order(const void *a, const void *b, void *field)
{
	const struct cm_container_row *x = a, *y = b;
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
	else if (cm_str_eq(sort, "address"))
		order = strverscmp(x->address, y->address);
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

void cm_container_rows_sort(struct cm_container_row *rows, size_t count, const char *sort)
{
	if (count > 0)
		qsort_r(rows, count, sizeof(*rows), row_order, (void *)sort);
}
