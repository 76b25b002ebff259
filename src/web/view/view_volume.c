/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_volume.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/own.h"
#include "service/volumes.h"
#include "web/view.h"

enum { USERS_SHOWN = 2, ANONYMOUS_LEN = 64 };

/* "containers" are the predecessor's plain names; "users" are ours, with links. */
static void users_view(struct json_object *o, struct json_object *users)
{
	struct json_object *names = json_object_new_array(), *list = json_object_new_array();
	size_t count = cm_json_len(users);

	for (size_t i = 0; i < count; i++) {
		struct json_object *u = json_object_array_get_idx(users, i), *l = json_object_new_object();
		const char *name = cm_json_str(u, "name", "");

		cm_json_add_str(names, name);
		cm_json_set_str(l, "name", name);
		cm_view_text(l, "id", "%.12s", cm_json_str(u, "id", ""));
		cm_json_set_str(l, "destination", cm_json_str(u, "destination", ""));
		cm_view_url(l, "url", "/container/%s", cm_json_str(l, "id", ""));
		cm_view_text(l, "title", "%s, at %s", name, cm_json_str(u, "destination", ""));
		cm_json_set_bool(l, "is_running", cm_json_bool(u, "running", false));
		cm_json_set_bool(l, "is_shown", i < USERS_SHOWN || count == USERS_SHOWN + 1);
		json_object_array_add(list, l);
	}
	cm_json_set(o, "containers", names);
	cm_json_set(o, "users", list);
	cm_json_set_bool(o, "in_use", count > 0);
	cm_view_text(o, "more_text", count > USERS_SHOWN + 1 ? "and %zu more" : NULL, count - USERS_SHOWN);
}

static void stack_view(struct json_object *o, struct json_object *volume)
{
	const char *name = cm_volumes_stack(volume);

	cm_json_set_str(o, "stack", name);
	if (name != NULL)
		cm_view_url(o, "stack_url", "/volumes?stack=%s", name);
	else
		cm_json_set(o, "stack_url", NULL);
}

static void urls_view(struct json_object *o, const char *name, enum cm_role role, bool ours, bool in_use)
{
	bool admin = role >= CM_ROLE_ADMIN && !ours;

	cm_view_url(o, "url", "/volume/%s", name);
	cm_json_set(o, "delete_url", NULL);
	if (admin && !in_use)
		cm_view_url(o, "delete_url", "/volume/%s/delete", name);
	cm_json_set_bool(o, "can_select", admin);
}

/* Names made by the engine are 64 hex digits: the first twelve tell them apart. */
static bool is_anonymous(const char *name)
{
	return strlen(name) == ANONYMOUS_LEN && strspn(name, "0123456789abcdef") == ANONYMOUS_LEN;
}

static void pairs_view(struct json_object *o, const char *key, struct json_object *pairs)
{
	struct json_object *list = json_object_new_array();

	if (pairs != NULL) {
		json_object_object_foreach(pairs, name, value)
		{
			struct json_object *l = json_object_new_object();

			cm_json_set_str(l, "name", name);
			cm_json_set_str(l, "value", value ? json_object_get_string(value) : "");
			json_object_array_add(list, l);
		}
	}
	cm_json_set(o, key, list);
}

/* Options of a share may hold its password. */
static struct json_object *options_view(struct json_object *volume)
{
	struct json_object *options = cm_json_obj(volume, "Options"), *o = json_object_new_object();

	if (options == NULL)
		return o;
	json_object_object_foreach(options, name, value)
	{
		const char *text = value ? json_object_get_string(value) : "";
		bool secret = strcasestr(text, "password=") != NULL || strcasestr(name, "password") != NULL ||
			      strcasestr(name, "secret") != NULL || strcasestr(text, "pass=") != NULL;

		cm_json_set_str(o, name, secret ? "***" : text);
	}
	return o;
}

struct json_object *cm_view_volume(struct json_object *volume, int64_t bytes, enum cm_role role, int64_t now_ms)
{
	struct json_object *o = json_object_new_object(), *labels = cm_json_obj(volume, "Labels");
	const char *name = cm_json_str(volume, "Name", ""), *created = cm_json_str(volume, "CreatedAt", NULL);
	enum cm_own_kind own = (enum cm_own_kind)cm_json_int(volume, "Own", CM_OWN_NOT);
	struct json_object *users = cm_json_arr(volume, "Users");
	bool anonymous = is_anonymous(name);
	int64_t created_ms = 0;
	char size[32];

	cm_json_set_str(o, "name", name);
	cm_view_text(o, "short_name", anonymous ? "%.12s" : "%s", name);
	cm_json_set_bool(o, "is_anonymous", anonymous);
	cm_json_set_bool(o, "is_self", own != CM_OWN_NOT);
	cm_json_set_str(o, "own_text", own != CM_OWN_NOT ? cm_own_word(own) : NULL);
	cm_json_set_str(o, "driver", cm_json_str(volume, "Driver", ""));
	cm_json_set_str(o, "mountpoint", cm_json_str(volume, "Mountpoint", ""));
	cm_json_set_str(o, "scope", cm_json_str(volume, "Scope", ""));
	if (created == NULL || !cm_time_parse(created, &created_ms))
		created_ms = 0;
	cm_view_time(o, "created", created_ms, now_ms);
	cm_json_set_str(o, "created", created);
	cm_size_text(size, bytes);
	cm_json_set_str(o, "size", bytes >= 0 ? size : "N/A");
	cm_json_set_str(o, "size_text", bytes >= 0 ? size : NULL);
	cm_json_set(o, "size_bytes", bytes >= 0 ? json_object_new_int64(bytes) : NULL);
	cm_json_set(o, "labels", labels ? cm_json_copy(labels) : json_object_new_object());
	pairs_view(o, "label_list", labels);
	cm_json_set(o, "options", options_view(volume));
	pairs_view(o, "option_list", cm_json_obj(o, "options"));
	users_view(o, users);
	stack_view(o, volume);
	urls_view(o, name, role, own != CM_OWN_NOT, cm_json_len(users) > 0);
	return o;
}
