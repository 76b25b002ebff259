/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/json.h"

#include <string.h>

#include "core/mem.h"

enum { JSON_DEPTH = 64, KEY_MAX = 128 };

int cm_json_parse(const char *text, size_t len, struct json_object **ret, struct cm_err *err)
{
	if (len > INT32_MAX - 1)
		return cm_err_set(err, CM_ETOOBIG, "The JSON text is too large.");
	struct json_tokener *tok = json_tokener_new_ex(JSON_DEPTH);
	if (tok == NULL)
		return cm_err_set(err, CM_ENOMEM, "Out of memory while reading JSON.");
	json_tokener_set_flags(tok,
			       JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8 | JSON_TOKENER_ALLOW_TRAILING_CHARS);
	struct json_object *o = json_tokener_parse_ex(tok, text, (int)len);
	enum json_tokener_error e = json_tokener_get_error(tok);
	size_t end = json_tokener_get_parse_end(tok);
	if (e == json_tokener_continue) {
		/* A bare word or number at the end is only finished by what follows it. */
		o = json_tokener_parse_ex(tok, "\n", 1);
		e = json_tokener_get_error(tok);
		end = len;
	}
	json_tokener_free(tok);
	if (e != json_tokener_success)
		return cm_err_set(err, CM_EINVAL, "This is not valid JSON: %s at byte %zu.", json_tokener_error_desc(e),
				  end);
	for (; end < len; end++) {
		if (strchr(" \t\r\n", text[end]) == NULL || text[end] == '\0') {
			json_object_put(o);
			return cm_err_set(err, CM_EINVAL, "Something follows the JSON text at byte %zu.", end);
		}
	}
	*ret = o;
	return 0;
}

int cm_json_parse_bounded(const char *text, size_t len, struct cm_json_budget *budget, struct json_object **ret,
			  struct cm_err *err)
{
	struct cm_json_budget own = { 0 }, *b = budget != NULL ? budget : &own;
	bool quoted = false;

	b->values++;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted) {
			b->nests += c == '{' || c == '[';
			b->values += c == ',';
		}
	}
	if (b->nests > CM_JSON_NESTS || b->values > CM_JSON_VALUES)
		return cm_err_set(err, CM_ETOOBIG, "The JSON text has more values than allowed.");
	return cm_json_parse(text, len, ret, err);
}

struct json_object *cm_json_get(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	if (o == NULL || !json_object_is_type(o, json_type_object))
		return NULL;
	return json_object_object_get_ex(o, key, &v) ? v : NULL;
}

static struct json_object *typed(struct json_object *v, enum json_type type)
{
	return v != NULL && json_object_is_type(v, type) ? v : NULL;
}

const char *cm_json_str(struct json_object *o, const char *key, const char *def)
{
	struct json_object *v = typed(cm_json_get(o, key), json_type_string);
	return v ? json_object_get_string(v) : def;
}

int64_t cm_json_int(struct json_object *o, const char *key, int64_t def)
{
	struct json_object *v = cm_json_get(o, key);
	if (v && (json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double)))
		return json_object_get_int64(v);
	return def;
}

double cm_json_num(struct json_object *o, const char *key, double def)
{
	struct json_object *v = cm_json_get(o, key);
	if (v && (json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double)))
		return json_object_get_double(v);
	return def;
}

bool cm_json_bool(struct json_object *o, const char *key, bool def)
{
	struct json_object *v = typed(cm_json_get(o, key), json_type_boolean);
	return v ? json_object_get_boolean(v) : def;
}

struct json_object *cm_json_obj(struct json_object *o, const char *key)
{
	return typed(cm_json_get(o, key), json_type_object);
}

struct json_object *cm_json_arr(struct json_object *o, const char *key)
{
	return typed(cm_json_get(o, key), json_type_array);
}

struct json_object *cm_json_at(struct json_object *o, const char *path)
{
	char key[KEY_MAX];

	while (o != NULL) {
		size_t n = strcspn(path, ".");
		if (n >= sizeof(key))
			return NULL;
		memcpy(key, path, n);
		key[n] = '\0';
		o = cm_json_get(o, key);
		if (path[n] == '\0')
			return o;
		path += n + 1;
	}
	return NULL;
}

const char *cm_json_str_at(struct json_object *o, const char *path, const char *def)
{
	struct json_object *v = typed(cm_json_at(o, path), json_type_string);
	return v ? json_object_get_string(v) : def;
}

size_t cm_json_len(struct json_object *array)
{
	return typed(array, json_type_array) ? json_object_array_length(array) : 0;
}

void cm_json_set_str(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, value ? json_object_new_string(value) : NULL);
}

void cm_json_set_int(struct json_object *o, const char *key, int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

void cm_json_set_num(struct json_object *o, const char *key, double value)
{
	json_object_object_add(o, key, json_object_new_double(value));
}

void cm_json_set_bool(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

void cm_json_set(struct json_object *o, const char *key, struct json_object *value)
{
	json_object_object_add(o, key, value);
}

void cm_json_add_str(struct json_object *array, const char *value)
{
	json_object_array_add(array, value ? json_object_new_string(value) : NULL);
}

struct json_object *cm_json_copy(struct json_object *o)
{
	struct json_object *copy = NULL;

	if (o != NULL)
		json_object_deep_copy(o, &copy, NULL);
	return copy;
}

char *cm_json_text(struct json_object *o)
{
	return cm_strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}
