/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/restore_source.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "archive/unpack.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/container_spec.h"

/* What the caller expects to find. */
enum kind { CONTAINER, VOLUME, EXPORT };

void cm_restore_source_add_missing(struct cm_restore_source *s, const char *detail, const char *fmt, ...)
{
	struct json_object *o = json_object_new_object();
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cm_json_set_str(o, "text", text);
	cm_json_set_str(o, "detail", detail);
	json_object_array_add(s->missing, o);
}

void cm_restore_source_close(struct cm_restore_source *s)
{
	if (s == NULL)
		return;
	cm_archive_free(s->ours);
	cm_legacy_free(s->legacy);
	cm_vaults_close_file(&s->opened);
	free(s->file);
	json_object_put(s->inspect);
	json_object_put(s->networks);
	json_object_put(s->volumes);
	json_object_put(s->binds);
	json_object_put(s->image);
	json_object_put(s->image_config);
	json_object_put(s->rootfs);
	json_object_put(s->missing);
	free(s);
}

const char *cm_restore_source_format(const struct cm_restore_source *s)
{
	return s->legacy != NULL ? "predecessor" : "cm1";
}

static struct json_object *manifest_part(struct cm_restore_source *s, const char *prefix)
{
	struct json_object *parts = cm_json_arr(cm_archive_manifest(s->ours), "parts");

	for (size_t i = 0; prefix != NULL && i < cm_json_len(parts) && i < CM_PARTS_MAX; i++) {
		struct json_object *p = json_object_array_get_idx(parts, i);
		if (cm_str_eq(cm_json_str(p, "prefix", NULL), prefix))
			return p;
	}
	return NULL;
}

static bool has_member(struct cm_restore_source *s, const char *name)
{
	uint64_t size;
	return cm_archive_member_size(s->ours, name, &size, NULL) == 0;
}

/* Adds what the manifest knows of a part; one that the metadata promises but the manifest lacks is missing. What it
 * takes on the disk is its length in the tar, which the table of blocks proves: the sums of the manifest are only
 * claims. */
static void entry_sizes(struct cm_restore_source *s, struct json_object *entry, const char *prefix)
{
	struct json_object *part = manifest_part(s, prefix);

	if (part != NULL) {
		cm_json_set_int(entry, "bytes", cm_json_int(part, "bytes", 0));
		cm_json_set_int(entry, "stored", cm_json_int(part, "size", 0));
		cm_json_set_int(entry, "files", cm_json_int(part, "files", 0));
		return;
	}
	cm_json_set_str(entry, "bytes", NULL);
	cm_json_set_str(entry, "files", NULL);
	if (cm_str_eq(cm_json_str(entry, "state", ""), "saved"))
		cm_json_set_str(entry, "state", "missing");
}

static bool listed(struct json_object *list, const char *key, const char *value)
{
	for (size_t i = 0; i < cm_json_len(list); i++)
		if (cm_str_eq(cm_json_str(json_object_array_get_idx(list, i), key, NULL), value))
			return true;
	return false;
}

static struct json_object *find_by(struct json_object *list, const char *key, const char *value)
{
	for (size_t i = 0; i < cm_json_len(list) && i < CM_PARTS_MAX; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		if (cm_str_eq(cm_json_str(o, key, NULL), value))
			return o;
	}
	return NULL;
}

static void ours_volumes(struct cm_restore_source *s, struct json_object *info)
{
	cm_autojson struct json_object *mounted = cm_spec_volumes(s->inspect);

	for (size_t i = 0; i < cm_json_len(mounted); i++) {
		struct json_object *m = json_object_array_get_idx(mounted, i), *v, *entry;
		const char *name = cm_json_str(m, "name", "");
		if (listed(s->volumes, "name", name))
			continue;
		v = find_by(info, "name", name);
		entry = v ? cm_json_copy(v) : json_object_new_object();
		cm_json_set_str(entry, "name", name);
		cm_json_set_str(entry, "destination", cm_json_str(m, "destination", ""));
		cm_json_set_bool(entry, "anonymous", cm_json_bool(m, "anonymous", false));
		cm_json_set_bool(entry, "from_other", cm_json_bool(m, "from_other", false));
		cm_json_set_bool(entry, "rw", cm_json_bool(m, "rw", true));
		cm_json_set_str(entry, "driver", cm_json_str(entry, "driver", cm_json_str(m, "driver", "local")));
		cm_json_set_str(entry, "state", cm_json_str(entry, "state", "missing"));
		entry_sizes(s, entry, cm_json_str(entry, "prefix", NULL));
		json_object_array_add(s->volumes, entry);
	}
}

/* Only what the container itself mounts: a backup must not write into other folders of the host. */
static void ours_binds(struct cm_restore_source *s, struct json_object *info)
{
	cm_autojson struct json_object *mounted = cm_spec_binds(s->inspect);

	for (size_t i = 0; i < cm_json_len(info) && i < CM_PARTS_MAX; i++) {
		struct json_object *b = json_object_array_get_idx(info, i), *entry;
		const char *source = cm_json_str(b, "source", "");
		if (!cm_str_eq(cm_json_str(b, "type", ""), "bind") || listed(s->binds, "source", source) ||
		    !listed(mounted, "source", source))
			continue;
		entry = cm_json_copy(b);
		cm_json_set_str(entry, "state", cm_json_str(b, "state", "missing"));
		entry_sizes(s, entry, cm_json_str(b, "prefix", NULL));
		json_object_array_add(s->binds, entry);
	}
}

/* A member that may be missing: what it adds can be done without. One that is damaged is damage. */
static int ours_optional(struct cm_restore_source *s, const char *name, struct json_object **ret, struct cm_err *err)
{
	int rc = cm_archive_member_json(s->ours, name, ret, err);

	return rc == CM_ENOTFOUND ? 0 : rc;
}

static int ours_image(struct cm_restore_source *s, struct json_object *backup, struct cm_err *err)
{
	static const char *const copied[] = { "id", "digest", "os", "architecture", "size" };
	struct json_object *recorded = cm_json_obj(backup, "image");
	cm_autojson struct json_object *image = NULL;
	const char *id = cm_json_str(s->inspect, "Image", "");
	int rc = ours_optional(s, "image.json", &image, err);

	if (rc != 0)
		return rc;
	s->image = json_object_new_object();
	for (size_t i = 0; i < CM_COUNT(copied); i++)
		json_object_object_add(s->image, copied[i], cm_json_copy(cm_json_get(recorded, copied[i])));
	cm_json_set_str(s->image, "id", cm_json_str(recorded, "id", id));
	cm_json_set_str(s->image, "ref", cm_json_str(recorded, "ref", cm_json_str_at(s->inspect, "Config.Image", id)));
	cm_json_set(s->image, "tags", cm_json_copy(cm_json_arr(image, "RepoTags")));
	cm_json_set_str(s->image, "reason", NULL);
	if (has_member(s, "image.tar"))
		cm_json_set_str(s->image, "mode", "embed");
	else
		cm_json_set_str(s->image, "mode", cm_json_str(s->image, "digest", NULL) ? "reference" : "missing");
	s->image_config = cm_json_copy(cm_json_obj(image, "Config"));
	return 0;
}

static void ours_rootfs(struct cm_restore_source *s)
{
	struct json_object *part = manifest_part(s, "rootfs");

	if (part == NULL)
		return;
	s->rootfs = json_object_new_object();
	cm_json_set_str(s->rootfs, "prefix", "rootfs");
	cm_json_set_int(s->rootfs, "bytes", cm_json_int(part, "bytes", 0));
	cm_json_set_int(s->rootfs, "stored", cm_json_int(part, "size", 0));
	cm_json_set_int(s->rootfs, "files", cm_json_int(part, "files", 0));
}

static void ours_missing(struct cm_restore_source *s)
{
	for (size_t i = 0; i < cm_json_len(s->volumes); i++) {
		struct json_object *v = json_object_array_get_idx(s->volumes, i);
		if (!cm_str_eq(cm_json_str(v, "state", ""), "saved"))
			cm_restore_source_add_missing(s, cm_json_str(v, "reason", NULL), "The content of the volume %s",
						      cm_json_str(v, "name", ""));
	}
	for (size_t i = 0; i < cm_json_len(s->binds); i++) {
		struct json_object *b = json_object_array_get_idx(s->binds, i);
		if (!cm_str_eq(cm_json_str(b, "state", ""), "saved"))
			cm_restore_source_add_missing(s, cm_json_str(b, "reason", NULL), "The content of %s",
						      cm_json_str(b, "source", ""));
	}
	if (!cm_str_eq(cm_json_str(s->image, "mode", ""), "embed"))
		cm_restore_source_add_missing(s, "It is pulled again by its digest when this host does not have it.",
					      "The image %s", cm_json_str(s->image, "ref", ""));
}

/* The filesystem of an export is no layer on top of an image, and the other way round. */
static int ours_kind(const struct cm_restore_source *s, struct json_object *backup, enum kind kind, struct cm_err *err)
{
	bool is_export = cm_json_bool(cm_json_obj(backup, "options"), "export", false);

	if (is_export && kind != EXPORT)
		return cm_err_set(err, CM_EUNSUPPORTED,
				  "This is an export: restore it from its own page, under /restore-export/.");
	if (kind == EXPORT && (!is_export || s->rootfs == NULL))
		return cm_err_set(err, CM_EUNSUPPORTED, "This is no export of a container.");
	return 0;
}

static int ours_read(struct cm_restore_source *s, enum kind kind, struct cm_err *err)
{
	cm_autojson struct json_object *backup = NULL, *info = NULL;
	int rc = cm_archive_member_json(s->ours, "container_config.json", &s->inspect, err);

	if (rc != 0)
		return rc == CM_ENOTFOUND ? cm_err_set(err, CM_EUNSUPPORTED,
						       "This archive holds no container: container_config.json is "
						       "missing.")
					  : rc;
	rc = ours_optional(s, "backup.json", &backup, err);
	rc = rc ? rc : ours_optional(s, "volumes_info.json", &info, err);
	rc = rc ? rc : ours_optional(s, "networks.json", &s->networks, err);
	rc = rc ? rc : ours_image(s, backup, err);
	if (rc != 0)
		return rc;
	if (!json_object_is_type(s->networks, json_type_array)) {
		json_object_put(s->networks);
		s->networks = json_object_new_array();
	}
	ours_volumes(s, info);
	ours_binds(s, info);
	ours_rootfs(s);
	ours_missing(s);
	cm_str_copy(s->status, sizeof(s->status), cm_json_str(backup, "status", "stopped"));
	cm_str_copy(s->server_name, sizeof(s->server_name), cm_json_str(backup, "server_name", "Unknown Server"));
	cm_str_copy(s->engine_version, sizeof(s->engine_version), cm_json_str_at(backup, "engine.version", ""));
	s->created_ms = cm_json_int(backup, "created_ms", 0);
	return ours_kind(s, backup, kind, err);
}

/* What a backup of a volume alone tells. */
static int ours_volume(struct cm_restore_source *s, struct cm_err *err)
{
	cm_autojson struct json_object *backup = NULL, *info = NULL;
	int rc = ours_optional(s, "backup.json", &backup, err);

	rc = rc ? rc : ours_optional(s, "volumes_info.json", &info, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < cm_json_len(info) && i < CM_PARTS_MAX; i++) {
		struct json_object *v = json_object_array_get_idx(info, i), *entry;
		const char *name = cm_json_str(v, "name", "");

		if (!cm_str_eq(cm_json_str(v, "type", ""), "volume") || !cm_ref_valid(name) ||
		    listed(s->volumes, "name", name))
			continue;
		entry = cm_json_copy(v);
		cm_json_set_str(entry, "state", cm_json_str(entry, "state", "missing"));
		entry_sizes(s, entry, cm_json_str(entry, "prefix", NULL));
		json_object_array_add(s->volumes, entry);
	}
	if (cm_json_len(s->volumes) != 1 || has_member(s, "container_config.json"))
		return cm_err_set(err, CM_EUNSUPPORTED, "This is no backup of a volume alone.");
	s->networks = json_object_new_array();
	s->created_ms = cm_json_int(backup, "created_ms", 0);
	return 0;
}

static int source_read(struct cm_restore_source *s, enum kind kind, struct cm_err *err)
{
	struct cm_source source = cm_vaults_source(&s->opened);
	int rc = cm_archive_open(&source, &s->ours, err);

	s->size = (int64_t)source.size;
	if (rc == 0 && cm_archive_kind(s->ours) == CM_ARCHIVE_OURS)
		return kind == VOLUME ? ours_volume(s, err) : ours_read(s, kind, err);
	if (rc == 0 && kind != CONTAINER)
		rc = cm_err_set(err, CM_EUNSUPPORTED,
				kind == VOLUME ? "This is no backup of a volume alone."
					       : "This is no export of a container.");
	if (rc != 0)
		return rc;
	cm_archive_free(s->ours);
	s->ours = NULL;
	rc = cm_legacy_open(&source, &s->legacy, err);
	return rc ? rc : cm_restore_source_from_legacy(s, err);
}

static int source_open(const struct cm_app *app, const char *file, enum kind kind, struct cm_restore_source **ret,
		       struct cm_err *err)
{
	struct cm_restore_source *s = cm_alloc(sizeof(*s));
	int rc;

	s->file = cm_strdup(file);
	s->volumes = json_object_new_array();
	s->binds = json_object_new_array();
	s->missing = json_object_new_array();
	if (cm_str_has_suffix(file, ".json"))
		rc = cm_err_set(err, CM_EUNSUPPORTED, "Invalid tar.gz file");
	else
		rc = cm_vaults_open_file(app, file, &s->opened, err);
	if (rc == 0)
		rc = source_read(s, kind, err);
	if (rc != 0) {
		cm_restore_source_close(s);
		return rc;
	}
	*ret = s;
	return 0;
}

int cm_restore_source_open(const struct cm_app *app, const char *file, struct cm_restore_source **ret,
			   struct cm_err *err)
{
	return source_open(app, file, CONTAINER, ret, err);
}

int cm_restore_source_open_volume(const struct cm_app *app, const char *file, struct cm_restore_source **ret,
				  struct cm_err *err)
{
	return source_open(app, file, VOLUME, ret, err);
}

int cm_restore_source_open_export(const struct cm_app *app, const char *file, struct cm_restore_source **ret,
				  struct cm_err *err)
{
	return source_open(app, file, EXPORT, ret, err);
}

int cm_restore_source_image(struct cm_restore_source *s, cm_archive_write_fn write, void *ctx, struct cm_err *err)
{
	if (!cm_str_eq(cm_json_str(s->image, "mode", ""), "embed"))
		return cm_err_set(err, CM_ENOTFOUND, "This backup does not hold its image.");
	if (s->ours != NULL)
		return cm_archive_member_stream(s->ours, "image.tar", write, ctx, err);
	return cm_legacy_stream(s->legacy, "image.tar", write, ctx, err);
}

int cm_restore_source_unpack(struct cm_restore_source *s, struct json_object *entry, const char *target, bool merge,
			     struct cm_peer *peer, const struct cm_archive_watch *watch,
			     struct json_object **ret_result, struct cm_err *err)
{
	struct cm_unpack_part part = { .target = target, .merge = merge };

	if (s->legacy != NULL)
		return cm_legacy_unpack(s->legacy, cm_json_str(entry, "member", ""),
					(unsigned)cm_json_int(entry, "strip", 0), target, merge, true, peer, watch,
					ret_result, err);
	part.prefix = cm_json_str(entry, "prefix", "");
	return cm_archive_unpack(s->ours, &part, 1, true, peer, watch, ret_result, err);
}

static int64_t sum_of(const struct cm_restore_source *s, const char *key)
{
	struct json_object *lists[] = { s->volumes, s->binds };
	int64_t sum = cm_json_int(s->rootfs, key, 0);

	for (size_t k = 0; k < CM_COUNT(lists); k++) {
		for (size_t i = 0; i < cm_json_len(lists[k]); i++) {
			struct json_object *entry = json_object_array_get_idx(lists[k], i);
			sum += cm_json_int(entry, key, cm_json_int(entry, "bytes", 0));
		}
	}
	return sum;
}

int64_t cm_restore_source_bytes(const struct cm_restore_source *s)
{
	return sum_of(s, "bytes");
}

int64_t cm_restore_source_stored(const struct cm_restore_source *s)
{
	return sum_of(s, "stored");
}
