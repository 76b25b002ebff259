/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/web.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/web_int.h"

enum { FOLDER_DEPTH = 4 };

static int add_embedded(struct cm_web *web, struct cm_err *err)
{
	for (size_t i = 0; i < web->files->template_count; i++) {
		const struct cm_embed_file *f = &web->files->templates[i];
		int rc = cm_mustache_add(web->templates, f->name, (const char *)f->data, f->len, err);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static int add_file(struct cm_web *web, const char *path, const char *name, struct cm_err *err)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(CM_MUSTACHE_MAX_TEXT);
	int rc = cm_file_read(path, &text, err);

	return rc != 0 ? rc : cm_mustache_add(web->templates, name, text.data, text.len, err);
}

/* Every *.mustache below folder; prefix is its path from the top, "" or "pages/". */
static int add_folder(struct cm_web *web, const char *folder, const char *prefix, int depth, struct cm_err *err)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int rc = 0;

	if (dir == NULL || depth > FOLDER_DEPTH) {
		if (dir != NULL)
			closedir(dir);
		return cm_err_set(err, CM_ENOTFOUND, "The folder of templates %s (CM_TEMPLATES_DIR) cannot be read.",
				  folder);
	}
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		cm_autofree char *path = cm_asprintf("%s/%s", folder, entry->d_name);
		cm_autofree char *name = cm_asprintf("%s%s", prefix, entry->d_name);
		struct stat st;

		if (entry->d_name[0] == '.' || stat(path, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			cm_autofree char *below = cm_asprintf("%s/", name);

			rc = add_folder(web, path, below, depth + 1, err);
		} else if (cm_str_has_suffix(name, ".mustache")) {
			name[strlen(name) - strlen(".mustache")] = '\0';
			rc = add_file(web, path, name, err);
		}
	}
	closedir(dir);
	return rc;
}

/* The name with hash of an asset: "app.1a2b3c4d.css" for "app" and ".css"; "" when there is none. */
static const char *asset_name(const struct cm_embedded *files, const char *stem, const char *ending)
{
	for (size_t i = 0; i < files->asset_count; i++) {
		const char *name = files->assets[i].name;
		size_t len = strlen(stem);

		if (strncmp(name, stem, len) == 0 && name[len] == '.' && cm_str_has_suffix(name, ending))
			return name;
	}
	return "";
}

static int check_templates(const struct cm_web *web, struct cm_err *err)
{
	for (size_t i = 0; i < CM_ROUTE_COUNT; i++)
		if (cm_routes[i].template != NULL && !cm_mustache_has(web->templates, cm_routes[i].template))
			return cm_err_set(err, CM_ENOTFOUND, "The template %s of the route %s is missing.",
					  cm_routes[i].template, cm_routes[i].id);
	if (!cm_mustache_has(web->templates, "pages/error"))
		return cm_err_set(err, CM_ENOTFOUND, "The template pages/error is missing.");
	return 0;
}

int cm_web_new(const struct cm_app *app, const struct cm_embedded *files, struct cm_web **ret, struct cm_err *err)
{
	const char *folder = getenv("CM_TEMPLATES_DIR");
	struct cm_web *web = cm_alloc(sizeof(*web));
	int rc;

	web->app = app;
	web->files = files;
	web->templates = cm_mustache_new();
	web->limits = cm_limits_new();
	web->app_css = asset_name(files, "app", ".css");
	web->app_js = asset_name(files, "app", ".js");
	web->console_css = asset_name(files, "console", ".css");
	web->console_js = asset_name(files, "console", ".js");
	web->xterm_js = asset_name(files, "xterm", ".js");
	web->sprite = asset_name(files, "icons", ".svg");
	web->favicon = asset_name(files, "favicon", ".svg");
	web->licences = asset_name(files, "licences", ".txt");
	if (web->limits == NULL)
		rc = cm_err_set(err, CM_ENOMEM, "There is not enough memory to start.");
	else if (folder != NULL && folder[0] != '\0')
		rc = add_folder(web, folder, "", 0, err);
	else
		rc = add_embedded(web, err);
	if (rc == 0)
		rc = cm_mustache_link(web->templates, true, err);
	if (rc == 0)
		rc = check_templates(web, err);
	if (rc != 0) {
		cm_web_free(web);
		return rc;
	}
	*ret = web;
	return 0;
}

void cm_web_free(struct cm_web *web)
{
	if (web == NULL)
		return;
	cm_mustache_free(web->templates);
	cm_limits_free(web->limits);
	free(web);
}

const struct cm_app *cm_web_app(const struct cm_web *web)
{
	return web->app;
}

size_t cm_web_body_limit(enum cm_method method, const char *path)
{
	struct cm_match m;
	size_t limit = CM_BODY_LIMIT;

	if (cm_route_match(method, path, &m, NULL) == 0 && m.route != NULL && m.route->body_limit != 0)
		limit = m.route->body_limit;
	cm_match_release(&m);
	return limit;
}

size_t cm_web_body_limit_max(void)
{
	size_t max = CM_BODY_LIMIT;

	for (size_t i = 0; i < CM_ROUTE_COUNT; i++)
		if (cm_routes[i].body_limit > max)
			max = cm_routes[i].body_limit;
	return max;
}
