/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/json.h"
#include "core/str.h"
#include "service/environment.h"

static const char *level(struct json_object *checks, const char *id)
{
	for (size_t i = 0; i < cm_json_len(checks); i++)
		if (cm_str_eq(cm_json_str(json_object_array_get_idx(checks, i), "id", ""), id))
			return cm_json_str(json_object_array_get_idx(checks, i), "level", "");
	return "not checked";
}

TEST(environment_check__says_what_is_missing)
{
	static struct cm_app app;
	char folder[] = "/tmp/cm-environment-XXXXXX";
	cm_autojson struct json_object *with = NULL, *without = NULL;

	CHECK(mkdtemp(folder) != NULL);
	cm_str_copy(app.docker_host, sizeof(app.docker_host), "unix:///nonexistent/docker.sock");
	snprintf(app.data_dir, sizeof(app.data_dir), "%s", folder);
	snprintf(app.backups_dir, sizeof(app.backups_dir), "%s/backups", folder);
	without = cm_environment_check(&app);
	CHECK_STR(level(without, "docker"), "block");
	CHECK_STR(level(without, "helper"), "not checked");
	CHECK_STR(level(without, "data"), "block");
	CHECK_INT(mkdir(app.backups_dir, 0700), 0);
	with = cm_environment_check(&app);
	CHECK_STR(level(with, "data"), "ok");
	CHECK_INT(rmdir(app.backups_dir), 0); /* the attempt to write left nothing */
	CHECK_INT(rmdir(folder), 0);
}
