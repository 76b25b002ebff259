/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changing what is in a volume: put files, make a folder, rename, delete.
 */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/browse.h"
#include "service/volume_files.h"
#include "web/bulk.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_volume.h"
#include "web/reply.h"
#include "web/upload.h"
#include "web/view.h"
#include "web/view/view_confirm.h"
#include "web/view/view_volume.h"

enum { PATH_TEXT = 256 * 1024, NAME_MAX_BYTES = 255 };

/* A name as people type it, below a folder's path. Errors: CM_EINVAL (no name of one file). */
static int path_join(const char *folder, const char *name, char **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(PATH_TEXT);
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_BYTES || strchr(name, '/') != NULL || cm_str_eq(name, ".") ||
	    cm_str_eq(name, ".."))
		return cm_err_set(err, CM_EINVAL, "Give it a name of 1 to %d bytes, without a slash.", NAME_MAX_BYTES);
	cm_buf_str(&b, folder);
	while (b.len > 0 && b.data[b.len - 1] == '/')
		b.data[--b.len] = '\0';
	cm_browse_path_text(&b, name, len);
	if (cm_buf_failed(&b))
		return cm_err_set(err, CM_EINVAL, "The path is too long.");
	*ret = cm_buf_detach(&b);
	return 0;
}

static char *folder_page(const struct cm_request *rq, const char *folder)
{
	return folder[0] == '\0' || cm_str_eq(folder, "/") ? cm_url_make("/volume/%s", rq->params[0])
							   : cm_url_make("/volume/%s?path=%s", rq->params[0], folder);
}

static void audit(const struct cm_request *rq, const char *operation, const char *path, const char *to,
		  const struct cm_err *why)
{
	const struct cm_volume_actor actor = cm_volume_actor_of(rq);
	struct json_object *details = json_object_new_object();

	cm_json_set_str(details, "path", path);
	if (to != NULL)
		cm_json_set_str(details, "to", to);
	cm_volumes_audit(operation, rq->params[0], &actor, why, details);
	json_object_put(details);
}

/* The end of a change: what went wrong is said on the page of the folder. */
static int finish(struct cm_request *rq, struct cm_reply *rp, int rc, const char *folder, struct json_object *answer,
		  const char *text, struct cm_err *why, struct cm_err *err)
{
	cm_autofree char *back = folder_page(rq, folder);

	if (rc == 0) {
		cm_reply_done(rq, rp, back, answer, "%s", text);
		return 0;
	}
	json_object_put(answer);
	if (rq->is_api || rc == CM_ENOTFOUND)
		return cm_err_set(err, rc, "%s", why->text);
	cm_reply_flash(rq, rp, "error", "%s", why->text);
	cm_reply_redirect(rp, back);
	return 0;
}

/* ---- Files that come ---- */

/* Browsers send a plain name, some programs a path of theirs. */
static const char *base_name(const char *filename)
{
	const char *slash = strrchr(filename, '/'), *back = strrchr(filename, '\\');

	if (back != NULL && (slash == NULL || back > slash))
		slash = back;
	return slash != NULL ? slash + 1 : filename;
}

static int upload_one(struct cm_request *rq, struct cm_volume_files *f, const struct cm_upload *u, const char *folder,
		      bool replace, struct json_object *results, struct cm_err *err)
{
	struct json_object *o = json_object_new_object();
	const char *name = base_name(u->filename);
	cm_autofree char *path = NULL;
	struct cm_err why = { 0 };
	int rc = path_join(folder, name, &path, &why);

	rc = rc < 0 ? rc : cm_volume_files_put(f, path, replace, rq->body_fd, u->off, u->len, &why);
	if (rc < 0)
		cm_err_prefix(&why, "%.200s", name);
	audit(rq, "volume_upload", path ? path : name, NULL, rc < 0 ? &why : NULL);
	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "path", path);
	cm_json_set_int(o, "size", u->len);
	cm_json_set_bool(o, "success", rc == 0);
	cm_json_set_str(o, "error", rc < 0 ? why.text : NULL);
	cm_json_set_str(o, "code", rc < 0 ? cm_err_word(rc) : NULL);
	json_object_array_add(results, o);
	if (rc < 0)
		*err = why;
	return rc;
}

int cm_page_volume_upload(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *folder = cm_form_str(rq->post, "path", cm_form_str(rq->get, "path", "/"));
	bool replace = cm_form_bool(rq->post, "replace", cm_form_bool(rq->get, "replace", false));
	struct json_object *answer, *results;
	struct cm_volume_files *f = NULL;
	struct cm_err why = { 0 };
	size_t count = 0, failed = 0;
	char text[128], files[96];
	int rc = 0, last = 0;

	if (cm_upload_first(rq) == NULL)
		rc = cm_err_set(&why, CM_EINVAL, "Choose a file.");
	rc = rc < 0 ? rc : cm_volume_files_open(rq->app, rq->params[0], true, &f, &why);
	if (rc < 0)
		return finish(rq, rp, rc, folder, NULL, NULL, &why, err);
	answer = json_object_new_object();
	results = json_object_new_array();
	cm_json_set(answer, "files", results);
	for (size_t i = 0; i < rq->file_count; i++) {
		const struct cm_upload *u = &rq->files[i];
		struct cm_err one = { 0 };

		if (u->len == 0 && u->filename[0] == '\0')
			continue;
		count++;
		rc = upload_one(rq, f, u, folder, replace, results, &one);
		if (rc == 0)
			continue;
		failed++;
		last = rc;
		why = one;
		if (count <= CM_BULK_ERRORS_SHOWN && rq->file_count > 1)
			cm_reply_flash(rq, rp, "error", "%s", one.text);
	}
	cm_volume_files_close(f);
	cm_count_text(files, (int64_t)(count - failed), "file", "files");
	snprintf(text, sizeof(text), failed > 0 ? "%s uploaded, %zu failed" : "%s uploaded", files, failed);
	return finish(rq, rp, failed == count ? last : 0, folder, answer, text, &why, err);
}

/* ---- Folders and names ---- */

int cm_page_volume_mkdir(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *folder = cm_form_str(rq->post, "path", "/"), *name = cm_form_str(rq->post, "name", "");
	struct json_object *answer = NULL;
	struct cm_volume_files *f = NULL;
	cm_autofree char *path = NULL;
	struct cm_err why = { 0 };
	int rc = path_join(folder, name, &path, &why);

	rc = rc < 0 ? rc : cm_volume_files_open(rq->app, rq->params[0], true, &f, &why);
	if (rc == 0) {
		rc = cm_volume_files_mkdir(f, path, &why);
		audit(rq, "volume_mkdir", path, NULL, rc < 0 ? &why : NULL);
		answer = json_object_new_object();
		cm_json_set_str(answer, "path", path);
	}
	cm_volume_files_close(f);
	return finish(rq, rp, rc, folder, answer, "Folder made", &why, err);
}

static void rename_view(struct cm_request *rq, struct cm_reply *rp, const char *path, const char *name)
{
	struct json_object *data = cm_view_data(rp);

	cm_volume_head(data, rq->params[0], path);
	cm_json_set_str(data, "path", path);
	cm_json_set_str(data, "name", name);
	cm_view_url(data, "action", "/volume/%s/rename", rq->params[0]);
	cm_json_set(data, "breadcrumb", cm_view_volume_path(rq->params[0], path, false));
}

int cm_page_volume_rename_show(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *path = cm_form_str(rq->get, "path", "");
	cm_autojson struct json_object *info = NULL;
	struct cm_volume_files *f = NULL;
	int rc;

	if (path[strspn(path, "/")] == '\0')
		return cm_err_set(err, CM_EINVAL, "Say which file: path is missing.");
	rc = cm_volume_files_open(rq->app, rq->params[0], false, &f, err);
	rc = rc < 0 ? rc : cm_volume_files_stat(f, path, &info, err);
	cm_volume_files_close(f);
	if (rc < 0)
		return rc;
	cm_view_title(rp, "Rename %.100s", cm_json_str(info, "name", ""));
	rename_view(rq, rp, cm_json_str(info, "path", ""), cm_json_str(info, "name", ""));
	return 0;
}

/* The folder that path is in, "" for the top. Caller frees. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return cm_strndup(path, slash != NULL ? (size_t)(slash - path) : 0);
}

int cm_page_volume_rename(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *path = cm_form_str(rq->post, "path", ""), *name = cm_form_str(rq->post, "name", "");
	const char *given = cm_form_str(rq->post, "to", "");
	cm_autofree char *folder = folder_of(path), *to = NULL;
	struct json_object *answer = NULL;
	struct cm_volume_files *f = NULL;
	int rc = 0;

	if (path[strspn(path, "/")] == '\0')
		return cm_err_set(err, CM_EINVAL, "Say which file: path is missing.");
	if (!rq->is_api)
		rename_view(rq, rp, path, name);
	if (given[0] != '\0')
		to = cm_strdup(given);
	else
		rc = path_join(folder, name, &to, err);
	rc = rc < 0 ? rc : cm_volume_files_open(rq->app, rq->params[0], true, &f, err);
	if (rc < 0)
		return rc;
	rc = cm_volume_files_rename(f, path, to, err);
	cm_volume_files_close(f);
	audit(rq, "volume_rename", path, to, rc < 0 ? err : NULL);
	if (rc < 0)
		return rc;
	answer = json_object_new_object();
	cm_json_set_str(answer, "path", to);
	return finish(rq, rp, 0, folder, answer, "Renamed", NULL, err);
}

/* ---- Deleting ---- */

static int remove_one(struct cm_request *rq, const char *id, void *ctx, char **ret_name, struct cm_err *err)
{
	int rc = cm_volume_files_remove(ctx, id, err);

	(void)ret_name;
	audit(rq, "volume_remove_file", id, NULL, rc < 0 ? err : NULL);
	return rc;
}

static void confirm_one(struct cm_reply *rp, struct cm_volume_files *f, const char *path)
{
	cm_autojson struct json_object *info = NULL;
	struct cm_err why = { 0 };
	char size[32];

	if (cm_volume_files_stat(f, path, &info, &why) < 0) {
		cm_view_confirm_kept(rp, path, "is gone already");
		return;
	}
	cm_size_text(size, cm_json_int(info, "size", 0));
	if (cm_str_eq(cm_json_str(info, "type", ""), "directory"))
		cm_view_confirm_item(rp, path, path, "folder, with all that is in it", NULL);
	else
		cm_view_confirm_item(rp, path, path, cm_json_bool(info, "has_bytes", false) ? size : "", NULL);
}

static int remove_confirm(struct cm_request *rq, struct cm_reply *rp, const char *back, struct cm_err *err)
{
	cm_autofree char *action = cm_url_make("/volume/%s/remove", rq->params[0]), *title = NULL, *button = NULL;
	struct cm_volume_files *f = NULL;
	const char *path;
	size_t pos = 0, count = 0;
	char text[96];
	int rc = cm_volume_files_open(rq->app, rq->params[0], false, &f, err);

	if (rc < 0)
		return rc;
	while (cm_form_each(rq->post, "paths", &pos) != NULL)
		count++;
	cm_count_text(text, (int64_t)count, "entry", "entries");
	title = cm_asprintf("Delete %s?", text);
	button = cm_asprintf("Delete %s", text);
	const struct cm_confirm c = { .title = title,
				      .lead = "What is deleted in a volume cannot be brought back without a backup.",
				      .button = button,
				      .action = action,
				      .field = "paths",
				      .back = back,
				      .back_text = "Keep",
				      .parent = back,
				      .parent_text = rq->params[0] };
	cm_view_confirm(rp, &c);
	pos = 0;
	while ((path = cm_form_each(rq->post, "paths", &pos)) != NULL)
		confirm_one(rp, f, path);
	cm_volume_files_close(f);
	return 0;
}

int cm_page_volume_remove(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	size_t pos = 0;
	const char *first = cm_form_each(rq->post, "paths", &pos);
	cm_autofree char *folder = folder_of(first ? first : ""), *back = folder_page(rq, folder);
	struct cm_volume_files *f = NULL;
	struct cm_bulk removing = {
		.field = "paths", .one = "entry", .many = "entries", .done = "deleted", .back = back, .act = remove_one
	};
	int rc = 0;

	if (first != NULL && !rq->is_api && !cm_form_bool(rq->post, "confirm", false))
		return remove_confirm(rq, rp, back, err);
	if (first != NULL)
		rc = cm_volume_files_open(rq->app, rq->params[0], true, &f, err);
	if (rc < 0)
		return rc;
	removing.ctx = f;
	rc = cm_bulk_run(rq, rp, &removing, NULL, err);
	cm_volume_files_close(f);
	return rc;
}
