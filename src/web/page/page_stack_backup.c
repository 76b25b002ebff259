/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backing up a whole stack, the set that comes of it, and restoring it.
 */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "jobs/kinds.h"
#include "jobs/queue.h"
#include "service/audit.h"
#include "service/containers.h"
#include "service/preflight.h"
#include "service/stack_backup.h"
#include "service/stacks.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_stacks.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_backup.h"

static int job_add(struct cm_request *rq, struct cm_reply *rp, const char *kind, const char *stack,
		   struct json_object *params, const char *text, struct cm_err *err)
{
	struct cm_job_request job = {
		.kind = kind, .subject = stack, .user = rq->user, .params = params, .once = false
	};
	char id[CM_UUID_LEN + 1], where[64];
	struct json_object *o;
	int rc = cm_job_add(rq->app, &job, id, err);

	if (rc < 0)
		return rc;
	snprintf(where, sizeof(where), "/job/%s", id);
	if (!rq->is_api) {
		cm_reply_redirect(rp, where);
		return 0;
	}
	o = json_object_new_object();
	cm_json_set_str(o, "job_id", id);
	cm_json_set_str(o, "progress_id", id);
	rp->status = 202;
	cm_reply_done(rq, rp, where, o, "%s", text);
	return 0;
}

static void texts_take(const struct cm_request *rq, struct json_object *params, const char *const *names)
{
	for (; *names != NULL; names++) {
		const char *value = cm_form_str(rq->post, *names, NULL);

		if (value != NULL)
			cm_json_set_str(params, *names, value);
	}
}

int cm_page_stack_backup(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	static const char *const texts[] = { "consistency", "image",	      "compression", "vault",
					     "note",	    "remote_volumes", NULL };
	cm_autojson struct json_object *params = json_object_new_object();
	struct cm_stack_list list;
	const struct cm_stack *s;
	int rc = cm_stacks_list(rq->app, &list, err);

	if (rc < 0)
		return rc;
	rc = cm_stack_find(&list, rq->params[0], &s, err);
	if (rc == 0 && s->swarm)
		rc = cm_err_set(err, CM_EUNSUPPORTED,
				"The stack of a swarm cannot be held still: back up its containers one by one.");
	rc = rc < 0 ? rc : cm_stack_not_at_work(s, err);
	cm_stack_list_release(&list);
	if (rc < 0)
		return rc;
	cm_json_set_str(params, "stack", rq->params[0]);
	cm_json_set_str(params, "user", rq->user);
	texts_take(rq, params, texts);
	rc = cm_stack_backup_params_check(params, err);
	return rc < 0 ? rc : job_add(rq, rp, "stack_backup", rq->params[0], params, "Backup of the stack started", err);
}

static struct json_object *restore_params(const struct cm_request *rq, const char *stack)
{
	static const char *const texts[] = { "set", "volumes", "restore_binds", NULL };
	static const char *const bools[] = { "replace", "keep_old", "start" };
	struct json_object *params = json_object_new_object();

	cm_json_set_str(params, "stack", stack);
	cm_json_set_str(params, "user", rq->user);
	texts_take(rq, params, texts);
	for (size_t i = 0; i < CM_COUNT(bools); i++) {
		if (cm_form_str(rq->post, bools[i], NULL) != NULL)
			cm_json_set_bool(params, bools[i], cm_form_bool(rq->post, bools[i], false));
	}
	return params;
}

/* {"name","is_ok"…,"findings":[…]} of each member, what is fine left out. */
static void findings_add(struct json_object *data, struct json_object *preview)
{
	struct json_object *members = cm_json_arr(preview, "members"), *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(members); i++) {
		struct json_object *m = json_object_array_get_idx(members, i), *from = cm_json_arr(m, "findings");

		for (size_t k = 0; k < cm_json_len(from); k++) {
			struct json_object *f = json_object_array_get_idx(from, k);
			const char *level = cm_json_str(f, "level", "ok");
			cm_autofree char *text =
			    cm_asprintf("%s: %s", cm_json_str(m, "name", ""), cm_json_str(f, "text", ""));

			if (!cm_str_eq(level, "ok"))
				cm_view_finding(list, level, text, cm_json_str(f, "hint", NULL));
		}
	}
	for (size_t i = 0; i < cm_json_len(list); i++)
		cm_json_set(json_object_array_get_idx(list, i), "href", NULL);
	cm_json_set(data, "findings", list);
	cm_json_set_bool(data, "is_checked", preview != NULL);
}

static void set_fill(struct cm_request *rq, struct cm_reply *rp, const struct cm_catalog_list *set,
		     struct json_object *preview)
{
	struct json_object *data = cm_view_data(rp), *rows = json_object_new_array(), *summary;
	int64_t now_ms = cm_now_ms();
	const char *stack = set->rows[0].stack ? set->rows[0].stack : "";
	cm_autobuf struct cm_buf remove = CM_BUF_INIT(65536);

	summary = cm_view_backup_set(set, rq->role, now_ms);
	json_object_object_foreach(summary, key, value) cm_json_set(data, key, json_object_get(value));
	json_object_put(summary);
	for (size_t i = 0; i < set->count; i++) {
		json_object_array_add(rows, cm_view_backup_row(&set->rows[i], rq->role, now_ms));
		cm_buf_str(&remove, i == 0 ? "/vault/delete?file=" : "&file=");
		cm_url_encode(&remove, set->rows[i].file, false);
	}
	cm_view_title(rp, "Stack backup of %s", stack);
	cm_json_set(data, "backups", rows);
	cm_json_set_str(data, "set_id", set->rows[0].set_id);
	cm_json_set_str(data, "stack", stack);
	cm_json_set_str(data, "delete_url", rq->role >= CM_ROLE_ADMIN ? remove.data : NULL);
	if (rq->role >= CM_ROLE_ADMIN && cm_json_bool(data, "is_whole", false))
		cm_view_url(data, "restore_action", "/stack/%s/restore", stack);
	else
		cm_json_set(data, "restore_action", NULL);
	cm_json_set_bool(data, "replace", cm_form_bool(rq->post, "replace", false));
	cm_json_set_bool(data, "keep_old", cm_form_bool(rq->post, "keep_old", false));
	cm_json_set_bool(data, "volumes_replace", cm_str_eq(cm_form_str(rq->post, "volumes", ""), "replace"));
	findings_add(data, preview);
}

int cm_page_backup_set(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_catalog_list set;
	int rc = cm_catalog_set(rq->params[0], NULL, &set, err);

	if (rc < 0)
		return rc;
	set_fill(rq, rp, &set, NULL);
	cm_catalog_list_release(&set);
	return 0;
}

/* The page again, with what stands in the way. */
static int restore_refused(struct cm_request *rq, struct cm_reply *rp, struct json_object *preview, struct cm_err *err)
{
	struct cm_catalog_list set;
	struct json_object *extra;
	int rc;

	if (rq->is_api) {
		extra = cm_json_copy(preview);
		cm_err_set(err, CM_EEXIST, "The stack cannot be restored like this: see what each member says.");
		cm_reply_error_json(rp, err, extra);
		return 0;
	}
	rc = cm_catalog_set(cm_json_str(preview, "set_id", ""), NULL, &set, err);
	if (rc < 0)
		return rc;
	set_fill(rq, rp, &set, preview);
	cm_catalog_list_release(&set);
	rp->status = 409;
	return 0;
}

int cm_page_stack_restore(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *params = restore_params(rq, rq->params[0]), *preview = NULL;
	struct cm_stack_list list;
	const struct cm_stack *s;
	int rc = cm_stack_restore_params_check(params, err);

	rc = rc < 0 ? rc : cm_stack_restore_preview(rq->app, params, &preview, err);
	if (rc < 0)
		return rc;
	if (rq->is_api && cm_form_bool(rq->get, "preflight", false)) {
		cm_audit_act_covered();
		cm_reply_json(rp, 200, cm_move(&preview));
		return 0;
	}
	if (!cm_json_bool(preview, "can_restore", false))
		return restore_refused(rq, rp, preview, err);
	/* A stack that is gone has nobody at work. */
	if (cm_stacks_list(rq->app, &list, NULL) == 0) {
		if (cm_stack_find(&list, rq->params[0], &s, NULL) == 0)
			rc = cm_stack_not_at_work(s, err);
		cm_stack_list_release(&list);
	}
	cm_json_set_str(params, "set", cm_json_str(preview, "set_id", ""));
	return rc < 0 ? rc
		      : job_add(rq, rp, "stack_restore", rq->params[0], params, "Restore of the stack started", err);
}

int cm_backup_sets_expand(struct cm_form *form, struct cm_err *err)
{
	const char *file;
	size_t pos = 0, most = cm_form_count(form);

	while (pos < most && (file = cm_form_each(form, "file", &pos)) != NULL) {
		struct cm_catalog_list set;
		int rc;

		if (!cm_str_has_prefix(file, CM_SET_PREFIX))
			continue;
		rc = cm_catalog_set(file + strlen(CM_SET_PREFIX), NULL, &set, err);
		for (size_t i = 0; rc == 0 && i < set.count; i++)
			rc = cm_form_add(form, "file", 4, set.rows[i].file, strlen(set.rows[i].file), err);
		if (rc < 0)
			return rc;
		cm_catalog_list_release(&set);
	}
	return 0;
}
