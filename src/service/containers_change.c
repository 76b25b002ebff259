/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One container looked at closely, and changed while it stays the same: its name, its limits.
 */
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "service/container_limits.h"
#include "service/container_spec.h"
#include "service/containers.h"
#include "service/engine.h"
#include "service/env_mask.h"

enum { LOOK_MS = 10000 };

static int engine(const struct cm_app *app, struct cm_docker **ret, struct cm_err *err)
{
	int rc = cm_engine_get(app, ret, err);

	if (rc == 0)
		cm_docker_set_timeout(*ret, LOOK_MS);
	return rc;
}

int cm_containers_inspect(const struct cm_app *app, const char *id, enum cm_own_kind *ret_own, struct json_object **ret,
			  struct cm_err *err)
{
	struct json_object *inspect;
	struct cm_docker *d;
	struct cm_own own;
	int rc = engine(app, &d, err);

	rc = rc < 0 ? rc : cm_container_inspect(d, id, false, &inspect, err);
	if (rc < 0)
		return rc;
	/* Zeroed when the engine does not say: then it is shown as anybody's, and refused when it is touched. */
	(void)cm_own_get(app, &own, NULL);
	*ret_own = cm_own_container(&own, inspect);
	*ret = inspect;
	return 0;
}

int cm_containers_top(const struct cm_app *app, const char *id, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *top = NULL, *inspect = NULL;
	enum cm_own_kind own;
	struct json_object *o;
	struct cm_docker *d;
	int rc = cm_containers_inspect(app, id, &own, &inspect, err);

	if (rc == 0 && !json_object_get_boolean(cm_json_at(inspect, "State.Running")))
		rc = cm_err_set(err, CM_EBUSY, "%s is not running, so it has no processes.", cm_spec_name(inspect));
	rc = rc < 0 ? rc : engine(app, &d, err);
	/* The ps of a small host knows nothing of columns. */
	if (rc == 0 && cm_container_top(d, id, "-eo user,pid,ppid,pcpu,pmem,etime,args", &top, NULL) < 0)
		rc = cm_container_top(d, id, NULL, &top, err);
	if (rc < 0)
		return rc;
	o = json_object_new_object();
	cm_json_set(o, "titles", json_object_get(cm_json_arr(top, "Titles")));
	cm_json_set(o, "processes", json_object_get(cm_json_arr(top, "Processes")));
	*ret = o;
	return 0;
}

static int path_order(const void *a, const void *b)
{
	struct json_object *x = *(struct json_object *const *)a, *y = *(struct json_object *const *)b;

	return strcmp(cm_json_str(x, "path", ""), cm_json_str(y, "path", ""));
}

int cm_containers_changes(const struct cm_app *app, const char *id, struct json_object **ret, struct cm_err *err)
{
	static const char *const kinds[] = { "changed", "added", "deleted" };
	cm_autojson struct json_object *changes = NULL;
	struct json_object *list;
	struct cm_docker *d;
	int rc = engine(app, &d, err);

	rc = rc < 0 ? rc : cm_container_changes(d, id, &changes, err);
	if (rc < 0)
		return rc;
	list = json_object_new_array();
	for (size_t i = 0; i < cm_json_len(changes); i++) {
		struct json_object *c = json_object_array_get_idx(changes, i), *o = json_object_new_object();
		int64_t kind = cm_json_int(c, "Kind", 0);

		cm_json_set_str(o, "path", cm_json_str(c, "Path", ""));
		cm_json_set_str(o, "kind", kinds[kind >= 0 && kind < (int64_t)CM_COUNT(kinds) ? kind : 0]);
		json_object_array_add(list, o);
	}
	json_object_array_sort(list, path_order);
	*ret = list;
	return 0;
}

static int rename_to(struct cm_docker *d, struct json_object *inspect, const char *name, struct cm_err *err)
{
	int rc = cm_container_rename(d, cm_json_str(inspect, "Id", ""), name, err);

	cm_engine_changed();
	return rc;
}

int cm_containers_rename(const struct cm_app *app, const char *id, const char *name, const char *user,
			 struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL, *details = json_object_new_object();
	struct json_object *o;
	struct cm_err why = { 0 };
	struct cm_docker *d;
	int rc = cm_containers_look(app, id, &inspect, err);

	rc = rc < 0 ? rc : engine(app, &d, err);
	if (rc < 0)
		return rc;
	if (!cm_name_valid(name) || strlen(name) < 2)
		return cm_err_set(err, CM_EINVAL,
				  "A container name has letters, digits and . _ - only, begins with a letter or digit, "
				  "and has at least two characters.");
	cm_json_set_str(details, "new_name", name);
	rc = cm_str_eq(name, cm_spec_name(inspect)) ? 0 : rename_to(d, inspect, name, &why);
	cm_containers_audit("rename", inspect, user, rc < 0 ? &why : NULL, details);
	if (rc < 0) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	o = json_object_new_object();
	cm_json_set_str(o, "id", cm_json_str(inspect, "Id", ""));
	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "old_name", cm_spec_name(inspect));
	*ret = o;
	return 0;
}

/* The engine's words for what changes, as ours. */
static struct json_object *changed_words(struct json_object *body)
{
	static const struct {
		const char *engine, *ours;
	} words[] = { { "Memory", "memory" },
		      { "NanoCpus", "cpus" },
		      { "PidsLimit", "pids_limit" },
		      { "RestartPolicy", "restart_policy" } };
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < CM_COUNT(words); i++) {
		if (cm_json_get(body, words[i].engine) != NULL)
			cm_json_add_str(list, words[i].ours);
	}
	return list;
}

int cm_containers_update(const struct cm_app *app, const char *id, struct json_object *asked, const char *user,
			 struct json_object **ret, const char **field, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL, *body = NULL;
	struct json_object *o;
	struct cm_err why = { 0 };
	struct cm_docker *d;
	int rc = cm_containers_look(app, id, &inspect, err);

	rc = rc < 0 ? rc : cm_limits_body(asked, inspect, &body, field, err);
	rc = rc < 0 ? rc : engine(app, &d, err);
	if (rc < 0)
		return rc;
	if (json_object_object_length(body) > 0) {
		rc = cm_container_update(d, cm_json_str(inspect, "Id", ""), body, &why);
		cm_engine_changed();
		cm_containers_audit("update", inspect, user, rc < 0 ? &why : NULL, body);
	}
	if (rc < 0) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	o = json_object_new_object();
	cm_json_set_str(o, "id", cm_json_str(inspect, "Id", ""));
	cm_json_set_str(o, "name", cm_spec_name(inspect));
	cm_json_set(o, "changed", changed_words(body));
	*ret = o;
	return 0;
}

int cm_containers_reveal(const struct cm_app *app, const char *id, const char *user, struct json_object **ret,
			 struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	enum cm_own_kind own;
	int rc = cm_containers_inspect(app, id, &own, &inspect, err);

	if (rc < 0)
		return rc;
	cm_containers_audit("reveal", inspect, user, NULL, NULL);
	*ret = cm_mask_env(cm_json_arr(cm_json_obj(inspect, "Config"), "Env"), CM_MASK_NOTHING);
	return 0;
}
