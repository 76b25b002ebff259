/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking into a backup: folders, one file as a page, one file as bytes.
 */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "service/audit.h"
#include "service/browse.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_backup.h"

enum { ROWS = 500, SHOWN_MAX = 256 * 1024 };

/* Which backup this is, as every page in it says at its top. */
static int head_add(struct cm_request *rq, struct json_object *data, struct cm_err *err)
{
	struct cm_catalog_row row;
	int rc = cm_catalog_get(NULL, rq->params[0], &row, err);

	if (rc < 0)
		return rc;
	cm_json_set_str(data, "filename", row.file);
	cm_json_set_str(data, "container_name", row.container_name);
	cm_view_url(data, "backup_url", "/backup/%s", row.file);
	cm_view_time(data, "created", row.created_ms, cm_now_ms());
	cm_catalog_row_release(&row);
	return 0;
}

/* The folder above; NULL at the top. */
static void up_add(struct json_object *data, const char *filename, const char *path)
{
	const char *slash = strrchr(path, '/');
	cm_autofree char *up = NULL;

	cm_json_set(data, "up_url", NULL);
	if (slash == NULL || slash[1] == '\0')
		return;
	up = cm_strndup(path, slash == path ? 1 : (size_t)(slash - path));
	cm_view_url(data, "up_url", "/backup/%s/files?path=%s", filename, up);
}

static void summary_add(struct json_object *data, struct json_object *entries, int64_t truncated)
{
	long long folders = 0, count = (long long)cm_json_len(entries), all = count + truncated;
	char one[96], two[96];

	for (long long i = 0; i < count; i++)
		folders +=
		    cm_str_eq(cm_json_str(json_object_array_get_idx(entries, (size_t)i), "type", ""), "directory");
	cm_count_text(one, folders, "folder", "folders");
	cm_count_text(two, count - folders, "file", "files");
	if (truncated > 0)
		cm_view_text(data, "summary_text", "The first %lld of %lld entries", count, all);
	else
		cm_view_text(data, "summary_text", "%s, %s", one, two);
}

int cm_page_backup_files(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *path = cm_form_str(rq->get, "path", "/"), *file = rq->params[0];
	cm_autojson struct json_object *listing = NULL;
	struct json_object *data, *entries, *rows = json_object_new_array();
	bool may_read = rq->role >= CM_ROLE_DEVELOPER;
	struct cm_list list;
	int64_t total;
	int rc = cm_list_parse(rq, NULL, rq->is_api ? CM_BROWSE_MAX : ROWS, CM_BROWSE_MAX, &list, err);

	rc = rc < 0 ? rc : cm_browse_list(rq->app, file, path, &listing, err);
	if (rc < 0) {
		json_object_put(rows);
		return rc;
	}
	data = cm_view_data(rp);
	rc = head_add(rq, data, err);
	entries = cm_json_arr(listing, "entries");
	total = (int64_t)cm_json_len(entries);
	path = cm_json_str(listing, "path", "/");
	for (int64_t i = list.offset; i < total && i < list.offset + list.limit; i++)
		json_object_array_add(rows, cm_view_backup_entry(file, json_object_array_get_idx(entries, (size_t)i),
								 may_read, cm_now_ms()));
	cm_view_list(data, rq, &list, NULL, (int64_t)cm_json_len(rows), total);
	cm_json_set_str(data, "path", path);
	cm_json_set(data, "breadcrumb", cm_view_backup_breadcrumb(file, path, false));
	up_add(data, file, path);
	summary_add(data, entries, cm_json_int(listing, "truncated", 0));
	cm_json_set_int(data, "truncated", cm_json_int(listing, "truncated", 0));
	cm_json_set_bool(data, "is_empty", total == 0);
	cm_json_set_bool(data, "can_read", may_read);
	if (rq->is_api)
		cm_json_set(data, "entries", json_object_get(rows));
	cm_json_set(data, "files", rows);
	return rc;
}

/* Text that may be shown: UTF-8 without NUL; what was cut may end inside a character. */
static bool is_text(struct cm_buf *content, bool cut)
{
	size_t len = content->len;

	if (memchr(content->data, '\0', len) != NULL)
		return false;
	for (int i = 0; i < 4 && cut && len > 0 && !cm_utf8_valid(content->data, len); i++)
		len--;
	if (!cm_utf8_valid(content->data, len))
		return false;
	content->len = len;
	content->data[len] = '\0';
	return true;
}

static int content_add(struct cm_browse_file *f, struct json_object *data, struct cm_err *err)
{
	cm_autobuf struct cm_buf content = CM_BUF_INIT(SHOWN_MAX + 16);
	bool cut = cm_browse_size(f) > SHOWN_MAX, text;
	char size[32];
	int rc = cm_browse_read(f, SHOWN_MAX, &content, err);

	if (rc < 0)
		return rc;
	text = is_text(&content, cut);
	cm_size_text(size, (int64_t)cm_browse_size(f));
	cm_json_set_bool(data, "is_text", text);
	cm_json_set_str(data, "reason",
			text ? NULL : "This file is not text. Download it to look at it with the right program.");
	cm_json_set_bool(data, "is_cut", text && cut);
	cm_view_text(data, "cut_text", text && cut ? "The first 256 KB of %s are shown." : NULL, size);
	cm_json_set_str(data, "content", text ? content.data : NULL);
	return 0;
}

static int page_show(struct cm_request *rq, struct cm_reply *rp, struct cm_browse_file *f, struct cm_err *err)
{
	struct json_object *data = cm_view_data(rp), *info = cm_browse_info(f);
	const char *path = cm_json_str(info, "path", "/"), *slash = strrchr(path, '/');
	cm_autojson struct json_object *entry = cm_view_backup_entry(rq->params[0], info, true, cm_now_ms());
	cm_autofree char *folder = cm_strndup(path, slash > path ? (size_t)(slash - path) : 1);
	static const char *const same[] = { "name",	      "path",	    "size",	   "size_text",
					    "permissions",    "owner_text", "modified_at", "modified_text",
					    "modified_title", "sha256",	    "download_url" };
	int rc = head_add(rq, data, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < CM_COUNT(same); i++)
		cm_json_set(data, same[i], json_object_get(cm_json_get(entry, same[i])));
	cm_view_title(rp, "%s", cm_json_str(info, "name", "File"));
	cm_json_set(data, "breadcrumb", cm_view_backup_breadcrumb(rq->params[0], path, true));
	cm_view_url(data, "folder_url", "/backup/%s/files?path=%s", rq->params[0], folder);
	return content_add(f, data, err);
}

static int produce(void *arg, int fd, const atomic_bool *stop)
{
	struct cm_err err = { 0 };
	int rc = cm_browse_send(arg, fd, stop, &err);

	/* The client sees a broken download; why stands in the log. Who went away is no news. */
	if (rc < 0 && rc != CM_ECANCELLED && rc != CM_EIO)
		cm_error("backup", "code=%s sending a file out of a backup: %s", cm_err_word(rc), err.text);
	return rc;
}

static void release(void *arg)
{
	cm_browse_close(arg);
}

static void send_bytes(struct cm_request *rq, struct cm_reply *rp, struct cm_browse_file *f)
{
	struct cm_audit_event event = { .operation = "download",
					.status = "completed",
					.backup_filename = rq->params[0],
					.user = rq->user,
					.address = rq->client };
	struct json_object *details = json_object_new_object();

	cm_json_set_str(details, "path", cm_json_str(cm_browse_info(f), "path", ""));
	event.details = details;
	if (rq->method == CM_GET)
		(void)cm_audit(&event, NULL);
	json_object_put(details);
	/* Never anything a browser would run: what is in a backup is foreign. */
	cm_reply_attachment(rp, cm_json_str(cm_browse_info(f), "name", "file"));
	cm_reply_stream(rp, "application/octet-stream", (int64_t)cm_browse_size(f), produce, release, f);
}

int cm_page_backup_file(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *path = cm_form_str(rq->get, "path", "");
	struct cm_browse_file *f;
	int rc;

	if (path[0] == '\0')
		return cm_err_set(err, CM_EINVAL, "File path required");
	rc = cm_browse_open(rq->app, rq->params[0], path, &f, err);
	if (rc < 0)
		return rc;
	if (rq->is_api || cm_form_bool(rq->get, "download", false)) {
		send_bytes(rq, rp, f);
		return 0;
	}
	rc = page_show(rq, rp, f, err);
	cm_browse_close(f);
	return rc;
}
