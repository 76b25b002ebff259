/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/images.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/image.h"
#include "service/containers.h"
#include "service/engine.h"
#include "service/images_int.h"
#include "service/own.h"

enum { ASK_MS = 10000, NAMED = 3 };

void cm_images_audit(const char *operation, const char *image, const struct cm_actor *actor, const struct cm_err *why,
		     struct json_object *details)
{
	cm_autojson struct json_object *all = details ? cm_json_copy(details) : json_object_new_object();
	struct cm_audit_event event = {
		.operation = operation,
		.status = why == NULL		       ? "completed"
			  : why->code == CM_ECANCELLED ? "cancelled"
						       : "error",
		.error = why != NULL ? why->text : NULL,
		.user = actor->user,
		.address = actor->address,
		.details = all,
	};

	if (image != NULL)
		cm_json_set_str(all, "image", image);
	(void)cm_audit(&event, NULL);
}

static void names_add(struct json_object *names, struct json_object *from)
{
	for (size_t i = 0; i < cm_json_len(from); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(from, i));

		if (name != NULL && !cm_str_has_prefix(name, "<none>") && !cm_str_has_suffix(name, ":<none>"))
			cm_json_add_str(names, name);
	}
}

/* Its tags; one that was pulled by digest has that alone. */
static struct json_object *names_of(struct json_object *image)
{
	struct json_object *names = json_object_new_array();

	names_add(names, cm_json_arr(image, "RepoTags"));
	if (cm_json_len(names) == 0)
		names_add(names, cm_json_arr(image, "RepoDigests"));
	return names;
}

static struct json_object *users_of(struct json_object *containers, const char *id)
{
	struct json_object *users = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(containers); i++) {
		struct json_object *c = json_object_array_get_idx(containers, i), *o;
		const char *state = cm_json_str(c, "State", "");

		if (!cm_str_eq(cm_json_str(c, "ImageID", ""), id))
			continue;
		o = json_object_new_object();
		cm_json_set_str(o, "id", cm_json_str(c, "Id", ""));
		cm_json_set_str(o, "name", cm_containers_entry_name(c));
		cm_json_set_bool(o, "running",
				 cm_str_eq(state, "running") || cm_str_eq(state, "paused") ||
				     cm_str_eq(state, "restarting"));
		json_object_array_add(users, o);
	}
	return users;
}

static void complete(struct json_object *image, struct json_object *containers, const struct cm_own *own)
{
	cm_json_set(image, "Names", names_of(image));
	cm_json_set(image, "Users", users_of(containers, cm_json_str(image, "Id", "")));
	cm_json_set_int(image, "Own", cm_own_image(own, image));
}

int cm_images_list(const struct cm_app *app, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *containers = NULL;
	struct json_object *list;
	struct cm_docker *d;
	struct cm_own own;
	int rc = cm_engine_containers(app, &containers, err);

	rc = rc < 0 ? rc : cm_own_get(app, &own, err);
	rc = rc < 0 ? rc : cm_engine_get(app, &d, err);
	if (rc < 0)
		return rc;
	cm_docker_set_timeout(d, ASK_MS);
	rc = cm_image_list(d, false, NULL, &list, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < cm_json_len(list); i++)
		complete(json_object_array_get_idx(list, i), containers, &own);
	*ret = list;
	return 0;
}

struct json_object *cm_images_find(struct json_object *list, const char *ref)
{
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *image = json_object_array_get_idx(list, i), *names = cm_json_arr(image, "Names");

		if (cm_str_eq(cm_json_str(image, "Id", ""), ref))
			return image;
		for (size_t k = 0; k < cm_json_len(names); k++)
			if (cm_str_eq(json_object_get_string(json_object_array_get_idx(names, k)), ref))
				return image;
	}
	return NULL;
}

int cm_images_look(const struct cm_app *app, const char *ref, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *containers = NULL, *image = NULL;
	struct json_object *history;
	struct cm_docker *d;
	struct cm_own own;
	int rc = cm_engine_containers(app, &containers, err);

	rc = rc < 0 ? rc : cm_own_get(app, &own, err);
	rc = rc < 0 ? rc : cm_engine_get(app, &d, err);
	if (rc < 0)
		return rc;
	cm_docker_set_timeout(d, ASK_MS);
	rc = cm_image_inspect(d, ref, &image, err);
	rc = rc < 0 ? rc : cm_image_history(d, cm_json_str(image, "Id", ref), &history, err);
	if (rc < 0)
		return rc;
	complete(image, containers, &own);
	cm_json_set(image, "History", history);
	*ret = cm_move(&image);
	return 0;
}

int cm_images_inspect(struct cm_docker *d, const struct cm_app *app, const char *ref, struct json_object **ret,
		      struct cm_err *err)
{
	cm_autojson struct json_object *image = NULL;
	struct cm_own own;
	int rc = cm_image_inspect(d, ref, &image, err);

	rc = rc < 0 ? rc : cm_own_get(app, &own, err);
	rc = rc < 0 ? rc : cm_own_refuse(cm_own_image(&own, image), "image", ref, err);
	if (rc == 0)
		*ret = cm_move(&image);
	return rc;
}

/* The engine's own words are ids; people know names. */
static int in_use(struct json_object *users, const char *ref, struct cm_err *err)
{
	cm_autobuf struct cm_buf names = CM_BUF_INIT(2048);
	size_t count = cm_json_len(users);

	for (size_t i = 0; i < count && i < NAMED; i++)
		cm_buf_printf(&names, "%s%s", i == 0 ? "" : ", ",
			      cm_json_str(json_object_array_get_idx(users, i), "name", ""));
	if (count > NAMED)
		cm_buf_printf(&names, " and %zu more", count - NAMED);
	return cm_err_set(err, CM_EINUSE, "%s is used by %s. Delete %s first.", ref, names.data,
			  count == 1 ? "that container" : "those containers");
}

/* Forced, the engine takes the last name away from an image that runs: then nobody knows any more what does. */
static int force_check(struct json_object *image, struct json_object *users, const char *ref, struct cm_err *err)
{
	cm_autojson struct json_object *names = names_of(image);
	bool by_id = cm_str_has_prefix(cm_json_str(image, "Id", "") + strlen("sha256:"), ref) ||
		     cm_str_has_prefix(ref, "sha256:");

	if (cm_json_len(names) > 1 && !by_id)
		return 0;
	for (size_t i = 0; i < cm_json_len(users); i++)
		if (cm_json_bool(json_object_array_get_idx(users, i), "running", false))
			return in_use(users, ref, err);
	return 0;
}

/* [{"Untagged": …}, {"Deleted": …}] */
static struct json_object *removed(struct json_object *answer)
{
	struct json_object *o = json_object_new_object(), *untagged = json_object_new_array();
	struct json_object *deleted = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(answer); i++) {
		struct json_object *item = json_object_array_get_idx(answer, i);

		if (cm_json_get(item, "Untagged") != NULL)
			cm_json_add_str(untagged, cm_json_str(item, "Untagged", ""));
		if (cm_json_get(item, "Deleted") != NULL)
			cm_json_add_str(deleted, cm_json_str(item, "Deleted", ""));
	}
	cm_json_set(o, "untagged", untagged);
	cm_json_set(o, "deleted", deleted);
	return o;
}

int cm_images_remove(const struct cm_app *app, const char *ref, bool force, const struct cm_actor *actor,
		     struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *image = NULL, *answer = NULL, *details = NULL, *containers = NULL,
				       *users = NULL;
	struct cm_err why = { 0 };
	struct cm_docker *d;
	int rc = cm_engine_get(app, &d, err);

	rc = rc < 0 ? rc : cm_images_inspect(d, app, ref, &image, err);
	rc = rc < 0 ? rc : cm_engine_containers(app, &containers, err);
	if (rc < 0)
		return rc;
	users = users_of(containers, cm_json_str(image, "Id", ""));
	rc = force ? force_check(image, users, ref, &why) : 0;
	rc = rc < 0 ? rc : cm_image_remove(d, ref, force, false, &answer, &why);
	if (rc == CM_EINUSE && cm_json_len(users) > 0)
		rc = in_use(users, ref, &why);
	cm_engine_changed();
	details = removed(answer);
	cm_json_set_bool(details, "force", force);
	cm_images_audit("image_delete", ref, actor, rc < 0 ? &why : NULL, details);
	if (rc < 0 && err != NULL)
		*err = why;
	if (rc == 0 && ret != NULL)
		*ret = cm_move(&details);
	return rc;
}

/* A tag is moved silently by the engine; the image that had it would lose it. */
static int name_free(struct cm_docker *d, const char *name, struct json_object *image, struct cm_err *err)
{
	cm_autojson struct json_object *other = NULL;
	int rc = cm_image_inspect(d, name, &other, err);

	if (rc == CM_ENOTFOUND || (rc == 0 && cm_str_eq(cm_json_str(other, "Id", ""), cm_json_str(image, "Id", ""))))
		return 0;
	return rc < 0 ? rc
		      : cm_err_set(err, CM_EEXIST,
				   "%s is the name of another image. Delete that name first, or choose another.", name);
}

int cm_images_tag(const struct cm_app *app, const char *ref, const char *name, const struct cm_actor *actor,
		  char **ret_name, struct cm_err *err)
{
	cm_autojson struct json_object *image = NULL, *details = NULL;
	cm_autofree char *repo = NULL, *whole = NULL;
	struct cm_err why = { 0 };
	struct cm_docker *d;
	size_t len;
	int rc;

	if (!cm_image_ref_valid(name) || strchr(name, '@') != NULL)
		return cm_err_set(err, CM_EINVAL,
				  "This cannot be the name of an image. Write it like team/web:1.2 or "
				  "registry.example:5000/web:1.2, in lower case.");
	len = cm_image_name_len(name);
	repo = cm_strndup(name, len);
	whole = name[len] == ':' ? cm_strdup(name) : cm_asprintf("%s:latest", name);
	rc = cm_engine_get(app, &d, err);
	rc = rc < 0 ? rc : cm_images_inspect(d, app, ref, &image, err);
	rc = rc < 0 ? rc : name_free(d, whole, image, err);
	if (rc < 0)
		return rc;
	rc = cm_image_tag(d, cm_json_str(image, "Id", ref), repo, whole + len + 1, &why);
	/* What the form lets through and the engine does not is a name that is none. */
	if (rc == CM_EUPSTREAM)
		rc = why.code = CM_EINVAL;
	cm_engine_changed();
	details = json_object_new_object();
	cm_json_set_str(details, "name", whole);
	cm_images_audit("image_tag", ref, actor, rc < 0 ? &why : NULL, details);
	if (rc < 0 && err != NULL)
		*err = why;
	if (rc == 0)
		*ret_name = cm_move(&whole);
	return rc;
}

int cm_images_prune(const struct cm_app *app, const struct cm_actor *actor, struct json_object **ret,
		    struct cm_err *err)
{
	cm_autojson struct json_object *filters = json_object_new_object(), *answer = NULL, *details = NULL;
	struct json_object *yes = json_object_new_array();
	struct cm_err why = { 0 };
	struct cm_docker *d;
	int rc = cm_engine_get(app, &d, err);

	cm_json_add_str(yes, "true");
	cm_json_set(filters, "dangling", yes);
	if (rc < 0)
		return rc;
	rc = cm_image_prune(d, filters, &answer, &why);
	cm_engine_changed();
	details = removed(cm_json_arr(answer, "ImagesDeleted"));
	cm_json_set_int(details, "bytes", cm_json_int(answer, "SpaceReclaimed", 0));
	cm_images_audit("image_prune", NULL, actor, rc < 0 ? &why : NULL, details);
	if (rc < 0 && err != NULL)
		*err = why;
	if (rc == 0)
		*ret = cm_move(&details);
	return rc;
}
