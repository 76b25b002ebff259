/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One container: the overview, its processes, the files it changed, the engine's own description; and the changes that
 * leave it the same container, its name and its limits.
 */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "jobs/queue.h"
#include "service/container_spec.h"
#include "service/containers.h"
#include "service/engine.h"
#include "service/env_mask.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_container.h"
#include "web/page/page_containers_rows.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_stats.h"

enum { BACKUPS_SHOWN = 6, CHANGES_SHOWN = 500, CHANGES_MOST = 10000 };

/* The engine's list knows more than an inspect, but not every container is in it: of a helper this much is known. */
static struct json_object *entry_of(struct json_object *inspect)
{
	struct json_object *o = json_object_new_object(), *names = json_object_new_array();
	int64_t created = 0;

	(void)cm_time_parse(cm_json_str(inspect, "Created", ""), &created);
	cm_json_set_str(o, "Id", cm_json_str(inspect, "Id", ""));
	cm_json_add_str(names, cm_json_str(inspect, "Name", ""));
	cm_json_set(o, "Names", names);
	cm_json_set_str(o, "Image", cm_json_str_at(inspect, "Config.Image", ""));
	cm_json_set_str(o, "ImageID", cm_json_str(inspect, "Image", ""));
	cm_json_set_int(o, "Created", created / 1000);
	cm_json_set_str(o, "State", cm_json_str_at(inspect, "State.Status", ""));
	cm_json_set(o, "Labels", json_object_get(cm_json_at(inspect, "Config.Labels")));
	return o;
}

static struct json_object *row_of(struct cm_request *rq, struct json_object *inspect, enum cm_own_kind own)
{
	cm_autojson struct json_object *list = NULL, *made = entry_of(inspect);
	struct json_object *entry = NULL;
	const char *id = cm_json_str(inspect, "Id", "");

	if (cm_engine_containers(rq->app, &list, NULL) < 0)
		list = NULL;
	for (size_t i = 0; entry == NULL && i < cm_json_len(list); i++) {
		struct json_object *c = json_object_array_get_idx(list, i);

		if (cm_str_eq(cm_json_str(c, "Id", ""), id))
			entry = c;
	}
	return cm_container_row_view(rq, entry != NULL ? entry : made, own);
}

int cm_container_page_load(struct cm_request *rq, struct cm_container_page *ret, struct cm_err *err)
{
	struct cm_container_page p = { .role = rq->role, .now_ms = cm_now_ms() };
	int rc = cm_containers_inspect(rq->app, rq->params[0], &p.own, &p.inspect, err);

	if (rc < 0)
		return rc;
	p.row = row_of(rq, p.inspect, p.own);
	*ret = p;
	return 0;
}

void cm_container_page_release(struct cm_container_page *p)
{
	json_object_put(p->inspect);
	json_object_put(p->row);
}

/* The overview; p was loaded, and what is to be said beside it is set. */
static void overview_show(const struct cm_request *rq, struct cm_reply *rp, struct cm_container_page *p)
{
	const char *name = cm_spec_name(p->inspect);
	struct cm_catalog_query q = { .container_name = name, .type = "container", .limit = BACKUPS_SHOWN };
	struct cm_catalog_list backups = { 0 };

	/* Without the catalog the rest is still worth showing. */
	if (cm_catalog_list(&q, &backups, NULL) == 0)
		p->backups = &backups;
	cm_view_container_page(cm_view_data(rp), p);
	if (!rq->is_api)
		cm_view_stats_charts(cm_view_data(rp), cm_json_str(p->inspect, "Id", ""), cm_now_ms());
	cm_view_title(rp, "%s", name);
	p->backups = NULL;
	cm_catalog_list_release(&backups);
}

int cm_page_container_show(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_container_page p;
	int rc = cm_container_page_load(rq, &p, err);

	if (rc < 0)
		return rc;
	overview_show(rq, rp, &p);
	cm_container_page_release(&p);
	return 0;
}

int cm_page_container_environment(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *env = NULL;
	struct cm_container_page p;
	int rc = cm_containers_reveal(rq->app, rq->params[0], rq->user, &env, err);

	if (rc == 0 && rq->is_api) {
		struct json_object *o = json_object_new_object();

		cm_json_set(o, "env", cm_move(&env));
		cm_reply_json(rp, 200, o);
		return 0;
	}
	rc = rc < 0 ? rc : cm_container_page_load(rq, &p, err);
	if (rc < 0)
		return rc;
	p.env = env;
	overview_show(rq, rp, &p);
	cm_container_page_release(&p);
	return 0;
}

static struct json_object *cells_of(struct json_object *titles, struct json_object *process)
{
	struct json_object *cells = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(process); i++) {
		struct json_object *cell = json_object_new_object();
		const char *title = json_object_get_string(json_object_array_get_idx(titles, i));

		cm_json_set_str(cell, "title", title ? title : "");
		cm_json_set_str(cell, "text", json_object_get_string(json_object_array_get_idx(process, i)));
		cm_json_set_bool(cell, "is_last", i + 1 == cm_json_len(process));
		json_object_array_add(cells, cell);
	}
	return cells;
}

static void processes_add(struct json_object *data, struct json_object *top)
{
	struct json_object *titles = cm_json_arr(top, "titles"), *list = cm_json_arr(top, "processes");
	struct json_object *rows = json_object_new_array();
	char text[96];

	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *o = json_object_new_object();

		cm_json_set(o, "cells", cells_of(titles, json_object_array_get_idx(list, i)));
		json_object_array_add(rows, o);
	}
	cm_count_text(text, (int64_t)cm_json_len(list), "process", "processes");
	cm_json_set_str(data, "total_text", top != NULL ? text : NULL);
	cm_json_set(data, "titles", top ? json_object_get(titles) : json_object_new_array());
	cm_json_set(data, "processes", top ? json_object_get(list) : json_object_new_array());
	cm_json_set(data, "rows", rows);
}

int cm_page_container_top(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *top = NULL;
	struct cm_container_page p;
	struct cm_err why = { 0 };
	int rc = cm_containers_top(rq->app, rq->params[0], &top, &why);

	/* The page of one that does not run is there, and says so. */
	if (rc < 0 && (rq->is_api || rc != CM_EBUSY)) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	if (rq->is_api) {
		cm_reply_json(rp, 200, cm_move(&top));
		return 0;
	}
	rc = cm_container_page_load(rq, &p, err);
	if (rc < 0)
		return rc;
	cm_view_container_head(cm_view_data(rp), &p, "top");
	cm_json_set_str(cm_view_data(rp), "none_text", top == NULL ? why.text : NULL);
	processes_add(cm_view_data(rp), top);
	cm_view_title(rp, "Processes of %s", cm_spec_name(p.inspect));
	cm_container_page_release(&p);
	return 0;
}

static void changes_add(struct cm_request *rq, struct json_object *data, const struct cm_list *list,
			struct json_object *changes)
{
	const char *kind = cm_form_str(rq->get, "kind", "");
	static const char *const kinds[] = { "", "added", "changed", "deleted" };
	static const char *const texts[] = { "All", "Added", "Changed", "Deleted" };
	int64_t counts[CM_COUNT(kinds)] = { 0 }, total = 0;
	struct json_object *shown = json_object_new_array(), *tabs = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(changes); i++) {
		struct json_object *c = json_object_array_get_idx(changes, i);
		const char *its = cm_json_str(c, "kind", ""), *path = cm_json_str(c, "path", "");

		if (list->q[0] != '\0' && strcasestr(path, list->q) == NULL)
			continue;
		counts[0]++;
		for (size_t k = 1; k < CM_COUNT(kinds); k++)
			counts[k] += cm_str_eq(kinds[k], its);
		if (kind[0] != '\0' && !cm_str_eq(kind, its))
			continue;
		if (total >= list->offset && total < list->offset + list->limit) {
			cm_view_is(c, its, "added", "changed", "deleted", NULL);
			json_object_array_add(shown, json_object_get(c));
		}
		total++;
	}
	for (size_t k = 0; k < CM_COUNT(kinds); k++)
		cm_view_tab(tabs, texts[k], counts[k], cm_view_href(rq, "kind", kinds[k]), cm_str_eq(kind, kinds[k]));
	cm_view_list(data, rq, list, NULL, (int64_t)cm_json_len(shown), total);
	cm_view_keep(data, rq, "kind");
	cm_json_set_bool(data, "is_unchanged", cm_json_len(changes) == 0);
	cm_json_set_bool(data, "is_no_match", cm_json_len(changes) > 0 && total == 0);
	cm_json_set(data, "kinds", tabs);
	cm_json_set(data, "changes", shown);
}

int cm_page_container_changes(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *changes = NULL;
	struct cm_container_page p;
	struct cm_list list;
	struct json_object *data;
	int rc = cm_list_parse(rq, NULL, CHANGES_SHOWN, CHANGES_MOST, &list, err);

	rc = rc < 0 ? rc : cm_containers_changes(rq->app, rq->params[0], &changes, err);
	rc = rc < 0 ? rc : cm_container_page_load(rq, &p, err);
	if (rc < 0)
		return rc;
	data = cm_view_data(rp);
	if (!rq->is_api)
		cm_view_container_head(data, &p, "changes");
	changes_add(rq, data, &list, changes);
	cm_view_title(rp, "Changed files of %s", cm_spec_name(p.inspect));
	cm_container_page_release(&p);
	return 0;
}

int cm_page_container_inspect(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_container_page p;
	struct json_object *masked, *config;
	int rc = cm_container_page_load(rq, &p, err);

	if (rc < 0)
		return rc;
	masked = cm_spec_masked(p.inspect);
	config = cm_json_obj(masked, "Config");
	if (cm_json_obj(config, "Labels") != NULL)
		cm_json_set(config, "Labels", cm_mask_labels(cm_json_obj(config, "Labels"), CM_MASK_SECRETS));
	if (rq->is_api) {
		cm_reply_json(rp, 200, masked);
	} else {
		cm_view_container_head(cm_view_data(rp), &p, "inspect");
		cm_json_set_str(cm_view_data(rp), "text",
				json_object_to_json_string_ext(masked, JSON_C_TO_STRING_PRETTY |
									   JSON_C_TO_STRING_SPACED |
									   JSON_C_TO_STRING_NOSLASHESCAPE));
		cm_view_title(rp, "Inspect %s", cm_spec_name(p.inspect));
		json_object_put(masked);
	}
	cm_container_page_release(&p);
	return 0;
}

static const char *const change_fields[] = { "memory", "cpus", "pids_limit", "restart_policy", "max_retries" };

/* What was asked for, from either face. */
static struct json_object *asked_make(const struct cm_request *rq)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < CM_COUNT(change_fields); i++) {
		const char *text = cm_form_get(rq->post, change_fields[i]);

		if (text != NULL)
			cm_json_set_str(o, change_fields[i], text);
	}
	return o;
}

/* The page again, with what was typed and what is wrong with it. */
static int form_again(struct cm_request *rq, struct cm_reply *rp, struct json_object *typed, const char *field,
		      struct cm_err *err)
{
	struct cm_container_page p;
	struct cm_err why = *err;

	if (cm_container_page_load(rq, &p, NULL) < 0)
		return why.code;
	p.typed = typed;
	p.error_field = field;
	p.error = why.text;
	overview_show(rq, rp, &p);
	rp->status = cm_err_http(why.code);
	cm_container_page_release(&p);
	return 0;
}

int cm_page_container_update(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *asked = asked_make(rq);
	struct json_object *answer;
	cm_autofree char *back = NULL;
	const char *field = "";
	int rc = cm_containers_update(rq->app, rq->params[0], asked, rq->user, &answer, &field, err);

	if (rc < 0)
		return rq->is_api || rc == CM_ENOTFOUND ? rc : form_again(rq, rp, asked, field, err);
	back = cm_url_make("/container/%s", rq->params[0]);
	if (cm_json_len(cm_json_arr(answer, "changed")) == 0)
		cm_reply_done(rq, rp, back, answer, "Nothing changed");
	else
		cm_reply_done(rq, rp, back, answer, "Changed at once, without a restart");
	return 0;
}

/* Neither of the names may be one that a job works with. */
static int names_free(struct cm_request *rq, const char *name, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	cm_autofree char *old = NULL, *new = cm_asprintf("container:%s", name);
	int rc = cm_containers_look(rq->app, rq->params[0], &inspect, err);

	if (rc < 0)
		return rc;
	old = cm_asprintf("container:%s", cm_spec_name(inspect));
	rc = cm_queue_lock_free(old, err);
	return rc < 0 ? rc : cm_queue_lock_free(new, err);
}

int cm_page_container_rename(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *name = cm_form_str(rq->post, "new_name", cm_form_str(rq->post, "name", ""));
	cm_autojson struct json_object *typed = json_object_new_object();
	struct json_object *answer;
	cm_autofree char *back = NULL;
	int rc = names_free(rq, name, err);

	rc = rc < 0 ? rc : cm_containers_rename(rq->app, rq->params[0], name, rq->user, &answer, err);
	if (rc < 0 && (rq->is_api || rc == CM_ENOTFOUND))
		return rc;
	cm_json_set_str(typed, "new_name", name);
	if (rc < 0)
		return form_again(rq, rp, typed, "new_name", err);
	back = cm_url_make("/container/%s", cm_json_str(answer, "id", ""));
	cm_reply_done(rq, rp, back, answer, "Renamed to %s. Backups made before keep the old name.", name);
	return 0;
}
