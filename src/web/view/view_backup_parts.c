/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of a backup as a table, and the commands that bring them back without this program.
 */
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/container_spec.h"
#include "web/view.h"
#include "web/view/view_backup_int.h"

enum { COMMAND_MAX = 64 * 1024 };

static const char *kind_text(const char *kind)
{
	static const char *const all[][2] = { { "config", "Configuration" }, { "image", "Image" },
					      { "networks", "Network" },     { "volume", "Volume" },
					      { "bind", "Bind mount" },	     { "bind_file", "Bind mount" },
					      { "rootfs", "Writable layer" } };

	for (size_t i = 0; i < CM_COUNT(all); i++) {
		if (cm_str_eq(all[i][0], kind))
			return all[i][1];
	}
	return kind;
}

static struct json_object *part_row(const char *kind, const char *name, const char *detail, int64_t bytes,
				    int64_t files)
{
	struct json_object *o = json_object_new_object();
	char text[96];

	cm_json_set_str(o, "kind_text", kind_text(kind));
	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "detail", detail);
	if (bytes >= 0) {
		cm_view_size(o, "size", bytes);
	} else {
		cm_json_set(o, "size", NULL);
		cm_json_set(o, "size_text", NULL);
	}
	cm_count_text(text, files, "file", "files");
	cm_json_set_str(o, "files_text", files > 0 ? text : NULL);
	cm_json_set(o, "note", NULL);
	cm_json_set(o, "files_url", NULL);
	return o;
}

/* level: "ok", "warn", "missing", or "" for none of them. */
static void part_state(struct json_object *o, const char *text, const char *level)
{
	cm_json_set_str(o, "state_text", text);
	cm_view_is(o, level, "ok", "warn", "missing", NULL);
}

static struct json_object *own_part(const struct cm_backup_page *p, struct json_object *part)
{
	const char *kind = cm_json_str(part, "kind", ""), *state = cm_json_str(part, "state", "saved");
	const char *prefix = cm_json_str(part, "prefix", NULL);
	bool damaged = cm_str_eq(p->row->verify_state, "damaged"), checked = cm_str_eq(p->row->verify_state, "ok");
	int64_t warnings = cm_json_int(part, "warnings", 0);
	bool skipped = cm_str_eq(state, "skipped"), reference = cm_str_eq(state, "reference");
	struct json_object *o =
	    part_row(kind, cm_json_str(part, "name", ""), cm_json_str(part, "destination", NULL),
		     skipped || reference ? -1 : cm_json_int(part, "bytes", 0), cm_json_int(part, "files", 0));
	char text[96];

	if (skipped)
		part_state(o, "Not saved", "warn");
	else if (reference)
		part_state(o, "Only noted", "ok");
	else if (warnings > 0)
		part_state(o, checked ? "Verified" : "Saved", "warn");
	else
		part_state(o, checked ? "Verified" : "Saved", damaged ? "" : "ok");
	cm_count_text(text, warnings, "warning", "warnings");
	cm_json_set_str(o, "note", skipped ? cm_json_str(part, "reason", NULL) : warnings > 0 ? text : NULL);
	if (cm_json_bool(part, "deleted", false) && cm_json_int(part, "files", 0) > 0) {
		cm_count_text(text, cm_json_int(part, "files", 0), "file", "files");
		cm_view_text(o, "files_text", "%s, and a list of deleted ones", text);
	}
	if (cm_str_eq(p->row->type, "export") && cm_str_eq(kind, "rootfs"))
		cm_json_set_str(o, "kind_text", "Filesystem");
	if (prefix != NULL && p->role >= CM_ROLE_DEVELOPER)
		cm_view_url(o, "files_url", "/backup/%s/files?path=%s", p->row->file, prefix);
	return o;
}

/* What the predecessor's archive tells about one volume or bind mount. */
static struct json_object *old_part(const char *kind, struct json_object *entry, const char *name_key)
{
	const char *state = cm_json_str(entry, "state", "missing");
	bool saved = cm_str_eq(state, "saved");
	struct json_object *o =
	    part_row(kind, cm_json_str(entry, name_key, ""), cm_json_str(entry, "destination", NULL),
		     saved ? cm_json_int(entry, "bytes", -1) : -1, cm_json_int(entry, "files", 0));

	part_state(o, saved ? "Not verified" : "Missing", saved ? "" : "missing");
	cm_json_set_str(o, "note", cm_json_str(entry, "reason", NULL));
	return o;
}

static struct json_object *old_parts(const struct cm_restore_source *s)
{
	struct json_object *list = json_object_new_array(), *o;
	bool image = cm_str_eq(cm_json_str(s->image, "mode", ""), "embed");

	o = part_row("config", "container_config.json", NULL, -1, 0);
	part_state(o, "Not verified", "ok");
	json_object_array_add(list, o);
	o = part_row("image", cm_json_str(s->image, "ref", ""), NULL, image ? cm_json_int(s->image, "size", -1) : -1,
		     0);
	part_state(o, image ? "Not verified" : "Missing", image ? "" : "missing");
	cm_json_set_str(o, "note", cm_json_str(s->image, "reason", NULL));
	json_object_array_add(list, o);
	for (size_t i = 0; i < cm_json_len(s->volumes); i++)
		json_object_array_add(list, old_part("volume", json_object_array_get_idx(s->volumes, i), "name"));
	for (size_t i = 0; i < cm_json_len(s->binds); i++)
		json_object_array_add(list, old_part("bind", json_object_array_get_idx(s->binds, i), "source"));
	o = part_row("rootfs", "Changes made inside the container", NULL, -1, 0);
	part_state(o, "Missing", "missing");
	cm_json_set_str(o, "note", "Not kept by this format");
	json_object_array_add(list, o);
	return list;
}

struct json_object *cm_view_backup_parts(const struct cm_backup_page *p)
{
	struct json_object *parts = cm_json_arr(p->companion, "parts"), *list;

	if (parts == NULL && p->source != NULL && !p->row->has_manifest)
		return old_parts(p->source);
	list = json_object_new_array();
	for (size_t i = 0; i < cm_json_len(parts); i++)
		json_object_array_add(list, own_part(p, json_object_array_get_idx(parts, i)));
	return list;
}

static void command_add(struct json_object *list, const char *comment, const char *command)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "comment", comment);
	cm_json_set_str(o, "command", command);
	json_object_array_add(list, o);
}

/* In single quotes when a shell would see anything but a word in it. */
static void shell_word(struct cm_buf *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_+=:,./-";

	if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
		cm_buf_str(out, word);
		return;
	}
	cm_buf_char(out, '\'');
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			cm_buf_str(out, "'\\''");
		else
			cm_buf_char(out, *word);
	}
	cm_buf_char(out, '\'');
}

static void unpack_command(struct json_object *list, const struct cm_catalog_row *row)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(COMMAND_MAX);
	bool zstd = cm_str_has_suffix(row->file, ".zst");

	cm_buf_str(&b, "tar --numeric-owner --xattrs --xattrs-include='*' --acls -xp");
	cm_buf_str(&b, zstd ? " --zstd -f " : "zf ");
	shell_word(&b, row->file);
	command_add(list,
		    cm_str_eq(row->type, "export") ? "Unpack it as root: the files lie in rootfs/"
		    : row->has_manifest
			? "Unpack it as root: volumes, bind mounts and changed files lie at readable paths"
			: "Unpack it: the image and an archive of each volume come out",
		    b.data);
}

static void volume_command(struct json_object *list, const struct cm_restore_source *s, struct json_object *volume,
			   bool nested)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(COMMAND_MAX);
	const char *name = cm_json_str(volume, "name", ""),
		   *from = cm_json_str(volume, nested ? "member" : "prefix", "");
	char comment[320];

	if (!cm_str_eq(cm_json_str(volume, "state", ""), "saved") || from[0] == '\0')
		return;
	cm_buf_str(&b, "docker volume create ");
	shell_word(&b, name);
	cm_buf_str(&b, " && docker run --rm -u 0 --entrypoint '' -v ");
	shell_word(&b, name);
	cm_buf_str(&b, ":/to -v \"$PWD\"/");
	shell_word(&b, from);
	cm_buf_str(&b, ":/from:ro ");
	shell_word(&b, cm_json_str(s->image, "ref", ""));
	cm_buf_str(&b, nested ? " tar -xzpf /from -C /to" : " cp -a /from/. /to/");
	snprintf(comment, sizeof(comment), "Fill the volume %.200s", name);
	command_add(list, comment, b.data);
}

/* Of an export: its files as an image of its own, which has no configuration. */
static void import_commands(struct json_object *list, const struct cm_restore_source *s, struct cm_buf *run)
{
	cm_autojson struct json_object *inspect = cm_json_copy(s->inspect);
	cm_autobuf struct cm_buf b = CM_BUF_INIT(COMMAND_MAX);
	cm_autofree char *image = cm_asprintf("export:%.100s", cm_spec_name(inspect));

	cm_buf_str(&b, "tar --numeric-owner --xattrs --xattrs-include='*' -C rootfs -c . | docker import - ");
	shell_word(&b, image);
	command_add(list, "Import the filesystem as an image", b.data);
	cm_json_set_str(cm_json_obj(inspect, "Config"), "Image", image);
	cm_spec_run_text(inspect, NULL, CM_SPEC_MASK_ENV, run);
}

struct json_object *cm_view_by_hand(const struct cm_backup_page *p)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	const struct cm_restore_source *s = p->source;
	cm_autobuf struct cm_buf run = CM_BUF_INIT(COMMAND_MAX);

	if (s != NULL) {
		unpack_command(list, p->row);
		if (cm_str_eq(cm_json_str(s->image, "mode", ""), "embed"))
			command_add(list, "Load the image", "docker load -i image.tar");
		for (size_t i = 0; i < cm_json_len(s->volumes); i++)
			volume_command(list, s, json_object_array_get_idx(s->volumes, i), !p->row->has_manifest);
		if (cm_str_eq(p->row->type, "export"))
			import_commands(list, s, &run);
		else
			cm_spec_run_text(s->inspect, s->image_config, CM_SPEC_MASK_ENV, &run);
		if (run.len > 0 && !cm_buf_failed(&run))
			command_add(list, "Start it; values of the environment stand in container_config.json",
				    run.data);
	}
	cm_json_set_bool(o, "has_commands", cm_json_len(list) > 0);
	cm_json_set(o, "commands", list);
	return o;
}
