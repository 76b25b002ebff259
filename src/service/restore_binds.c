/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bind mounts: folders and files of the engine's host. Written only where nothing is, or when asked for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/volume.h"
#include "service/engine.h"
#include "service/restore_helper.h"
#include "service/restore_run.h"

/* Only the engine can make a folder on its host: it does when a container with such a bind is created and started. Our
 * own helper image serves; it has nothing to do and ends at once. */
static int folder_make(struct cm_restore_run *r, const char *path, struct cm_err *err)
{
	cm_autojson struct json_object *body = json_object_new_object();
	struct json_object *host = json_object_new_object(), *binds = json_object_new_array();
	struct json_object *labels = json_object_new_object(), *cmd = json_object_new_array();
	cm_autofree char *image = NULL, *id = NULL, *bind = cm_asprintf("%s:/t", path);
	struct cm_container_wait *wait = NULL;
	char instance[17];
	int code, rc = cm_engine_helper_image(r->app, &image, err);

	cm_engine_instance(r->app, instance);
	cm_json_set_str(body, "Image", image);
	cm_json_add_str(cmd, "version");
	cm_json_set(body, "Cmd", cmd);
	cm_json_set_str(labels, CM_HELPER_LABEL, "1");
	cm_json_set_str(labels, CM_HELPER_LABEL_INSTANCE, instance);
	cm_json_set(body, "Labels", labels);
	cm_json_add_str(binds, bind);
	cm_json_set(host, "Binds", binds);
	cm_json_set_str(host, "NetworkMode", "none");
	cm_json_set(body, "HostConfig", host);
	rc = rc ? rc : cm_container_create(cm_restore_docker(r), NULL, body, &id, NULL, err);
	if (rc != 0)
		return rc;
	rc = cm_container_wait_start(r->d, id, "next-exit", &wait, err);
	rc = rc ? rc : cm_container_start(r->d, id, err);
	if (rc == 0)
		rc = cm_container_wait_finish(wait, 30000, &code, err);
	cm_container_wait_free(wait);
	cm_container_remove(r->d, id, true, false, NULL);
	return rc;
}

static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL || slash == path ? cm_strdup("/") : cm_strndup(path, (size_t)(slash - path));
}

/* What is there is copied into a volume of ours first; the undo copies it back. */
static int save_aside(struct cm_restore_run *r, const struct cm_restore_bind *b, size_t number, struct cm_err *err)
{
	cm_autofree char *aside = cm_asprintf("cm-restore-%s-bind%zu", r->tag, number);
	cm_autojson struct json_object *body = json_object_new_object();
	struct cm_archive_watch watch = cm_restore_watch(r);
	struct cm_shift *s = cm_restore_shift(r);
	struct json_object *note = json_object_new_object(), *labels = json_object_new_object();
	int rc = cm_restore_note_name(r, "scratch", aside, err);

	watch.progress = NULL;
	cm_json_set_str(body, "Name", aside);
	cm_json_set_str(labels, CM_RESTORE_LABEL, r->tag);
	cm_json_set(body, "Labels", labels);
	cm_json_set_str(note, "path", b->source);
	cm_json_set_str(note, "how", "copy");
	cm_json_set_str(note, "old", aside);
	cm_json_set_str(note, "stage", "saving");
	cm_json_set_bool(note, "missing", b->state == CM_PATH_MISSING);
	if (rc != 0) {
		json_object_put(note);
		return rc;
	}
	rc = cm_restore_note_volume(r, note, err);
	rc = rc ? rc : cm_volume_create(cm_restore_docker(r), body, NULL, err);
	if (rc == 0 && b->state != CM_PATH_MISSING) {
		/* It is written next. */
		cm_shift_expect(s, b->source, true);
		rc = cm_restore_volume_copy(s, b->source, aside, &watch, err);
	}
	if (rc != 0)
		return rc;
	cm_json_set_str(note, "stage", "writing");
	rc = cm_restore_save(r, err);
	CM_FAULT_POINT("restore_bind_aside");
	return rc;
}

static int bind_folder(struct cm_restore_run *r, const struct cm_restore_bind *b, size_t number, struct cm_err *err)
{
	int rc = save_aside(r, b, number, err);

	if (rc == 0 && b->state == CM_PATH_MISSING)
		rc = folder_make(r, b->source, err);
	else if (rc == 0 && b->state == CM_PATH_PRESENT)
		rc = cm_restore_volume_empty(cm_restore_shift(r), b->source, err);
	return rc ? rc : cm_restore_fill(r, b->entry, b->source, false, err);
}

/* Only one that is missing is made; an existing file is never touched, since there would be no way back. */
static int bind_file(struct cm_restore_run *r, const struct cm_restore_bind *b, struct cm_err *err)
{
	cm_autofree char *folder = parent_of(b->source);
	struct cm_shift *s = cm_restore_shift(r);
	enum cm_path_state state;
	int rc;

	cm_shift_expect(s, folder, true);
	rc = cm_restore_path_state(s, folder, &state, err);
	if (rc == 0 && state == CM_PATH_MISSING)
		rc = folder_make(r, folder, err);
	return rc ? rc : cm_restore_fill(r, b->entry, folder, true, err);
}

static int by_length(const void *a, const void *b)
{
	size_t x = strlen(((const struct cm_restore_bind *)a)->source);
	size_t y = strlen(((const struct cm_restore_bind *)b)->source);

	return (x > y) - (x < y);
}

/* A folder before those in it: it must be empty when it is filled. */
int cm_restore_binds(struct cm_restore_run *r, struct cm_err *err)
{
	if (r->plan->bind_count > 1)
		qsort(r->plan->binds, r->plan->bind_count, sizeof(r->plan->binds[0]), by_length);
	for (size_t i = 0; i < r->plan->bind_count; i++) {
		const struct cm_restore_bind *b = &r->plan->binds[i];
		int rc = cm_restore_check(r, err);

		if (rc == 0 && b->write) {
			cm_restore_step(r, "Restoring %s", b->source);
			rc = b->is_file ? bind_file(r, b, err) : bind_folder(r, b, i, err);
			/* The next one may lie in it, and was made again with it. */
			rc = rc ? rc : cm_shift_end(cm_restore_shift(r), err);
		}
		if (rc != 0)
			return rc == CM_ECANCELLED ? rc : cm_err_prefix(err, "%s could not be restored", b->source);
	}
	return 0;
}
