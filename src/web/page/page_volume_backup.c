/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backing up a volume alone, and restoring it.
 */
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "jobs/kinds.h"
#include "service/backup.h"
#include "service/volume_backup.h"
#include "service/volumes.h"
#include "web/form.h"
#include "web/job_reply.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"

int cm_page_volume_backup(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	static const char *const texts[] = { "compression", "note" };
	cm_autojson struct json_object *volume = NULL, *params = json_object_new_object();
	struct cm_job_request job = {
		.kind = "volume_backup", .subject = rq->params[0], .user = rq->user, .params = params
	};
	int rc = cm_volumes_look(rq->app, rq->params[0], &volume, err);

	rc = rc < 0 ? rc : cm_volumes_may_change(volume, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < CM_COUNT(texts); i++) {
		if (cm_form_str(rq->post, texts[i], NULL) != NULL)
			cm_json_set_str(params, texts[i], cm_form_str(rq->post, texts[i], NULL));
	}
	cm_json_set_str(params, "volume", rq->params[0]);
	cm_json_set_str(params, "user", rq->user);
	rc = cm_backup_params_check(params, err);
	return rc < 0 ? rc : cm_job_begin(rq, rp, &job, "Backup started", err);
}

static struct json_object *params_make(const struct cm_request *rq)
{
	struct json_object *params = json_object_new_object();

	cm_json_set_str(params, "file", rq->params[0]);
	if (cm_form_str(rq->post, "volume", NULL) != NULL)
		cm_json_set_str(params, "volume", cm_form_str(rq->post, "volume", NULL));
	cm_json_set_bool(params, "replace", cm_form_bool(rq->post, "replace", false));
	cm_json_set_str(params, "user", rq->user);
	return params;
}

static int form_view(struct cm_request *rq, struct cm_reply *rp, struct json_object *params, struct cm_err *err)
{
	cm_autojson struct json_object *found = NULL;
	struct json_object *data;
	char files[96];
	int rc = cm_volume_restore_look(rq->app, params, false, &found, err);

	if (rc < 0)
		return rc;
	data = cm_view_data(rp);
	cm_json_set_str(data, "filename", rq->params[0]);
	cm_view_url(data, "backup_url", "/backup/%s", rq->params[0]);
	cm_view_url(data, "action", "/restore-volume/%s", rq->params[0]);
	cm_json_set_str(data, "volume", cm_json_str(found, "volume", ""));
	cm_json_set_str(data, "recorded", cm_json_str(found, "recorded", ""));
	cm_json_set_bool(data, "exists", cm_json_bool(found, "exists", false));
	cm_json_set_bool(data, "replace", cm_json_bool(params, "replace", false));
	cm_view_size(data, "size", cm_json_int(found, "bytes", 0));
	cm_count_text(files, cm_json_int(found, "files", 0), "entry", "entries");
	cm_json_set_str(data, "files_text", files);
	cm_view_time(data, "created", cm_json_int(found, "created_ms", 0), cm_now_ms());
	cm_view_title(rp, "Restore volume %.100s", cm_json_str(found, "recorded", ""));
	return 0;
}

int cm_page_volume_restore_show(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *params = params_make(rq);

	return form_view(rq, rp, params, err);
}

int cm_page_volume_restore(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *params = params_make(rq), *found = NULL;
	struct cm_job_request job = { .kind = "volume_restore", .user = rq->user, .params = params };
	int rc = rq->is_api ? 0 : form_view(rq, rp, params, err);

	rc = rc < 0 ? rc : cm_volume_restore_look(rq->app, params, true, &found, err);
	if (rc < 0)
		return rc;
	job.subject = cm_json_str(found, "volume", "");
	return cm_job_begin(rq, rp, &job, "Restore started", err);
}
