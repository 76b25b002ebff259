/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verifying backups: one, those selected, or all.
 */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "jobs/kinds.h"
#include "service/verify.h"
#include "service/verify_batch.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_stacks.h"
#include "web/reply.h"
#include "web/view.h"

enum { ERRORS_SHOWN = 5 };

/* lane NULL: at once, for somebody waits for it. A job that verifies this file already is taken. */
static int verify_add(struct cm_request *rq, const char *file, const char *lane, char id[CM_UUID_LEN + 1],
		      struct cm_err *err)
{
	cm_autojson struct json_object *params = json_object_new_object();
	struct cm_job_request job = {
		.kind = "verify", .lane = lane, .subject = file, .user = rq->user, .params = params, .once = true
	};
	struct cm_catalog_row row = { 0 };
	int rc;

	cm_json_set_str(params, "filename", file);
	cm_json_set_str(params, "user", rq->user);
	rc = cm_verify_params_check(params, err);
	rc = rc < 0 ? rc : cm_catalog_get(NULL, file, &row, err);
	cm_catalog_row_release(&row);
	return rc < 0 ? rc : cm_job_add(rq->app, &job, id, err);
}

static void started_reply(struct cm_request *rq, struct cm_reply *rp, const char *id, struct json_object *answer,
			  const char *text)
{
	char where[64];

	snprintf(where, sizeof(where), "/job/%s", id);
	cm_json_set_str(answer, "job_id", id);
	cm_json_set_str(answer, "progress_id", id);
	if (!rq->is_api) {
		json_object_put(answer);
		cm_reply_redirect(rp, where);
		return;
	}
	rp->status = 202;
	cm_reply_done(rq, rp, where, answer, "%s", text);
}

int cm_page_backup_verify(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	char id[CM_UUID_LEN + 1];
	int rc = verify_add(rq, rq->params[0], NULL, id, err);

	if (rc < 0)
		return rc;
	started_reply(rq, rp, id, json_object_new_object(), "Verification started");
	return 0;
}

static struct json_object *item_make(const char *file, const char *id)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "filename", file);
	cm_json_set_str(o, "job_id", id);
	cm_json_set_str(o, "progress_id", id);
	cm_json_set(o, "error", NULL);
	return o;
}

static int verify_all(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *params = cm_verify_batch_all(rq->user);
	struct cm_job_request job = { .kind = "verify_batch",
				      .subject = "All backups",
				      .title = "Verification of all backups",
				      .user = rq->user,
				      .params = params,
				      .once = true };
	struct json_object *answer, *jobs;
	char id[CM_UUID_LEN + 1];
	int rc = cm_job_add(rq->app, &job, id, err);

	if (rc < 0)
		return rc;
	answer = json_object_new_object();
	jobs = json_object_new_array();
	json_object_array_add(jobs, item_make(NULL, id));
	cm_json_set(answer, "jobs", jobs);
	started_reply(rq, rp, id, answer, "Verification of all backups started");
	return 0;
}

struct selected {
	struct json_object *jobs; /* one for each file, with its job or what is wrong */
	int64_t added;
	char last[CM_UUID_LEN + 1];
	struct cm_err first;
};

static int add_selected(struct cm_request *rq, struct selected *s, struct cm_err *err)
{
	size_t pos = 0, count = 0;
	const char *file, *lane = NULL;
	int rc = cm_backup_sets_expand(rq->post, err);

	if (rc < 0)
		return rc;
	while ((file = cm_form_each(rq->post, "file", &pos)) != NULL)
		count += !cm_str_has_prefix(file, CM_SET_PREFIX);
	if (count == 0)
		return cm_err_set(err, CM_EINVAL, "Select at least one backup.");
	/* Many wait for other work; a single one has somebody waiting for it. */
	if (count > 1)
		lane = "verify";
	for (pos = 0; (file = cm_form_each(rq->post, "file", &pos)) != NULL;) {
		struct cm_err why = { 0 };
		char id[CM_UUID_LEN + 1];
		struct json_object *item;

		if (cm_str_has_prefix(file, CM_SET_PREFIX))
			continue;
		rc = verify_add(rq, file, lane, id, &why);
		item = item_make(file, rc == 0 ? id : NULL);
		json_object_array_add(s->jobs, item);
		if (rc == 0) {
			s->added++;
			memcpy(s->last, id, sizeof(s->last));
			continue;
		}
		cm_json_set_str(item, "error", why.text);
		if (s->first.text[0] == '\0')
			s->first = why;
	}
	if (s->added > 0)
		return 0;
	if (err != NULL)
		*err = s->first;
	return s->first.code;
}

static void errors_flash(struct cm_request *rq, struct cm_reply *rp, struct json_object *jobs)
{
	for (size_t i = 0, shown = 0; i < cm_json_len(jobs) && shown < ERRORS_SHOWN; i++) {
		struct json_object *o = json_object_array_get_idx(jobs, i);
		const char *error = cm_json_str(o, "error", NULL);

		if (error == NULL)
			continue;
		cm_reply_flash(rq, rp, "error", "%s: %s", cm_json_str(o, "filename", ""), error);
		shown++;
	}
}

static int verify_selected(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *jobs = json_object_new_array();
	struct selected s = { .jobs = jobs };
	struct json_object *answer;
	char where[64] = "/jobs?kind=verify", text[96];
	int rc = add_selected(rq, &s, err);

	if (rc < 0 && rq->is_api)
		return rc;
	if (rc < 0) {
		cm_reply_flash(rq, rp, "error", "%s", err->text);
		cm_reply_redirect(rp, "/vault");
		return 0;
	}
	if (!rq->is_api)
		errors_flash(rq, rp, jobs);
	if (s.added == 1)
		snprintf(where, sizeof(where), "/job/%s", s.last);
	answer = json_object_new_object();
	cm_json_set(answer, "jobs", json_object_get(jobs));
	if (rq->is_api)
		rp->status = 202;
	cm_count_text(text, s.added, "backup", "backups");
	cm_reply_done(rq, rp, where, answer, "%s will be verified", text);
	return 0;
}

int cm_page_vault_verify(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return cm_form_bool(rq->post, "all", false) ? verify_all(rq, rp, err) : verify_selected(rq, rp, err);
}
