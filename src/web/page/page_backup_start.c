/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starting backups: one by its path, several by the form around the list.
 */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "jobs/kinds.h"
#include "jobs/queue.h"
#include "service/backup.h"
#include "service/container_spec.h"
#include "service/containers.h"
#include "service/engine.h"
#include "service/words.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_containers.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_container.h"

static const char *const texts[] = { "consistency", "image", "compression", "vault", "note", "remote_volumes" };
static const char *const commands[] = { "exec_pre", "exec_post" };

/* The options of a request as params of a job, without the container. Errors: CM_EDENIED for commands, which are for
 * administrators. Caller puts *ret. */
static int options_read(const struct cm_request *rq, struct json_object **ret, struct cm_err *err)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < CM_COUNT(texts); i++) {
		const char *value = cm_form_str(rq->post, texts[i], NULL);

		if (value != NULL)
			cm_json_set_str(o, texts[i], value);
	}
	for (size_t i = 0; i < CM_COUNT(commands); i++) {
		struct json_object *words = cm_json_arr(rq->json, commands[i]);
		const char *value = cm_form_str(rq->post, commands[i], NULL);

		if (words != NULL)
			cm_json_set(o, commands[i], cm_json_copy(words));
		else if (value != NULL)
			cm_json_set_str(o, commands[i], value);
		if ((words != NULL || value != NULL) && rq->role < CM_ROLE_ADMIN) {
			json_object_put(o);
			return cm_err_set(err, CM_EDENIED,
					  "Only administrators may have commands run inside a container.");
		}
	}
	if (cm_form_bool(rq->post, "stop_sharers", false))
		cm_json_set_bool(o, "stop_sharers", true);
	/* A box that is not ticked is not sent: then it is as the settings say. */
	if (cm_form_str(rq->post, "drill", NULL) != NULL)
		cm_json_set_bool(o, "drill", cm_form_bool(rq->post, "drill", false));
	cm_json_set_str(o, "user", rq->user);
	*ret = o;
	return 0;
}

static int backup_add(const struct cm_request *rq, struct json_object *options, const char *name, bool refuse_when_busy,
		      char id[CM_UUID_LEN + 1], struct cm_err *err)
{
	cm_autojson struct json_object *params = cm_json_copy(options);
	struct cm_job_request job = { .kind = "backup",
				      .subject = name,
				      .user = rq->user,
				      .params = params,
				      .refuse_when_busy = refuse_when_busy };
	int rc;

	cm_json_set_str(params, "container", name);
	rc = cm_backup_params_check(params, err);
	return rc < 0 ? rc : cm_job_add(rq->app, &job, id, err);
}

static void busy_reply(struct cm_reply *rp, const struct cm_queue_status *status, const struct cm_err *err)
{
	struct json_object *extra = json_object_new_object();
	struct cm_err busy = *err;

	cm_err_set(&busy, CM_EBUSY, "A backup is already in progress: %s", status->current);
	cm_json_set_str(extra, "status", "busy");
	cm_json_set_str(extra, "current_backup", status->current);
	cm_json_set_str(extra, "progress_id", status->progress_id);
	cm_reply_error_json(rp, &busy, extra);
}

static void started_reply(struct cm_reply *rp, const struct cm_queue_status *before, const char *id)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_bool(o, "success", true);
	cm_json_set_str(o, "message", before->busy ? "Backup queued" : "Backup started");
	cm_json_set_bool(o, "queued", before->busy);
	cm_json_set_str(o, "progress_id", id);
	cm_json_set_str(o, "job_id", id);
	if (before->busy) {
		cm_json_set_str(o, "status", "queued");
		cm_json_set_str(o, "current_backup", before->current);
	}
	cm_reply_json(rp, before->busy ? 202 : 200, o);
}

/* POST /api/backup/<container> and a row's button. */
int cm_page_backup_start(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *options = NULL, *inspect = NULL;
	bool queue = !rq->is_api || cm_form_bool(rq->get, "queue", cm_form_bool(rq->post, "queue", false));
	struct cm_queue_status before;
	char id[CM_UUID_LEN + 1], where[64];
	int rc = cm_containers_look(rq->app, rq->params[0], &inspect, err);

	rc = rc < 0 ? rc : options_read(rq, &options, err);
	rc = rc < 0 ? rc : cm_queue_status(&before, err);
	rc = rc < 0 ? rc : backup_add(rq, options, cm_spec_name(inspect), !queue, id, err);
	if (rc == CM_EBUSY && rq->is_api) {
		cm_queue_status(&before, NULL);
		busy_reply(rp, &before, err);
		return 0;
	}
	if (rc < 0)
		return rc;
	if (rq->is_api) {
		started_reply(rp, &before, id);
		return 0;
	}
	snprintf(where, sizeof(where), "/job/%s", id);
	cm_reply_redirect(rp, where);
	return 0;
}

/* The entry of an id (12 digits or more) or a name; NULL when there is none. */
static struct json_object *entry_find(struct json_object *list, const char *id)
{
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);

		if (cm_str_eq(id, cm_containers_entry_name(entry)) ||
		    (strlen(id) >= 12 && cm_str_has_prefix(cm_json_str(entry, "Id", ""), id)))
			return entry;
	}
	return NULL;
}

/* Adds the names of the chosen containers, or of all but our own. */
static int choose(const struct cm_request *rq, struct json_object *names, struct cm_err *err)
{
	cm_autojson struct json_object *list = NULL;
	struct cm_engine_overview engine;
	size_t pos = 0;
	const char *id;
	int rc = cm_engine_containers(rq->app, &list, err);

	if (rc < 0)
		return rc;
	cm_engine_overview(rq->app, &engine);
	for (size_t i = 0; cm_form_bool(rq->post, "all", false) && i < cm_json_len(list); i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);

		if (!cm_containers_is_self(engine.self_id, cm_json_str(entry, "Id", "")))
			cm_json_add_str(names, cm_containers_entry_name(entry));
	}
	while (!cm_form_bool(rq->post, "all", false) && (id = cm_form_each(rq->post, "container", &pos)) != NULL) {
		struct json_object *entry = entry_find(list, id);

		if (entry == NULL)
			return cm_err_set(err, CM_ENOTFOUND, "There is no container %.64s on this Docker host.", id);
		cm_json_add_str(names, cm_containers_entry_name(entry));
	}
	if (cm_json_len(names) == 0)
		return cm_err_set(err, CM_EINVAL, "Select at least one container to back up.");
	return 0;
}

/* Puts what is wrong beside its field; the sentence stays at the top too. */
static void field_errors(struct json_object *data, const struct cm_form *form, const struct cm_err *why)
{
	struct json_object *options = cm_json_obj(data, "options");

	for (size_t i = 0; i < CM_COUNT(commands); i++) {
		const char *text = cm_form_str(form, commands[i], NULL);
		struct cm_err err = { 0 };
		char **words = NULL;
		char key[32];

		if (text == NULL)
			continue;
		snprintf(key, sizeof(key), "%s_error", commands[i]);
		if (why->code == CM_EDENIED)
			cm_json_set_str(options, key, why->text);
		else if (cm_words_split(text, &words, &err) < 0)
			cm_json_set_str(options, key, err.text);
		cm_words_free(words);
	}
	if (strlen(cm_form_str(form, "note", "")) > 500)
		cm_json_set_str(options, "note_error", why->text);
}

/* The page again, with what was typed. */
static int page_again(struct cm_request *rq, struct cm_reply *rp, int rc, struct cm_err *err)
{
	struct cm_err why = *err, shown = { 0 };
	char *path = rq->path, list[] = "/containers";

	if (rq->is_api)
		return rc;
	/* Its links lead to the list, not to the target of the form. */
	rq->path = list;
	if (cm_containers_view(rq, rp, rq->post, &shown) == 0)
		field_errors(cm_view_data(rp), rq->post, &why);
	rq->path = path;
	return rc;
}

static int add_all(const struct cm_request *rq, struct json_object *options, struct json_object *names,
		   struct json_object *jobs, char last[CM_UUID_LEN + 1], struct cm_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < cm_json_len(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));
		struct json_object *o;

		rc = backup_add(rq, options, name, false, last, err);
		if (rc < 0)
			break;
		o = json_object_new_object();
		cm_json_set_str(o, "container", name);
		cm_json_set_str(o, "job_id", last);
		cm_json_set_str(o, "progress_id", last);
		json_object_array_add(jobs, o);
	}
	return rc;
}

int cm_page_containers_backup(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *options = NULL, *names = json_object_new_array();
	struct json_object *answer = json_object_new_object(), *jobs = json_object_new_array();
	char last[CM_UUID_LEN + 1], where[64] = "/jobs", text[96];
	int rc = options_read(rq, &options, err);

	cm_json_set(answer, "jobs", jobs);
	rc = rc < 0 ? rc : choose(rq, names, err);
	rc = rc < 0 ? rc : add_all(rq, options, names, jobs, last, err);
	if (rc < 0) {
		json_object_put(answer);
		return page_again(rq, rp, rc, err);
	}
	if (cm_json_len(names) == 1)
		snprintf(where, sizeof(where), "/job/%s", last);
	cm_count_text(text, (int64_t)cm_json_len(names), "backup", "backups");
	cm_reply_done(rq, rp, where, answer, "%s queued", text);
	return 0;
}
