/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/env_mask.h"

#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

/* Parts of names. */
static const char *const words[] = { "pass", "pwd", "secret", "token",	 "key",	 "credential", "auth", "priv",
				     "cert", "dsn", "cookie", "session", "salt", "signature",  "seed", "webhook" };

/* "scheme://user:password@host". */
static bool url_with_password(const char *value)
{
	const char *at = strstr(value, "://"), *end, *colon;

	if (at == NULL)
		return false;
	at += 3;
	end = at + strcspn(at, "/?# \t\n");
	colon = memchr(at, ':', (size_t)(end - at));
	return colon != NULL && memchr(colon, '@', (size_t)(end - colon)) != NULL;
}

bool cm_mask_is_secret(const char *name, const char *value)
{
	for (size_t i = 0; i < CM_COUNT(words); i++) {
		if (strcasestr(name, words[i]) != NULL)
			return true;
	}
	return value != NULL && (url_with_password(value) || strstr(value, "-----BEGIN ") != NULL ||
				 strcasestr(value, "password=") != NULL || strcasestr(value, "bearer ") != NULL);
}

static bool is_masked(const char *name, const char *value, enum cm_mask_show show)
{
	return show == CM_MASK_VALUES ||
	       (show == CM_MASK_SECRETS && value[0] != '\0' && cm_mask_is_secret(name, value));
}

static int name_order(const void *a, const void *b)
{
	struct json_object *x = *(struct json_object *const *)a, *y = *(struct json_object *const *)b;

	return strcmp(cm_json_str(x, "name", ""), cm_json_str(y, "name", ""));
}

struct json_object *cm_mask_env(struct json_object *env, enum cm_mask_show show)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(env); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(env, i));
		struct json_object *o = json_object_new_object();
		size_t len = text ? strcspn(text, "=") : 0;
		cm_autofree char *name = cm_strndup(text ? text : "", len);
		const char *value = text && text[len] == '=' ? text + len + 1 : "";
		bool masked = is_masked(name, value, show);

		cm_json_set_str(o, "name", name);
		cm_json_set_str(o, "value", masked ? CM_MASK : value);
		cm_json_set_bool(o, "is_masked", masked);
		json_object_array_add(list, o);
	}
	json_object_array_sort(list, name_order);
	return list;
}

struct json_object *cm_mask_env_texts(struct json_object *env, enum cm_mask_show show)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(env); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(env, i));
		size_t len = text ? strcspn(text, "=") : 0;
		cm_autofree char *name = cm_strndup(text ? text : "", len);
		cm_autofree char *hidden = cm_asprintf("%s=%s", name, CM_MASK);
		bool masked = text && text[len] == '=' && is_masked(name, text + len + 1, show);

		cm_json_add_str(list, masked ? hidden : text ? text : "");
	}
	return list;
}

struct json_object *cm_mask_labels(struct json_object *labels, enum cm_mask_show show)
{
	struct json_object *out = json_object_new_object();

	if (!json_object_is_type(labels, json_type_object))
		return out;
	json_object_object_foreach(labels, name, value)
	{
		const char *text = json_object_get_string(value);
		bool masked = show != CM_MASK_NOTHING && is_masked(name, text ? text : "", CM_MASK_SECRETS);

		cm_json_set_str(out, name, masked ? CM_MASK : text);
	}
	return out;
}
