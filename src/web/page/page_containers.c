/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of containers: what runs, and is it protected?
 */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/engine.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_containers.h"
#include "web/page/page_containers_rows.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_container.h"

static const char *const columns[] = { "name", "state", "image", "stack", "address", "created", "backup", NULL };

enum { CONTAINERS_MAX = 10000 };

static const char engine_help[] = "Start the engine (systemctl start docker) or mend its address, then load this page "
				  "again. Backups in the vault stay readable.";

static void tabs_add(struct cm_request *rq, struct json_object *data, const struct cm_container_filter *f,
		     const struct cm_container_row *rows, size_t count)
{
	static const struct {
		const char *word, *text;
		bool always; /* also when there is none */
	} all[] = { { "", "All", true },
		    { "running", "Running", true },
		    { "stopped", "Stopped", true },
		    { "paused", "Paused", false },
		    { "unhealthy", "Unhealthy", false },
		    { "unprotected", "Not protected", true } };
	struct json_object *list = json_object_new_array();

	for (size_t k = 0; k < CM_COUNT(all); k++) {
		bool current = cm_str_eq(f->state, all[k].word);
		int64_t n = 0;

		for (size_t i = 0; i < count; i++)
			n += cm_container_row_is_meant(&rows[i], f) && cm_container_row_in_state(&rows[i], all[k].word);
		if (n > 0 || current || all[k].always)
			cm_view_tab(list, all[k].text, n, cm_view_href(rq, "state", all[k].word), current);
	}
	cm_json_set(data, "states", list);
}

/* What the list is narrowed to beside search and state, each with the way out of it. */
static void narrowed_add(struct cm_request *rq, struct json_object *data, const struct cm_container_filter *f)
{
	const struct {
		const char *name, *text, *value;
	} all[] = { { "stack", "Stack", f->stack },
		    { "network", "Network", f->network },
		    { "image", "Image", f->image } };
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < CM_COUNT(all); i++) {
		struct json_object *o;
		cm_autofree char *url = NULL;

		cm_view_keep(data, rq, all[i].name);
		if (all[i].value[0] == '\0')
			continue;
		o = json_object_new_object();
		url = cm_view_href(rq, all[i].name, NULL);
		cm_json_set_str(o, "what", all[i].text);
		cm_json_set_str(o, "value", all[i].value);
		cm_json_set_str(o, "remove_url", url);
		json_object_array_add(list, o);
	}
	cm_view_keep(data, rq, "state");
	cm_view_keep(data, rq, "all");
	cm_json_set_bool(data, "has_narrowed", cm_json_len(list) > 0);
	cm_json_set(data, "narrowed", list);
}

/* The switch for what is ours, where there is something. */
static void own_add(struct cm_request *rq, struct json_object *data, const struct cm_container_filter *f,
		    const struct cm_container_row *rows, size_t count)
{
	struct json_object *o = NULL;
	bool any = false;

	for (size_t i = 0; i < count; i++)
		any |= rows[i].self;
	if (any && !rq->is_api) {
		cm_autofree char *url = cm_view_href(rq, "all", f->own ? NULL : "1");

		o = json_object_new_object();
		cm_json_set_str(o, "text",
				f->own ? "Hide this program’s own container" : "Show this program’s own container");
		cm_json_set_str(o, "url", url);
	}
	cm_json_set(data, "own", o);
}

static void summary_add(struct json_object *data, const struct cm_container_row *rows, size_t count, int64_t total)
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
	cm_json_set_str(o, "help", why ? engine_help : NULL);
	cm_json_set(data, "docker", o);
}

static void list_add(struct cm_request *rq, struct json_object *data, const struct cm_list *list,
		     struct cm_container_row *rows, size_t count)
{
	/* The predecessor's list had our own container in it, marked: scripts get it still. */
	const struct cm_container_filter f = { .q = list->q,
					       .state = cm_form_str(rq->get, "state", ""),
					       .stack = cm_form_str(rq->get, "stack", ""),
					       .network = cm_form_str(rq->get, "network", ""),
					       .image = cm_form_str(rq->get, "image", ""),
					       .own = cm_form_bool(rq->get, "all", rq->is_api) };
	struct json_object *shown = json_object_new_array();
	int64_t total = 0, there = 0;

	cm_container_rows_sort(rows, count, list->sort);
	for (size_t i = 0; i < count; i++) {
		there += f.own || !rows[i].self;
		if (!cm_container_row_matches(&rows[i], &f))
			continue;
		if (total >= list->offset && total < list->offset + list->limit)
			json_object_array_add(shown, json_object_get(rows[i].view));
		total++;
	}
	tabs_add(rq, data, &f, rows, count);
	own_add(rq, data, &f, rows, count);
	summary_add(data, rows, count, total);
	cm_json_set_bool(data, "is_empty", there == 0);
	cm_json_set_bool(data, "is_no_match", there > 0 && total == 0);
	cm_json_set_bool(data, "is_filtered",
			 f.q[0] != '\0' || f.state[0] != '\0' || f.stack[0] != '\0' || f.network[0] != '\0' ||
			     f.image[0] != '\0');
	cm_view_list(data, rq, list, columns, (int64_t)cm_json_len(shown), total);
	narrowed_add(rq, data, &f);
	cm_json_set(data, "containers", shown);
}

/* The page without its rows: what is there in every case. */
static void frame_add(struct cm_request *rq, struct json_object *data, const struct cm_form *typed)
{
	bool may = rq->role >= CM_ROLE_DEVELOPER;
	cm_autofree char *back = rq->method == CM_GET ? cm_view_href(rq, "", NULL) : cm_strdup("/containers");

	cm_json_set_bool(data, "can_backup", may);
	cm_json_set_bool(data, "can_change", may);
	cm_json_set_bool(data, "can_destroy", rq->role >= CM_ROLE_ADMIN);
	cm_json_set_str(data, "back", back);
	cm_json_set_str(data, "form_action", "/containers/backup");
	cm_json_set_bool(data, "options_open", typed != NULL);
	cm_json_set(data, "options", cm_view_backup_options(typed));
}

/* Helpers and drills, who asks for all. The list itself is shared: it is not changed. */
static void tools_add(struct cm_request *rq, struct json_object **list)
{
	cm_autojson struct json_object *tools = NULL;
	struct json_object *both = json_object_new_array();

	if (cm_engine_tools(rq->app, &tools, NULL) < 0)
		tools = NULL;
	for (size_t i = 0; i < cm_json_len(*list); i++)
		json_object_array_add(both, json_object_get(json_object_array_get_idx(*list, i)));
	for (size_t i = 0; i < cm_json_len(tools); i++)
		json_object_array_add(both, json_object_get(json_object_array_get_idx(tools, i)));
	json_object_put(*list);
	*list = both;
}

int cm_containers_view(struct cm_request *rq, struct cm_reply *rp, const struct cm_form *typed, struct cm_err *err)
{
	cm_autojson struct json_object *containers = NULL;
	struct json_object *data;
	struct cm_err why = { 0 };
	struct cm_list list;
	struct cm_container_row *rows;
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
	if (rc == 0 && cm_form_bool(rq->get, "all", false))
		tools_add(rq, &containers);
	data = cm_view_data(rp);
	count = cm_json_len(containers);
	rows = cm_container_rows_make(rq, containers);
	frame_add(rq, data, typed);
	docker_add(data, rc < 0 ? &why : NULL);
	list_add(rq, data, &list, rows, count);
	if (rc < 0) {
		cm_json_set_bool(data, "is_empty", false);
		cm_json_set_str(data, "total_text", "unknown");
		cm_json_set(data, "states", json_object_new_array());
	}
	cm_container_rows_release(rows, count);
	return 0;
}

int cm_page_containers(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return cm_containers_view(rq, rp, NULL, err);
}
