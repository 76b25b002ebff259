/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/stacks.h"

#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/image.h"
#include "docker/network.h"
#include "docker/volume.h"
#include "service/containers.h"
#include "service/engine.h"

enum { ASK_MS = 15000 };

static bool own(const struct cm_stack *s, struct json_object *labels)
{
	return cm_str_eq(cm_json_str(labels, s->swarm ? CM_SWARM_STACK : CM_COMPOSE_PROJECT, ""), s->name);
}

static bool has(struct json_object *names, const char *name)
{
	for (size_t i = 0; i < cm_json_len(names); i++) {
		if (cm_str_eq(json_object_get_string(json_object_array_get_idx(names, i)), name))
			return true;
	}
	return false;
}

static struct json_object *networks_make(const struct cm_stack *s, struct json_object *all)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(all); i++) {
		struct json_object *n = json_object_array_get_idx(all, i), *o;
		bool mine = own(s, cm_json_obj(n, "Labels"));

		if (!mine && !has(s->networks, cm_json_str(n, "Name", "")))
			continue;
		o = json_object_new_object();
		cm_json_set_str(o, "name", cm_json_str(n, "Name", ""));
		cm_json_set_str(o, "id", cm_json_str(n, "Id", ""));
		cm_json_set_str(o, "driver", cm_json_str(n, "Driver", ""));
		cm_json_set_str(o, "scope", cm_json_str(n, "Scope", ""));
		cm_json_set_bool(o, "internal", cm_json_bool(n, "Internal", false));
		cm_json_set_bool(o, "own", mine);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *users_of(const struct cm_stack *s, const char *volume)
{
	struct json_object *users = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(s->containers); i++) {
		struct json_object *entry = json_object_array_get_idx(s->containers, i);
		struct json_object *mounts = cm_json_arr(entry, "Mounts");

		for (size_t k = 0; k < cm_json_len(mounts); k++) {
			if (cm_str_eq(cm_json_str(json_object_array_get_idx(mounts, k), "Name", ""), volume)) {
				cm_json_add_str(users, cm_containers_entry_name(entry));
				break;
			}
		}
	}
	return users;
}

static struct json_object *volumes_make(const struct cm_stack *s, struct json_object *all)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(all); i++) {
		struct json_object *v = json_object_array_get_idx(all, i), *o;
		const char *name = cm_json_str(v, "Name", "");
		bool mine = own(s, cm_json_obj(v, "Labels"));

		if (!mine && !has(s->volumes, name))
			continue;
		o = json_object_new_object();
		cm_json_set_str(o, "name", name);
		cm_json_set_str(o, "driver", cm_json_str(v, "Driver", ""));
		cm_json_set_bool(o, "own", mine);
		cm_json_set(o, "used_by", users_of(s, name));
		json_object_array_add(list, o);
	}
	return list;
}

static bool image_known(struct json_object *list, const char *name, const char *id)
{
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (cm_str_eq(cm_json_str(o, "name", ""), name) && cm_str_eq(cm_json_str(o, "id", ""), id))
			return true;
	}
	return false;
}

/* What a container runs, and what its image's name means by now. */
static int image_add(struct cm_docker *d, struct json_object *list, const char *name, const char *id,
		     struct cm_err *err)
{
	cm_autojson struct json_object *image = NULL, *named = NULL;
	struct json_object *o;
	int rc;

	if (id[0] == '\0' || image_known(list, name, id))
		return 0;
	rc = cm_image_inspect(d, id, &image, err);
	if (rc < 0 && rc != CM_ENOTFOUND)
		return rc;
	/* A name that is an id already cannot have moved on. */
	if (cm_image_ref_valid(name) && !cm_str_has_prefix(name, "sha256:"))
		(void)cm_image_inspect(d, name, &named, NULL);
	o = json_object_new_object();
	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "id", id);
	cm_json_set_str(o, "created", cm_json_str(image, "Created", NULL));
	cm_json_set_str(o, "version",
			cm_json_str(cm_json_at(image, "Config.Labels"), "org.opencontainers.image.version", NULL));
	cm_json_set_bool(o, "newer", named != NULL && !cm_str_eq(cm_json_str(named, "Id", ""), id));
	cm_json_set_bool(o, "gone", rc == CM_ENOTFOUND);
	json_object_array_add(list, o);
	return 0;
}

static int images_make(struct cm_docker *d, const struct cm_stack *s, struct json_object **ret, struct cm_err *err)
{
	struct json_object *list = json_object_new_array();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < cm_json_len(s->containers); i++) {
		struct json_object *entry = json_object_array_get_idx(s->containers, i);

		rc = image_add(d, list, cm_json_str(entry, "Image", ""), cm_json_str(entry, "ImageID", ""), err);
	}
	if (rc < 0)
		json_object_put(list);
	else
		*ret = list;
	return rc;
}

int cm_stack_belongings(const struct cm_app *app, const struct cm_stack *stack, struct json_object **ret,
			struct cm_err *err)
{
	cm_autojson struct json_object *networks = NULL, *volumes = NULL;
	struct json_object *images, *o;
	struct cm_docker *d;
	int rc = cm_engine_get(app, &d, err);

	if (rc < 0)
		return rc;
	cm_docker_set_timeout(d, ASK_MS);
	rc = cm_network_list(d, NULL, &networks, err);
	rc = rc < 0 ? rc : cm_volume_list(d, NULL, &volumes, err);
	rc = rc < 0 ? rc : images_make(d, stack, &images, err);
	if (rc < 0)
		return rc;
	o = json_object_new_object();
	cm_json_set(o, "networks", networks_make(stack, networks));
	cm_json_set(o, "volumes", volumes_make(stack, volumes));
	cm_json_set(o, "images", images);
	*ret = o;
	return 0;
}
