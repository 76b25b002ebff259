/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Restore: look first, then do it. The work itself is a job; the API waits for its end unless asked not to.
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
#include "service/container_spec.h"
#include "service/network_restore.h"
#include "service/preflight.h"
#include "service/restore.h"
#include "web/form.h"
#include "web/job_reply.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_restore.h"

static void error_add(struct json_object *errors, const char *field, const char *text)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "field", field);
	cm_json_set_str(o, "text", text);
	json_object_array_add(errors, o);
}

/* The fields of the page's form as params. What is malformed goes into errors and not into params, so that the page can
 * be shown again with everything else. */
static void form_ports(const struct cm_form *f, struct json_object *params, struct json_object *errors)
{
	struct json_object *ports = json_object_new_object();

	for (size_t i = 0; i < cm_form_count(f); i++) {
		const char *field = cm_form_name_at(f, i), *port = field + strlen("port:");
		cm_autojson struct json_object *value = json_object_new_string(cm_form_value_at(f, i));
		struct json_object *list;
		if (!cm_str_has_prefix(field, "port:"))
			continue;
		if (!cm_spec_port_valid(value)) {
			error_add(errors, field, "A port is a number from 1 to 65535.");
			continue;
		}
		/* A container port that was published twice comes twice. */
		list = cm_json_arr(ports, port);
		if (list == NULL) {
			list = json_object_new_array();
			cm_json_set(ports, port, list);
		}
		json_object_array_add(list, cm_move(&value));
	}
	if (json_object_object_length(ports) > 0)
		cm_json_set(params, "port_overrides", ports);
	else
		json_object_put(ports);
}

static void form_choices(const struct cm_form *f, struct json_object *params)
{
	struct json_object *volumes = json_object_new_object(), *binds = json_object_new_object();

	for (size_t i = 0; i < cm_form_count(f); i++) {
		const char *field = cm_form_name_at(f, i), *value = cm_form_value_at(f, i);
		char key[64];
		if (cm_str_has_prefix(field, "volume:")) {
			cm_json_set_str(volumes, field + strlen("volume:"), value);
		} else if (cm_str_has_prefix(field, "bind:")) {
			snprintf(key, sizeof(key), "#%.40s", field + strlen("bind:"));
			cm_json_set_str(binds, key, value);
		}
	}
	cm_json_set(params, "volumes", volumes);
	cm_json_set(params, "restore_binds", binds);
}

static struct json_object *form_params(const struct cm_request *rq, struct json_object *errors)
{
	struct json_object *params = json_object_new_object();
	const char *name = cm_form_str(rq->post, "new_name", "");

	if (name[0] != '\0' && (!cm_name_valid(name) || strlen(name) < 2))
		error_add(
		    errors, "new_name",
		    "A container name has letters, digits and . _ - only, begins with a letter or digit, and has at "
		    "least two characters.");
	else
		cm_json_set_str(params, "new_name", name);
	form_ports(rq->post, params, errors);
	form_choices(rq->post, params);
	cm_json_set_bool(params, "start", cm_form_bool(rq->post, "start", false));
	cm_json_set_bool(params, "replace", cm_form_bool(rq->post, "replace_container", false));
	cm_json_set_bool(params, "keep_old", cm_form_bool(rq->post, "keep_old", false));
	return params;
}

/* What may come by API, and nothing else. */
static struct json_object *api_params(const struct cm_request *rq)
{
	static const char *const taken[] = {
		"filename", "file",	"vault", "new_name",	  "port_overrides",	"volumes", "overwrite_volumes",
		"replace",  "keep_old", "start", "restore_binds", "other_architecture", "host"
	};
	static const char *const texts[] = { "filename", "file", "new_name", "volumes", "restore_binds" };
	static const char *const bools[] = { "overwrite_volumes", "replace", "keep_old", "start" };
	struct json_object *params = json_object_new_object();

	for (size_t i = 0; rq->json != NULL && i < CM_COUNT(taken); i++) {
		struct json_object *v = cm_json_get(rq->json, taken[i]);
		if (v != NULL)
			cm_json_set(params, taken[i], cm_json_copy(v));
	}
	for (size_t i = 0; rq->json == NULL && i < CM_COUNT(texts); i++)
		if (cm_form_str(rq->post, texts[i], NULL) != NULL)
			cm_json_set_str(params, texts[i], cm_form_str(rq->post, texts[i], ""));
	for (size_t i = 0; rq->json == NULL && i < CM_COUNT(bools); i++)
		if (cm_form_str(rq->post, bools[i], NULL) != NULL)
			cm_json_set_bool(params, bools[i], cm_form_bool(rq->post, bools[i], false));
	return params;
}

static void page_fill(struct cm_reply *rp, struct json_object *preview, const struct cm_form *typed,
		      struct json_object *errors)
{
	const char *file = cm_json_str(preview, "filename", "");
	struct cm_catalog_row row = { 0 };
	bool known = cm_catalog_get(NULL, file, &row, NULL) == 0;
	struct cm_restore_page page = {
		.preview = preview, .row = known ? &row : NULL, .typed = typed, .errors = errors, .now_ms = cm_now_ms()
	};

	cm_view_restore(cm_view_data(rp), &page);
	cm_view_title(rp, "Restore %s", cm_json_str(preview, "container_name", ""));
	cm_catalog_row_release(&row);
}

int cm_page_restore_show(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *params = json_object_new_object(), *preview = NULL;
	int rc;

	/* What the page offers first: nothing that exists is touched. */
	cm_json_set_str(params, "volumes", "keep");
	rc = cm_restore_preview(rq->app, rq->params[0], params, &preview, err);
	if (rc == 0)
		page_fill(rp, preview, NULL, NULL);
	return rc;
}

static int job_add(const struct cm_request *rq, struct json_object *params, struct json_object *preview,
		   char id[CM_UUID_LEN + 1], struct cm_err *err)
{
	const char *name = cm_json_str(preview, "new_name", "");
	cm_autofree char *title = cm_asprintf("Restore of %s", name);
	struct cm_job_request job = {
		.kind = "restore", .subject = name, .title = title, .user = rq->user, .params = params
	};

	cm_json_set_str(params, "file", cm_json_str(preview, "filename", ""));
	cm_json_set_str(params, "user", rq->user);
	return cm_job_add(rq->app, &job, id, err);
}

static int form_start(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *errors = json_object_new_array(), *preview = NULL;
	cm_autojson struct json_object *params = form_params(rq, errors);
	bool restore = cm_str_eq(cm_form_str(rq->post, "do", "check"), "restore");
	char id[CM_UUID_LEN + 1], where[64];
	int rc = cm_restore_preview(rq->app, rq->params[0], params, &preview, err);

	if (rc != 0)
		return rc;
	if (cm_json_len(errors) > 0)
		rp->status = 422;
	else if (restore && !cm_json_bool(preview, "can_restore", false))
		rp->status = cm_json_bool(preview, "conflict", false) ? 409 : 422;
	if (!restore || rp->status >= 400) {
		page_fill(rp, preview, rq->post, errors);
		return 0;
	}
	rc = job_add(rq, params, preview, id, err);
	if (rc != 0)
		return rc;
	snprintf(where, sizeof(where), "/job/%s", id);
	cm_reply_redirect(rp, where);
	return 0;
}

static void reply_blocked(struct cm_reply *rp, struct json_object *preview)
{
	struct json_object *extra = json_object_new_object(), *findings = cm_json_arr(preview, "findings");
	struct cm_err why = { 0 };

	cm_err_set(&why, cm_json_bool(preview, "conflict", false) ? CM_EEXIST : CM_EUNSUPPORTED, "%s.",
		   cm_findings_first_block(findings));
	cm_json_set(extra, "findings", json_object_get(findings));
	cm_json_set(extra, "existing_volumes", json_object_get(cm_json_arr(preview, "existing_volumes")));
	cm_json_set_bool(extra, "success", false);
	cm_reply_error_json(rp, &why, extra);
}

static int restore_network(struct cm_request *rq, struct cm_reply *rp, const char *file, struct cm_err *err)
{
	struct json_object *answer = NULL;
	int rc = cm_network_restore(rq->app, file, rq->user, &answer, err);

	if (rc == 0)
		cm_reply_json(rp, 200, answer);
	return rc;
}

static int api_start(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	static const struct cm_job_words words = { "Restore started", "The restore was cancelled." };
	cm_autojson struct json_object *params = api_params(rq), *preview = NULL;
	const char *file = cm_json_str(params, "filename", cm_json_str(params, "file", ""));
	char id[CM_UUID_LEN + 1];
	int rc;

	if (file[0] == '\0')
		return cm_err_set(err, CM_EINVAL, "Filename required");
	if (cm_str_has_prefix(file, "network_") && cm_str_has_suffix(file, ".json"))
		return restore_network(rq, rp, file, err);
	rc = cm_restore_preview(rq->app, file, params, &preview, err);
	if (rc != 0)
		return rc;
	if (cm_form_bool(rq->get, "preflight", cm_form_bool(rq->post, "preflight", false))) {
		cm_audit_act_covered();
		cm_reply_json(rp, 200, cm_move(&preview));
		return 0;
	}
	if (!cm_json_bool(preview, "can_restore", false)) {
		reply_blocked(rp, preview);
		return 0;
	}
	rc = job_add(rq, params, preview, id, err);
	if (rc != 0)
		return rc;
	return cm_job_reply(rq, rp, id, &words, err);
}

int cm_page_restore_start(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return rq->is_api ? api_start(rq, rp, err) : form_start(rq, rp, err);
}
