/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/volumes.h"

#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/volume.h"
#include "service/audit.h"
#include "service/containers.h"
#include "service/engine.h"
#include "service/own.h"

enum { ASK_MS = 10000, NAMED = 3 };

static struct json_object *user_make(struct json_object *container, struct json_object *mount)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "id", cm_json_str(container, "Id", ""));
	cm_json_set_str(o, "name", cm_containers_entry_name(container));
	cm_json_set_str(o, "destination", cm_json_str(mount, "Destination", ""));
	cm_json_set_bool(o, "running", cm_str_eq(cm_json_str(container, "State", ""), "running"));
	return o;
}

/* Volume name -> its users. */
static struct json_object *users_find(struct json_object *containers)
{
	struct json_object *users = json_object_new_object();

	for (size_t i = 0; i < cm_json_len(containers); i++) {
		struct json_object *c = json_object_array_get_idx(containers, i), *mounts = cm_json_arr(c, "Mounts");

		for (size_t k = 0; k < cm_json_len(mounts); k++) {
			struct json_object *m = json_object_array_get_idx(mounts, k), *list;
			const char *name = cm_json_str(m, "Name", "");

			if (!cm_str_eq(cm_json_str(m, "Type", ""), "volume") || name[0] == '\0')
				continue;
			list = cm_json_arr(users, name);
			if (list == NULL) {
				list = json_object_new_array();
				cm_json_set(users, name, list);
			}
			json_object_array_add(list, user_make(c, m));
		}
	}
	return users;
}

static void volume_extend(struct json_object *volume, struct json_object *users, const struct cm_own *own)
{
	struct json_object *mine = cm_json_arr(users, cm_json_str(volume, "Name", ""));

	cm_json_set_int(volume, "Own", cm_own_volume(own, volume));
	cm_json_set(volume, "Users", mine ? json_object_get(mine) : json_object_new_array());
}

static int surroundings(const struct cm_app *app, struct json_object **ret_users, struct cm_own *ret_own,
			struct cm_err *err)
{
	cm_autojson struct json_object *containers = NULL;
	int rc = cm_engine_containers(app, &containers, err);

	rc = rc < 0 ? rc : cm_own_get(app, ret_own, err);
	if (rc == 0)
		*ret_users = users_find(containers);
	return rc;
}

int cm_volumes_list(const struct cm_app *app, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *users = NULL;
	struct json_object *list;
	struct cm_docker *d;
	struct cm_own own;
	int rc = surroundings(app, &users, &own, err);

	rc = rc < 0 ? rc : cm_engine_get(app, &d, err);
	if (rc < 0)
		return rc;
	cm_docker_set_timeout(d, ASK_MS);
	rc = cm_volume_list(d, NULL, &list, err);
	cm_docker_set_timeout(d, 0);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < cm_json_len(list); i++)
		volume_extend(json_object_array_get_idx(list, i), users, &own);
	*ret = list;
	return 0;
}

int cm_volumes_look(const struct cm_app *app, const char *name, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *users = NULL;
	struct json_object *volume;
	struct cm_docker *d;
	struct cm_own own;
	int rc;

	if (!cm_ref_valid(name))
		return cm_err_set(err, CM_EINVAL, "Volume name contains invalid characters");
	rc = surroundings(app, &users, &own, err);
	rc = rc < 0 ? rc : cm_engine_get(app, &d, err);
	if (rc < 0)
		return rc;
	cm_docker_set_timeout(d, ASK_MS);
	rc = cm_volume_inspect(d, name, &volume, err);
	cm_docker_set_timeout(d, 0);
	if (rc == CM_ENOTFOUND)
		return cm_err_set(err, CM_ENOTFOUND, "There is no volume named %s.", name);
	if (rc < 0)
		return rc;
	volume_extend(volume, users, &own);
	*ret = volume;
	return 0;
}

int cm_volumes_may_change(struct json_object *volume, struct cm_err *err)
{
	return cm_own_refuse((enum cm_own_kind)cm_json_int(volume, "Own", CM_OWN_NOT), "volume",
			     cm_json_str(volume, "Name", ""), err);
}

const char *cm_volumes_stack(struct json_object *volume)
{
	struct json_object *labels = cm_json_obj(volume, "Labels");
	const char *name =
	    cm_json_str(labels, "com.docker.compose.project", cm_json_str(labels, "com.docker.stack.namespace", ""));

	return name[0] != '\0' ? name : NULL;
}

void cm_volumes_audit(const char *operation, const char *name, const struct cm_volume_actor *actor,
		      const struct cm_err *why, struct json_object *details)
{
	struct json_object *o = details ? json_object_get(details) : json_object_new_object();
	struct cm_audit_event event = { .operation = operation,
					.status = why != NULL ? "error" : "completed",
					.error = why != NULL ? why->text : NULL,
					.user = actor->user,
					.address = actor->address,
					.details = o };

	cm_json_set_str(o, "volume", name);
	(void)cm_audit(&event, NULL);
	json_object_put(o);
}

int cm_volumes_create(const struct cm_app *app, struct json_object *config, const struct cm_volume_actor *actor,
		      struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *details = json_object_new_object();
	struct cm_err why = { 0 };
	struct json_object *volume = NULL;
	struct cm_docker *d;
	int rc = cm_engine_get(app, &d, err);

	if (rc < 0)
		return rc;
	rc = cm_volume_create(d, config, &volume, &why);
	cm_json_set_str(details, "driver", cm_json_str(config, "Driver", "local"));
	/* Options may hold the password of a share. */
	cm_volumes_audit("volume_create", cm_json_str(rc == 0 ? volume : config, "Name", ""), actor,
			 rc < 0 ? &why : NULL, details);
	if (rc < 0) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	*ret = volume;
	return 0;
}

/* "web, db and 3 more". */
static void users_name(struct json_object *users, struct cm_buf *out)
{
	size_t count = cm_json_len(users), shown = count > NAMED ? NAMED : count;

	for (size_t i = 0; i < shown; i++)
		cm_buf_printf(out, "%s%s",
			      i == 0	       ? ""
			      : i + 1 == count ? " and "
					       : ", ",
			      cm_json_str(json_object_array_get_idx(users, i), "name", ""));
	if (count > shown)
		cm_buf_printf(out, " and %zu more", count - shown);
}

static int remove_now(const struct cm_app *app, struct json_object *volume, struct cm_err *err)
{
	cm_autobuf struct cm_buf names = CM_BUF_INIT(4096);
	struct json_object *users = cm_json_arr(volume, "Users");
	const char *name = cm_json_str(volume, "Name", "");
	struct cm_docker *d;
	int rc = cm_volumes_may_change(volume, err);

	if (rc < 0)
		return rc;
	if (cm_json_len(users) > 0) {
		users_name(users, &names);
		return cm_err_set(err, CM_EINUSE, "Volume %s is in use by %s: remove that first.", name, names.data);
	}
	rc = cm_engine_get(app, &d, err);
	rc = rc < 0 ? rc : cm_volume_remove(d, name, false, err);
	/* A helper container of ours, or one that was made a moment ago. */
	if (rc == CM_EINUSE || rc == CM_EBUSY)
		return cm_err_set(err, CM_EINUSE, "Volume %s is in use: a container or a job is at work with it.",
				  name);
	return rc;
}

int cm_volumes_remove(const struct cm_app *app, const char *name, const struct cm_volume_actor *actor,
		      struct cm_err *err)
{
	cm_autojson struct json_object *volume = NULL;
	struct cm_err why = { 0 };
	int rc;

	/* What is used is asked anew: the list may be a second old. */
	cm_engine_changed();
	rc = cm_volumes_look(app, name, &volume, err);
	if (rc < 0)
		return rc;
	rc = remove_now(app, volume, &why);
	cm_volumes_audit("volume_delete", name, actor, rc < 0 ? &why : NULL, NULL);
	if (rc < 0 && err != NULL)
		*err = why;
	return rc;
}
