/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"
#include "service/engine.h"

enum { CLOCK_MAX_MS = 5000, TEXT_MAX = 800 };
#define SPACE_WARN (1ll << 30)
#define SPACE_BLOCK (64ll << 20)

static void add(struct json_object *list, const char *id, const char *level, const char *text, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

static void add(struct json_object *list, const char *id, const char *level, const char *text, const char *fmt, ...)
{
	struct json_object *o = json_object_new_object();
	char detail[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	cm_json_set_str(o, "id", id);
	cm_json_set_str(o, "level", level);
	cm_json_set_str(o, "text", text);
	cm_json_set_str(o, "detail", detail[0] ? detail : NULL);
	json_object_array_add(list, o);
}

static void check_clock(const struct cm_app *app, struct json_object *list)
{
	cm_autojson struct json_object *info = NULL;
	struct cm_docker *d;
	int64_t before = cm_now_ms(), theirs, apart;
	char text[32];

	if (cm_engine_get(app, &d, NULL) != 0 || cm_docker_info(d, &info, NULL) != 0 ||
	    !cm_time_parse(cm_json_str(info, "SystemTime", ""), &theirs))
		return;
	/* The engine looked at its clock some time between the question and the answer. */
	apart = theirs < before ? before - theirs : theirs > cm_now_ms() ? theirs - cm_now_ms() : 0;
	if (apart <= CLOCK_MAX_MS) {
		add(list, "clock", "ok", "The clock agrees with the engine's", "%s", "");
		return;
	}
	cm_duration_text(text, apart / 1000);
	add(list, "clock", "warn", "The clock differs from the engine's",
	    "By %s: times of backups may look wrong. Synchronise the clocks of both machines.", text);
}

static void check_engine(const struct cm_app *app, struct json_object *list)
{
	cm_autofree char *image = NULL;
	struct cm_engine_overview engine;
	struct cm_err err = { 0 };

	cm_engine_overview(app, &engine);
	if (!engine.reachable) {
		add(list, "docker", "block", "Docker does not answer", "%s", engine.error);
		return;
	}
	add(list, "docker", "ok", "Docker answers", "%s, version %s, API %s", app->docker_host, engine.version,
	    engine.api);
	if (cm_engine_helper_image(app, &image, &err) == 0)
		add(list, "helper", "ok", "The helper image is ready", "%s", image);
	else
		add(list, "helper", "block", "The helper image cannot be made", "%s", err.text);
	check_clock(app, list);
}

static void check_data(const struct cm_app *app, struct json_object *list)
{
	cm_autofree char *path = cm_asprintf("%s/.write-test.%d", app->backups_dir, (int)getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), problem = errno;
	char free_text[32], size_text[32];
	struct statvfs vfs;
	int64_t left;

	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	if (fd < 0 && problem != EEXIST) {
		add(list, "data", "block", "The data folder cannot be written",
		    "%s: %s. Give it to the user of this program.", app->data_dir, strerror(problem));
		return;
	}
	if (statvfs(app->backups_dir, &vfs) != 0) {
		add(list, "data", "ok", "The data folder is writable", "%s", app->data_dir);
		return;
	}
	left = (int64_t)vfs.f_bavail * (int64_t)vfs.f_frsize;
	cm_size_text(free_text, left);
	cm_size_text(size_text, (int64_t)vfs.f_blocks * (int64_t)vfs.f_frsize);
	add(list, "data", "ok", "The data folder is writable", "%s, %s free of %s", app->data_dir, free_text,
	    size_text);
	if (left < SPACE_WARN)
		add(list, "space", left < SPACE_BLOCK ? "block" : "warn", "There is little room for backups",
		    "%s free. Delete backups, or make room on the disk.", free_text);
}

struct json_object *cm_environment_check(const struct cm_app *app)
{
	struct json_object *list = json_object_new_array();

	check_engine(app, list);
	check_data(app, list);
	return list;
}

static void term(struct json_object *list, const char *name, const char *text, bool is_code)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "term", name);
	cm_json_set_str(o, "text", text);
	cm_json_set_bool(o, "is_code", is_code);
	json_object_array_add(list, o);
}

struct json_object *cm_environment_about(const struct cm_app *app)
{
	struct json_object *list = json_object_new_array();
	cm_autostmt struct cm_stmt *st = NULL;
	struct cm_engine_overview engine;
	struct cm_db *db;

	term(list, "Version", CM_VERSION, false);
	term(list, "Licence", "GPL-3.0-or-later", false);
	cm_engine_overview(app, &engine);
	if (engine.reachable) {
		term(list, "Docker", engine.version, false);
		term(list, "Host", engine.os[0] ? engine.os : engine.name, false);
	}
	term(list, "Docker address", app->docker_host, true);
	if (cm_db_get(&db, NULL) == 0 && cm_db_query(db, &st, NULL, "SELECT sqlite_version()") == 0 &&
	    cm_stmt_step(st, NULL) > 0)
		term(list, "SQLite", cm_stmt_str(st, 0), false);
	term(list, "Data folder", app->data_dir, true);
	term(list, "API", "/api/openapi.json", true);
	return list;
}
