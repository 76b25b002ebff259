/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/container_spec_yaml.h"

#include "core/mem.h"
#include "service/container_spec_int.h"

/* Every text is written as a double-quoted YAML scalar, so no value can be taken for a number, a date or a boolean.
 * "$" is doubled, because Compose would put a variable in its place. */
void yaml_quoted(struct cm_buf *out, const char *s, bool interpolate)
{
	cm_buf_char(out, '"');
	for (const unsigned char *p = (const unsigned char *)(s ? s : ""); *p; p++) {
		if (*p == '"' || *p == '\\')
			cm_buf_printf(out, "\\%c", *p);
		else if (*p == '\n')
			cm_buf_str(out, "\\n");
		else if (*p == '\t')
			cm_buf_str(out, "\\t");
		else if (*p < 0x20 || *p == 0x7f)
			cm_buf_printf(out, "\\x%02x", *p);
		else if (*p == '$' && interpolate)
			cm_buf_str(out, "$$");
		else
			cm_buf_char(out, (char)*p);
	}
	cm_buf_char(out, '"');
}

void yaml_indent(struct cm_buf *out, int depth)
{
	for (int i = 0; i < depth; i++)
		cm_buf_str(out, "  ");
}

void yaml_line(struct cm_buf *out, int depth, const char *key)
{
	yaml_indent(out, depth);
	cm_buf_printf(out, "%s:\n", key);
}

void yaml_text(struct cm_buf *out, int depth, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	yaml_indent(out, depth);
	cm_buf_printf(out, "%s: ", key);
	yaml_quoted(out, value, true);
	cm_buf_char(out, '\n');
}

void yaml_int(struct cm_buf *out, int depth, const char *key, int64_t value)
{
	yaml_indent(out, depth);
	cm_buf_printf(out, "%s: %lld\n", key, (long long)value);
}

void yaml_item(struct cm_buf *out, int depth, const char *value)
{
	yaml_indent(out, depth);
	cm_buf_str(out, "- ");
	yaml_quoted(out, value, true);
	cm_buf_char(out, '\n');
}

void yaml_list(struct cm_buf *out, int depth, const char *key, struct json_object *list)
{
	if (cm_json_len(list) == 0)
		return;
	yaml_line(out, depth, key);
	for (size_t i = 0; i < cm_json_len(list) && i < SPEC_MAX_ITEMS; i++)
		yaml_item(out, depth + 1, json_object_get_string(json_object_array_get_idx(list, i)));
}

void yaml_map(struct cm_buf *out, int depth, const char *key, struct json_object *map)
{
	if (map == NULL || !json_object_is_type(map, json_type_object) || json_object_object_length(map) == 0)
		return;
	yaml_line(out, depth, key);
	json_object_object_foreach(map, name, value)
	{
		yaml_indent(out, depth + 1);
		yaml_quoted(out, name, false);
		cm_buf_str(out, ": ");
		yaml_quoted(out, json_object_get_string(value), true);
		cm_buf_char(out, '\n');
	}
}

void yaml_paths(struct cm_buf *out, int depth, const char *key, struct json_object *map)
{
	yaml_line(out, depth, key);
	json_object_object_foreach(map, path, value)
	{
		const char *v = json_object_get_string(value);
		cm_autofree char *text = v && v[0] ? cm_asprintf("%s:%s", path, v) : cm_strdup(path);
		yaml_item(out, depth + 1, text);
	}
}
