/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Deleting containers, one and several: a page asks first, and says what goes with them.
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
#include "web/bulk.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_containers.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_confirm.h"
#include "web/view/view_container.h"

enum { NAMES_SHOWN = 3 };

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
	for (size_t i = 0; i < count && i < NAMES_SHOWN; i++)
		cm_buf_printf(&b, "%s%s", i == 0 ? "" : ", ",
			      json_object_get_string(json_object_array_get_idx(users, i)));
	if (count > NAMES_SHOWN)
		cm_buf_printf(&b, " and %zu more", count - NAMES_SHOWN);
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

static void image_view(struct json_object *data, struct json_object *image)
{
	cm_autofree char *note = users_note(cm_json_arr(image, "users"));
	const char *name = cm_json_str(image, "name", "");

	/* An id says nothing to people: its beginning does. */
	cm_view_text(data, "image_text", note == NULL ? "Delete its image too: %.*s" : NULL,
		     cm_str_has_prefix(name, "sha256:") ? 19 : 255, name);
	cm_view_text(data, "image_note", note != NULL ? "Its image %.255s is %s." : NULL, name, note);
}

int cm_page_container_delete_confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL, *volumes = NULL, *of_image = NULL;
	struct json_object *data, *warnings, *backup;
	struct cm_catalog_list good = { 0 };
	const char *name, *state;
	int rc = cm_containers_look(rq->app, rq->params[0], &inspect, err);

	rc = rc < 0 ? rc : cm_containers_volumes(rq->app, inspect, &volumes, err);
	rc = rc < 0 ? rc : cm_containers_image(rq->app, inspect, &of_image, err);
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
	image_view(data, of_image);
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

/* Not while a job works with it. */
static int delete_one(struct cm_request *rq, const char *id, const struct cm_containers_delete_options *o,
		      char **ret_name, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	cm_autofree char *lock = NULL;
	int rc = cm_containers_look(rq->app, id, &inspect, err);

	if (rc < 0)
		return rc;
	*ret_name = cm_strdup(cm_spec_name(inspect));
	lock = cm_asprintf("container:%s", *ret_name);
	rc = cm_queue_lock_free(lock, err);
	return rc < 0 ? rc : cm_containers_delete(rq->app, cm_json_str(inspect, "Id", ""), o, rq->user, ret, err);
}

static struct cm_containers_delete_options options_of(const struct cm_form *form)
{
	return (struct cm_containers_delete_options){ .volumes = cm_form_bool(form, "delete_volumes", false),
						      .image = cm_form_bool(form, "delete_image", false) };
}

int cm_page_container_delete(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_containers_delete_options o = options_of(rq->method == CM_DELETE ? rq->get : rq->post);
	cm_autofree char *name = NULL, *gone = NULL;
	struct json_object *answer, *volumes;
	int rc = delete_one(rq, rq->params[0], &o, &name, &answer, err);

	if (rc < 0)
		return rc;
	volumes = cm_json_arr(answer, "deleted_volumes");
	gone = joined(volumes);
	if (cm_json_str(answer, "image_error", NULL) != NULL)
		cm_reply_flash(rq, rp, "warn", "Its image stays: %s", cm_json_str(answer, "image_error", ""));
	if (cm_json_len(volumes) > 0)
		cm_reply_done(rq, rp, "/containers", answer, "Container deleted. Deleted %zu volume(s): %s",
			      cm_json_len(volumes), gone);
	else
		cm_reply_done(rq, rp, "/containers", answer, "Container deleted");
	return 0;
}

/* What deleting several has taken along. */
struct toll {
	struct cm_containers_delete_options options;
	struct json_object *volumes, *images;
};

static int delete_of_several(struct cm_request *rq, const char *id, void *ctx, char **ret_name, struct cm_err *err)
{
	cm_autojson struct json_object *answer = NULL;
	struct toll *toll = ctx;
	struct json_object *volumes;
	const char *image;
	int rc = delete_one(rq, id, &toll->options, ret_name, &answer, err);

	if (rc < 0)
		return rc;
	volumes = cm_json_arr(answer, "deleted_volumes");
	for (size_t i = 0; i < cm_json_len(volumes); i++)
		cm_json_add_str(toll->volumes, json_object_get_string(json_object_array_get_idx(volumes, i)));
	image = cm_json_str(answer, "deleted_image", NULL);
	if (image != NULL)
		cm_json_add_str(toll->images, image);
	return 0;
}

/* One line of the list that is about to go; false: it stays, and the list says why. */
static bool item_add(struct cm_request *rq, struct cm_reply *rp, const char *id, const struct cm_catalog_list *good)
{
	cm_autojson struct json_object *inspect = NULL, *state = json_object_new_object();
	const struct cm_catalog_row *backup;
	cm_autofree char *note = NULL, *url = NULL;
	struct cm_err why = { 0 };
	struct json_object *last;
	const char *name;
	char short_id[13];

	if (cm_containers_look(rq->app, id, &inspect, &why) < 0) {
		cm_view_confirm_kept(rp, id, why.code == CM_ENOTFOUND ? "is gone already" : why.text);
		return false;
	}
	name = cm_spec_name(inspect);
	backup = cm_containers_good(good, name);
	snprintf(short_id, sizeof(short_id), "%.12s", cm_json_str(inspect, "Id", ""));
	cm_view_container_state(state, cm_json_str_at(inspect, "State.Status", ""));
	last = cm_view_last_backup(backup, cm_now_ms());
	note = cm_asprintf("%s, %s%s", cm_json_str(state, "state_text", ""),
			   last != NULL ? "last good backup " : "no backup", last ? cm_json_str(last, "text", "") : "");
	url = cm_url_make("/container/%s", short_id);
	cm_view_confirm_item(rp, short_id, name, note, url);
	if (last == NULL) {
		cm_autofree char *text =
		    cm_asprintf("%s has no backup. Once deleted, it cannot be brought back.", name);
		cm_view_confirm_warning(rp, text);
	}
	json_object_put(last);
	return true;
}

static void confirm_begin(struct cm_reply *rp)
{
	const struct cm_confirm c = { .title = "Delete containers?",
				      .lead = "Those that run are stopped first.",
				      .action = "/containers/delete",
				      .field = "container",
				      .back = "/containers",
				      .back_text = "Keep them",
				      .parent = "/containers",
				      .parent_text = "Containers" };

	cm_view_confirm(rp, &c);
	cm_view_confirm_choice(rp, "delete_volumes", "Delete their volumes too",
			       "Those that no other container uses. Their data is gone unless it is in a backup.",
			       false);
	cm_view_confirm_choice(rp, "delete_image", "Delete their images too", "Those that no other container uses.",
			       false);
}

static int confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_catalog_list good = { 0 };
	struct json_object *data;
	size_t pos = 0, count = 0;
	const char *id;
	char text[96];
	int rc;

	if (cm_form_get(rq->post, "container") == NULL) {
		cm_reply_flash(rq, rp, "error", "Select at least one container.");
		cm_reply_redirect(rp, "/containers");
		return 0;
	}
	rc = cm_catalog_newest(&good, err);
	if (rc < 0)
		return rc;
	confirm_begin(rp);
	while ((id = cm_form_each(rq->post, "container", &pos)) != NULL)
		count += item_add(rq, rp, id, &good);
	cm_catalog_list_release(&good);
	data = cm_view_data(rp);
	cm_count_text(text, (int64_t)count, "container", "containers");
	cm_view_title(rp, "Delete %s", text);
	cm_view_text(data, "title_text", count > 0 ? "Delete %s?" : "Nothing to delete", text);
	if (count > 0)
		cm_view_text(data, "button_text", "Delete %s", text);
	return 0;
}

int cm_page_containers_delete(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct toll toll = { .options = options_of(rq->post) };
	struct json_object *extra;
	const struct cm_bulk bulk = { .field = "container",
				      .one = "container",
				      .many = "containers",
				      .done = "deleted",
				      .back = "/containers",
				      .act = delete_of_several,
				      .ctx = &toll };

	if (!rq->is_api && !cm_form_bool(rq->post, "confirm", false))
		return confirm(rq, rp, err);
	extra = json_object_new_object();
	toll.volumes = json_object_new_array();
	toll.images = json_object_new_array();
	cm_json_set(extra, "deleted_volumes", toll.volumes);
	cm_json_set(extra, "deleted_images", toll.images);
	return cm_bulk_run(rq, rp, &bulk, extra, err);
}
