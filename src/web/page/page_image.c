/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One image: what it is, its layers, its names, and the image as a file.
 */
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/image_sizes.h"
#include "service/images.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_images.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_image.h"

static void show(struct cm_request *rq, struct cm_reply *rp, struct json_object *image, const char *typed,
		 const char *error)
{
	struct json_object *data = cm_view_data(rp);
	struct cm_image_sizes sizes;

	cm_image_sizes_get(rq->app, &sizes);
	cm_view_image_page(data, image, rq->params[0], cm_image_sizes_shared(&sizes, cm_json_str(image, "Id", "")),
			   rq->role, cm_now_ms());
	cm_image_sizes_release(&sizes);
	cm_json_set_str(data, "new_name", typed);
	cm_json_set_str(data, "new_name_error", error);
	cm_view_title(rp, "Image %s", cm_json_str(data, "short_name", ""));
}

int cm_page_image(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *image = NULL;
	int rc = cm_images_look(rq->app, rq->params[0], &image, err);

	if (rc < 0)
		return rc;
	show(rq, rp, image, "", NULL);
	return 0;
}

int cm_page_image_history(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *image = NULL;
	int rc = cm_images_look(rq->app, rq->params[0], &image, err);

	if (rc < 0)
		return rc;
	cm_view_text(cm_view_data(rp), "id", "%s", cm_json_str(image, "Id", ""));
	cm_json_set(cm_view_data(rp), "history", cm_view_image_history(image, cm_now_ms()));
	return 0;
}

int cm_page_image_tag(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *name = cm_form_str(rq->post, "name", cm_form_str(rq->post, "tag", ""));
	cm_autofree char *whole = NULL, *url = cm_url_make("/image/%s", rq->params[0]);
	cm_autojson struct json_object *image = NULL;
	const struct cm_actor actor = cm_images_actor(rq);
	struct cm_err why = { 0 };
	struct json_object *answer;
	int rc = cm_images_tag(rq->app, rq->params[0], name, &actor, &whole, &why);

	if (rc < 0) {
		/* The page again, with what was typed; of an image that is gone there is none. */
		if (!rq->is_api && cm_images_look(rq->app, rq->params[0], &image, NULL) == 0)
			show(rq, rp, image, name, why.text);
		*err = why;
		return rc;
	}
	answer = json_object_new_object();
	cm_json_set_str(answer, "name", whole);
	cm_reply_done(rq, rp, url, answer, "The image is also named %s now.", whole);
	return 0;
}

struct saving {
	const struct cm_app *app;
	char *ref;
};

static void saving_free(void *arg)
{
	struct saving *s = arg;

	free(s->ref);
	free(s);
}

static int save(void *arg, int fd, const atomic_bool *stop)
{
	struct saving *s = arg;
	struct cm_err err = { 0 };
	int rc = cm_images_save(s->app, s->ref, fd, stop, &err);

	if (rc < 0 && err.code != CM_ECANCELLED)
		cm_warn("web", "saving an image broke off: %s (%s)", err.text, err.detail);
	return rc;
}

static void audit_save(const struct cm_request *rq)
{
	cm_autojson struct json_object *details = json_object_new_object();
	struct cm_audit_event event = { .operation = "download",
					.status = "completed",
					.user = rq->user,
					.address = rq->client,
					.details = details };

	cm_json_set_str(details, "what", "image");
	cm_json_set_str(details, "image", rq->params[0]);
	if (rq->method == CM_GET)
		(void)cm_audit(&event, NULL);
}

int cm_page_image_save(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *image = NULL;
	cm_autofree char *file = NULL;
	struct saving *s;
	/* First, so that one that is not there is 404 and no broken download. */
	int rc = cm_images_look(rq->app, rq->params[0], &image, err);

	if (rc < 0)
		return rc;
	audit_save(rq);
	file = cm_asprintf("%.180s.tar", rq->params[0]);
	for (char *p = file; *p != '\0'; p++)
		if (strchr("/:@", *p) != NULL)
			*p = '_';
	s = cm_alloc(sizeof(*s));
	s->app = rq->app;
	s->ref = cm_strdup(rq->params[0]);
	cm_reply_attachment(rp, file);
	cm_reply_header(rp, "cache-control", "no-store");
	cm_reply_stream(rp, "application/x-tar", -1, save, saving_free, s);
	return 0;
}
