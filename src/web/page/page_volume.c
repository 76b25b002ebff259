/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One volume: what it is, and for administrators the folders in it.
 */
#include "web/page/page_volume.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/volume_files.h"
#include "service/volume_sizes.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_volume.h"

static const char *const columns[] = { "name", "-size", "-time", NULL };

enum { ROWS = 200 };

struct cm_volume_actor cm_volume_actor_of(const struct cm_request *rq)
{
	return (struct cm_volume_actor){ .user = rq->user, .address = rq->client };
}

char *cm_volume_folder_url(const char *volume, const char *path)
{
	const char *slash = strrchr(path, '/');
	cm_autofree char *folder = cm_strndup(path, slash > path ? (size_t)(slash - path) : 0);

	return folder[0] != '\0' ? cm_url_make("/volume/%s?path=%s", volume, folder)
				 : cm_url_make("/volume/%s", volume);
}

void cm_volume_head(struct json_object *data, const char *volume, const char *path)
{
	cm_autofree char *folder = cm_volume_folder_url(volume, path);

	cm_json_set_str(data, "volume", volume);
	cm_view_url(data, "volume_url", "/volume/%s", volume);
	cm_json_set_str(data, "folder_url", folder);
}

static void summary_add(struct json_object *data, struct json_object *listing)
{
	int64_t total = cm_json_int(listing, "total", 0), folders = cm_json_int(listing, "folders", 0);
	char one[96], two[96];

	cm_count_text(one, folders, "folder", "folders");
	cm_count_text(two, total - folders, "file", "files");
	cm_view_text(data, "summary_text", cm_json_bool(listing, "more", false) ? "more than %s, %s" : "%s, %s", one,
		     two);
}

static int listing_make(struct cm_request *rq, const struct cm_list *list, struct json_object **ret, struct cm_err *err)
{
	struct cm_volume_query q = { .q = list->q,
				     .descending = list->sort[0] == '-',
				     .sort = list->sort + (list->sort[0] == '-'),
				     .offset = list->offset,
				     .limit = list->limit };
	struct cm_volume_files *f = NULL;
	int rc = cm_volume_files_open(rq->app, rq->params[0], false, &f, err);

	if (rc < 0)
		return rc;
	rc = cm_volume_files_list(f, cm_form_str(rq->get, "path", "/"), &q, ret, err);
	cm_volume_files_close(f);
	return rc;
}

static void listing_add(struct cm_request *rq, struct json_object *data, const struct cm_list *list,
			struct json_object *listing)
{
	struct json_object *entries = cm_json_arr(listing, "entries"), *rows = json_object_new_array();
	const char *path = cm_json_str(listing, "path", "/"), *volume = rq->params[0];
	int64_t now_ms = cm_now_ms();

	for (size_t i = 0; i < cm_json_len(entries); i++)
		json_object_array_add(rows,
				      cm_view_volume_entry(volume, json_object_array_get_idx(entries, i), now_ms));
	cm_json_set_str(data, "path", path);
	cm_json_set(data, "breadcrumb", cm_view_volume_path(volume, path, false));
	cm_json_set(data, "up_url", NULL);
	if (path[1] != '\0')
		cm_json_set(data, "up_url", json_object_get(cm_json_get(data, "folder_url")));
	cm_view_url(data, "tar_url", "/volume/%s/download?path=%s", volume, path);
	cm_view_list(data, rq, list, columns, (int64_t)cm_json_len(rows), cm_json_int(listing, "total", 0));
	cm_view_keep(data, rq, "path");
	cm_view_url(data, "clear_url", "/volume/%s?path=%s", volume, path);
	summary_add(data, listing);
	cm_json_set_bool(data, "is_no_match", cm_json_len(rows) == 0 && list->q[0] != '\0');
	cm_json_set_bool(data, "is_empty", cm_json_len(rows) == 0 && list->q[0] == '\0');
	cm_json_set(data, "files", rows);
}

static void details_add(struct cm_request *rq, struct json_object *data, struct json_object *volume)
{
	struct cm_volume_sizes sizes;
	const char *name = cm_json_str(volume, "Name", "");

	cm_volume_sizes_get(rq->app, &sizes);
	cm_json_set(data, "about", cm_view_volume(volume, cm_volume_sizes_of(&sizes, name), rq->role, cm_now_ms()));
	cm_view_time(data, "sizes", sizes.at_ms, cm_now_ms());
	cm_volume_sizes_release(&sizes);
}

int cm_page_volume(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *volume = NULL, *listing = NULL;
	const char *path = cm_form_str(rq->get, "path", "/");
	struct cm_err why = { 0 };
	struct json_object *data;
	struct cm_list list;
	bool can_look;
	int rc = cm_list_parse(rq, columns, ROWS, CM_VOLUME_FILES_PAGE, &list, err);

	rc = rc < 0 ? rc : cm_volumes_look(rq->app, rq->params[0], &volume, err);
	if (rc < 0)
		return rc;
	can_look = rq->role >= CM_ROLE_ADMIN && cm_volumes_may_change(volume, NULL) == 0 && !rq->is_api;
	rc = can_look ? listing_make(rq, &list, &listing, &why) : 0;
	if (rc == CM_ENOTFOUND || rc == CM_EINVAL)
		return cm_err_set(err, rc, "%s", why.text);
	data = cm_view_data(rp);
	cm_view_title(rp, "Volume %.100s", rq->params[0]);
	cm_volume_head(data, rq->params[0], listing ? cm_json_str(listing, "path", "/") : path);
	details_add(rq, data, volume);
	cm_json_set_bool(data, "can_look", listing != NULL);
	cm_json_set(data, "backup_url", NULL);
	if (rq->role >= CM_ROLE_DEVELOPER && cm_volumes_may_change(volume, NULL) == 0)
		cm_view_url(data, "backup_url", "/volume/%s/backup", rq->params[0]);
	cm_view_url(data, "vault_url", "/vault?type=volume&q=%s", rq->params[0]);
	cm_view_url(data, "change_url", "/volume/%s", rq->params[0]);
	cm_json_set_bool(data, "is_top", cm_str_eq(listing ? cm_json_str(listing, "path", "/") : "/", "/"));
	cm_json_set_bool(data, "is_denied", rq->role < CM_ROLE_ADMIN);
	cm_json_set_str(data, "files_error", rc < 0 ? why.text : NULL);
	if (listing != NULL)
		listing_add(rq, data, &list, listing);
	return 0;
}

int cm_page_volume_explore(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *listing = NULL;
	struct json_object *data, *entries, *old;
	struct cm_list list;
	int rc = cm_list_parse(rq, columns, CM_VOLUME_FILES_PAGE, CM_VOLUME_FILES_PAGE, &list, err);

	rc = rc < 0 ? rc : listing_make(rq, &list, &listing, err);
	if (rc < 0)
		return rc;
	data = cm_view_data(rp);
	entries = cm_json_arr(listing, "entries");
	old = json_object_new_array();
	for (size_t i = 0; i < cm_json_len(entries); i++)
		json_object_array_add(old, cm_view_volume_entry_old(json_object_array_get_idx(entries, i)));
	cm_json_set_str(data, "volume", rq->params[0]);
	cm_json_set_str(data, "path", cm_json_str(listing, "path", "/"));
	cm_json_set(data, "files", old);
	cm_json_set(data, "entries", json_object_get(entries));
	cm_json_set_int(data, "total", cm_json_int(listing, "total", 0));
	cm_json_set_int(data, "folders", cm_json_int(listing, "folders", 0));
	cm_json_set_bool(data, "more", cm_json_bool(listing, "more", false));
	return 0;
}
