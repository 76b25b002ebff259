/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What goes into the archive, in order: small members, the image, then everything a helper reads.
 */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/image.h"
#include "service/backup_int.h"
#include "service/helper_peer.h"

enum { KILLED = 128 + 9 }; /* exit code after SIGKILL */

bool cm_backup_cancelled(void *run)
{
	return cm_progress_cancelled(((struct cm_backup_run *)run)->progress);
}

static int member_json(struct cm_backup_run *r, const char *name, struct json_object *o, struct cm_err *err)
{
	const char *text;
	int rc;

	/* A volume alone has no container. */
	if (o == NULL)
		return 0;
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	rc = cm_archive_writer_member(r->writer, name, text, strlen(text), r->created_ms, err);
	if (rc < 0)
		cm_err_prefix(err, "Saving %s", name);
	return rc;
}

int cm_backup_write_members(struct cm_backup_run *r, struct cm_err *err)
{
	cm_autojson struct json_object *meta = cm_backup_json(r);
	int rc = member_json(r, "backup.json", meta, err);

	rc = rc < 0 ? rc : member_json(r, "container_config.json", r->plan.inspect, err);
	rc = rc < 0 ? rc : member_json(r, "networks.json", r->plan.networks, err);
	rc = rc < 0 ? rc : member_json(r, "volumes_info.json", r->plan.mounts, err);
	return rc < 0 ? rc : member_json(r, "image.json", r->plan.image, err);
}

static int image_piece(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct cm_backup_run *r = ctx;
	int rc = cm_archive_writer_stream_data(r->writer, data, len, err);

	if (rc < 0)
		return rc;
	r->image_bytes += len;
	cm_backup_show_read(r, r->image_bytes);
	CM_FAULT_POINT("backup_image_piece");
	return 0;
}

int cm_backup_write_image(struct cm_backup_run *r, struct cm_err *err)
{
	uint64_t size = 0;
	int rc;

	if (r->options.reference || r->plan.image == NULL)
		return 0;
	rc = cm_archive_writer_stream_begin(r->writer, "image.tar", r->created_ms, err);
	if (rc == 0)
		rc = cm_image_save(r->d, r->plan.image_id, image_piece, r, err);
	if (rc == 0)
		rc = cm_archive_writer_stream_end(r->writer, &size, err);
	/* The smallest image has a manifest and the two blocks at its end. */
	if (rc == 0 && size < 2048)
		rc = cm_err_set(err, CM_EUPSTREAM, "the Docker Engine sent no image.");
	if (rc < 0 && rc != CM_ECANCELLED)
		cm_err_prefix(err, "Saving the image %s", r->plan.image_ref);
	return rc;
}

static bool read_by_helper(const struct cm_backup_run *r, const struct cm_backup_part *p)
{
	return p->kind != CM_BACKUP_ROOTFS || r->plan.upper != NULL;
}

static void part_target(char dst[32], size_t i)
{
	snprintf(dst, 32, "/parts/%zu", i);
}

/* What the helper mounts: each thing once. Returns how many. */
static size_t mounts_make(struct cm_backup_run *r, struct cm_helper_mount *mounts, char (*targets)[32])
{
	size_t all = cm_json_len(r->plan.mounts), count = 0;

	for (size_t i = 0; i <= all && count < CM_BACKUP_PARTS_MAX; i++) {
		struct json_object *entry = json_object_array_get_idx(r->plan.mounts, i);
		bool is_volume = cm_str_eq(cm_json_str(entry, "type", ""), "volume"), is_layer = i == all;

		if (is_layer ? r->plan.upper == NULL || cm_json_len(r->plan.changes) == 0
			     : !cm_backup_mount_read(r->plan.mounts, i))
			continue;
		part_target(targets[count], i);
		mounts[count] = (struct cm_helper_mount){
			.source = is_layer ? r->plan.upper : cm_json_str(entry, is_volume ? "name" : "source", ""),
			.target = targets[count],
			.is_volume = is_volume,
			.read_only = true
		};
		count++;
	}
	return count;
}

static bool is_gone(struct cm_backup_run *r)
{
	cm_autojson struct json_object *now = NULL;

	return cm_container_inspect(r->d, r->plan.id, false, &now, NULL) == CM_ENOTFOUND;
}

int cm_backup_helper_start(struct cm_backup_run *r, struct cm_helper **ret, struct cm_err *err)
{
	struct cm_helper_mount *mounts = cm_alloc_array(CM_BACKUP_PARTS_MAX, sizeof(*mounts));
	char(*targets)[32] = cm_alloc_array(CM_BACKUP_PARTS_MAX, sizeof(*targets));
	size_t count = mounts_make(r, mounts, targets);
	int rc = 0;

	*ret = NULL;
	if (count > 0)
		rc = cm_helper_open(r->app, r->d, mounts, count, CM_HELPER_READ, ret, err);
	if (rc < 0 && rc != CM_ECANCELLED && is_gone(r))
		rc = cm_err_set(err, CM_ENOTFOUND, "%s was deleted before its data could be read.", r->plan.name);
	else if (rc < 0 && rc != CM_ECANCELLED)
		cm_err_prefix(err, "Mounting the data for reading");
	free(targets);
	free(mounts);
	return rc;
}

static const char *part_kind_word(enum cm_backup_part_kind kind)
{
	static const char *const words[] = { "volume", "bind", "bind_file", "rootfs" };

	return words[kind];
}

/* A single file is stored under its own name. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static struct json_object *pack_plan(const struct cm_backup_run *r)
{
	struct json_object *plan = json_object_new_object(), *parts = json_object_new_array();
	char target[32];

	cm_json_set_str(plan, "op", "pack");
	for (size_t i = 0; i < r->plan.part_count; i++) {
		const struct cm_backup_part *p = &r->plan.parts[i];
		struct json_object *o;

		if (!read_by_helper(r, p))
			continue;
		o = json_object_new_object();
		part_target(target, p->mount);
		cm_json_set_str(o, "id", p->prefix);
		cm_json_set_str(o, "kind", part_kind_word(p->kind));
		cm_json_set_str(o, "path", target);
		cm_json_set_str(o, "prefix", p->prefix);
		if (p->kind == CM_BACKUP_BIND_FILE)
			cm_json_set_str(o, "name", base_name(p->name));
		if (p->exclude != NULL)
			cm_json_set(o, "exclude", json_object_get(p->exclude));
		json_object_array_add(parts, o);
	}
	cm_json_set(plan, "parts", parts);
	return plan;
}

static void watch_progress(void *ctx, uint64_t bytes, uint64_t files)
{
	struct cm_backup_run *r = ctx;

	(void)files;
	CM_FAULT_POINT("backup_parts_piece");
	cm_backup_show_read(r, r->image_bytes + bytes);
}

static void watch_warn(void *ctx, const char *text)
{
	cm_progress_warn(((struct cm_backup_run *)ctx)->progress, text);
}

void cm_backup_watch(struct cm_backup_run *r, struct cm_archive_watch *watch)
{
	*watch = (struct cm_archive_watch){
		.ctx = r, .progress = watch_progress, .warn = watch_warn, .cancelled = cm_backup_cancelled
	};
}

/* Ends the helper and hears its last words; rc is what the work came to. */
static int helper_end(struct cm_helper *helper, int rc, struct cm_err *err)
{
	cm_autofree char *words = NULL;
	struct cm_err why = { 0 };
	int code = 0;

	/* One that still talks is hung up on; one that went away by itself has something to say. */
	if (rc < 0 && rc != CM_EUNREACHABLE) {
		cm_helper_abort(helper);
		return rc;
	}
	if (cm_helper_finish(helper, &code, &words, &why) < 0) {
		if (rc == 0 && err != NULL)
			*err = why;
		return rc < 0 ? rc : why.code;
	}
	if (rc == 0 && code == 0)
		return 0;
	if (code == KILLED)
		return cm_err_set(err, CM_EUPSTREAM,
				  "The helper container that reads the data was killed (exit code %d), most likely for "
				  "lack of memory. Free some memory on the host, then back up again.",
				  code);
	rc = cm_err_set(err, CM_EUPSTREAM,
			"The helper container that reads the data ended too early (exit code %d).%s%.300s", code,
			words && words[0] != '\0' ? " It said: " : "", words ? words : "");
	return rc;
}

/* The helper names a part by its place in the archive; people know it by another name. */
static void name_part(const struct cm_backup_run *r, struct cm_err *err)
{
	static const char *const things[] = { "The volume %s", "The folder %s", "The file %s",
					      "The files inside the container %s" };

	for (size_t i = 0; err != NULL && i < r->plan.part_count; i++) {
		const struct cm_backup_part *p = &r->plan.parts[i];
		size_t len = strlen(p->prefix);
		char thing[300];

		if (strncmp(err->text, p->prefix, len) != 0 || strncmp(err->text + len, ": ", 2) != 0)
			continue;
		memmove(err->text, err->text + len + 2, strlen(err->text + len + 2) + 1);
		snprintf(thing, sizeof(thing), things[p->kind], p->kind == CM_BACKUP_ROOTFS ? r->plan.name : p->name);
		cm_err_prefix(err, "%.200s", thing);
		return;
	}
}

/* The engine empties the folder of a container that is deleted, under whoever reads it and without a word: what was
 * read is whole only when the container is still there afterwards. */
static int layer_check(struct cm_backup_run *r, struct cm_err *err)
{
	struct json_object *inspect = NULL;
	bool read = false;
	int rc;

	for (size_t i = 0; i < r->plan.part_count; i++)
		read = read || r->plan.parts[i].kind == CM_BACKUP_ROOTFS;
	if (!read)
		return 0;
	rc = cm_container_inspect(r->d, r->plan.id, false, &inspect, err);
	json_object_put(inspect);
	if (rc == CM_ENOTFOUND)
		rc = cm_err_set(err, CM_ENOTFOUND,
				"%s was deleted while it was read: the changes inside it are not complete.",
				r->plan.name);
	return rc;
}

int cm_backup_write_parts(struct cm_backup_run *r, struct cm_err *err)
{
	struct cm_archive_watch watch;
	int rc = 0;

	cm_backup_watch(r, &watch);
	if (r->helper != NULL) {
		cm_autojson struct json_object *plan = pack_plan(r);
		struct cm_helper *helper = r->helper;
		struct cm_peer peer;

		/* Whatever becomes of it, it is ended here. */
		r->helper = NULL;
		cm_helper_peer(&peer, helper);
		if (cm_json_len(cm_json_arr(plan, "parts")) > 0)
			rc = cm_archive_writer_pack(r->writer, plan, &peer, &watch, err);
		else
			cm_helper_abort(cm_move(&helper));
		if (rc < 0)
			rc = helper_end(helper, rc, err);
		else
			r->ending = helper;
		if (rc < 0)
			name_part(r, err);
	}
	for (size_t i = 0; rc == 0 && i < r->plan.part_count; i++) {
		if (!read_by_helper(r, &r->plan.parts[i]))
			rc = cm_backup_write_layer(r, &r->plan.parts[i], err);
	}
	return rc == 0 ? layer_check(r, err) : rc;
}

int cm_backup_helper_end(struct cm_backup_run *r, struct cm_err *err)
{
	return r->ending != NULL ? helper_end(cm_move(&r->ending), 0, err) : 0;
}
