/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/form.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/str.h"

struct field {
	char *name, *value;
};

struct cm_form {
	struct field *list;
	size_t count, cap;
};

struct cm_form *cm_form_new(void)
{
	return cm_alloc(sizeof(struct cm_form));
}

void cm_form_free(struct cm_form *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->count; i++) {
		free(f->list[i].name);
		free(f->list[i].value);
	}
	free(f->list);
	free(f);
}

const char *cm_form_each(const struct cm_form *f, const char *name, size_t *pos)
{
	while (f != NULL && *pos < f->count) {
		const struct field *field = &f->list[(*pos)++];

		if (strcmp(field->name, name) == 0)
			return field->value;
	}
	return NULL;
}

const char *cm_form_get(const struct cm_form *f, const char *name)
{
	size_t pos = 0;

	return cm_form_each(f, name, &pos);
}

const char *cm_form_str(const struct cm_form *f, const char *name, const char *def)
{
	const char *value = cm_form_get(f, name);

	return value != NULL && value[0] != '\0' ? value : def;
}

bool cm_form_bool(const struct cm_form *f, const char *name, bool def)
{
	static const char *const yes[] = { "1", "true", "on", "yes" }, *const no[] = { "0", "false", "off", "no", "" };
	const char *value = cm_form_get(f, name);

	for (size_t i = 0; value != NULL && i < CM_COUNT(yes); i++)
		if (strcmp(value, yes[i]) == 0)
			return true;
	for (size_t i = 0; value != NULL && i < CM_COUNT(no); i++)
		if (strcmp(value, no[i]) == 0)
			return false;
	return def;
}

int cm_form_int(const struct cm_form *f, const char *name, int64_t min, int64_t max, int64_t def, int64_t *ret,
		struct cm_err *err)
{
	const char *value = cm_form_str(f, name, NULL);

	if (value == NULL) {
		*ret = def;
		return 0;
	}
	if (!cm_str_i64(value, min, max, ret))
		return cm_err_set(err, CM_EINVAL, "%s must be a whole number from %lld to %lld.", name, (long long)min,
				  (long long)max);
	return 0;
}

size_t cm_form_count(const struct cm_form *f)
{
	return f != NULL ? f->count : 0;
}

const char *cm_form_name_at(const struct cm_form *f, size_t i)
{
	return f->list[i].name;
}

const char *cm_form_value_at(const struct cm_form *f, size_t i)
{
	return f->list[i].value;
}

static int check_text(const char *what, const char *s, size_t len, struct cm_err *err)
{
	if (memchr(s, '\0', len) != NULL || !cm_utf8_valid(s, len))
		return cm_err_set(err, CM_EINVAL, "%s holds bytes that are not text.", what);
	return 0;
}

int cm_form_add(struct cm_form *f, const char *name, size_t name_len, const char *value, size_t value_len,
		struct cm_err *err)
{
	char what[CM_FORM_MAX_NAME + 16];

	if (name_len == 0)
		return cm_err_set(err, CM_EINVAL, "A field has no name.");
	if (name_len > CM_FORM_MAX_NAME)
		return cm_err_set(err, CM_ETOOBIG, "The name of a field is longer than %d bytes.", CM_FORM_MAX_NAME);
	if (f->count == CM_FORM_MAX_FIELDS)
		return cm_err_set(err, CM_ETOOBIG, "There are more than %d fields.", CM_FORM_MAX_FIELDS);
	if (check_text("The name of a field", name, name_len, err) != 0)
		return CM_EINVAL;
	if (value_len > CM_FORM_MAX_VALUE)
		return cm_err_set(err, CM_ETOOBIG, "The field \"%.*s\" is longer than %d bytes.", (int)name_len, name,
				  CM_FORM_MAX_VALUE);
	snprintf(what, sizeof(what), "The field \"%.*s\"", (int)name_len, name);
	if (check_text(what, value, value_len, err) != 0)
		return CM_EINVAL;
	if (f->count == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 16;
		f->list = cm_realloc(f->list, f->cap, sizeof(*f->list));
	}
	f->list[f->count++] = (struct field){ cm_strndup(name, name_len), cm_strndup(value, value_len) };
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool cm_percent_decode(char *s, size_t *len, bool plus)
{
	size_t out = 0;

	for (size_t i = 0; i < *len; i++) {
		if (s[i] == '%') {
			int high = i + 2 < *len ? hex_digit(s[i + 1]) : -1;
			int low = i + 2 < *len ? hex_digit(s[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			s[out++] = (char)(high << 4 | low);
			i += 2;
		} else {
			s[out++] = plus && s[i] == '+' ? ' ' : s[i];
		}
	}
	*len = out;
	return true;
}

/* One "name=value" of len bytes; an empty one ("a=1&&b=2") is nothing. */
static int parse_pair(struct cm_form *f, const char *pair, size_t len, struct cm_err *err)
{
	cm_autofree char *copy = NULL;
	const char *equals = memchr(pair, '=', len);
	size_t name_len = equals ? (size_t)(equals - pair) : len;
	size_t value_len = equals ? len - name_len - 1 : 0;

	if (len == 0)
		return 0;
	if (name_len / 3 > CM_FORM_MAX_NAME || value_len / 3 > CM_FORM_MAX_VALUE)
		return cm_err_set(err, CM_ETOOBIG, "A field is longer than %d bytes.", CM_FORM_MAX_VALUE);
	copy = cm_alloc(len + 1);
	memcpy(copy, pair, len);
	char *value = equals ? copy + name_len + 1 : copy + name_len;

	if (!cm_percent_decode(copy, &name_len, true) || !cm_percent_decode(value, &value_len, true))
		return cm_err_set(err, CM_EINVAL, "A percent sign in the fields is not followed by two hex digits.");
	return cm_form_add(f, copy, name_len, value, value_len, err);
}

int cm_form_parse_urlencoded(struct cm_form *f, const char *text, size_t len, struct cm_err *err)
{
	while (len > 0) {
		const char *end = memchr(text, '&', len);
		size_t pair = end ? (size_t)(end - text) : len;
		int rc = parse_pair(f, text, pair, err);

		if (rc != 0)
			return rc;
		pair += end != NULL;
		text += pair;
		len -= pair;
	}
	return 0;
}

static int add_scalar(struct cm_form *f, const char *name, struct json_object *value, struct cm_err *err)
{
	const char *text = json_object_get_string(value);
	size_t len =
	    json_object_is_type(value, json_type_string) ? (size_t)json_object_get_string_len(value) : strlen(text);

	return cm_form_add(f, name, strlen(name), text, len, err);
}

static bool is_scalar(struct json_object *value)
{
	enum json_type type = json_object_get_type(value);

	return type == json_type_string || type == json_type_int || type == json_type_double ||
	       type == json_type_boolean;
}

int cm_form_from_json(struct cm_form *f, struct json_object *o, struct cm_err *err)
{
	if (!json_object_is_type(o, json_type_object))
		return 0;
	json_object_object_foreach(o, name, value)
	{
		size_t count = json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;
		int rc = 0;

		if (name[0] == '\0')
			continue;
		if (is_scalar(value))
			rc = add_scalar(f, name, value, err);
		for (size_t i = 0; i < count && rc == 0; i++)
			if (is_scalar(json_object_array_get_idx(value, i)))
				rc = add_scalar(f, name, json_object_array_get_idx(value, i), err);
		if (rc != 0)
			return rc;
	}
	return 0;
}
