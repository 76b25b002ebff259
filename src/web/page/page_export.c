/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exporting a container into the vault, and restoring an export. The API of the first is in page_docker.c.
 */

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "jobs/kinds.h"
#include "service/container_spec.h"
#include "service/containers.h"
#include "service/export.h"
#include "web/form.h"
#include "web/job_reply.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"

int cm_page_export_start(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	static const char *const texts[] = { "compression", "consistency", "note" };
	cm_autojson struct json_object *inspect = NULL, *params = json_object_new_object();
	struct cm_job_request job = { .kind = "export", .user = rq->user, .params = params };
	int rc = cm_containers_look(rq->app, rq->params[0], &inspect, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < CM_COUNT(texts); i++) {
		if (cm_form_str(rq->post, texts[i], NULL) != NULL)
			cm_json_set_str(params, texts[i], cm_form_str(rq->post, texts[i], NULL));
	}
	cm_json_set_str(params, "container", cm_json_str(inspect, "Id", ""));
	cm_json_set_str(params, "user", rq->user);
	job.subject = cm_spec_name(inspect);
	rc = cm_export_params_check(params, err);
	return rc < 0 ? rc : cm_job_begin(rq, rp, &job, "Export started", err);
}

/* A form's box that is not ticked is not sent; a call of the API may leave it out. */
static struct json_object *params_make(const struct cm_request *rq)
{
	static const char *const texts[] = { "name", "volumes" };
	struct json_object *params = json_object_new_object(), *ports = cm_json_get(rq->json, "ports");

	cm_json_set_str(params, "file", rq->params[0]);
	for (size_t i = 0; rq->method == CM_POST && i < CM_COUNT(texts); i++) {
		if (cm_form_str(rq->post, texts[i], NULL) != NULL)
			cm_json_set_str(params, texts[i], cm_form_str(rq->post, texts[i], NULL));
	}
	if (ports != NULL)
		cm_json_set(params, "ports", cm_json_copy(ports));
	if (rq->method == CM_POST && (!rq->is_api || cm_form_str(rq->post, "start", NULL) != NULL))
		cm_json_set_bool(params, "start", cm_form_bool(rq->post, "start", false));
	cm_json_set_str(params, "user", rq->user);
	return params;
}

static void form_fill(const struct cm_request *rq, struct cm_reply *rp, struct json_object *params,
		      struct json_object *found)
{
	struct json_object *data = cm_view_data(rp), *choices = json_object_new_array();
	bool exists = cm_json_bool(found, "exists", false);
	/* Beside the original, two would write the same data: that is for who asks for it. */
	bool none = cm_str_eq(cm_json_str(params, "volumes", exists ? "none" : "keep"), "none");
	char files[96];

	cm_view_title(rp, "Restore the export of %.100s", cm_json_str(found, "recorded", ""));
	cm_json_set_str(data, "filename", rq->params[0]);
	cm_view_url(data, "backup_url", "/backup/%s", rq->params[0]);
	cm_view_url(data, "action", "/restore-export/%s", rq->params[0]);
	cm_json_set_str(data, "recorded", cm_json_str(found, "recorded", ""));
	cm_json_set_str(data, "image", cm_json_str(found, "image", ""));
	cm_json_set_bool(data, "exists", exists);
	cm_json_set_str(data, "new_name", cm_json_str(params, "name", cm_json_str(found, "name", "")));
	cm_json_set_bool(data, "start", cm_json_bool(params, "start", cm_json_bool(found, "running", false)));
	cm_view_size(data, "size", cm_json_int(found, "bytes", 0));
	cm_count_text(files, cm_json_int(found, "files", 0), "entry", "entries");
	cm_json_set_str(data, "files_text", files);
	cm_view_time(data, "created", cm_json_int(found, "created_ms", 0), cm_now_ms());
	cm_view_choice(choices, "keep", "Those of its configuration",
		       exists
			   ? "And folders of the host. The one that is there has them too: few programs bear that."
			   : "By their names, as they are now; missing ones are made empty. Folders of the host too.",
		       !none);
	cm_view_choice(choices, "none", "None", "Neither volumes nor folders of the host.", none);
	cm_json_set_bool(data, "has_volumes", cm_json_int(found, "volumes", 0) > 0);
	cm_json_set(data, "volumes", choices);
}

int cm_page_export_restore_show(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *params = params_make(rq), *found = NULL;
	int rc = cm_export_restore_look(rq->app, params, false, &found, err);

	if (rc == 0)
		form_fill(rq, rp, params, found);
	return rc;
}

/* What is wrong with the fields stands above the form, which keeps them. */
int cm_page_export_restore(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *params = params_make(rq), *bare = json_object_new_object(), *found = NULL;
	cm_autojson struct json_object *shown = NULL;
	struct cm_job_request job = { .kind = "export_restore", .user = rq->user, .params = params };
	int rc;

	cm_json_set_str(bare, "file", rq->params[0]);
	rc = rq->is_api ? 0 : cm_export_restore_look(rq->app, bare, false, &shown, err);
	if (rc < 0)
		return rc;
	rc = cm_export_restore_look(rq->app, params, true, &found, err);
	if (rc < 0 && !rq->is_api)
		form_fill(rq, rp, params, shown);
	if (rc < 0)
		return rc;
	job.subject = cm_json_str(found, "name", "");
	cm_json_set_str(params, "name", job.subject);
	return cm_job_begin(rq, rp, &job, "Restore started", err);
}
