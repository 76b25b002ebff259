/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The writable layer where no folder of it can be mounted (storage drivers other than overlay2): the paths of /changes,
 * each fetched as a tar from the engine; of an export the whole filesystem, likewise. That tar comes by a callback
 * while the archive writer asks for bytes, so a thread with an engine handle of its own carries it through a pipe.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "service/backup_int.h"

enum { CHANGED = 0, ADDED = 1, DELETED = 2, TAR_END = 1024 };

struct pump {
	struct cm_backup_run *run;
	size_t zeros; /* at the end of what came so far, at most TAR_END */
	const char *container;
	const char *path; /* NULL: the whole filesystem */
	int fds[2];
	int rc;
	struct cm_err err;
};

static int pump_sink(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	const unsigned char *bytes = data;
	struct pump *p = ctx;
	size_t n = 0;

	while (n < len && n < TAR_END && bytes[len - 1 - n] == 0)
		n++;
	p->zeros = n < len ? n : p->zeros + n;
	if (cm_fd_write_all(p->fds[1], data, len) < 0)
		return cm_err_errno(err, errno, "passing the writable layer on");
	return 0;
}

static void *pump_run(void *arg)
{
	struct pump *p = arg;
	struct cm_docker *d;

	p->rc = cm_engine_get(p->run->app, &d, &p->err);
	if (p->rc == 0)
		cm_docker_set_cancel(d, cm_backup_cancelled, p->run);
	if (p->rc == 0 && p->path == NULL)
		p->rc = cm_container_export(d, p->container, pump_sink, p, &p->err);
	else if (p->rc == 0)
		p->rc = cm_container_archive_get(d, p->container, p->path, pump_sink, p, &p->err);
	/* An engine that fails in the middle just ends its answer. */
	if (p->rc == 0 && p->zeros < TAR_END)
		p->rc = cm_err_set(&p->err, CM_EUPSTREAM, "The Docker Engine's answer ended too early.");
	close(p->fds[1]);
	return NULL;
}

static int pump_read(void *ctx, void *data, size_t len, size_t *ret_len, struct cm_err *err)
{
	struct pump *p = ctx;
	ssize_t n;

	do
		n = read(p->fds[0], data, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return cm_err_errno(err, errno, "reading the writable layer");
	*ret_len = (size_t)n;
	return 0;
}

/* What the engine sends, put below dir of the part. */
static int tar_save(struct cm_backup_run *r, const char *path, const char *dir, struct cm_err *err)
{
	struct pump p = { .run = r, .container = r->plan.id, .path = path };
	struct cm_archive_watch watch;
	pthread_t thread;
	int rc;

	if (pipe2(p.fds, O_CLOEXEC) < 0)
		return cm_err_errno(err, errno, "reading the writable layer");
	if (pthread_create(&thread, NULL, pump_run, &p) != 0) {
		close(p.fds[0]);
		close(p.fds[1]);
		return cm_err_set(err, CM_ENOMEM, "No thread could be started to read the writable layer.");
	}
	cm_backup_watch(r, &watch);
	if (path != NULL)
		watch.progress = NULL;
	rc = cm_archive_writer_part_tar(r->writer, dir, pump_read, &p, &watch, err);
	close(p.fds[0]);
	pthread_join(thread, NULL);
	/* The engine's own failure explains a tar that ends too early; a closed pipe explains nothing. */
	if (p.rc < 0 && p.rc != CM_EIO) {
		rc = p.rc;
		if (err != NULL)
			*err = p.err;
	}
	return rc;
}

/* One path with all below it, put where it belongs in the part. */
static int path_save(struct cm_backup_run *r, const char *path, struct cm_err *err)
{
	const char *slash = strrchr(path, '/');
	cm_autofree char *dir = cm_strndup(path + 1, slash > path ? (size_t)(slash - path) - 1 : 0);
	int rc = tar_save(r, path, dir, err);

	if (rc < 0 && rc != CM_ECANCELLED)
		cm_err_prefix(err, "Saving %s of the writable layer", path);
	return rc;
}

static bool is_below(const char *path, const char *folder)
{
	const char *rest;

	return cm_backup_path_in(folder, path, &rest) && rest[0] != '\0';
}

/* Is something mounted at this path, or below it? The engine's tar would hold the mounted content. */
static bool holds_mount(const struct cm_backup_run *r, const char *path)
{
	struct json_object *mounts = cm_json_arr(r->plan.inspect, "Mounts");
	const char *rest;

	for (size_t i = 0; i < cm_json_len(mounts); i++) {
		const char *at = cm_json_str(json_object_array_get_idx(mounts, i), "Destination", "");

		if (cm_backup_path_in(path, at, &rest))
			return true;
	}
	return false;
}

static int is_folder(struct cm_backup_run *r, const char *path, bool *ret, struct cm_err *err)
{
	cm_autojson struct json_object *stat = NULL;
	int rc = cm_container_archive_stat(r->d, r->plan.id, path, &stat, err);

	*ret = rc == 0 && ((uint32_t)cm_json_int(stat, "mode", 0) & (1U << 31)) != 0;
	return rc;
}

/* What to do with change i; *ret_fetch: get it with all below it. A changed folder is not fetched: that would bring
 * everything in it, also what is in the image. */
static int change_decide(struct cm_backup_run *r, size_t i, bool *ret_fetch, struct cm_err *err)
{
	struct json_object *list = r->plan.changes, *c = json_object_array_get_idx(list, i);
	const char *path = cm_json_str(c, "Path", ""), *next = "";
	bool folder = false;
	int rc;

	*ret_fetch = false;
	if (cm_json_int(c, "Kind", DELETED) == DELETED || path[0] != '/' || path[1] == '\0' || holds_mount(r, path))
		return 0;
	if (cm_json_int(c, "Kind", DELETED) == ADDED) {
		*ret_fetch = true;
		return 0;
	}
	if (i + 1 < cm_json_len(list))
		next = cm_json_str(json_object_array_get_idx(list, i + 1), "Path", "");
	if (is_below(next, path))
		return 0;
	rc = is_folder(r, path, &folder, err);
	if (rc == CM_ENOTFOUND)
		return 0;
	*ret_fetch = rc == 0 && !folder;
	return rc;
}

/* By path, everything below a folder right after it: '/' comes before all other characters. */
static int by_path(const void *a, const void *b)
{
	const char *x = cm_json_str(*(struct json_object *const *)a, "Path", "");
	const char *y = cm_json_str(*(struct json_object *const *)b, "Path", "");

	for (; *x != '\0' && *x == *y; x++, y++)
		;
	if (*x == *y)
		return 0;
	if (*x == '\0' || (*x == '/' && *y != '\0'))
		return -1;
	return *y == '\0' || *y == '/' ? 1 : (unsigned char)*x - (unsigned char)*y;
}

/* The same list that a helper makes of whiteouts. */
static int deleted_save(struct cm_backup_run *r, struct cm_err *err)
{
	cm_autojson struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();
	cm_autofree char *text = NULL;

	cm_json_set(o, "deleted", list);
	cm_json_set(o, "opaque", json_object_new_array());
	for (size_t i = 0; i < cm_json_len(r->plan.changes); i++) {
		struct json_object *c = json_object_array_get_idx(r->plan.changes, i);
		const char *path = cm_json_str(c, "Path", "");

		if (cm_json_int(c, "Kind", DELETED) == DELETED && path[0] == '/' && path[1] != '\0')
			cm_json_add_str(list, path + 1);
	}
	if (cm_json_len(list) == 0)
		return 0;
	text = cm_json_text(o);
	return cm_archive_writer_part_deleted(r->writer, text, strlen(text), err);
}

static int whole_save(struct cm_backup_run *r, struct cm_err *err)
{
	int rc = tar_save(r, NULL, "", err);

	if (rc < 0 && rc != CM_ECANCELLED)
		return cm_err_prefix(err, "Exporting the filesystem of %s", r->plan.name);
	return rc < 0 ? rc : cm_archive_writer_part_end(r->writer, err);
}

int cm_backup_write_layer(struct cm_backup_run *r, const struct cm_backup_part *part, struct cm_err *err)
{
	const char *covered = NULL;
	int rc = cm_archive_writer_part_begin(r->writer, part->prefix, "rootfs", part->prefix, err);

	if (r->plan.whole)
		return rc < 0 ? rc : whole_save(r, err);
	json_object_array_sort(r->plan.changes, by_path);
	cm_backup_plan_warn(&r->plan, "The writable layer was read through the Docker Engine, which does not pass on "
				      "extended attributes, ACLs and fractions of seconds.");
	for (size_t i = 0; rc == 0 && i < cm_json_len(r->plan.changes); i++) {
		const char *path = cm_json_str(json_object_array_get_idx(r->plan.changes, i), "Path", "");
		bool fetch = false;

		if (cm_backup_cancelled(r))
			rc = cm_err_set(err, CM_ECANCELLED, "The backup was cancelled.");
		else if (covered == NULL || !is_below(path, covered))
			rc = change_decide(r, i, &fetch, err);
		if (rc < 0 || !fetch)
			continue;
		rc = path_save(r, path, err);
		covered = path;
	}
	rc = rc < 0 ? rc : deleted_save(r, err);
	return rc < 0 ? rc : cm_archive_writer_part_end(r->writer, err);
}
