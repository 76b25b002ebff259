/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where images come from: pulled from a registry, as a job, or loaded from a file; and the logins of registries.
 */
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "jobs/kinds.h"
#include "service/image_pull.h"
#include "service/images.h"
#include "service/registries.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_images.h"
#include "web/reply.h"
#include "web/upload.h"
#include "web/view.h"
#include "web/view/view_image.h"

/* The page, with what was typed in one of its forms, and why that was refused. */
static int show(struct cm_request *rq, struct cm_reply *rp, const char *error_of, const char *error, struct cm_err *err)
{
	static const char *const forms[] = { "pull_error", "load_error", "login_error" };
	static const char *const typed[] = { "image", "platform", "server", "username" };
	struct json_object *data = cm_view_data(rp);
	cm_autojson struct json_object *list = NULL;
	int rc = cm_registries_list(&list, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < CM_COUNT(forms); i++)
		cm_json_set_str(data, forms[i], cm_str_eq(forms[i], error_of) ? error : NULL);
	for (size_t i = 0; i < CM_COUNT(typed); i++)
		cm_json_set_str(data, typed[i], cm_form_str(rq->post, typed[i], cm_form_str(rq->get, typed[i], "")));
	cm_json_set(data, "registries", cm_view_registries(list, cm_now_ms()));
	cm_json_set_bool(data, "has_registries", cm_json_len(list) > 0);
	return 0;
}

/* A form that was refused comes again; the API gets the error alone. */
static int refused(struct cm_request *rq, struct cm_reply *rp, const char *form, const struct cm_err *why,
		   struct cm_err *err)
{
	if (!rq->is_api && show(rq, rp, form, why->text, NULL) < 0) {
		json_object_put(rp->view);
		rp->view = NULL;
	}
	*err = *why;
	return why->code;
}

int cm_page_image_add(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return show(rq, rp, NULL, NULL, err);
}

static int pull(struct cm_request *rq, const char *text, const char *platform, char id[CM_UUID_LEN + 1],
		struct cm_err *err)
{
	cm_autojson struct json_object *params = json_object_new_object();
	struct cm_job_request job = { .kind = "image_pull", .user = rq->user, .params = params, .once = true };
	cm_autofree char *ref = NULL;
	int rc = cm_image_pull_ref(text, &ref, err);

	rc = rc < 0 ? rc : cm_image_pull_platform_check(platform, err);
	if (rc < 0)
		return rc;
	job.subject = ref;
	cm_json_set_str(params, "image", ref);
	if (platform[0] != '\0')
		cm_json_set_str(params, "platform", platform);
	cm_json_set_str(params, "user", rq->user);
	cm_json_set_str(params, "address", rq->client);
	return cm_job_add(rq->app, &job, id, err);
}

static void started(struct cm_request *rq, struct cm_reply *rp, const char *id)
{
	cm_autofree char *url = cm_url_make("/job/%s", id);
	struct json_object *answer = json_object_new_object();

	if (!rq->is_api) {
		json_object_put(answer);
		cm_reply_redirect(rp, url);
		return;
	}
	rp->status = 202;
	cm_json_set_str(answer, "job_id", id);
	cm_json_set_str(answer, "progress_id", id);
	cm_reply_done(rq, rp, url, answer, "The pull is queued");
}

int cm_page_images_pull(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	char id[CM_UUID_LEN + 1];
	struct cm_err why = { 0 };
	/* The address names it when a failed job is tried again. */
	const char *image = cm_form_str(rq->post, "image", cm_form_str(rq->get, "image", ""));
	int rc = pull(rq, image, cm_form_str(rq->post, "platform", cm_form_str(rq->get, "platform", "")), id, &why);

	if (rc < 0)
		return refused(rq, rp, "pull_error", &why, err);
	started(rq, rp, id);
	return 0;
}

/* One that is there, once more: the newest of its name. The fields of the table around the button do not count. */
int cm_page_image_pull(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	char id[CM_UUID_LEN + 1];
	cm_autojson struct json_object *image = NULL;
	int rc = cm_images_look(rq->app, rq->params[0], &image, err);

	rc = rc < 0 ? rc : pull(rq, rq->params[0], "", id, err);
	if (rc == 0)
		started(rq, rp, id);
	return rc;
}

int cm_page_images_load(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const struct cm_upload *file = cm_upload_first(rq);
	const struct cm_actor actor = cm_images_actor(rq);
	struct json_object *names = NULL, *answer;
	struct cm_err why = { 0 };
	char count[96];
	int rc;

	if (file == NULL || file->len == 0)
		rc = cm_err_set(&why, CM_EINVAL, "Choose a file that docker save wrote.");
	else
		rc = cm_images_load(rq->app, rq->body_fd, file->off, file->len, &actor, &names, &why);
	if (rc < 0)
		return refused(rq, rp, "load_error", &why, err);
	answer = json_object_new_object();
	cm_json_set(answer, "images", names);
	cm_count_text(count, (int64_t)cm_json_len(names), "image", "images");
	if (cm_json_len(names) == 1)
		cm_reply_done(rq, rp, "/images", answer, "Loaded %s",
			      json_object_get_string(json_object_array_get_idx(names, 0)));
	else
		cm_reply_done(rq, rp, "/images", answer, "Loaded %s", count);
	return 0;
}

int cm_page_registries(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *list = NULL;
	int rc = cm_registries_list(&list, err);

	(void)rq;
	if (rc < 0)
		return rc;
	cm_json_set(cm_view_data(rp), "registries", cm_view_registries(list, cm_now_ms()));
	cm_json_set_int(cm_view_data(rp), "total", (int64_t)cm_json_len(list));
	return 0;
}

int cm_page_registry_add(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const struct cm_actor actor = cm_images_actor(rq);
	struct cm_err why = { 0 };
	int rc = cm_registries_add(rq->app, cm_form_str(rq->post, "server", ""), cm_form_str(rq->post, "username", ""),
				   cm_form_str(rq->post, "password", ""), &actor, &why);

	if (rc < 0)
		return refused(rq, rp, "login_error", &why, err);
	cm_reply_done(rq, rp, "/images/add#logins", NULL, "The login works and is stored.");
	return 0;
}

int cm_page_registry_remove(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const struct cm_actor actor = cm_images_actor(rq);
	int rc = cm_registries_remove(rq->params[0], &actor, err);

	if (rc < 0)
		return rc;
	cm_reply_done(rq, rp, "/images/add#logins", NULL, "The login is removed.");
	return 0;
}
