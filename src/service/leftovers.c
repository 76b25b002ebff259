/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/leftovers.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/helper.h"
#include "service/audit.h"
#include "service/containers.h"
#include "service/engine.h"

/* A name of the predecessor's, and not running: what runs may be at work. */
static bool is_predecessors(struct json_object *container)
{
	static const char *const prefixes[] = { "backup-temp-", "restore-temp-", "explore-temp-", "read-temp-",
						"download-temp-" };
	static const char *const ended[] = { "exited", "created", "dead" };
	const char *name = cm_containers_entry_name(container), *state = cm_json_str(container, "State", "");
	bool named = false, over = false;

	for (size_t i = 0; i < CM_COUNT(prefixes); i++)
		named = named || cm_str_has_prefix(name, prefixes[i]);
	for (size_t i = 0; i < CM_COUNT(ended); i++)
		over = over || strcmp(state, ended[i]) == 0;
	return named && over;
}

static void add(struct json_object *list, struct json_object *container)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "id", cm_json_str(container, "Id", ""));
	cm_json_set_str(o, "name", cm_containers_entry_name(container));
	cm_json_set_str(o, "status", cm_json_str(container, "Status", ""));
	json_object_array_add(list, o);
}

int cm_leftovers_list(const struct cm_app *app, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *helpers = NULL, *all = NULL;
	struct json_object *list;
	struct cm_docker *d;
	char instance[17];
	int rc = cm_engine_get(app, &d, err);

	cm_engine_instance(app, instance);
	rc = rc < 0 ? rc : cm_helper_leftovers(d, instance, &helpers, err);
	rc = rc < 0 ? rc : cm_container_list(d, true, NULL, &all, err);
	if (rc < 0)
		return rc;
	list = json_object_new_array();
	for (size_t i = 0; i < cm_json_len(helpers); i++)
		add(list, json_object_array_get_idx(helpers, i));
	for (size_t i = 0; i < cm_json_len(all); i++)
		if (is_predecessors(json_object_array_get_idx(all, i)))
			add(list, json_object_array_get_idx(all, i));
	*ret = list;
	return 0;
}

static void remove_one(struct cm_docker *d, struct json_object *one, struct json_object *names,
		       struct json_object *errors)
{
	struct cm_err why = { 0 };
	const char *name = cm_json_str(one, "name", "");
	int rc = cm_container_remove(d, cm_json_str(one, "id", ""), true, true, &why);

	if (rc == 0) {
		cm_json_add_str(names, name);
	} else if (rc != CM_ENOTFOUND) {
		cm_autofree char *text = cm_asprintf("%s: %s", name, why.text);
		cm_json_add_str(errors, text);
	}
}

int cm_leftovers_remove(const struct cm_app *app, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *list = NULL;
	struct json_object *names, *errors, *o;
	struct cm_docker *d;
	int rc = cm_leftovers_list(app, &list, err);

	rc = rc < 0 ? rc : cm_engine_get(app, &d, err);
	if (rc < 0)
		return rc;
	o = json_object_new_object();
	names = json_object_new_array();
	errors = json_object_new_array();
	for (size_t i = 0; i < cm_json_len(list); i++)
		remove_one(d, json_object_array_get_idx(list, i), names, errors);
	cm_engine_changed();
	cm_json_set_int(o, "removed", (int64_t)cm_json_len(names));
	cm_json_set(o, "names", names);
	bool failed = cm_json_len(errors) > 0;
	cm_json_set(o, "errors", failed ? errors : NULL);
	(void)cm_audit(
	    &(struct cm_audit_event){ .operation = "cleanup",
				      .status = failed ? "error" : "completed",
				      .error =
					  failed ? json_object_get_string(json_object_array_get_idx(errors, 0)) : NULL,
				      .details = o },
	    NULL);
	if (!failed)
		json_object_put(errors);
	*ret = o;
	return 0;
}
