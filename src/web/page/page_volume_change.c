/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making volumes, and removing one, several, or all that nobody uses; what removes asks first.
 */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/volume_sizes.h"
#include "service/volumes.h"
#include "web/bulk.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_volume.h"
#include "web/reply.h"
#include "web/route.h"
#include "web/view.h"
#include "web/view/view_confirm.h"

enum { PRUNE_SHOWN = CM_FORM_MAX_FIELDS - 8, NAME_MIN = 2 };

/* ---- Making ---- */

/* "name=value" in each line that is not empty. */
static int lines_parse(const char *text, const char *what, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *o = json_object_new_object();

	while (*text != '\0') {
		size_t len = strcspn(text, "\r\n"), name = strcspn(text, "=\r\n");
		cm_autofree char *key = cm_strndup(text, name), *value = NULL;

		if (len > 0 && (name == len || name == 0))
			return cm_err_set(err, CM_EINVAL, "%s: write each as name=value, in a line of its own.", what);
		value = len > 0 ? cm_strndup(text + name + 1, len - name - 1) : NULL;
		if (len > 0)
			cm_json_set_str(o, key, value);
		text += len;
		text += strspn(text, "\r\n");
	}
	*ret = cm_move(&o);
	return 0;
}

/* An object of strings in a JSON body, else the lines of a form's field. */
static int pairs_read(struct cm_request *rq, const char *field, const char *what, struct json_object **ret,
		      struct cm_err *err)
{
	struct json_object *given = cm_json_get(rq->json, field);

	if (rq->json == NULL)
		return lines_parse(cm_form_str(rq->post, field, ""), what, ret, err);
	if (given == NULL) {
		*ret = json_object_new_object();
		return 0;
	}
	if (!json_object_is_type(given, json_type_object))
		return cm_err_set(err, CM_EINVAL, "\"%s\" must be an object of texts.", field);
	json_object_object_foreach(given, name, value)
	{
		(void)name;
		if (!json_object_is_type(value, json_type_string))
			return cm_err_set(err, CM_EINVAL, "\"%s\" must be an object of texts.", field);
	}
	*ret = cm_json_copy(given);
	return 0;
}

static int config_read(struct cm_request *rq, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *config = json_object_new_object();
	const char *name = cm_form_str(rq->post, "name", ""), *driver = cm_form_str(rq->post, "driver", "local");
	struct json_object *options = NULL, *labels = NULL;
	int rc;

	if (!cm_name_valid(name) || strlen(name) < NAME_MIN)
		return cm_err_set(
		    err, CM_EINVAL,
		    "Name it with two or more letters, digits, dots, dashes and underscores; begin with a "
		    "letter or digit.");
	rc = pairs_read(rq, "options", "Options", &options, err);
	if (rc == 0)
		cm_json_set(config, "DriverOpts", options);
	rc = rc < 0 ? rc : pairs_read(rq, "labels", "Labels", &labels, err);
	if (rc < 0)
		return rc;
	cm_json_set(config, "Labels", labels);
	cm_json_set_str(config, "Name", name);
	cm_json_set_str(config, "Driver", driver);
	*ret = cm_move(&config);
	return 0;
}

static void form_view(struct cm_reply *rp, const struct cm_form *typed)
{
	static const char *const fields[] = { "name", "driver", "options", "labels" };
	struct json_object *data = cm_view_data(rp);

	for (size_t i = 0; i < CM_COUNT(fields); i++)
		cm_json_set_str(data, fields[i],
				cm_form_str(typed, fields[i], cm_str_eq(fields[i], "driver") ? "local" : ""));
	cm_json_set_str(data, "action", "/volumes/new");
	cm_json_set_str(data, "cancel_url", "/volumes");
}

int cm_page_volume_new(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	(void)err;
	form_view(rp, rq->get);
	return 0;
}

int cm_page_volume_create(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const struct cm_volume_actor actor = cm_volume_actor_of(rq);
	cm_autojson struct json_object *config = NULL, *volume = NULL;
	cm_autofree char *back = NULL;
	struct json_object *answer;
	const char *name;
	int rc;

	if (!rq->is_api)
		form_view(rp, rq->post);
	rc = config_read(rq, &config, err);
	rc = rc < 0 ? rc : cm_volumes_create(rq->app, config, &actor, &volume, err);
	if (rc < 0)
		return rc;
	name = cm_json_str(volume, "Name", "");
	answer = json_object_new_object();
	cm_json_set_str(answer, "name", name);
	cm_json_set_str(answer, "driver", cm_json_str(volume, "Driver", ""));
	cm_json_set_str(answer, "mountpoint", cm_json_str(volume, "Mountpoint", ""));
	rp->status = 201;
	back = cm_url_make("/volume/%s", name);
	cm_reply_done(rq, rp, back, answer, "Volume %s created", name);
	return 0;
}

/* ---- Removing ---- */

static void confirm_begin(struct cm_reply *rp, const char *title, const char *button)
{
	const struct cm_confirm c = { .title = title,
				      .lead = "What is in a deleted volume cannot be brought back without a backup.",
				      .button = button,
				      .action = "/volumes/delete",
				      .field = "names",
				      .back = "/volumes",
				      .back_text = "Keep",
				      .parent = "/volumes",
				      .parent_text = "Volumes" };

	cm_view_title(rp, "Delete volumes");
	cm_view_confirm(rp, &c);
}

struct selection {
	struct json_object *go;	  /* volumes */
	struct json_object *stay; /* [{"name","text"}] */
};

static void selection_release(struct selection *s)
{
	json_object_put(s->go);
	json_object_put(s->stay);
}

static void stay_add(struct selection *s, const char *name, const char *text)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "text", text);
	json_object_array_add(s->stay, o);
}

/* Sorts one volume as listed; its users keep it. */
static void selection_add(struct selection *s, struct json_object *volume)
{
	struct json_object *users = cm_json_arr(volume, "Users");
	const char *name = cm_json_str(volume, "Name", "");
	struct cm_err why = { 0 };

	if (cm_volumes_may_change(volume, &why) < 0) {
		stay_add(s, name, "belongs to this program and stays");
	} else if (cm_json_len(users) > 0) {
		cm_autofree char *text = cm_asprintf("is used by %s%s and stays",
						     cm_json_str(json_object_array_get_idx(users, 0), "name", ""),
						     cm_json_len(users) > 1 ? " and others" : "");
		stay_add(s, name, text);
	} else {
		json_object_array_add(s->go, json_object_get(volume));
	}
}

static struct json_object *volume_named(struct json_object *volumes, const char *name)
{
	for (size_t i = 0; i < cm_json_len(volumes); i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i);

		if (cm_str_eq(cm_json_str(v, "Name", ""), name))
			return v;
	}
	return NULL;
}

static void confirm_view(struct cm_request *rq, struct cm_reply *rp, const struct selection *s, size_t left_out)
{
	struct cm_volume_sizes sizes;
	size_t count = cm_json_len(s->go);
	cm_autofree char *title = NULL, *button = NULL, *more = NULL;
	int64_t sum = 0;
	char text[96], size[32];

	cm_volume_sizes_get(rq->app, &sizes);
	for (size_t i = 0; i < count; i++) {
		int64_t bytes =
		    cm_volume_sizes_of(&sizes, cm_json_str(json_object_array_get_idx(s->go, i), "Name", ""));
		sum += bytes > 0 ? bytes : 0;
	}
	cm_count_text(text, (int64_t)count, "volume", "volumes");
	cm_size_text(size, sum);
	title = count > 0 ? cm_asprintf("Delete %s?", text) : cm_strdup("Nothing to delete");
	button = sizes.at_ms > 0 ? cm_asprintf("Delete %s, %s", text, size) : cm_asprintf("Delete %s", text);
	confirm_begin(rp, title, count > 0 ? button : NULL);
	for (size_t i = 0; i < count; i++) {
		const char *name = cm_json_str(json_object_array_get_idx(s->go, i), "Name", "");
		int64_t bytes = cm_volume_sizes_of(&sizes, name);
		cm_autofree char *url = cm_url_make("/volume/%s", name);

		cm_size_text(size, bytes);
		cm_view_confirm_item(rp, name, name, bytes >= 0 ? size : "size unknown", url);
	}
	for (size_t i = 0; i < cm_json_len(s->stay); i++) {
		struct json_object *o = json_object_array_get_idx(s->stay, i);

		cm_view_confirm_kept(rp, cm_json_str(o, "name", ""), cm_json_str(o, "text", ""));
	}
	if (left_out > 0) {
		more = cm_asprintf("%zu more are not in this list: delete these first, then come again.", left_out);
		cm_view_confirm_warning(rp, more);
	}
	cm_volume_sizes_release(&sizes);
}

/* The page that asks about the volumes named in the form, or the one in the path. */
static int confirm(struct cm_request *rq, struct cm_reply *rp, const struct cm_form *form, struct cm_err *err)
{
	cm_autojson struct json_object *volumes = NULL;
	struct selection s = { 0 };
	const char *name = NULL, *only = rq->params[0];
	size_t pos = 0;
	int rc = cm_volumes_list(rq->app, &volumes, err);

	if (rc < 0)
		return rc;
	if (only != NULL && volume_named(volumes, only) == NULL)
		return cm_err_set(err, CM_ENOTFOUND, "There is no volume named %.200s.", only);
	s = (struct selection){ json_object_new_array(), json_object_new_array() };
	while (only != NULL || (name = cm_form_each(form, "names", &pos)) != NULL) {
		struct json_object *v = volume_named(volumes, only ? only : name);

		if (v != NULL)
			selection_add(&s, v);
		else
			stay_add(&s, name, "is gone already");
		if (only != NULL)
			break;
	}
	if (cm_json_len(s.go) + cm_json_len(s.stay) == 0) {
		cm_reply_flash(rq, rp, "error", "Select at least one volume.");
		cm_reply_redirect(rp, "/volumes");
	} else {
		confirm_view(rq, rp, &s, 0);
	}
	selection_release(&s);
	return 0;
}

int cm_page_volume_delete_confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return confirm(rq, rp, NULL, err);
}

int cm_page_volumes_prune_confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *volumes = NULL;
	struct selection s;
	size_t left_out = 0;
	int rc = cm_volumes_list(rq->app, &volumes, err);

	if (rc < 0)
		return rc;
	s = (struct selection){ json_object_new_array(), json_object_new_array() };
	for (size_t i = 0; i < cm_json_len(volumes); i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i);

		if (cm_json_len(cm_json_arr(v, "Users")) > 0 || cm_volumes_may_change(v, NULL) < 0)
			continue;
		if (cm_json_len(s.go) < PRUNE_SHOWN)
			json_object_array_add(s.go, json_object_get(v));
		else
			left_out++;
	}
	confirm_view(rq, rp, &s, left_out);
	selection_release(&s);
	return 0;
}

/* The predecessor's members of the answer, as far as it goes. */
static void answer_count(struct json_object *answer, const char *in_use)
{
	struct json_object *list = cm_json_arr(answer, "in_use_volumes");
	int64_t deleted = cm_json_int(answer, "deleted_count", 0) + (in_use == NULL);

	cm_json_set_int(answer, "deleted_count", deleted);
	if (in_use != NULL && list == NULL) {
		list = json_object_new_array();
		cm_json_set(answer, "in_use_volumes", list);
	}
	if (in_use != NULL)
		cm_json_add_str(list, in_use);
	if (list != NULL)
		cm_view_text(answer, "message",
			     "Deleted %lld volume(s). %zu volume(s) are in use and were not deleted.",
			     (long long)deleted, cm_json_len(list));
	else
		cm_view_text(answer, "message", "Deleted %lld volume(s)", (long long)deleted);
}

static int remove_one(struct cm_request *rq, const char *id, void *answer, char **ret_name, struct cm_err *err)
{
	const struct cm_volume_actor actor = cm_volume_actor_of(rq);
	int rc = cm_volumes_remove(rq->app, id, &actor, err);

	(void)ret_name;
	if (rc == 0 || rc == CM_EINUSE)
		answer_count(answer, rc == 0 ? NULL : id);
	return rc;
}

int cm_page_volumes_delete(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *answer, *names = cm_json_get(rq->json, "names");
	struct cm_bulk removing = { .field = "names",
				    .one = "volume",
				    .many = "volumes",
				    .done = "deleted",
				    .back = "/volumes",
				    .act = remove_one };

	if (!rq->is_api && !cm_form_bool(rq->post, "confirm", false))
		return confirm(rq, rp, rq->post, err);
	if (rq->json != NULL && !json_object_is_type(names, json_type_array))
		return cm_err_set(err, CM_EINVAL, "Volume names must be a list");
	answer = json_object_new_object();
	cm_json_set_int(answer, "deleted_count", 0);
	cm_json_set(answer, "in_use_volumes", NULL);
	removing.ctx = answer;
	return cm_bulk_run(rq, rp, &removing, answer, err);
}

/* One, by its path. What is in use is 400 here, as the predecessor has it. */
int cm_page_volume_delete(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const struct cm_volume_actor actor = cm_volume_actor_of(rq);
	struct cm_err why = { 0 };
	int rc = cm_volumes_remove(rq->app, rq->params[0], &actor, &why);

	if (rc == CM_EINUSE) {
		struct json_object *extra = json_object_new_object();

		cm_json_set_bool(extra, "in_use", true);
		cm_json_set_str(extra, "message", why.text);
		cm_reply_error_json(rp, &why, extra);
		rp->status = 400;
		return 0;
	}
	if (rc < 0) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	cm_reply_done(rq, rp, "/volumes", NULL, "Volume deleted");
	return 0;
}

/* All that nobody uses, by the API: the page has its list confirmed, and deletes what was in it. */
int cm_page_volumes_prune(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const struct cm_volume_actor actor = cm_volume_actor_of(rq);
	cm_autojson struct json_object *volumes = NULL;
	struct json_object *answer, *gone, *errors;
	struct cm_volume_sizes sizes;
	int64_t sum = 0;
	char size[32];
	int rc = cm_volumes_list(rq->app, &volumes, err);

	if (rc < 0)
		return rc;
	gone = json_object_new_array();
	errors = json_object_new_array();
	cm_volume_sizes_get(rq->app, &sizes);
	for (size_t i = 0; i < cm_json_len(volumes); i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i);
		const char *name = cm_json_str(v, "Name", "");
		struct cm_err why = { 0 };

		if (cm_json_len(cm_json_arr(v, "Users")) > 0 || cm_volumes_may_change(v, NULL) < 0)
			continue;
		if (cm_volumes_remove(rq->app, name, &actor, &why) < 0) {
			cm_json_add_str(errors, why.text);
			continue;
		}
		cm_json_add_str(gone, name);
		if (cm_volume_sizes_of(&sizes, name) > 0)
			sum += cm_volume_sizes_of(&sizes, name);
	}
	cm_volume_sizes_release(&sizes);
	cm_size_text(size, sum);
	answer = json_object_new_object();
	cm_json_set_int(answer, "deleted_count", (int64_t)cm_json_len(gone));
	cm_json_set(answer, "deleted_volumes", gone);
	cm_json_set_str(answer, "reclaimed_space", size);
	cm_json_set_int(answer, "reclaimed_bytes", sum);
	cm_json_set(answer, "errors", cm_json_len(errors) > 0 ? json_object_get(errors) : NULL);
	cm_reply_done(rq, rp, "/volumes", answer, "Cleaned up %zu unused volume(s)", cm_json_len(gone));
	json_object_put(errors);
	return 0;
}
