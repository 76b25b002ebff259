/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Folders and files in a volume.
 */
#include <string.h>
#include <time.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/view.h"
#include "web/view/view_backup.h"
#include "web/view/view_volume.h"

struct json_object *cm_view_volume_entry(const char *volume, struct json_object *entry, int64_t now_ms)
{
	struct json_object *o = cm_view_file_entry(entry, now_ms);
	const char *path = cm_json_str(entry, "path", "/");
	bool folder = cm_json_bool(o, "is_dir", false), bytes = cm_json_bool(entry, "has_bytes", false);

	cm_json_set(o, "url", NULL);
	cm_json_set(o, "view_url", NULL);
	cm_json_set(o, "download_url", NULL);
	cm_view_url(o, "rename_url", "/volume/%s/rename?path=%s", volume, path);
	if (folder)
		cm_view_url(o, "url", "/volume/%s?path=%s", volume, path);
	if (bytes)
		cm_view_url(o, "view_url", "/volume/%s/file?path=%s", volume, path);
	if (folder || bytes)
		cm_view_url(o, "download_url", "/volume/%s/download?path=%s", volume, path);
	return o;
}

struct json_object *cm_view_volume_entry_old(struct json_object *entry)
{
	const char *type = cm_json_str(entry, "type", "file"), *name = cm_json_str(entry, "name", "");
	struct json_object *o = json_object_new_object();
	time_t s = (time_t)(cm_json_int(entry, "mtime_ms", 0) / 1000);
	char permissions[11], modified[32] = "";
	struct tm tm;

	cm_view_permissions(permissions, type, (uint32_t)cm_json_int(entry, "mode", 0));
	if (gmtime_r(&s, &tm) != NULL)
		strftime(modified, sizeof(modified), "%b %e %H:%M", &tm);
	if (cm_str_eq(type, "symlink"))
		cm_view_text(o, "name", "%s -> %s", name, cm_json_str(entry, "link_target", ""));
	else
		cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "path", cm_json_str(entry, "path", ""));
	cm_view_text(o, "size", "%lld", (long long)cm_json_int(entry, "size", 0));
	cm_json_set_str(o, "modified", modified);
	cm_json_set_str(o, "permissions", permissions);
	cm_json_set_str(o, "type", cm_str_eq(type, "directory") ? "directory" : "file");
	return o;
}

struct json_object *cm_view_volume_path(const char *volume, const char *path, bool is_file)
{
	cm_autofree char *folder = cm_url_make("/volume/%s", volume);
	cm_autofree char *file = is_file ? cm_url_make("/volume/%s/file", volume) : NULL;

	return cm_view_path_links("Top", folder, file, path);
}
