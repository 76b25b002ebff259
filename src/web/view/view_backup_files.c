/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Folders and files inside a backup.
 */
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/view.h"
#include "web/view/view_backup.h"

static const struct {
	const char *type, *text;
	char letter;
} types[] = {
	{ "file", "File", '-' },
	{ "directory", "Folder", 'd' },
	{ "symlink", "Link", 'l' },
	{ "hardlink", "Hard link", '-' },
	{ "fifo", "Pipe", 'p' },
	{ "chardev", "Character device", 'c' },
	{ "blockdev", "Block device", 'b' },
};

static size_t type_index(const char *type)
{
	for (size_t i = 0; i < CM_COUNT(types); i++) {
		if (cm_str_eq(types[i].type, type))
			return i;
	}
	return 0;
}

void cm_view_permissions(char dst[11], const char *type, uint32_t mode)
{
	static const char letters[] = "rwxrwxrwx";

	dst[0] = types[type_index(type)].letter;
	for (int i = 0; i < 9; i++)
		dst[i + 1] = mode & (0400U >> i) ? letters[i] : '-';
	if (mode & 04000)
		dst[3] = mode & 0100 ? 's' : 'S';
	if (mode & 02000)
		dst[6] = mode & 0010 ? 's' : 'S';
	if (mode & 01000)
		dst[9] = mode & 0001 ? 't' : 'T';
	dst[10] = '\0';
}

static void entry_urls(struct json_object *o, const char *filename, const char *path, bool folder, bool readable)
{
	cm_json_set(o, "url", NULL);
	cm_json_set(o, "view_url", NULL);
	cm_json_set(o, "download_url", NULL);
	if (folder)
		cm_view_url(o, "url", "/backup/%s/files?path=%s", filename, path);
	if (!readable)
		return;
	cm_view_url(o, "view_url", "/backup/%s/file?path=%s", filename, path);
	cm_view_url(o, "download_url", "/backup/%s/file?path=%s&download=1", filename, path);
}

struct json_object *cm_view_file_entry(struct json_object *entry, int64_t now_ms)
{
	struct json_object *o = cm_json_copy(entry);
	const char *type = cm_json_str(entry, "type", "file");
	bool folder = cm_str_eq(type, "directory"), bytes = cm_json_bool(entry, "has_bytes", false);
	bool link = cm_str_eq(type, "symlink"), synthetic = cm_json_bool(entry, "synthetic", false);
	char permissions[11];

	cm_json_set_str(o, "type_text", types[type_index(type)].text);
	cm_view_is(o, folder ? "dir" : link ? "link" : bytes ? "file" : "other", "dir", "file", "link", "other", NULL);
	if (bytes) {
		cm_view_size(o, "size", cm_json_int(entry, "size", 0));
	} else {
		cm_json_set(o, "size", NULL);
		cm_json_set(o, "size_text", NULL);
	}
	cm_view_permissions(permissions, type, (uint32_t)cm_json_int(entry, "mode", 0));
	cm_json_set_str(o, "permissions", synthetic ? NULL : permissions);
	cm_view_text(o, "owner_text", synthetic ? NULL : "%lld:%lld", (long long)cm_json_int(entry, "uid", 0),
		     (long long)cm_json_int(entry, "gid", 0));
	cm_view_time(o, "modified", synthetic ? 0 : cm_json_int(entry, "mtime_ms", 0), now_ms);
	cm_json_set_str(o, "link_text", link ? cm_json_str(entry, "link_target", NULL) : NULL);
	cm_json_set_str(o, "note", cm_json_bool(entry, "changed", false) ? "Changed while it was read" : NULL);
	return o;
}

struct json_object *cm_view_backup_entry(const char *filename, struct json_object *entry, bool may_read, int64_t now_ms)
{
	struct json_object *o = cm_view_file_entry(entry, now_ms);

	entry_urls(o, filename, cm_json_str(entry, "path", ""), cm_json_bool(o, "is_dir", false),
		   may_read && cm_json_bool(entry, "has_bytes", false));
	return o;
}

struct json_object *cm_view_path_links(const char *root, const char *folder_url, const char *file_url, const char *path)
{
	struct json_object *list = json_object_new_array(), *o = json_object_new_object();
	size_t at = strspn(path, "/");

	cm_json_set_str(o, "text", root);
	cm_json_set_str(o, "url", folder_url);
	cm_json_set_bool(o, "is_last", path[at] == '\0');
	json_object_array_add(list, o);
	while (path[at] != '\0') {
		size_t len = strcspn(path + at, "/");
		bool last = path[at + len] == '\0';
		cm_autofree char *up_to = cm_strndup(path, at + len), *query = cm_url_make("?path=%s", up_to);

		o = json_object_new_object();
		cm_view_text(o, "text", "%.*s", (int)len, path + at);
		cm_view_text(o, "url", "%s%s", last && file_url != NULL ? file_url : folder_url, query);
		cm_json_set_bool(o, "is_last", last);
		json_object_array_add(list, o);
		at += len;
		at += strspn(path + at, "/");
	}
	return list;
}

struct json_object *cm_view_backup_breadcrumb(const char *filename, const char *path, bool is_file)
{
	cm_autofree char *folder = cm_url_make("/backup/%s/files", filename);
	cm_autofree char *file = is_file ? cm_url_make("/backup/%s/file", filename) : NULL;

	return cm_view_path_links("Backup", folder, file, path);
}
