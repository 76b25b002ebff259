/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/backup_meta.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

static char *text_of(struct json_object *o, const char *key)
{
	const char *s = cm_json_str(o, key, "");

	return s[0] != '\0' ? cm_strdup(s) : NULL;
}

static char *json_of(struct json_object *o, const char *key)
{
	struct json_object *list = cm_json_arr(o, key);

	return list != NULL ? cm_json_text(list) : NULL;
}

/* "name_20261122_184500-a1b2c3.tar.gz": the name without the ending and the last two parts. */
static char *name_of_file(const char *file, bool is_network)
{
	const char *begin = is_network ? file + strlen("network_") : file, *end = begin + strlen(begin), *c;
	int parts = 0;

	for (c = end; c > begin && parts < 2; c--) {
		if (*c == '_')
			parts++;
		if (parts == 2)
			break;
	}
	if (parts < 2 || c == begin) {
		end = strstr(begin, is_network ? ".json" : ".tar");
		c = end != NULL && end != begin ? end : begin + strlen(begin);
	}
	return cm_strndup(begin, (size_t)(c - begin));
}

static int64_t time_of(struct json_object *o, const char *key)
{
	int64_t ms;

	return cm_time_parse(cm_json_str(o, key, ""), &ms) ? ms : 0;
}

static const char *compression_of(const char *file)
{
	if (cm_str_has_suffix(file, ".tar.gz"))
		return "gzip";
	if (cm_str_has_suffix(file, ".tar.zst"))
		return "zstd";
	return cm_str_has_suffix(file, ".zip") ? "zip" : "none";
}

static void drill_fields(struct json_object *drill, struct cm_catalog_row *row)
{
	row->drilled_ms = time_of(drill, "at");
	if (row->drilled_ms == 0)
		return;
	row->drill_state = cm_strdup(cm_str_eq(cm_json_str(drill, "state", ""), "ok") ? "ok" : "failed");
	row->drill_error = text_of(drill, "error");
	row->drill_duration_ms = cm_json_int(drill, "duration_ms", 0);
	row->drill_log = text_of(drill, "log");
}

/* What only our own companions say. */
static void own_fields(struct json_object *c, struct cm_catalog_row *row)
{
	bool ok = cm_json_bool(c, "verified", false);

	row->backup_id = text_of(c, "id");
	row->container_id = text_of(c, "container_id");
	row->image = text_of(c, "image");
	row->stack = text_of(c, "stack");
	row->consistency = text_of(c, "consistency");
	row->note = text_of(c, "note");
	row->sha256 = text_of(c, "sha256");
	row->parts = json_of(c, "parts");
	row->warnings = json_of(c, "warnings");
	row->warning_count = cm_json_int(c, "warning_count", 0);
	row->content_size = cm_json_int(c, "content_size", 0);
	row->created_ms = cm_json_int(c, "created_ms", row->created_ms);
	row->verified_ms = time_of(c, "verified_at");
	row->has_manifest = cm_str_eq(cm_json_str(c, "format", ""), "cm1");
	if (row->verified_ms != 0) {
		row->verify_state = cm_strdup(ok ? "ok" : "damaged");
		row->verify_error = text_of(c, "verify_error");
	}
	row->set_id = text_of(cm_json_obj(c, "set"), "id");
	row->set_index = cm_json_int(cm_json_obj(c, "set"), "index", 0);
	row->set_count = cm_json_int(cm_json_obj(c, "set"), "count", 0);
	drill_fields(cm_json_obj(c, "drill"), row);
}

void cm_backup_row(const char *vault, const struct cm_vault_entry *entry, struct json_object *companion,
		   struct cm_catalog_row *ret)
{
	bool is_network = cm_str_has_prefix(entry->name, "network_") && cm_str_has_suffix(entry->name, ".json");
	struct cm_catalog_row row = { .size = (int64_t)entry->size,
				      .modified_ms = entry->modified_ms,
				      .created_ms = entry->modified_ms,
				      .companion_ms = entry->has_companion };

	row.vault = cm_strdup(vault);
	row.file = cm_strdup(entry->name);
	row.type = cm_strdup(is_network ? "network" : cm_json_str(companion, "type", "container"));
	row.backup_type = cm_strdup(cm_json_bool(companion, "is_scheduled", false) ? "scheduled" : "manual");
	row.server_name = text_of(companion, "server_name");
	row.container_name = text_of(companion, "container");
	if (row.container_name == NULL)
		row.container_name = name_of_file(entry->name, is_network);
	row.format = cm_strdup(cm_json_str(companion, "format", is_network ? "network" : "predecessor"));
	row.compression = cm_strdup(is_network ? "none" : compression_of(entry->name));
	own_fields(companion, &row);
	*ret = row;
}
