/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/own.h"

#include <pthread.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/helper.h"
#include "docker/self.h"
#include "service/engine.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct cm_own known; /* of known.self_id; what a container is made of never changes */

/* Lists have labels on top, inspected containers and images below Config. */
static const char *label(struct json_object *o, const char *name)
{
	struct json_object *labels = cm_json_obj(o, "Labels");

	if (labels == NULL)
		labels = cm_json_obj(cm_json_obj(o, "Config"), "Labels");
	return cm_json_str(labels, name, NULL);
}

enum cm_own_kind cm_own_container(const struct cm_own *own, struct json_object *container)
{
	if (own != NULL && cm_self_is(own->self_id, cm_json_str(container, "Id", NULL)))
		return CM_OWN_SELF;
	if (label(container, CM_HELPER_LABEL) != NULL)
		return CM_OWN_HELPER;
	return label(container, CM_DRILL_LABEL) != NULL ? CM_OWN_DRILL : CM_OWN_NOT;
}

enum cm_own_kind cm_own_image(const struct cm_own *own, struct json_object *image)
{
	struct json_object *tags = cm_json_arr(image, "RepoTags");

	if (own != NULL && own->image_id[0] != '\0' && cm_str_eq(cm_json_str(image, "Id", NULL), own->image_id))
		return CM_OWN_SELF;
	if (label(image, CM_HELPER_LABEL) != NULL)
		return CM_OWN_HELPER;
	for (size_t i = 0; i < cm_json_len(tags); i++) {
		const char *tag = json_object_get_string(json_object_array_get_idx(tags, i));
		if (tag != NULL && cm_str_has_prefix(tag, CM_HELPER_REPO ":"))
			return CM_OWN_HELPER;
	}
	return CM_OWN_NOT;
}

enum cm_own_kind cm_own_volume(const struct cm_own *own, struct json_object *volume)
{
	const char *name = cm_json_str(volume, "Name", "");

	for (size_t i = 0; own != NULL && i < CM_OWN_VOLUMES && own->volumes[i][0] != '\0'; i++)
		if (strcmp(own->volumes[i], name) == 0)
			return CM_OWN_SELF;
	/* What it kept for the user has the label too, but a name of the user's. */
	if (label(volume, CM_RESTORE_LABEL) != NULL && cm_str_has_prefix(name, "cm-restore-"))
		return CM_OWN_RESTORE;
	return label(volume, CM_DRILL_LABEL) != NULL ? CM_OWN_DRILL : CM_OWN_NOT;
}

enum cm_own_kind cm_own_network(struct json_object *network)
{
	return label(network, CM_DRILL_LABEL) != NULL ? CM_OWN_DRILL : CM_OWN_NOT;
}

static int look(struct cm_docker *d, const char *self, struct cm_own *ret, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	struct cm_own own = { .self_id = "" };
	size_t n = 0;

	int rc = cm_container_inspect(d, self, false, &inspect, err);
	if (rc < 0)
		return rc;
	cm_str_copy(own.self_id, sizeof(own.self_id), self);
	cm_str_copy(own.image_id, sizeof(own.image_id), cm_json_str(inspect, "Image", ""));
	struct json_object *mounts = cm_json_arr(inspect, "Mounts");
	for (size_t i = 0; i < cm_json_len(mounts) && n < CM_OWN_VOLUMES; i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		if (cm_str_eq(cm_json_str(m, "Type", NULL), "volume") &&
		    cm_str_copy(own.volumes[n], sizeof(own.volumes[n]), cm_json_str(m, "Name", "")))
			n++;
	}
	*ret = own;
	return 0;
}

int cm_own_get(const struct cm_app *app, struct cm_own *ret, struct cm_err *err)
{
	struct cm_docker *d;
	char self[65];

	memset(ret, 0, sizeof(*ret));
	int rc = cm_engine_get(app, &d, err);
	rc = rc < 0 ? rc : cm_self_id(d, self, err);
	if (rc < 0 || self[0] == '\0')
		return rc;
	pthread_mutex_lock(&lock);
	bool there = strcmp(known.self_id, self) == 0;
	if (there)
		*ret = known;
	pthread_mutex_unlock(&lock);
	if (there)
		return 0;
	rc = look(d, self, ret, err);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&lock);
	known = *ret;
	pthread_mutex_unlock(&lock);
	return 0;
}

const char *cm_own_word(enum cm_own_kind kind)
{
	static const char *const words[] = {
		[CM_OWN_NOT] = "",	    [CM_OWN_SELF] = "this program",
		[CM_OWN_HELPER] = "helper", [CM_OWN_RESTORE] = "restore",
		[CM_OWN_DRILL] = "drill",
	};

	return words[kind];
}

int cm_own_refuse(enum cm_own_kind kind, const char *what, const char *name, struct cm_err *err)
{
	switch (kind) {
	case CM_OWN_NOT:
		return 0;
	case CM_OWN_SELF:
		return cm_err_set(err, CM_EUNSUPPORTED, "%s is this program's own %s: it is not touched from here.",
				  name, what);
	default:
		return cm_err_set(err, CM_EUNSUPPORTED,
				  "%s is a %s of this program's own work (%s): it goes by itself when that is done.",
				  name, what, cm_own_word(kind));
	}
}
