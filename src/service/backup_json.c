/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a backup says about itself: backup.json inside, the companion beside it. Their shape is in backup_meta.h.
 */
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/backup_int.h"
#include "service/backup_meta.h"

static void set_text(struct json_object *o, const char *key, const char *value)
{
	cm_json_set_str(o, key, value != NULL && value[0] != '\0' ? value : NULL);
}

static void set_time(struct json_object *o, const char *key, int64_t ms)
{
	char text[32];

	cm_time_rfc3339(text, ms);
	set_text(o, key, text);
}

static struct json_object *image_json(const struct cm_backup_run *r)
{
	struct json_object *o = json_object_new_object(), *tags = cm_json_copy(cm_json_arr(r->plan.image, "RepoTags"));

	cm_json_set_str(o, "ref", r->plan.image_ref);
	cm_json_set_str(o, "id", r->plan.image_id);
	cm_json_set_str(o, "digest", r->plan.image_digest);
	cm_json_set(o, "tags", tags ? tags : json_object_new_array());
	cm_json_set_str(o, "mode", r->options.reference ? "reference" : "embed");
	cm_json_set_str(o, "os", cm_json_str(r->plan.image, "Os", NULL));
	cm_json_set_str(o, "architecture", cm_json_str(r->plan.image, "Architecture", NULL));
	set_text(o, "variant", cm_json_str(r->plan.image, "Variant", NULL));
	cm_json_set_int(o, "size", cm_json_int(r->plan.image, "Size", 0));
	return o;
}

static struct json_object *engine_json(const struct cm_engine_overview *e)
{
	struct json_object *o = json_object_new_object();

	set_text(o, "version", e->version);
	set_text(o, "api", e->api);
	set_text(o, "os", e->os);
	set_text(o, "architecture", e->arch);
	set_text(o, "storage", e->storage);
	return o;
}

static struct json_object *options_json(const struct cm_backup_run *r)
{
	struct json_object *o = cm_json_copy(r->params);

	json_object_object_del(o, "user");
	return o;
}

/* The mounts, and the writable layer when it has changes. */
static struct json_object *parts_json(const struct cm_backup_run *r)
{
	struct json_object *list = cm_json_copy(r->plan.mounts);

	for (size_t i = 0; i < r->plan.part_count; i++) {
		struct json_object *o;

		if (r->plan.parts[i].kind != CM_BACKUP_ROOTFS)
			continue;
		o = json_object_new_object();
		cm_json_set_str(o, "type", "rootfs");
		cm_json_set_str(o, "prefix", r->plan.parts[i].prefix);
		json_object_array_add(list, o);
	}
	return list;
}

/* Which stack backup it belongs to. */
static void set_add(const struct cm_backup_run *r, struct json_object *o)
{
	struct json_object *set;

	if (r->set == NULL)
		return;
	set = cm_json_copy(r->set);
	json_object_object_del(set, "ids");
	cm_json_set(o, "set", set);
}

struct json_object *cm_backup_json(const struct cm_backup_run *r)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "format", "container-monkey-backup");
	cm_json_set_int(o, "version", CM_BACKUP_META_VERSION);
	cm_json_set_str(o, "program", CM_VERSION);
	cm_json_set_str(o, "id", r->id);
	cm_json_set_str(o, "server_name", r->server_name);
	set_time(o, "created_at", r->created_ms);
	cm_json_set_int(o, "created_ms", r->created_ms);
	cm_json_set_str(o, "type", r->options.scheduled ? "scheduled" : "manual");
	set_text(o, "note", r->options.note);
	set_text(o, "user", r->options.user);
	cm_json_set_str(o, "container_id", r->plan.id);
	cm_json_set_str(o, "container_name", r->plan.name);
	cm_json_set_str(o, "status", r->plan.status);
	set_text(o, "stack", r->plan.stack);
	cm_json_set(o, "image", r->plan.image != NULL ? image_json(r) : NULL);
	cm_json_set(o, "engine", engine_json(&r->engine));
	cm_json_set_str(o, "consistency", cm_consistency_name(r->hold.effective));
	cm_json_set(o, "options", options_json(r));
	cm_json_set(o, "parts", parts_json(r));
	set_add(r, o);
	return o;
}

static struct json_object *part_new(const char *kind, const char *name, const char *state)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "kind", kind);
	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "destination", NULL);
	cm_json_set_str(o, "prefix", NULL);
	cm_json_set_int(o, "files", 0);
	cm_json_set_int(o, "bytes", 0);
	cm_json_set_str(o, "state", state);
	cm_json_set_str(o, "reason", NULL);
	return o;
}

/* The size of a top-level member of the manifest. */
static int64_t member_size(const struct cm_backup_run *r, const char *name)
{
	struct json_object *members = cm_json_arr(r->totals.manifest, "members");

	for (size_t i = 0; i < cm_json_len(members); i++) {
		struct json_object *m = json_object_array_get_idx(members, i);

		if (cm_str_eq(cm_json_str(m, "name", ""), name))
			return cm_json_int(m, "size", 0);
	}
	return 0;
}

static struct json_object *manifest_part(const struct cm_backup_run *r, const char *prefix)
{
	struct json_object *parts = cm_json_arr(r->totals.manifest, "parts");

	for (size_t i = 0; i < cm_json_len(parts); i++) {
		struct json_object *p = json_object_array_get_idx(parts, i);

		if (cm_str_eq(cm_json_str(p, "prefix", ""), prefix))
			return p;
	}
	return NULL;
}

static const char *part_kind(const struct cm_backup_part *p)
{
	static const char *const kinds[] = { "volume", "bind", "bind_file", "rootfs" };

	return kinds[p->kind];
}

/* How many warnings are about something below this prefix? They begin with the path. */
static int64_t warnings_of(const struct cm_backup_run *r, const char *prefix)
{
	struct json_object *warnings = cm_json_arr(r->totals.manifest, "warnings");
	int64_t n = 0;

	for (size_t i = 0; i < cm_json_len(warnings); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(warnings, i));

		n += text != NULL && strncmp(text, prefix, strlen(prefix)) == 0 && text[strlen(prefix)] == '/';
	}
	return n;
}

static void add_saved(const struct cm_backup_run *r, struct json_object *list)
{
	for (size_t i = 0; i < r->plan.part_count; i++) {
		const struct cm_backup_part *p = &r->plan.parts[i];
		struct json_object *made = manifest_part(r, p->prefix), *o = part_new(part_kind(p), p->name, "saved");
		struct json_object *deleted = cm_json_obj(made, "deleted");

		set_text(o, "destination", p->destination);
		cm_json_set_str(o, "prefix", p->prefix);
		cm_json_set_int(o, "files", cm_json_int(made, "files", 0));
		cm_json_set_int(o, "bytes", cm_json_int(made, "bytes", 0));
		cm_json_set_int(o, "warnings", warnings_of(r, p->prefix));
		if (deleted != NULL)
			cm_json_set_bool(o, "deleted", true);
		json_object_array_add(list, o);
	}
}

static void add_skipped(const struct cm_backup_run *r, struct json_object *list)
{
	for (size_t i = 0; i < cm_json_len(r->plan.mounts); i++) {
		struct json_object *m = json_object_array_get_idx(r->plan.mounts, i), *o;
		bool is_volume = cm_str_eq(cm_json_str(m, "type", ""), "volume");

		if (!cm_str_eq(cm_json_str(m, "state", ""), "skipped"))
			continue;
		o = part_new(is_volume ? "volume" : "bind", cm_json_str(m, is_volume ? "name" : "source", ""),
			     "skipped");
		cm_json_set_str(o, "destination", cm_json_str(m, "destination", NULL));
		cm_json_set_str(o, "reason", cm_json_str(m, "reason", NULL));
		json_object_array_add(list, o);
	}
}

/* Nothing of a volume alone. */
static void add_container(const struct cm_backup_run *r, struct json_object *list)
{
	struct json_object *o;

	if (r->plan.inspect == NULL)
		return;
	o = part_new("config", "container_config.json", "saved");
	cm_json_set_int(o, "bytes", member_size(r, "container_config.json"));
	json_object_array_add(list, o);
	o = part_new("image", r->plan.image_ref, r->options.reference ? "reference" : "saved");
	cm_json_set_int(o, "bytes", (int64_t)r->totals.stream);
	json_object_array_add(list, o);
}

static struct json_object *companion_parts(const struct cm_backup_run *r)
{
	struct json_object *list = json_object_new_array(), *o;

	add_container(r, list);
	add_saved(r, list);
	add_skipped(r, list);
	for (size_t i = 0; i < cm_json_len(r->plan.networks); i++) {
		struct json_object *n = json_object_array_get_idx(r->plan.networks, i);

		o = part_new("networks", cm_json_str(n, "Name", ""), "saved");
		cm_json_set_int(o, "bytes", (int64_t)strlen(json_object_to_json_string_ext(n, JSON_C_TO_STRING_PLAIN)));
		json_object_array_add(list, o);
	}
	return list;
}

/* All stand in the archive's manifest by now, the plan's too. */
static void add_warnings(const struct cm_backup_run *r, struct json_object *companion)
{
	struct json_object *list = json_object_new_array(), *all = cm_json_arr(r->totals.manifest, "warnings");

	for (size_t i = 0; i < cm_json_len(all) && i < CM_COMPANION_WARNINGS; i++)
		json_object_array_add(list, json_object_get(json_object_array_get_idx(all, i)));
	cm_json_set(companion, "warnings", list);
	cm_json_set_int(companion, "warning_count", r->totals.warnings);
}

struct json_object *cm_backup_companion(const struct cm_backup_run *r)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "server_name", r->server_name);
	cm_json_set_bool(o, "is_scheduled", r->options.scheduled);
	cm_json_set_str(o, "format", "cm1");
	cm_json_set_int(o, "version", CM_BACKUP_META_VERSION);
	cm_json_set_str(o, "id", r->id);
	cm_json_set_str(o, "type", r->options.volume != NULL ? "volume" : r->options.whole ? "export" : "container");
	cm_json_set_str(o, "filename", r->filename);
	set_time(o, "created_at", r->created_ms);
	cm_json_set_int(o, "created_ms", r->created_ms);
	cm_json_set_str(o, "container", r->plan.name);
	cm_json_set_str(o, "container_id", r->plan.id);
	cm_json_set_str(o, "status", r->plan.status);
	set_text(o, "stack", r->plan.stack);
	cm_json_set_str(o, "image", r->plan.image_ref);
	cm_json_set_str(o, "image_id", r->plan.image_id);
	cm_json_set_str(o, "image_digest", r->plan.image_digest);
	cm_json_set_str(o, "image_mode", r->plan.image == NULL ? NULL : r->options.reference ? "reference" : "embed");
	cm_json_set_str(o, "compression", cm_codec_name(r->options.codec));
	cm_json_set_str(o, "consistency", cm_consistency_name(r->hold.effective));
	cm_json_set_int(o, "held_ms", r->hold.held_ms);
	set_text(o, "note", r->options.note);
	if (r->options.path != NULL)
		cm_json_set_str(o, "path", r->options.path);
	set_text(o, "user", r->options.user);
	cm_json_set_int(o, "size", (int64_t)r->totals.compressed);
	cm_json_set_int(o, "content_size", (int64_t)r->totals.bytes);
	cm_json_set_int(o, "files", (int64_t)r->totals.files);
	cm_json_set_str(o, "sha256", r->verified.sha256);
	cm_json_set_int(o, "duration_ms", cm_monotonic_ms() - r->began_ms);
	cm_json_set_bool(o, "verified", true);
	set_time(o, "verified_at", r->verified_ms);
	cm_json_set(o, "parts", companion_parts(r));
	set_add(r, o);
	add_warnings(r, o);
	return o;
}
