/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The vault: what can I get back?
 */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "service/catalog_sync.h"
#include "service/settings.h"
#include "service/vaults.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_backup.h"

static const char *const columns[] = { "-created", "filename", "type",	"backup_type", "storage",
				       "state",	   "server",   "-size", "-verified",   NULL };

enum { PAGE_ROWS = 50, API_ROWS = 10000 };

static const struct {
	const char *word, *stored, *text;
} states[] = { { "verified", "ok", "Verified" },
	       { "readable", "readable", "Readable, without hashes" },
	       { "unverified", "unknown", "Not verified" },
	       { "damaged", "damaged", "Damaged" },
	       { "missing", NULL, "Missing" } };

static const char *filter(const struct cm_request *rq, const char *name)
{
	return cm_form_str(rq->get, name, NULL);
}

static int query_make(const struct cm_request *rq, const struct cm_list *list, struct cm_catalog_query *q,
		      struct cm_err *err)
{
	const char *state = filter(rq, "state");

	*q = (struct cm_catalog_query){ .search = list->q[0] != '\0' ? list->q : NULL,
					.server_name = filter(rq, "server"),
					.type = filter(rq, "type"),
					.container_name = filter(rq, "container"),
					.sort = list->sort,
					.limit = list->limit,
					.offset = list->offset };
	/* The list as such shows a stack backup as one; who searches, or asks by API, gets files. */
	q->fold_sets = !rq->is_api && q->search == NULL && q->server_name == NULL && q->type == NULL &&
		       q->container_name == NULL && state == NULL;
	if (state == NULL)
		return 0;
	for (size_t i = 0; i < CM_COUNT(states); i++) {
		if (!cm_str_eq(states[i].word, state))
			continue;
		q->verify_state = states[i].stored;
		q->missing = states[i].stored == NULL;
		return 0;
	}
	return cm_err_set(err, CM_EINVAL, "state must be verified, readable, unverified, damaged or missing.");
}

static int servers_add(const struct cm_request *rq, struct json_object *filters, struct cm_err *err)
{
	struct json_object *list = json_object_new_array();
	cm_autofree char *own = cm_settings_server_name();
	const char *chosen = cm_form_str(rq->get, "server", "");
	char **values;
	int rc = cm_catalog_servers(&values, err);

	cm_json_set(filters, "server", list);
	if (rc < 0)
		return rc;
	cm_view_choice(list, "", "All servers", NULL, chosen[0] == '\0');
	for (size_t i = 0; values[i] != NULL; i++) {
		char text[300];

		snprintf(text, sizeof(text), "%.255s%s", values[i], cm_str_eq(values[i], own) ? " (this one)" : "");
		cm_view_choice(list, values[i], text, NULL, cm_str_eq(chosen, values[i]));
	}
	cm_catalog_servers_free(values);
	return 0;
}

static int filters_add(const struct cm_request *rq, struct json_object *data, struct cm_err *err)
{
	struct json_object *filters = json_object_new_object(), *list = json_object_new_array();
	const char *type = cm_form_str(rq->get, "type", ""), *state = cm_form_str(rq->get, "state", "");

	cm_json_set(data, "filters", filters);
	cm_view_choice(list, "", "All types", NULL, type[0] == '\0');
	cm_view_choice(list, "container", "Containers", NULL, cm_str_eq(type, "container"));
	cm_view_choice(list, "volume", "Volumes", NULL, cm_str_eq(type, "volume"));
	cm_view_choice(list, "network", "Networks", NULL, cm_str_eq(type, "network"));
	cm_view_choice(list, "export", "Exports", NULL, cm_str_eq(type, "export"));
	cm_json_set(filters, "type", list);
	list = json_object_new_array();
	cm_view_choice(list, "", "Any state", NULL, state[0] == '\0');
	for (size_t i = 0; i < CM_COUNT(states); i++)
		cm_view_choice(list, states[i].word, states[i].text, NULL, cm_str_eq(state, states[i].word));
	cm_json_set(filters, "state", list);
	return servers_add(rq, filters, err);
}

static void totals_add(const struct cm_request *rq, struct json_object *data, const struct cm_catalog_totals *t)
{
	struct json_object *o = json_object_new_object();
	char count[96], size[32], free_text[32];
	struct cm_vault *v;
	int64_t free_bytes = -1;

	if (cm_vaults_open(rq->app, NULL, &v, NULL) == 0) {
		free_bytes = v->ops->free_bytes(v);
		cm_vault_free(v);
	}
	cm_count_text(count, t->count, "backup", "backups");
	cm_size_text(size, t->bytes);
	cm_size_text(free_text, free_bytes);
	cm_json_set_str(o, "count_text", count);
	cm_json_set_str(o, "size_text", size);
	cm_view_text(o, "free_text", free_bytes < 0 ? "free space unknown" : "%s free", free_text);
	cm_json_set_str(o, "place_text", "Local folder");
	cm_json_set(data, "totals", o);
}

static void actions_add(const struct cm_request *rq, struct json_object *data, bool any)
{
	bool admin = rq->role >= CM_ROLE_ADMIN;

	cm_json_set_bool(data, "can_select", rq->role >= CM_ROLE_DEVELOPER);
	cm_json_set_bool(data, "can_delete", admin);
	cm_json_set_str(data, "verify_action", rq->role >= CM_ROLE_DEVELOPER ? "/vault/verify" : NULL);
	cm_json_set_str(data, "verify_all_action", rq->role >= CM_ROLE_DEVELOPER && any ? "/vault/verify" : NULL);
	cm_json_set_str(data, "delete_action", admin ? "/vault/delete" : NULL);
	cm_json_set_str(data, "empty_url", admin && any ? "/vault/empty" : NULL);
	cm_json_set_str(data, "refresh_action", rq->role >= CM_ROLE_DEVELOPER ? "/vault/refresh" : NULL);
}

/* A backup, or the whole stack backup that it is the first of. */
static struct json_object *row_view(const struct cm_catalog_row *row, bool fold, enum cm_role role, int64_t now_ms)
{
	struct cm_catalog_list set;
	struct json_object *o;

	if (!fold || row->set_id == NULL || cm_catalog_set(row->set_id, NULL, &set, NULL) < 0)
		return cm_view_backup_row(row, role, now_ms);
	o = cm_view_backup_set(&set, role, now_ms);
	cm_catalog_list_release(&set);
	return o;
}

int cm_page_vault(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *data, *rows = json_object_new_array();
	int64_t now_ms = cm_now_ms();
	struct cm_catalog_totals totals;
	struct cm_catalog_query q;
	struct cm_catalog_list found = { 0 };
	struct cm_list list;
	bool filtered;
	int rc = cm_list_parse(rq, columns, rq->is_api ? API_ROWS : PAGE_ROWS, API_ROWS, &list, err);

	rc = rc < 0 ? rc : query_make(rq, &list, &q, err);
	rc = rc < 0 ? rc : cm_catalog_list(&q, &found, err);
	rc = rc < 0 ? rc : cm_catalog_totals(&totals, err);
	if (rc < 0) {
		json_object_put(rows);
		cm_catalog_list_release(&found);
		return rc;
	}
	for (size_t i = 0; i < found.count; i++)
		json_object_array_add(rows, row_view(&found.rows[i], q.fold_sets, rq->role, now_ms));
	data = cm_view_data(rp);
	cm_view_list(data, rq, &list, columns, (int64_t)found.count, found.total);
	cm_json_set(data, "backups", rows);
	filtered = q.search || q.server_name || q.type || q.container_name || q.verify_state || q.missing;
	cm_json_set_bool(data, "is_filtered", filtered);
	cm_json_set_bool(data, "is_empty", totals.count + totals.missing == 0);
	cm_json_set_bool(data, "is_no_match", totals.count + totals.missing > 0 && found.total == 0);
	cm_catalog_list_release(&found);
	if (rq->is_api)
		return 0;
	totals_add(rq, data, &totals);
	actions_add(rq, data, totals.count + totals.missing > 0);
	return filters_add(rq, data, err);
}

int cm_page_vault_refresh(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_catalog_changes changes = { 0 };
	struct json_object *answer;
	int rc = cm_catalog_sync(rq->app, &changes, err);

	if (rc < 0)
		return rc;
	answer = json_object_new_object();
	cm_json_set_int(answer, "added", changes.added);
	cm_json_set_int(answer, "updated", changes.updated);
	cm_json_set_int(answer, "removed", changes.removed);
	if (changes.added + changes.updated + changes.removed == 0)
		cm_reply_done(rq, rp, "/vault", answer, "The vault was read again: nothing has changed.");
	else
		cm_reply_done(rq, rp, "/vault", answer, "The vault was read again: %d new, %d changed, %d gone.",
			      changes.added, changes.updated, changes.removed);
	return 0;
}
