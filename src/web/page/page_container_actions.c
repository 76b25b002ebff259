/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Start, stop and the like, for one container and for several; and the delete, which asks first.
 */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "jobs/queue.h"
#include "service/container_spec.h"
#include "service/containers.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_containers.h"
#include "web/reply.h"
#include "web/route.h"
#include "web/view.h"
#include "web/view/view_container.h"

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

		if ((cm_str_eq(job->kind, "backup") || cm_str_eq(job->kind, "restore")) &&
		    (job->state == CM_JOB_STARTING || job->state == CM_JOB_RUNNING)) {
			rc = cm_err_set(err, CM_EBUSY, "%s is running: wait for its end or cancel it.",
					job->title ? job->title : "A job with this container");
			break;
		}
	}
	cm_job_list_release(&list);
	return rc;
}

static int act(struct cm_request *rq, const char *id, char **ret_name, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	int rc = cm_containers_look(rq->app, id, &inspect, err);

	rc = rc < 0 ? rc : not_at_work(cm_spec_name(inspect), err);
	return rc < 0 ? rc : cm_containers_action(rq->app, id, rq->route->arg, rq->user, ret_name, err);
}

int cm_page_container_action(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autofree char *name = NULL;
	int rc = act(rq, rq->params[0], &name, err);

	if (rc < 0 && rq->is_api)
		return rc;
	/* In the browser the list comes again, and says what went wrong. */
	if (rc < 0) {
		cm_reply_flash(rq, rp, "error", "%s", err->text);
		cm_reply_redirect(rp, "/containers");
	} else if (rq->is_api) {
		cm_reply_done(rq, rp, "/containers", NULL, "%s", cm_containers_action_text(rq->route->arg));
	} else {
		cm_reply_done(rq, rp, "/containers", NULL, "%s: %s", name, cm_containers_action_text(rq->route->arg));
	}
	return 0;
}

int cm_page_containers_action(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *answer, *errors = json_object_new_array();
	size_t pos = 0, done = 0;
	const char *id;
	char text[96];

	while ((id = cm_form_each(rq->post, "container", &pos)) != NULL) {
		cm_autofree char *name = NULL;

		if (act(rq, id, &name, err) == 0)
			done++;
		else
			cm_json_add_str(errors, err->text);
	}
	if (pos == 0) {
		json_object_put(errors);
		if (rq->is_api)
			return cm_err_set(err, CM_EINVAL, "Name at least one container.");
		cm_reply_flash(rq, rp, "error", "Select at least one container.");
		cm_reply_redirect(rp, "/containers");
		return 0;
	}
	for (size_t i = 0; !rq->is_api && i < cm_json_len(errors) && i < 5; i++)
		cm_reply_flash(rq, rp, "error", "%s", json_object_get_string(json_object_array_get_idx(errors, i)));
	cm_count_text(text, (int64_t)done, "container", "containers");
	answer = json_object_new_object();
	cm_json_set_bool(answer, "success", done > 0);
	cm_json_set_int(answer, "done_count", (int64_t)done);
	cm_json_set(answer, "errors", errors);
	if (done == 0 && !rq->is_api) {
		json_object_put(answer);
		cm_reply_redirect(rp, "/containers");
		return 0;
	}
	cm_reply_done(rq, rp, "/containers", answer, "%s: %s", cm_containers_action_text(rq->route->arg), text);
	return 0;
}

static void warning_add(struct json_object *list, const char *text)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "text", text);
	json_object_array_add(list, o);
}

/* "also used by a and b, stays". */
static char *users_note(struct json_object *users)
{
	struct cm_buf b = CM_BUF_INIT(1024);
	size_t count = cm_json_len(users);

	if (count == 0)
		return NULL;
	cm_buf_str(&b, "also used by ");
	for (size_t i = 0; i < count && i < 3; i++)
		cm_buf_printf(&b, "%s%s", i == 0 ? "" : ", ",
			      json_object_get_string(json_object_array_get_idx(users, i)));
	if (count > 3)
		cm_buf_printf(&b, " and %zu more", count - 3);
	cm_buf_str(&b, ", stays");
	return cm_buf_detach(&b);
}

static void volumes_view(struct json_object *data, struct json_object *volumes)
{
	struct json_object *list = json_object_new_array();
	cm_autobuf struct cm_buf names = CM_BUF_INIT(4096);
	size_t will_go = 0;

	for (size_t i = 0; i < cm_json_len(volumes); i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i), *o = json_object_new_object();
		cm_autofree char *note = users_note(cm_json_arr(v, "users"));
		const char *name = cm_json_str(v, "name", "");

		cm_json_set_str(o, "name", name);
		cm_json_set_str(o, "destination", cm_json_str(v, "destination", ""));
		cm_json_set_str(o, "note", note);
		cm_json_set_bool(o, "will_go", note == NULL);
		json_object_array_add(list, o);
		if (note != NULL)
			continue;
		cm_buf_printf(&names, "%s%.*s", will_go++ > 0 ? ", " : "",
			      cm_json_bool(v, "anonymous", false) ? 12 : 255, name);
	}
	cm_json_set(data, "volumes", list);
	cm_json_set_bool(data, "can_delete_volumes", will_go > 0);
	cm_json_set_bool(data, "delete_volumes", false);
	cm_view_text(data, "volumes_text", will_go > 0 ? "Delete its volumes too: %s" : NULL, names.data);
}

int cm_page_container_delete_confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL, *volumes = NULL;
	struct json_object *data, *warnings, *backup;
	struct cm_catalog_list good = { 0 };
	const char *name, *state;
	int rc = cm_containers_look(rq->app, rq->params[0], &inspect, err);

	rc = rc < 0 ? rc : cm_containers_volumes(rq->app, inspect, &volumes, err);
	rc = rc < 0 ? rc : cm_catalog_newest(&good, err);
	if (rc < 0)
		return rc;
	name = cm_spec_name(inspect);
	state = cm_json_str_at(inspect, "State.Status", "");
	data = cm_view_data(rp);
	cm_view_title(rp, "Delete %s", name);
	cm_view_text(data, "id", "%.12s", cm_json_str(inspect, "Id", ""));
	cm_json_set_str(data, "name", name);
	cm_json_set_str(data, "image", cm_json_str_at(inspect, "Config.Image", ""));
	cm_view_container_state(data, state);
	warnings = json_object_new_array();
	if (json_object_get_boolean(cm_json_at(inspect, "State.Running")))
		warning_add(warnings, "It is running and will be stopped first.");
	backup = cm_view_last_backup(cm_containers_good(&good, name), cm_now_ms());
	if (backup == NULL)
		warning_add(warnings, "It has no backup. Once deleted, it cannot be brought back.");
	cm_json_set(data, "warnings", warnings);
	cm_json_set(data, "backup", backup);
	cm_json_set_str(data, "backup_action", "/containers/backup");
	volumes_view(data, volumes);
	cm_view_text(data, "button_text", "Delete %s", name);
	cm_view_url(data, "action", "/container/%s/delete", cm_json_str(data, "id", ""));
	cm_json_set_str(data, "cancel_url", "/containers");
	cm_catalog_list_release(&good);
	return 0;
}

static char *joined(struct json_object *names)
{
	struct cm_buf b = CM_BUF_INIT(8192);

	for (size_t i = 0; i < cm_json_len(names); i++)
		cm_buf_printf(&b, "%s%s", i > 0 ? ", " : "",
			      json_object_get_string(json_object_array_get_idx(names, i)));
	return cm_buf_detach(&b);
}

int cm_page_container_delete(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const struct cm_form *form = rq->method == CM_DELETE ? rq->get : rq->post;
	cm_autojson struct json_object *inspect = NULL;
	cm_autofree char *lock = NULL, *gone = NULL;
	struct json_object *answer, *volumes;
	int rc = cm_containers_look(rq->app, rq->params[0], &inspect, err);

	if (rc < 0)
		return rc;
	lock = cm_asprintf("container:%s", cm_spec_name(inspect));
	rc = cm_queue_lock_free(lock, err);
	rc = rc < 0 ? rc
		    : cm_containers_delete(rq->app, cm_json_str(inspect, "Id", ""),
					   cm_form_bool(form, "delete_volumes", false), rq->user, &answer, err);
	if (rc < 0)
		return rc;
	volumes = cm_json_arr(answer, "deleted_volumes");
	gone = joined(volumes);
	if (cm_json_len(volumes) > 0)
		cm_reply_done(rq, rp, "/containers", answer, "Container deleted. Deleted %zu volume(s): %s",
			      cm_json_len(volumes), gone);
	else
		cm_reply_done(rq, rp, "/containers", answer, "Container deleted");
	return 0;
}
