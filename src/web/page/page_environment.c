/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The check of what the program stands on, and the containers that were left over. */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/environment.h"
#include "service/leftovers.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_confirm.h"

static void add_findings(struct json_object *data, struct json_object *checks)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(checks); i++) {
		struct json_object *o = json_object_array_get_idx(checks, i);
		const char *detail = cm_json_str(o, "detail", NULL), *todo = cm_json_str(o, "todo", NULL);
		cm_autofree char *both =
		    detail && todo ? cm_asprintf("%s%s %s", detail, cm_str_has_suffix(detail, ".") ? "" : ".", todo)
				   : cm_strdup(detail ? detail : todo);

		cm_view_finding(list, cm_json_str(o, "level", ""), cm_json_str(o, "text", ""), both);
	}
	cm_json_set(data, "environment", list);
}

static void add_page(struct json_object *data, const struct cm_request *rq, struct json_object *checks, bool ok)
{
	cm_autojson struct json_object *left = NULL;
	bool known = false;
	char count[96];

	add_findings(data, checks);
	cm_json_set_bool(data, "is_ok", ok);
	/* Without the engine nothing is known of containers either. */
	if (ok)
		known = cm_leftovers_list(rq->app, &left, NULL) == 0;
	cm_count_text(count, (int64_t)cm_json_len(left), "container", "containers");
	if (!known)
		cm_json_set_str(data, "left_text", "Not known while the engine does not answer.");
	else if (cm_json_len(left) == 0)
		cm_json_set_str(data, "left_text", "Nothing is left over.");
	else
		cm_view_text(data, "left_text", "%s of ended work can go.", count);
	cm_json_set_bool(data, "can_clean", cm_json_len(left) > 0 && rq->role >= CM_ROLE_ADMIN);
	cm_json_set_str(data, "clean_url", "/settings/cleanup");
}

static const char *level_of(struct json_object *checks, const char *id)
{
	for (size_t i = 0; i < cm_json_len(checks); i++) {
		struct json_object *o = json_object_array_get_idx(checks, i);

		if (cm_str_eq(cm_json_str(o, "id", ""), id))
			return cm_json_str(o, "level", "");
	}
	return "";
}

int cm_page_check_environment(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *data = cm_view_data(rp), *details = json_object_new_array();
	struct json_object *checks = cm_environment_check(rq->app);
	bool engine = cm_str_eq(level_of(checks, "docker"), "ok"), ok = true;

	(void)err;
	for (size_t i = 0; i < cm_json_len(checks); i++) {
		struct json_object *o = json_object_array_get_idx(checks, i);
		const char *detail = cm_json_str(o, "detail", NULL), *todo = cm_json_str(o, "todo", NULL);
		char line[2400];

		ok = ok && !cm_str_eq(cm_json_str(o, "level", ""), "block");
		snprintf(line, sizeof(line), "%s%s%s%s%s", cm_json_str(o, "text", ""), detail ? ": " : ".",
			 detail ? detail : "", todo ? " " : "", todo ? todo : "");
		cm_json_add_str(details, line);
	}
	cm_json_set_bool(data, "ok", ok);
	/* The predecessor's names: it needed the socket, the docker command and a busybox image. We need the engine and
	 * our own helper image. */
	cm_json_set_bool(data, "docker_socket", engine);
	cm_json_set_bool(data, "docker_cli", engine);
	cm_json_set_bool(data, "busybox", cm_str_eq(level_of(checks, "helper"), "ok"));
	cm_json_set(data, "details", details);
	cm_json_set(data, "checks", checks);
	if (!rq->is_api)
		add_page(data, rq, checks, ok);
	return 0;
}

int cm_page_cleanup_confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *left = NULL;
	int rc = cm_leftovers_list(rq->app, &left, err);
	char count[96];

	if (rc != 0)
		return rc;
	bool any = cm_json_len(left) > 0;
	cm_count_text(count, (int64_t)cm_json_len(left), "container", "containers");
	cm_autofree char *button = cm_asprintf("Remove %s", count);
	cm_view_confirm(
	    rp, &(struct cm_confirm){
		    .title = any ? "Remove what was left over?" : "Nothing is left over",
		    .lead = "Containers that were made for a moment, and whose work is over. They hold no data.",
		    .button = any ? button : NULL,
		    .action = "/settings/cleanup",
		    .back = "/settings/environment",
		    .back_text = any ? "Keep them" : "Back",
		    .parent = "/settings/environment",
		    .parent_text = "Environment",
		});
	for (size_t i = 0; i < cm_json_len(left); i++) {
		struct json_object *o = json_object_array_get_idx(left, i);
		cm_view_confirm_item(rp, cm_json_str(o, "id", ""), cm_json_str(o, "name", ""),
				     cm_json_str(o, "status", NULL), NULL);
	}
	return 0;
}

int cm_page_cleanup(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *answer = NULL;
	int rc;

	if (!rq->is_api && !cm_form_bool(rq->post, "confirm", false))
		return cm_err_set(err, CM_EINVAL, "Confirm that the containers shall be removed.");
	rc = cm_leftovers_remove(rq->app, &answer, err);
	if (rc != 0)
		return rc;
	int64_t removed = cm_json_int(answer, "removed", 0);
	struct json_object *errors = cm_json_arr(answer, "errors");
	if (!rq->is_api && errors != NULL)
		cm_reply_flash(rq, rp, "error", "%s", json_object_get_string(json_object_array_get_idx(errors, 0)));
	if (removed == 0)
		cm_reply_done(rq, rp, "/settings/environment", answer, "No orphaned temp containers found");
	else
		cm_reply_done(rq, rp, "/settings/environment", answer, "Removed %lld orphaned temp container(s)",
			      (long long)removed);
	return 0;
}
