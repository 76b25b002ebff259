/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of volumes: who uses each, and how much is in it.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/volume_sizes.h"
#include "service/volumes.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_volume.h"

static const char *const columns[] = { "name", "-size", "-created", "used", "stack", "driver", NULL };

enum { VOLUMES_MAX = 10000 };

static const char engine_help[] = "Start the engine (systemctl start docker) or mend its address, then load this page "
				  "again. Backups in the vault stay readable.";

struct row {
	struct json_object *view;
	const char *name, *stack, *driver;
	int64_t created, bytes;
	size_t users;
	bool ours;
};

static struct row *rows_make(const struct cm_request *rq, struct json_object *list, const struct cm_volume_sizes *sizes)
{
	size_t count = cm_json_len(list);
	struct row *rows = cm_alloc_array(count + 1, sizeof(*rows));
	int64_t now_ms = cm_now_ms();

	for (size_t i = 0; i < count; i++) {
		struct json_object *volume = json_object_array_get_idx(list, i);
		struct row *r = &rows[i];

		r->bytes = cm_volume_sizes_of(sizes, cm_json_str(volume, "Name", ""));
		r->view = cm_view_volume(volume, r->bytes, rq->role, now_ms);
		r->name = cm_json_str(r->view, "name", "");
		r->driver = cm_json_str(r->view, "driver", "");
		r->stack = cm_json_str(r->view, "stack", "");
		r->users = cm_json_len(cm_json_arr(r->view, "users"));
		r->ours = cm_json_bool(r->view, "is_self", false);
		if (!cm_time_parse(cm_json_str(r->view, "created", ""), &r->created))
			r->created = 0;
	}
	return rows;
}

static bool holds(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

static bool labels_hold(struct json_object *view, const char *q)
{
	json_object_object_foreach(cm_json_obj(view, "labels"), name, value)
	{
		cm_autofree char *both = cm_asprintf("%s=%s", name, value ? json_object_get_string(value) : "");

		if (holds(both, q))
			return true;
	}
	return false;
}

static bool matches(const struct row *r, const char *q)
{
	struct json_object *names = cm_json_arr(r->view, "containers");

	if (q[0] == '\0' || holds(r->name, q) || holds(r->stack, q) || holds(r->driver, q))
		return true;
	for (size_t i = 0; i < cm_json_len(names); i++) {
		if (holds(json_object_get_string(json_object_array_get_idx(names, i)), q))
			return true;
	}
	return labels_hold(r->view, q);
}

static bool in_state(const struct row *r, const char *state)
{
	if (cm_str_eq(state, "used"))
		return r->users > 0;
	return !cm_str_eq(state, "unused") || r->users == 0;
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
	int order = 0;

	sort += descending;
	if (cm_str_eq(sort, "size"))
		order = number_order(x->bytes, y->bytes);
	else if (cm_str_eq(sort, "created"))
		order = number_order(x->created, y->created);
	else if (cm_str_eq(sort, "used"))
		order = number_order((int64_t)x->users, (int64_t)y->users);
	else if (cm_str_eq(sort, "stack"))
		order = strcasecmp(x->stack, y->stack);
	else if (cm_str_eq(sort, "driver"))
		order = strcasecmp(x->driver, y->driver);
	if (order == 0)
		order = strcasecmp(x->name, y->name);
	if (order == 0)
		order = strcmp(x->name, y->name);
	return descending ? -order : order;
}

static void tabs_add(const struct cm_request *rq, struct json_object *data, const struct row *rows, size_t count)
{
	static const char *const words[] = { "", "used", "unused" };
	static const char *const texts[] = { "All", "In use", "Unused" };
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

static void sizes_add(struct json_object *data, const struct row *rows, size_t count, const struct cm_volume_sizes *s)
{
	int64_t sum = 0, now_ms = cm_now_ms();
	size_t known = 0;
	char text[32];

	for (size_t i = 0; i < count; i++) {
		sum += rows[i].bytes > 0 ? rows[i].bytes : 0;
		known += rows[i].bytes >= 0;
	}
	cm_size_text(text, sum);
	cm_json_set_str(data, "size_text", s->at_ms > 0 && known > 0 ? text : NULL);
	cm_view_time(data, "sizes", s->at_ms, now_ms);
	cm_json_set_bool(data, "is_measuring", s->measuring && s->at_ms == 0);
	cm_view_text(data, "sizes_error", s->error[0] != '\0' ? "Sizes could not be counted: %s" : NULL, s->error);
}

/* Ours only when they are asked for: moves the others to the front and gives their number. */
static size_t ours_drop(struct row *rows, size_t count, int64_t *ret_ours)
{
	size_t kept = 0;

	*ret_ours = 0;
	for (size_t i = 0; i < count; i++) {
		if (!rows[i].ours) {
			rows[kept++] = rows[i];
			continue;
		}
		json_object_put(rows[i].view);
		++*ret_ours;
	}
	return kept;
}

static void stack_add(const struct cm_request *rq, struct json_object *data, const char *stack)
{
	cm_autofree char *all = cm_view_href(rq, "stack", NULL);

	cm_json_set_str(data, "stack", stack[0] != '\0' ? stack : NULL);
	cm_json_set_str(data, "stack_clear_url", all);
}

static void list_add(struct cm_request *rq, struct json_object *data, const struct cm_list *list, struct row *rows,
		     size_t count)
{
	const char *state = cm_form_str(rq->get, "state", ""), *stack = cm_form_str(rq->get, "stack", "");
	struct json_object *shown = json_object_new_array();
	int64_t total = 0, unused = 0;
	char text[96];

	if (count > 0)
		qsort_r(rows, count, sizeof(*rows), row_order, (void *)list->sort);
	for (size_t i = 0; i < count; i++) {
		unused += rows[i].users == 0 && !rows[i].ours;
		if (!in_state(&rows[i], state) || (stack[0] != '\0' && !cm_str_eq(rows[i].stack, stack)) ||
		    !matches(&rows[i], list->q))
			continue;
		if (total >= list->offset && total < list->offset + list->limit)
			json_object_array_add(shown, json_object_get(rows[i].view));
		total++;
	}
	tabs_add(rq, data, rows, count);
	stack_add(rq, data, stack);
	cm_count_text(text, total, "volume", "volumes");
	cm_json_set_str(data, "total_text", text);
	cm_json_set_bool(data, "is_empty", count == 0);
	cm_json_set_bool(data, "is_no_match", count > 0 && total == 0);
	cm_view_list(data, rq, list, columns, (int64_t)cm_json_len(shown), total);
	cm_view_keep(data, rq, "state");
	cm_view_keep(data, rq, "stack");
	cm_view_keep(data, rq, "own");
	cm_json_set_int(data, "unused_count", unused);
	cm_json_set(data, "volumes", shown);
}

static void own_add(const struct cm_request *rq, struct json_object *data, bool shown, int64_t count)
{
	cm_autofree char *url = cm_view_href(rq, "own", shown ? NULL : "1");
	char text[96];

	cm_count_text(text, count, "volume", "volumes");
	cm_view_text(data, "own_text", shown ? "Hide this program’s own volumes" : "Show %s of this program’s own",
		     text);
	cm_json_set_str(data, "own_url", shown || count > 0 ? url : NULL);
}

static void docker_add(struct json_object *data, const struct cm_err *why)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_bool(o, "is_ok", why == NULL);
	cm_json_set_str(o, "error", why ? why->text : NULL);
	cm_json_set_str(o, "help", why ? engine_help : NULL);
	cm_json_set(data, "docker", o);
}

static int refuse_api(struct cm_reply *rp, const struct cm_err *why)
{
	struct json_object *extra = json_object_new_object();

	cm_json_set_str(extra, "message", why->text);
	cm_json_set_str(extra, "help", engine_help);
	cm_reply_error_json(rp, why, extra);
	return 0;
}

int cm_page_volumes(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *volumes = NULL;
	struct cm_volume_sizes sizes = { 0 };
	struct cm_err why = { 0 };
	struct json_object *data;
	struct cm_list list;
	struct row *rows;
	bool own = cm_form_bool(rq->get, "own", false);
	int64_t ours = 0;
	int rc = cm_list_parse(rq, columns, VOLUMES_MAX, VOLUMES_MAX, &list, err);

	if (rc < 0)
		return rc;
	rc = cm_volumes_list(rq->app, &volumes, &why);
	if (rc < 0 && rq->is_api)
		return refuse_api(rp, &why);
	/* An engine that does not answer counts nothing either. */
	if (rc == 0)
		cm_volume_sizes_get(rq->app, &sizes);
	size_t count = cm_json_len(volumes);
	data = cm_view_data(rp);
	rows = rows_make(rq, volumes, &sizes);
	if (!own)
		count = ours_drop(rows, count, &ours);
	docker_add(data, rc < 0 ? &why : NULL);
	cm_json_set_bool(data, "can_change", rq->role >= CM_ROLE_ADMIN);
	list_add(rq, data, &list, rows, count);
	sizes_add(data, rows, count, &sizes);
	own_add(rq, data, own, ours);
	if (rc < 0)
		cm_json_set_bool(data, "is_empty", false);
	for (size_t i = 0; i < count; i++)
		json_object_put(rows[i].view);
	free(rows);
	cm_volume_sizes_release(&sizes);
	return 0;
}
