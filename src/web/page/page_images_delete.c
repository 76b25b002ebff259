/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Deleting images: some, after a page that lists them; all without a name, or all that nobody uses.
 */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/images.h"
#include "service/own.h"
#include "web/bulk.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_images.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_confirm.h"
#include "web/view/view_image.h"

enum { LISTED_MAX = 400 }; /* a form has at most 512 fields */

struct asking {
	struct cm_reply *rp;
	const struct cm_form *form;
	int64_t count, bytes; /* that will go */
	bool force;	      /* some go by force alone */
	char first[300];
};

static bool selected(const struct cm_form *form, const char *ref)
{
	const char *other;
	size_t pos = 0;

	while ((other = cm_form_each(form, "image", &pos)) != NULL)
		if (cm_str_eq(other, ref))
			return true;
	return false;
}

/* Names of the image that stay. */
static size_t names_left(const struct asking *a, struct json_object *image)
{
	struct json_object *names = cm_json_arr(image, "Names");
	size_t left = 0;

	for (size_t i = 0; i < cm_json_len(names); i++)
		left += !selected(a->form, json_object_get_string(json_object_array_get_idx(names, i)));
	return left;
}

static bool any_running(struct json_object *users)
{
	for (size_t i = 0; i < cm_json_len(users); i++)
		if (cm_json_bool(json_object_array_get_idx(users, i), "running", false))
			return true;
	return false;
}

static void item_add(struct asking *a, const char *ref, struct json_object *image, const char *note, bool goes)
{
	const char *id = cm_json_str(image, "Id", "");
	bool by_id = cm_str_eq(ref, id);
	cm_autofree char *url = cm_url_make("/image/%s", ref), *name = by_id ? cm_strndup(ref, 19) : cm_strdup(ref);

	cm_view_confirm_item(a->rp, ref, name, note, url);
	if (a->count++ == 0)
		cm_str_copy(a->first, sizeof(a->first), name);
	a->bytes += goes ? cm_json_int(image, "Size", 0) : 0;
}

static void ask_one(struct asking *a, const char *ref, struct json_object *image)
{
	struct json_object *users = cm_json_arr(image, "Users");
	bool by_id = cm_str_eq(ref, cm_json_str(image, "Id", ""));
	size_t left = by_id ? 0 : names_left(a, image), names = cm_json_len(cm_json_arr(image, "Names"));
	char note[700], who[600], size[32];

	cm_view_image_users_text(who, users);
	cm_size_text(size, cm_json_int(image, "Size", 0));
	if (cm_json_int(image, "Own", CM_OWN_NOT) != CM_OWN_NOT) {
		cm_view_confirm_kept(a->rp, ref, "belongs to this program and stays");
	} else if (left > 0) {
		item_add(a, ref, image, "only this name, the image has others", false);
	} else if (any_running(users)) {
		snprintf(note, sizeof(note), "is used by %s and stays", who);
		cm_view_confirm_kept(a->rp, ref, note);
	} else if (cm_json_len(users) > 0 || (by_id && names > 1)) {
		if (cm_json_len(users) > 0)
			snprintf(note, sizeof(note), "%s, used by %s: by force only", size, who);
		else
			snprintf(note, sizeof(note), "%s, has %zu names: by force only", size, names);
		a->force = true;
		item_add(a, ref, image, note, true);
	} else {
		item_add(a, ref, image, size, true);
	}
}

static void ask_finish(struct asking *a)
{
	char title[360], button[120], count[96], size[32];
	struct cm_confirm c = { .title = title,
				.button = button,
				.action = "/images/delete",
				.field = "image",
				.back = "/images",
				.back_text = "Keep them",
				.parent = "/images",
				.parent_text = "Images" };
	struct json_object *data = cm_view_data(a->rp), *kept = json_object_get(cm_json_arr(data, "kept"));
	struct json_object *items = json_object_get(cm_json_arr(data, "items"));

	cm_count_text(count, a->count, "image", "images");
	cm_size_text(size, a->bytes);
	snprintf(button, sizeof(button), a->bytes > 0 ? "Delete %s, %s" : "Delete %s", count, size);
	if (a->count == 1)
		snprintf(title, sizeof(title), "Delete %s?", a->first);
	else
		snprintf(title, sizeof(title), a->count > 0 ? "Delete %s?" : "Nothing can be deleted", count);
	c.lead = a->count > 0 ? "What other images share with them stays. A deleted image comes back only from its "
				"registry or a file."
			      : NULL;
	if (a->count == 0) {
		c.button = NULL;
		c.back_text = "Back to the images";
	} else if (a->count == 1) {
		c.back_text = "Keep it";
	}
	cm_view_confirm(a->rp, &c);
	cm_json_set(data, "kept", kept);
	cm_json_set(data, "items", items);
	if (a->force)
		cm_view_confirm_choice(a->rp, "force", "By force",
				       "Also where stopped containers use them: those can then not be backed up whole.",
				       false);
}

static void ask_begin(struct asking *a)
{
	static const struct cm_confirm nothing = { .title = "" };

	cm_view_confirm(a->rp, &nothing);
}

static int ask(const struct cm_form *form, struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct asking a = { .rp = rp, .form = form };
	cm_autojson struct json_object *list = NULL;
	const char *ref;
	size_t pos = 0;
	int rc = cm_images_list(rq->app, &list, err);

	if (rc < 0)
		return rc;
	ask_begin(&a);
	while ((ref = cm_form_each(form, "image", &pos)) != NULL) {
		struct json_object *image = cm_images_find(list, ref);

		if (image == NULL)
			cm_view_confirm_kept(rp, ref, "is not there any more");
		else
			ask_one(&a, ref, image);
	}
	if (pos == 0) {
		cm_reply_flash(rq, rp, "error", "Select at least one image.");
		cm_reply_redirect(rp, "/images");
		return 0;
	}
	ask_finish(&a);
	cm_view_title(rp, "Delete images");
	return 0;
}

int cm_page_images_delete_confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return ask(rq->get, rq, rp, err);
}

static int delete_one(struct cm_request *rq, const char *id, void *ctx, char **ret_name, struct cm_err *err)
{
	const struct cm_actor actor = cm_images_actor(rq);

	(void)ret_name;
	return cm_images_remove(rq->app, id, *(const bool *)ctx, &actor, NULL, err);
}

int cm_page_images_delete(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	bool force = cm_form_bool(rq->post, "force", false);
	const struct cm_bulk bulk = { .field = "image",
				      .one = "image",
				      .many = "images",
				      .done = "deleted",
				      .back = "/images",
				      .act = delete_one,
				      .ctx = &force };

	if (!rq->is_api && !cm_form_bool(rq->post, "confirm", false))
		return ask(rq->post, rq, rp, err);
	return cm_bulk_run(rq, rp, &bulk, NULL, err);
}

int cm_page_image_delete(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const struct cm_actor actor = cm_images_actor(rq);
	struct json_object *answer;
	int rc = cm_images_remove(rq->app, rq->params[0], cm_form_bool(rq->get, "force", false), &actor, &answer, err);

	if (rc < 0)
		return rc;
	cm_reply_done(rq, rp, "/images", answer, "Image deleted");
	return 0;
}

static const char *what_of(const struct cm_request *rq, struct cm_err *err)
{
	const char *what = cm_form_str(rq->post, "what", cm_form_str(rq->get, "what", "untagged"));

	if (cm_str_eq(what, "untagged") || cm_str_eq(what, "unused"))
		return what;
	cm_err_set(err, CM_EINVAL, "What to delete is \"untagged\" or \"unused\".");
	return NULL;
}

/* Every name of an image, or its id when it has none: what was listed goes, and nothing else. */
static void ask_unused(struct asking *a, struct json_object *image)
{
	struct json_object *names = cm_json_arr(image, "Names");
	char size[32];

	cm_size_text(size, cm_json_int(image, "Size", 0));
	for (size_t i = 0; i < cm_json_len(names); i++)
		item_add(a, json_object_get_string(json_object_array_get_idx(names, i)), image,
			 i == 0 ? size : "another name of the same", i == 0);
	if (cm_json_len(names) == 0)
		item_add(a, cm_json_str(image, "Id", ""), image, size, true);
}

int cm_page_images_prune_confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *list = NULL;
	struct asking a = { .rp = rp, .form = rq->get };
	const char *what = what_of(rq, err);
	int rc = what == NULL ? CM_EINVAL : cm_images_list(rq->app, &list, err);

	if (rc < 0)
		return rc;
	ask_begin(&a);
	for (size_t i = 0; i < cm_json_len(list) && a.count < LISTED_MAX; i++) {
		struct json_object *image = json_object_array_get_idx(list, i);

		if (cm_str_eq(what, "unused") ? cm_images_is_unused(image) : cm_images_is_loose(image))
			ask_unused(&a, image);
	}
	if (a.count == 0) {
		cm_reply_flash(rq, rp, "ok", "There are no %s images.", what);
		cm_reply_redirect(rp, "/images");
		return 0;
	}
	ask_finish(&a);
	if (a.count >= LISTED_MAX)
		cm_view_confirm_warning(rp, "There are more than these: delete them in several turns.");
	cm_view_title(rp, "Delete %s images", what);
	return 0;
}

static void prune_reply(struct cm_request *rq, struct cm_reply *rp, struct json_object *answer, int64_t count,
			const char *what, int64_t bytes)
{
	char size[32];

	cm_view_docker_size(size, bytes);
	cm_json_set_str(answer, "reclaimed_space", size);
	cm_json_set_int(answer, "reclaimed_bytes", bytes);
	cm_json_set_int(answer, "deleted_count", count);
	cm_reply_done(rq, rp, "/images", answer, "Cleaned up %lld %s image(s)", (long long)count, what);
}

/* Those of the list that were loose and are gone, by id and as docker shows them. */
static int64_t gone_add(struct json_object *answer, struct json_object *list, struct json_object *deleted)
{
	struct json_object *names = json_object_new_array(), *ids = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *image = json_object_array_get_idx(list, i);
		const char *id = cm_json_str(image, "Id", "");

		for (size_t k = 0; cm_images_is_loose(image) && k < cm_json_len(deleted); k++) {
			if (!cm_str_eq(json_object_get_string(json_object_array_get_idx(deleted, k)), id))
				continue;
			cm_json_add_str(names, "<none>:<none>");
			cm_json_add_str(ids, id);
		}
	}
	cm_json_set(answer, "deleted_images", names);
	cm_json_set(answer, "deleted_image_ids", ids);
	return (int64_t)cm_json_len(ids);
}

int cm_page_images_prune_untagged(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const struct cm_actor actor = cm_images_actor(rq);
	cm_autojson struct json_object *list = NULL, *pruned = NULL;
	struct json_object *answer;
	int64_t count;
	int rc = cm_images_list(rq->app, &list, err);

	rc = rc < 0 ? rc : cm_images_prune(rq->app, &actor, &pruned, err);
	if (rc < 0)
		return rc;
	answer = json_object_new_object();
	count = gone_add(answer, list, cm_json_arr(pruned, "deleted"));
	prune_reply(rq, rp, answer, count, "dangling", cm_json_int(pruned, "bytes", 0));
	return 0;
}

struct unused {
	struct json_object *names, *ids, *errors;
	int64_t count, bytes;
};

static void prune_one(struct cm_request *rq, struct json_object *image, struct unused *u)
{
	struct json_object *names = cm_json_arr(image, "Names");
	const struct cm_actor actor = cm_images_actor(rq);
	struct cm_err why = { 0 };
	size_t count = cm_json_len(names);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));

		rc = cm_images_remove(rq->app, name, false, &actor, NULL, &why);
		if (rc == 0)
			cm_json_add_str(u->names, name);
	}
	if (count == 0)
		rc = cm_images_remove(rq->app, cm_json_str(image, "Id", ""), false, &actor, NULL, &why);
	if (rc < 0) {
		cm_json_add_str(u->errors, why.text);
		return;
	}
	cm_json_add_str(u->ids, cm_json_str(image, "Id", ""));
	u->count++;
	u->bytes += cm_json_int(image, "Size", 0);
}

static int prune_unused(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *list = NULL;
	struct json_object *answer;
	struct unused u = { 0 };
	int rc = cm_images_list(rq->app, &list, err);

	if (rc < 0)
		return rc;
	u.names = json_object_new_array();
	u.ids = json_object_new_array();
	u.errors = json_object_new_array();
	for (size_t i = 0; i < cm_json_len(list); i++)
		if (cm_images_is_unused(json_object_array_get_idx(list, i)))
			prune_one(rq, json_object_array_get_idx(list, i), &u);
	answer = json_object_new_object();
	cm_json_set(answer, "deleted_images", u.names);
	cm_json_set(answer, "deleted_image_ids", u.ids);
	cm_json_set(answer, "errors", u.errors);
	prune_reply(rq, rp, answer, u.count, "unused", u.bytes);
	return 0;
}

int cm_page_images_prune(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *what = what_of(rq, err);

	if (what == NULL)
		return CM_EINVAL;
	return cm_str_eq(what, "unused") ? prune_unused(rq, rp, err) : cm_page_images_prune_untagged(rq, rp, err);
}
