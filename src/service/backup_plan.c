/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/backup_plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

/* What lies there is the running system, not data: a container that looks at it gets its mount back, nothing else. */
static const char *const system_folders[] = { "/proc", "/sys", "/dev", "/run", "/var/run" };

/* Types of file systems in the options of a local volume whose content is not on this machine. */
static const char *const remote_types[] = { "nfs",  "nfs4", "cifs", "smb",   "smb3",	  "smbfs", "9p",
					    "ceph", "afs",  "ncp",  "davfs", "glusterfs", "lustre" };

void cm_backup_plan_release(struct cm_backup_plan *plan)
{
	json_object_put(plan->inspect);
	json_object_put(plan->image);
	json_object_put(plan->networks);
	json_object_put(plan->mounts);
	json_object_put(plan->changes);
	json_object_put(plan->warnings);
	free(plan->image_ref);
	free(plan->image_id);
	free(plan->image_digest);
	free(plan->upper);
	for (size_t i = 0; i < plan->part_count; i++) {
		struct cm_backup_part *p = &plan->parts[i];

		free(p->prefix);
		free(p->name);
		free(p->destination);
		json_object_put(p->exclude);
	}
	*plan = (struct cm_backup_plan){ 0 };
}

void cm_backup_plan_warn(struct cm_backup_plan *plan, const char *fmt, ...)
{
	cm_autobuf struct cm_buf clean = CM_BUF_INIT(4096);
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cm_utf8_clean(&clean, text, strlen(text));
	cm_json_add_str(plan->warnings, clean.data);
}

bool cm_backup_path_in(const char *outer, const char *inner, const char **ret_rest)
{
	size_t len = strlen(outer);

	while (len > 0 && outer[len - 1] == '/')
		len--;
	if (strncmp(outer, inner, len) != 0 || (inner[len] != '/' && inner[len] != '\0'))
		return false;
	inner += len;
	*ret_rest = inner + strspn(inner, "/");
	return true;
}

const char *cm_backup_digest(struct json_object *image, const char *ref)
{
	struct json_object *digests = cm_json_arr(image, "RepoDigests");
	const char *first = NULL;
	size_t repo = ref ? strcspn(ref, "@") : 0;
	const char *colon = ref ? memchr(ref, ':', repo) : NULL;

	/* The tag's colon is the last one after the last slash: a registry's port has one too. */
	for (const char *c = colon; c != NULL && c < ref + repo; c++) {
		if (*c == ':')
			colon = c;
		else if (*c == '/')
			colon = NULL;
	}
	if (colon != NULL)
		repo = (size_t)(colon - ref);
	for (size_t i = 0; i < cm_json_len(digests); i++) {
		const char *digest = json_object_get_string(json_object_array_get_idx(digests, i));

		if (digest == NULL || strstr(digest, "@sha256:") == NULL || cm_str_has_prefix(digest, "<none>"))
			continue;
		if (ref != NULL && strncmp(digest, ref, repo) == 0 && digest[repo] == '@')
			return digest;
		if (first == NULL)
			first = digest;
	}
	return first;
}

static struct json_object *volume_entry(struct json_object *mount)
{
	struct json_object *e = json_object_new_object();
	const char *name = cm_json_str(mount, "Name", "");

	cm_json_set_str(e, "type", "volume");
	cm_json_set_str(e, "name", name);
	cm_json_set_str(e, "destination", cm_json_str(mount, "Destination", ""));
	cm_json_set_str(e, "driver", cm_json_str(mount, "Driver", "local"));
	cm_json_set_bool(e, "anonymous", strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64);
	cm_json_set_bool(e, "rw", cm_json_bool(mount, "RW", true));
	return e;
}

static struct json_object *bind_entry(struct json_object *mount)
{
	struct json_object *e = json_object_new_object();

	cm_json_set_str(e, "type", "bind");
	cm_json_set_str(e, "source", cm_json_str(mount, "Source", ""));
	cm_json_set_str(e, "destination", cm_json_str(mount, "Destination", ""));
	cm_json_set_bool(e, "rw", cm_json_bool(mount, "RW", true));
	cm_json_set_str(e, "propagation", cm_json_str(mount, "Propagation", ""));
	return e;
}

struct json_object *cm_backup_mounts(struct json_object *inspect)
{
	struct json_object *mounts = cm_json_arr(inspect, "Mounts"), *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		const char *type = cm_json_str(m, "Type", "");

		if (cm_str_eq(type, "volume") && cm_json_str(m, "Name", "")[0] != '\0')
			json_object_array_add(list, volume_entry(m));
		else if (cm_str_eq(type, "bind"))
			json_object_array_add(list, bind_entry(m));
	}
	return list;
}

static void skip(struct json_object *entry, const char *reason)
{
	cm_json_set_str(entry, "prefix", NULL);
	cm_json_set_str(entry, "state", "skipped");
	cm_json_set_str(entry, "reason", reason);
}

static void save_as(struct json_object *entry, const char *prefix)
{
	cm_json_set_str(entry, "prefix", prefix);
	cm_json_set_str(entry, "state", "saved");
	cm_json_set_str(entry, "reason", NULL);
}

/* The entry before this one that mounts the same thing. */
static struct json_object *same_before(struct json_object *mounts, size_t i, const char *key)
{
	struct json_object *e = json_object_array_get_idx(mounts, i);

	for (size_t k = 0; k < i; k++) {
		struct json_object *other = json_object_array_get_idx(mounts, k);

		if (cm_str_eq(cm_json_str(other, "type", ""), cm_json_str(e, "type", "")) &&
		    cm_str_eq(cm_json_str(other, key, ""), cm_json_str(e, key, "")))
			return other;
	}
	return NULL;
}

static struct cm_backup_part *part_add(struct cm_backup_plan *plan, enum cm_backup_part_kind kind, size_t mount,
				       const char *prefix, const char *name, const char *destination)
{
	struct cm_backup_part *p;

	if (plan->part_count >= CM_BACKUP_PARTS_MAX)
		return NULL;
	p = &plan->parts[plan->part_count++];
	*p = (struct cm_backup_part){ .kind = kind };
	p->prefix = cm_strdup(prefix);
	p->name = cm_strdup(name);
	p->mount = mount;
	p->destination = cm_strdup(destination);
	return p;
}

static void exclude(struct cm_backup_part *p, const char *path)
{
	if (p->exclude == NULL)
		p->exclude = json_object_new_array();
	cm_json_add_str(p->exclude, path);
}

/* A backup that holds the vault would hold itself. rest is where our data folder lies in the part. */
static void exclude_own(struct cm_backup_plan *plan, struct cm_backup_part *p, const char *rest)
{
	static const char *const own[] = { "backups", "tmp" };
	char path[1200];

	for (size_t i = 0; i < CM_COUNT(own); i++) {
		snprintf(path, sizeof(path), "%s%s%s", rest, rest[0] != '\0' ? "/" : "", own[i]);
		exclude(p, path);
	}
	cm_backup_plan_warn(plan, "%s holds this program's own backups: they were left out.", p->name);
}

/* A local volume may be a mount of a file system too: of another machine, or of memory. */
static bool volume_is_remote(struct json_object *entry)
{
	struct json_object *options = cm_json_obj(entry, "options");
	const char *type = cm_json_str(options, "type", "");

	if (!cm_str_eq(cm_json_str(entry, "driver", "local"), "local"))
		return true;
	for (size_t i = 0; i < CM_COUNT(remote_types); i++) {
		if (cm_str_eq(type, remote_types[i]))
			return true;
	}
	return false;
}

static void volume_skip(struct cm_backup_plan *plan, struct json_object *entry, bool skip_remote)
{
	const char *name = cm_json_str(entry, "name", "");

	if (cm_str_eq(cm_json_str(cm_json_obj(entry, "options"), "type", ""), "tmpfs")) {
		skip(entry, "It lies in memory: only its configuration is kept.");
	} else if (skip_remote && volume_is_remote(entry)) {
		skip(entry, "Its content lies on another machine and was left out by choice.");
		cm_backup_plan_warn(plan, "Volume %s: its content lies on another machine and was left out by choice.",
				    name);
	}
}

static int too_many(struct cm_err *err)
{
	return cm_err_set(err, CM_EUNSUPPORTED, "The container has more mounts than a backup can hold.");
}

static int volume_part(struct cm_backup_plan *plan, size_t index, const struct cm_backup_host *host, struct cm_err *err)
{
	struct json_object *entry = json_object_array_get_idx(plan->mounts, index);
	const char *name = cm_json_str(entry, "name", "");
	struct cm_backup_part *p;
	char prefix[320];

	/* Names of plugins' volumes may hold anything. */
	if (cm_name_valid(name))
		snprintf(prefix, sizeof(prefix), "volumes/%s", name);
	else
		snprintf(prefix, sizeof(prefix), "volumes/%zu", index);
	p = part_add(plan, CM_BACKUP_VOLUME, index, prefix, name, cm_json_str(entry, "destination", ""));
	if (p == NULL)
		return too_many(err);
	save_as(entry, prefix);
	if (cm_str_eq(name, host->own_volume))
		exclude_own(plan, p, host->own_subpath);
	return 0;
}

/* Why a folder of the host is not saved, or NULL. */
static const char *system_reason(const char *source, const struct cm_backup_host *host)
{
	const char *rest;

	if (cm_str_eq(source, "/"))
		return "It is the whole host: only the mount is kept.";
	for (size_t i = 0; i < CM_COUNT(system_folders); i++) {
		if (cm_backup_path_in(system_folders[i], source, &rest))
			return "It belongs to the host's running system: only the mount is kept.";
	}
	if (host->engine_root[0] != '\0' && cm_backup_path_in(host->engine_root, source, &rest) &&
	    !cm_str_has_prefix(rest, "volumes/"))
		return "It belongs to the Docker Engine: only the mount is kept.";
	return NULL;
}

/* Folders below this one that are saved by themselves, or must never be saved. */
static void bind_exclude(struct cm_backup_plan *plan, struct cm_backup_part *p, const struct cm_backup_host *host)
{
	const char *rest;

	for (size_t i = 0; i < cm_json_len(plan->mounts); i++) {
		struct json_object *other = json_object_array_get_idx(plan->mounts, i);
		const char *source = cm_json_str(other, "source", "");

		if (cm_str_eq(cm_json_str(other, "type", ""), "bind") && !cm_str_eq(source, p->name) &&
		    cm_backup_path_in(p->name, source, &rest) && rest[0] != '\0' &&
		    !cm_str_eq(cm_json_str(other, "kind", ""), "other") && cm_backup_mount_read(plan->mounts, i))
			exclude(p, rest);
	}
	if (host->engine_root[0] != '\0' && cm_backup_path_in(p->name, host->engine_root, &rest) && rest[0] != '\0') {
		exclude(p, rest);
		cm_backup_plan_warn(plan, "Folder %s: the Docker Engine's own data in it was left out.", p->name);
	}
	if (host->own_data[0] != '\0' && cm_backup_path_in(p->name, host->own_data, &rest))
		exclude_own(plan, p, rest);
}

static void bind_skip(struct cm_backup_plan *plan, struct json_object *entry, const struct cm_backup_host *host)
{
	const char *source = cm_json_str(entry, "source", ""), *reason = system_reason(source, host), *rest;

	if (reason == NULL)
		return;
	skip(entry, reason);
	/* Nothing is lost with a socket or a device: there is no content. */
	if (!cm_str_has_suffix(source, ".sock") && !cm_backup_path_in("/dev", source, &rest))
		cm_backup_plan_warn(plan, "%s was not saved. %s", source, reason);
}

static int bind_part(struct cm_backup_plan *plan, size_t index, const struct cm_backup_host *host, struct cm_err *err)
{
	struct json_object *entry = json_object_array_get_idx(plan->mounts, index);
	const char *source = cm_json_str(entry, "source", ""), *kind = cm_json_str(entry, "kind", "folder");
	bool is_file = cm_str_eq(kind, "file");
	struct cm_backup_part *p;
	char prefix[64];

	if (cm_str_eq(kind, "other")) {
		skip(entry, "It is a socket or a device: only the mount is kept.");
		return 0;
	}
	snprintf(prefix, sizeof(prefix), "binds/%zu", index);
	p = part_add(plan, is_file ? CM_BACKUP_BIND_FILE : CM_BACKUP_BIND, index, prefix, source,
		     cm_json_str(entry, "destination", ""));
	if (p == NULL)
		return too_many(err);
	save_as(entry, prefix);
	if (!is_file)
		bind_exclude(plan, p, host);
	return 0;
}

void cm_backup_plan_skip(struct cm_backup_plan *plan, const struct cm_backup_host *host, bool skip_remote)
{
	for (size_t i = 0; i < cm_json_len(plan->mounts); i++) {
		struct json_object *entry = json_object_array_get_idx(plan->mounts, i);

		if (cm_str_eq(cm_json_str(entry, "type", ""), "volume"))
			volume_skip(plan, entry, skip_remote);
		else
			bind_skip(plan, entry, host);
	}
}

bool cm_backup_mount_read(struct json_object *mounts, size_t i)
{
	struct json_object *entry = json_object_array_get_idx(mounts, i);
	bool is_volume = cm_str_eq(cm_json_str(entry, "type", ""), "volume");

	return !cm_str_eq(cm_json_str(entry, "state", ""), "skipped") &&
	       same_before(mounts, i, is_volume ? "name" : "source") == NULL;
}

int cm_backup_plan_parts(struct cm_backup_plan *plan, const struct cm_backup_host *host, struct cm_err *err)
{
	size_t count = cm_json_len(plan->mounts);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct json_object *entry = json_object_array_get_idx(plan->mounts, i);
		bool is_volume = cm_str_eq(cm_json_str(entry, "type", ""), "volume");
		struct json_object *same = same_before(plan->mounts, i, is_volume ? "name" : "source");

		if (cm_str_eq(cm_json_str(entry, "state", ""), "skipped"))
			continue;
		if (same != NULL) {
			cm_json_set_str(entry, "kind", cm_json_str(same, "kind", NULL));
			cm_json_set_str(entry, "prefix", cm_json_str(same, "prefix", NULL));
			cm_json_set_str(entry, "state", cm_json_str(same, "state", NULL));
			cm_json_set_str(entry, "reason", cm_json_str(same, "reason", NULL));
		} else if (is_volume) {
			rc = volume_part(plan, i, host, err);
		} else {
			rc = bind_part(plan, i, host, err);
		}
	}
	if (rc == 0 && (plan->whole || cm_json_len(plan->changes) > 0) &&
	    part_add(plan, CM_BACKUP_ROOTFS, count, "rootfs",
		     plan->whole ? "The whole filesystem" : "Changes made inside the container", NULL) == NULL)
		rc = too_many(err);
	return rc;
}
