/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of networks, and removing them: some, or all that nobody uses.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/networks.h"
#include "service/own.h"
#include "web/bulk.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_images.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_confirm.h"
#include "web/view/view_network.h"

static const char *const columns[] = { "name", "driver", "scope", "subnet", "-containers", "-created", NULL };

enum { NETWORKS_MAX = 10000 };

static const char engine_help[] = "Start the engine (systemctl start docker) or mend its address, then load this page "
				  "again. Backups in the vault stay readable.";

static bool in_state(struct json_object *row, const char *state)
{
	if (cm_str_eq(state, "used"))
		return cm_json_bool(row, "in_use", false);
	if (cm_str_eq(state, "unused"))
		return !cm_json_bool(row, "in_use", false) && !cm_json_bool(row, "is_default", false);
	return true;
}

static bool matches(struct json_object *row, const char *q)
{
	static const char *const fields[] = { "name", "full_id", "driver", "subnet", "gateway" };
	struct json_object *users = cm_json_arr(row, "users"), *subnets = cm_json_arr(row, "subnets");

	for (size_t i = 0; i < CM_COUNT(fields); i++)
		if (strcasestr(cm_json_str(row, fields[i], ""), q) != NULL)
			return true;
	for (size_t i = 0; i < cm_json_len(users); i++)
		if (strcasestr(cm_json_str(json_object_array_get_idx(users, i), "name", ""), q) != NULL)
			return true;
	for (size_t i = 0; i < cm_json_len(subnets); i++)
		if (strcasestr(cm_json_str(json_object_array_get_idx(subnets, i), "subnet", ""), q) != NULL)
			return true;
	return false;
}

static int row_order(const void *a, const void *b, void *field)
{
	struct json_object *x = *(struct json_object *const *)a, *y = *(struct json_object *const *)b;
	const char *sort = field;
	bool descending = sort[0] == '-';
	int order;

	sort += descending;
	if (cm_str_eq(sort, "containers")) {
		int64_t n = cm_json_int(x, sort, 0), m = cm_json_int(y, sort, 0);

		order = (n > m) - (n < m);
	} else {
		sort = cm_str_eq(sort, "created") ? "created_at" : sort;
		order = strcasecmp(cm_json_str(x, sort, ""), cm_json_str(y, sort, ""));
	}
	if (order == 0)
		return strcmp(cm_json_str(x, "name", ""), cm_json_str(y, "name", ""));
	return descending ? -order : order;
}

static void tabs_add(const struct cm_request *rq, struct json_object *data, struct json_object **rows, size_t count)
{
	static const char *const words[] = { "", "used", "unused" };
	static const char *const texts[] = { "All", "In use", "Unused" };
	const char *now = cm_form_str(rq->get, "state", "");
	struct json_object *list = json_object_new_array();
	int64_t n = 0;

	for (size_t k = 0; k < CM_COUNT(words); k++) {
		n = 0;
		for (size_t i = 0; i < count; i++)
			n += in_state(rows[i], words[k]);
		cm_view_tab(list, texts[k], n, cm_view_href(rq, "state", words[k]), cm_str_eq(now, words[k]));
	}
	cm_json_set(data, "states", list);
	cm_json_set_str(data, "prune_url", rq->role >= CM_ROLE_ADMIN && n > 0 ? "/networks/prune" : NULL);
}

static void list_add(const struct cm_request *rq, struct json_object *data, const struct cm_list *l,
		     struct json_object *list)
{
	bool own = cm_form_bool(rq->get, "own", false);
	const char *state = cm_form_str(rq->get, "state", "");
	struct json_object *shown = json_object_new_array();
	struct json_object **rows = cm_alloc_array(cm_json_len(list) + 1, sizeof(struct json_object *));
	int64_t total = 0, now_ms = cm_now_ms();
	size_t count = 0;
	char text[96];

	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *network = json_object_array_get_idx(list, i);

		if (own || cm_json_int(network, "Own", CM_OWN_NOT) == CM_OWN_NOT)
			rows[count++] = cm_view_network(network, rq->role, now_ms);
	}
	if (count > 0)
		qsort_r(rows, count, sizeof(struct json_object *), row_order, (void *)(uintptr_t)l->sort);
	for (size_t i = 0; i < count; i++) {
		if (!in_state(rows[i], state) || !matches(rows[i], l->q))
			continue;
		if (total >= l->offset && total < l->offset + l->limit)
			json_object_array_add(shown, json_object_get(rows[i]));
		total++;
	}
	tabs_add(rq, data, rows, count);
	cm_count_text(text, (int64_t)count, "network", "networks");
	cm_json_set_str(data, "total_text", text);
	cm_json_set_bool(data, "is_no_match", count > 0 && total == 0);
	cm_view_list(data, rq, l, columns, (int64_t)cm_json_len(shown), total);
	cm_view_keep(data, rq, "state");
	cm_json_set(data, "networks", shown);
	for (size_t i = 0; i < count; i++)
		json_object_put(rows[i]);
	free(rows);
}

int cm_page_networks(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *list = NULL;
	struct json_object *data, *docker;
	struct cm_err why = { 0 };
	struct cm_list l;
	int rc = cm_list_parse(rq, columns, NETWORKS_MAX, NETWORKS_MAX, &l, err);

	if (rc < 0)
		return rc;
	rc = cm_networks_list(rq->app, &list, &why);
	if (rc < 0 && rq->is_api) {
		struct json_object *extra = json_object_new_object();

		cm_json_set_str(extra, "help", engine_help);
		cm_reply_error_json(rp, &why, extra);
		return 0;
	}
	data = cm_view_data(rp);
	docker = json_object_new_object();
	cm_json_set_bool(docker, "is_ok", rc == 0);
	cm_json_set_str(docker, "error", rc < 0 ? why.text : NULL);
	cm_json_set_str(docker, "help", rc < 0 ? engine_help : NULL);
	cm_json_set(data, "docker", docker);
	cm_json_set_bool(data, "can_change", rq->role >= CM_ROLE_ADMIN);
	list_add(rq, data, &l, list);
	return 0;
}

struct asking {
	struct cm_reply *rp;
	struct json_object *items, *kept;
	char first[300];
};

static void ask_one(struct asking *a, struct json_object *network)
{
	const char *name = cm_json_str(network, "Name", "");
	char stays[300], subnets[600];
	cm_autofree char *id = cm_strndup(cm_json_str(network, "Id", ""), 12), *url = cm_url_make("/network/%s", id);

	if (cm_networks_stays(network, stays) != NULL) {
		cm_view_confirm_kept(a->rp, name, stays);
		return;
	}
	cm_view_network_subnets(subnets, network);
	if (a->first[0] == '\0')
		cm_str_copy(a->first, sizeof(a->first), name);
	cm_view_confirm_item(a->rp, id, name, subnets[0] != '\0' ? subnets : NULL, url);
}

static void ask_finish(struct asking *a)
{
	struct json_object *data = cm_view_data(a->rp), *items = json_object_get(cm_json_arr(data, "items"));
	struct json_object *kept = json_object_get(cm_json_arr(data, "kept"));
	size_t count = cm_json_len(items);
	char title[360], button[120], text[96];
	struct cm_confirm c = { .title = title,
				.lead =
				    count > 0 ? "A network that was backed up can be restored from the vault." : NULL,
				.button = count > 0 ? button : NULL,
				.action = "/networks/delete",
				.field = "network",
				.back = "/networks",
				.back_text = count == 0	  ? "Back to the networks"
					     : count == 1 ? "Keep it"
							  : "Keep them",
				.parent = "/networks",
				.parent_text = "Networks" };

	cm_count_text(text, (int64_t)count, "network", "networks");
	snprintf(button, sizeof(button), "Delete %s", text);
	snprintf(title, sizeof(title), count == 0 ? "Nothing can be deleted" : "Delete %s?",
		 count == 1 ? a->first : text);
	cm_view_confirm(a->rp, &c);
	cm_json_set(data, "items", items);
	cm_json_set(data, "kept", kept);
	cm_view_title(a->rp, "Delete networks");
}

/* form NULL: all that nobody uses. */
static int ask(const struct cm_form *form, struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	static const struct cm_confirm nothing = { .title = "" };
	cm_autojson struct json_object *list = NULL;
	struct asking a = { .rp = rp };
	const char *id;
	size_t pos = 0;
	int rc = cm_networks_list(rq->app, &list, err);

	if (rc < 0)
		return rc;
	cm_view_confirm(rp, &nothing);
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *network = json_object_array_get_idx(list, i);
		const char *full = cm_json_str(network, "Id", "");
		char stays[300];

		pos = 0;
		if (form == NULL && cm_networks_stays(network, stays) == NULL)
			ask_one(&a, network);
		while (form != NULL && (id = cm_form_each(form, "network", &pos)) != NULL) {
			if (!(strlen(id) >= 12 && cm_str_has_prefix(full, id)) &&
			    !cm_str_eq(id, cm_json_str(network, "Name", "")))
				continue;
			ask_one(&a, network);
			break;
		}
	}
	if (cm_json_len(cm_json_arr(cm_view_data(rp), "items")) + cm_json_len(cm_json_arr(cm_view_data(rp), "kept")) ==
	    0) {
		cm_reply_flash(rq, rp, form ? "error" : "ok", "%s",
			       form ? "Select at least one network that is there."
				    : "There is no network that nobody uses.");
		cm_reply_redirect(rp, "/networks");
		return 0;
	}
	ask_finish(&a);
	return 0;
}

int cm_page_networks_delete_confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return ask(rq->get, rq, rp, err);
}

int cm_page_networks_prune_confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return ask(NULL, rq, rp, err);
}

static int delete_one(struct cm_request *rq, const char *id, void *ctx, char **ret_name, struct cm_err *err)
{
	const struct cm_actor actor = cm_images_actor(rq);

	(void)ctx;
	return cm_networks_remove(rq->app, id, &actor, ret_name, err);
}

int cm_page_networks_delete(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	static const struct cm_bulk bulk = { .field = "network",
					     .one = "network",
					     .many = "networks",
					     .done = "deleted",
					     .back = "/networks",
					     .act = delete_one };

	if (!rq->is_api && !cm_form_bool(rq->post, "confirm", false))
		return ask(rq->post, rq, rp, err);
	return cm_bulk_run(rq, rp, &bulk, NULL, err);
}

int cm_page_network_delete(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const struct cm_actor actor = cm_images_actor(rq);
	int rc = cm_networks_remove(rq->app, rq->params[0], &actor, NULL, err);

	if (rc == 0)
		cm_reply_done(rq, rp, "/networks", NULL, "Network deleted");
	return rc;
}

int cm_page_networks_prune(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *list = NULL;
	struct json_object *answer, *gone = json_object_new_array(), *errors = json_object_new_array();
	const struct cm_actor actor = cm_images_actor(rq);
	int rc = cm_networks_list(rq->app, &list, err);

	for (size_t i = 0; rc == 0 && i < cm_json_len(list); i++) {
		struct json_object *network = json_object_array_get_idx(list, i);
		struct cm_err why = { 0 };
		char stays[300];

		if (cm_networks_stays(network, stays) != NULL)
			continue;
		if (cm_networks_remove(rq->app, cm_json_str(network, "Id", ""), &actor, NULL, &why) == 0)
			cm_json_add_str(gone, cm_json_str(network, "Name", ""));
		else
			cm_json_add_str(errors, why.text);
	}
	if (rc < 0) {
		json_object_put(gone);
		json_object_put(errors);
		return rc;
	}
	answer = json_object_new_object();
	cm_json_set_int(answer, "deleted_count", (int64_t)cm_json_len(gone));
	cm_json_set(answer, "deleted_networks", gone);
	cm_json_set(answer, "errors", errors);
	cm_reply_done(rq, rp, "/networks", answer, "Deleted %zu unused network(s)", cm_json_len(gone));
	return 0;
}
