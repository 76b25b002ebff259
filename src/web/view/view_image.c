/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_image.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/own.h"
#include "web/view.h"

enum { USERS_SHOWN = 2, DIGEST_SHOWN = 19 };

void cm_view_docker_size(char dst[32], int64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double n = bytes > 0 ? (double)bytes : 0;
	size_t unit = 0;

	for (; n >= 1000 && unit + 1 < CM_COUNT(units); unit++)
		n /= 1000;
	snprintf(dst, 32, "%.3g%s", n, units[unit]);
}

void cm_view_image_users_text(char dst[600], struct json_object *users)
{
	size_t count = cm_json_len(users), shown = count > USERS_SHOWN + 1 ? USERS_SHOWN : count, len = 0;

	dst[0] = '\0';
	for (size_t i = 0; i < shown; i++) {
		bool last = i > 0 && i + 1 == shown && shown == count;

		len += (size_t)snprintf(dst + len, 600 - len, "%s%.180s",
					i == 0 ? ""
					: last ? " and "
					       : ", ",
					cm_json_str(json_object_array_get_idx(users, i), "name", ""));
	}
	if (shown < count)
		snprintf(dst + len, 600 - len, " and %zu more", count - shown);
}

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
		cm_view_url(l, "url", "/container/%s", cm_json_str(l, "id", ""));
		cm_json_set_bool(l, "is_running", cm_json_bool(u, "running", false));
		cm_json_set_bool(l, "is_shown", i < USERS_SHOWN || count == USERS_SHOWN + 1);
		json_object_array_add(list, l);
	}
	cm_json_set(o, "containers", names);
	cm_json_set(o, "users", list);
	cm_json_set_bool(o, "in_use", count > 0);
	cm_view_text(o, "more_text", count > USERS_SHOWN + 1 ? "and %zu more" : NULL, count - USERS_SHOWN);
}

/* The parts of "registry:5000/team/web:1.2" and "web@sha256:…"; without a name both are "<none>", as docker says. */
static void name_view(struct json_object *o, const char *name)
{
	const char *at = name ? strchr(name, '@') : NULL, *slash = name ? strrchr(name, '/') : NULL;
	const char *colon = name && !at ? strchr(slash ? slash : name, ':') : NULL;
	const char *end = at ? at : colon;

	if (name == NULL) {
		cm_json_set_str(o, "repository", "<none>");
		cm_json_set_str(o, "tag", "<none>");
		return;
	}
	cm_view_text(o, "repository", "%.*s", end ? (int)(end - name) : (int)strlen(name), name);
	cm_json_set_str(o, "tag", colon ? colon + 1 : "<none>");
}

static void time_view(struct json_object *o, int64_t ms, int64_t now_ms)
{
	char plain[32];

	cm_view_time(o, "created", ms, now_ms);
	cm_time_plain(plain, ms);
	cm_view_text(o, "created", ms != 0 ? "%s +0000 UTC" : "", plain);
}

static void sizes_view(struct json_object *o, int64_t size, int64_t shared)
{
	char text[32];

	cm_view_docker_size(text, size);
	cm_json_set_str(o, "size", text);
	cm_json_set_int(o, "size_bytes", size);
	cm_size_text(text, size);
	cm_json_set_str(o, "size_text", text);
	cm_json_set(o, "shared_bytes", shared >= 0 ? json_object_new_int64(shared) : NULL);
	cm_size_text(text, shared);
	cm_json_set_str(o, "shared_text", shared >= 0 ? text : NULL);
}

static int64_t created_ms(struct json_object *image)
{
	struct json_object *created = cm_json_get(image, "Created");
	int64_t ms = 0;

	if (json_object_is_type(created, json_type_int))
		return json_object_get_int64(created) * 1000;
	return cm_time_parse(cm_json_str(image, "Created", ""), &ms) ? ms : 0;
}

static void urls_view(struct json_object *o, const char *ref, bool has_name, bool may_change)
{
	cm_view_url(o, "url", "/image/%s", ref);
	cm_json_set(o, "pull_url", NULL);
	cm_json_set(o, "delete_url", NULL);
	if (may_change)
		cm_view_url(o, "delete_url", "/images/delete?image=%s", ref);
	if (may_change && has_name && strchr(ref, '@') == NULL)
		cm_view_url(o, "pull_url", "/image/%s/pull", ref);
	cm_json_set_bool(o, "can_select", may_change);
}

/* name NULL: it has none. */
static void row_add(struct json_object *rows, struct json_object *image, const char *name, int64_t shared,
		    enum cm_role role, int64_t now_ms)
{
	struct json_object *o = json_object_new_object();
	const char *id = cm_json_str(image, "Id", ""), *hex = cm_str_has_prefix(id, "sha256:") ? id + 7 : id;
	enum cm_own_kind own = (enum cm_own_kind)cm_json_int(image, "Own", CM_OWN_NOT);
	const char *digest = name ? strstr(name, "@sha256:") : NULL;

	cm_json_set_str(o, "ref", name ? name : id);
	cm_view_text(o, "id", "%.12s", hex);
	cm_json_set_str(o, "full_id", id);
	if (digest != NULL)
		cm_view_text(o, "short_name", "%.*s…", (int)(digest - name) + DIGEST_SHOWN + 1, name);
	else
		cm_json_set_str(o, "short_name", name ? name : "Untagged");
	cm_json_set_str(o, "name", name ? name : "<none>:<none>");
	name_view(o, name);
	cm_json_set_bool(o, "is_untagged", name == NULL);
	cm_json_set_bool(o, "is_self", own != CM_OWN_NOT);
	cm_json_set_str(o, "own_text", own != CM_OWN_NOT ? cm_own_word(own) : NULL);
	users_view(o, cm_json_arr(image, "Users"));
	sizes_view(o, cm_json_int(image, "Size", 0), shared);
	time_view(o, created_ms(image), now_ms);
	cm_view_text(o, "label", name ? "%s" : "untagged image %.12s", name ? name : hex);
	urls_view(o, name ? name : id, name != NULL, role >= CM_ROLE_ADMIN && own == CM_OWN_NOT);
	json_object_array_add(rows, o);
}

void cm_view_image_rows(struct json_object *rows, struct json_object *image, int64_t shared, enum cm_role role,
			int64_t now_ms)
{
	struct json_object *names = cm_json_arr(image, "Names");

	for (size_t i = 0; i < cm_json_len(names); i++)
		row_add(rows, image, json_object_get_string(json_object_array_get_idx(names, i)), shared, role, now_ms);
	if (cm_json_len(names) == 0)
		row_add(rows, image, NULL, shared, role, now_ms);
}

struct json_object *cm_view_registries(struct json_object *list, int64_t now_ms)
{
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *from = json_object_array_get_idx(list, i), *o = json_object_new_object();
		const char *server = cm_json_str(from, "server", "");

		cm_json_set_str(o, "server", server);
		cm_json_set_str(o, "username", cm_json_str(from, "username", ""));
		cm_view_time(o, "added", cm_json_int(from, "added_ms", 0), now_ms);
		cm_view_url(o, "delete_url", "/images/registries/%s/delete", server);
		json_object_array_add(rows, o);
	}
	return rows;
}
