/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/redeploy.h"

static bool same(struct json_object *a, struct json_object *b)
{
	bool none_a = a == NULL || (json_object_is_type(a, json_type_array) && cm_json_len(a) == 0);
	bool none_b = b == NULL || (json_object_is_type(b, json_type_array) && cm_json_len(b) == 0);

	return none_a || none_b ? none_a && none_b : json_object_equal(a, b);
}

/* Whole values: of one image or the other. */
static void values_rebase(struct json_object *config, struct json_object *from, struct json_object *to)
{
	static const char *const keys[] = { "Entrypoint", "Cmd",	 "WorkingDir", "User",
					    "StopSignal", "Healthcheck", "Shell" };
	/* The engine takes an image's command only together with its entrypoint: both are said, or neither. */
	bool command = same(cm_json_get(config, "Cmd"), cm_json_get(from, "Cmd"));
	bool entry = same(cm_json_get(config, "Entrypoint"), cm_json_get(from, "Entrypoint"));

	for (size_t i = 0; i < CM_COUNT(keys); i++) {
		if (cm_str_eq(keys[i], "Cmd") && !(command && entry))
			continue;
		if (!same(cm_json_get(config, keys[i]), cm_json_get(from, keys[i])))
			continue;
		json_object_object_del(config, keys[i]);
		if (cm_json_get(to, keys[i]) != NULL)
			cm_json_set(config, keys[i], cm_json_copy(cm_json_get(to, keys[i])));
	}
}

static bool has_line(struct json_object *lines, const char *line)
{
	for (size_t i = 0; i < cm_json_len(lines); i++) {
		if (cm_str_eq(json_object_get_string(json_object_array_get_idx(lines, i)), line))
			return true;
	}
	return false;
}

/* The engine adds the new image's variables that are not named. */
static void env_rebase(struct json_object *config, struct json_object *from)
{
	struct json_object *env = cm_json_arr(config, "Env"), *own = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(env); i++) {
		const char *line = json_object_get_string(json_object_array_get_idx(env, i));

		if (line != NULL && !has_line(cm_json_arr(from, "Env"), line))
			cm_json_add_str(own, line);
	}
	cm_json_set(config, "Env", own);
}

/* The same for labels and ports: those of the old image's value go. */
static void map_rebase(struct json_object *config, struct json_object *from, const char *key)
{
	struct json_object *now = cm_json_obj(config, key), *was = cm_json_obj(from, key), *own;

	if (now == NULL || was == NULL)
		return;
	own = json_object_new_object();
	json_object_object_foreach(now, name, value)
	{
		struct json_object *old = NULL;

		if (!json_object_object_get_ex(was, name, &old) || !json_object_equal(old, value))
			json_object_object_add(own, name, json_object_get(value));
	}
	cm_json_set(config, key, own);
}

struct json_object *cm_redeploy_rebase(struct json_object *inspect, struct json_object *old_config,
				       struct json_object *new_config)
{
	struct json_object *copy = cm_json_copy(inspect), *config = cm_json_obj(copy, "Config");

	if (config == NULL || old_config == NULL)
		return copy;
	values_rebase(config, old_config, new_config);
	env_rebase(config, old_config);
	map_rebase(config, old_config, "Labels");
	map_rebase(config, old_config, "ExposedPorts");
	/* Its volumes stay, also one that the new image does not ask for any more: there is data in them. */
	return copy;
}
