/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Start, stop and the like, for one container and for several.
 */
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "jobs/queue.h"
#include "service/container_spec.h"
#include "service/containers.h"
#include "web/bulk.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/route.h"

/* A job that holds this container still, or puts it back, must not be disturbed by hand. */
static int not_at_work(const char *name, struct cm_err *err)
{
	struct cm_job_query q = { .subject = name, .only_unfinished = true };
	struct cm_job_list list;
	int rc = cm_queue_list(&q, &list, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < list.count; i++) {
		const struct cm_job *job = &list.jobs[i];

		if ((cm_str_eq(job->kind, "backup") || cm_str_eq(job->kind, "restore") ||
		     cm_str_eq(job->kind, "redeploy")) &&
		    (job->state == CM_JOB_STARTING || job->state == CM_JOB_RUNNING)) {
			rc = cm_err_set(err, CM_EBUSY, "%s is running: wait for its end or cancel it.",
					job->title ? job->title : "A job with this container");
			break;
		}
	}
	cm_job_list_release(&list);
	return rc;
}

static int act(struct cm_request *rq, const char *id, void *ctx, char **ret_name, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	int rc = cm_containers_look(rq->app, id, &inspect, err);

	(void)ctx;
	if (rc < 0)
		return rc;
	rc = not_at_work(cm_spec_name(inspect), err);
	rc = rc < 0 ? rc : cm_containers_action(rq->app, id, rq->route->arg, rq->user, ret_name, err);
	if (rc < 0)
		*ret_name = cm_strdup(cm_spec_name(inspect));
	return rc;
}

/* The page the form was on, when it says so and it is one of ours about containers. */
static const char *back_to(const struct cm_request *rq)
{
	const char *back = cm_form_str(rq->post, "back", "");

	return cm_str_has_prefix(back, "/container") && cm_path_local(back) ? back : "/containers";
}

int cm_page_container_action(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autofree char *name = NULL;
	const char *back = back_to(rq);
	int rc = act(rq, rq->params[0], NULL, &name, err);

	if (rc < 0 && rq->is_api)
		return rc;
	/* In the browser the page comes again, and says what went wrong. */
	if (rc < 0) {
		cm_reply_flash(rq, rp, "error", "%s", err->text);
		cm_reply_redirect(rp, back);
	} else if (rq->is_api) {
		cm_reply_done(rq, rp, back, NULL, "%s", cm_containers_action_text(rq->route->arg));
	} else {
		cm_reply_done(rq, rp, back, NULL, "%s: %s", name, cm_containers_action_text(rq->route->arg));
	}
	return 0;
}

int cm_page_containers_action(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const struct cm_bulk bulk = { .field = "container",
				      .one = "container",
				      .many = "containers",
				      .done = cm_containers_action_done(rq->route->arg),
				      .back = back_to(rq),
				      .act = act };

	return cm_bulk_run(rq, rp, &bulk, NULL, err);
}
