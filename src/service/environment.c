/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"
#include "service/engine.h"

enum { CLOCK_MAX_MS = 5000, TEXT_MAX = 800, ASK_MS = 5000, HELPER_MS = 10000, API_MINOR = 41 };
#define SPACE_WARN (1ll << 30)
#define SPACE_BLOCK (64ll << 20)

/* The last check of the list gets "what to do". */
static void todo(struct json_object *list, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void todo(struct json_object *list, const char *fmt, ...)
{
	struct json_object *last = json_object_array_get_idx(list, cm_json_len(list) - 1);
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cm_json_set_str(last, "todo", text);
}

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
	cm_json_set(o, "todo", NULL);
	json_object_array_add(list, o);
}

/* A unix socket is looked at before the engine is asked, since what to do differs. False: no use to ask. */
static bool check_socket(const struct cm_app *app, struct json_object *list)
{
	static const char scheme[] = "unix://";
	const char *path = app->docker_host;
	struct stat st;

	if (cm_str_has_prefix(path, scheme))
		path += strlen(scheme);
	if (path[0] != '/')
		return true;
	if (stat(path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
		add(list, "socket", "block", "There is no socket of Docker", "%s", path);
		todo(list,
		     "Start Docker on this machine. In a container, mount the socket: -v /var/run/docker.sock:%s. An "
		     "engine elsewhere is named by DOCKER_HOST.",
		     path);
		return false;
	}
	if (access(path, R_OK | W_OK) != 0) {
		add(list, "socket", "block", "The socket of Docker may not be used", "%s belongs to group %lu.", path,
		    (unsigned long)st.st_gid);
		todo(list, "Run the program as root (it gives up what it does not need) or as a user of group %lu.",
		     (unsigned long)st.st_gid);
		return false;
	}
	add(list, "socket", "ok", "The socket of Docker is there and may be used", "%s", path);
	return true;
}

static void check_clock(const struct cm_app *app, struct json_object *list)
{
	cm_autojson struct json_object *info = NULL;
	struct cm_docker *d;
	int64_t before = cm_now_ms(), theirs, apart;
	char text[32];

	if (cm_engine_get(app, &d, NULL) != 0)
		return;
	cm_docker_set_timeout(d, ASK_MS);
	if (cm_docker_info(d, &info, NULL) != 0 || !cm_time_parse(cm_json_str(info, "SystemTime", ""), &theirs))
		return;
	/* The engine looked at its clock some time between the question and the answer. */
	apart = theirs < before ? before - theirs : theirs > cm_now_ms() ? theirs - cm_now_ms() : 0;
	if (apart <= CLOCK_MAX_MS) {
		add(list, "clock", "ok", "The clock agrees with the engine's", "%s", "");
		return;
	}
	cm_duration_text(text, apart / 1000);
	add(list, "clock", "warn", "The clock differs from the engine's", "By %s: times of backups may look wrong.",
	    text);
	todo(list, "Synchronise the clocks of both machines (timedatectl set-ntp true).");
}

static void check_version(const struct cm_engine_overview *engine, struct json_object *list)
{
	int major = 0, minor = 0;

	if (sscanf(engine->api, "%d.%d", &major, &minor) == 2 && (major > 1 || minor >= API_MINOR)) {
		add(list, "version", "ok", "The engine is new enough", "Version %s, API %s", engine->version,
		    engine->api);
		return;
	}
	add(list, "version", "warn", "The engine is old", "Version %s, API %s", engine->version, engine->api);
	todo(list, "Container Monkey is tested with Docker 20.10 (API 1.%d) and newer. Update the engine.", API_MINOR);
}

/* One that is started, connects, and goes. */
static int try_helper(const struct cm_app *app, const char *image, bool *ret_socket, struct cm_err *err)
{
	struct cm_helper_shared shared;
	struct cm_helper *h = NULL;
	struct cm_docker *d;
	char instance[17];
	int rc = cm_engine_shared(app, &shared, err);

	rc = rc < 0 ? rc : cm_engine_get(app, &d, err);
	if (rc < 0)
		return rc;
	cm_engine_instance(app, instance);
	cm_docker_set_timeout(d, HELPER_MS);
	rc = cm_helper_start(d,
			     &(struct cm_helper_spec){ .image_ref = image,
						       .instance = instance,
						       .privileges = CM_HELPER_NONE,
						       .socket_dir = app->tmp_dir,
						       .shared = &shared,
						       .start_ms = HELPER_MS },
			     &h, err);
	if (rc < 0)
		return rc;
	*ret_socket = cm_helper_is_socket(h);
	cm_helper_abort(h);
	return 0;
}

static void check_helper(const struct cm_app *app, struct json_object *list)
{
	cm_autofree char *image = NULL;
	struct cm_err err = { 0 };
	bool by_socket = false;
	int rc = cm_engine_helper_image(app, &image, &err);

	if (rc < 0) {
		add(list, "helper", "block", "The helper image cannot be made", "%s", err.text);
		todo(list, "Make room on the engine's disk, and see whether a filter before the socket refuses it.");
		return;
	}
	rc = try_helper(app, image, &by_socket, &err);
	if (rc < 0) {
		add(list, "helper", "block", "A helper container does not start", "%s", err.text);
		todo(
		    list,
		    "Backups and restores need it. See the engine's log, and what a filter before the socket refuses.");
		return;
	}
	add(list, "helper", "ok", "A helper container starts and connects", "%s, %s", image,
	    by_socket ? "by a socket of ours" : "through the engine");
}

static void check_engine(const struct cm_app *app, struct json_object *list)
{
	struct cm_engine_overview engine;

	if (!check_socket(app, list)) {
		add(list, "docker", "block", "Docker does not answer", "%s", "");
		todo(list, "See above.");
		return;
	}
	cm_engine_overview(app, &engine);
	if (!engine.reachable) {
		add(list, "docker", "block", "Docker does not answer", "%s", engine.error);
		todo(list, "See whether the engine runs (systemctl status docker) and look into its log.");
		return;
	}
	add(list, "docker", "ok", "Docker answers", "%s%s%s", app->docker_host, engine.name[0] ? ", " : "",
	    engine.name);
	check_version(&engine, list);
	check_helper(app, list);
	check_clock(app, list);
}

static void check_space(const struct cm_app *app, struct json_object *list)
{
	char free_text[32], size_text[32];
	struct statvfs vfs;
	int64_t left;

	if (statvfs(app->backups_dir, &vfs) != 0)
		return;
	left = (int64_t)vfs.f_bavail * (int64_t)vfs.f_frsize;
	cm_size_text(free_text, left);
	cm_size_text(size_text, (int64_t)vfs.f_blocks * (int64_t)vfs.f_frsize);
	if (left >= SPACE_WARN) {
		add(list, "space", "ok", "There is room for backups", "%s free of %s", free_text, size_text);
		return;
	}
	add(list, "space", left < SPACE_BLOCK ? "block" : "warn", "There is little room for backups", "%s free of %s",
	    free_text, size_text);
	todo(list, "Delete backups, or make room on the disk.");
}

static void check_data(const struct cm_app *app, struct json_object *list)
{
	cm_autofree char *path = cm_asprintf("%s/.write-test.%d", app->backups_dir, (int)getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), problem = errno;

	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	if (fd < 0 && problem != EEXIST) {
		add(list, "data", "block", "The data folder cannot be written", "%s: %s", app->data_dir,
		    strerror(problem));
		todo(list, "Give the folder to the user of this program (uid %lu).", (unsigned long)geteuid());
		return;
	}
	add(list, "data", "ok", "The data folder is writable", "%s", app->data_dir);
	check_space(app, list);
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
	cm_json_set(o, "href", NULL);
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
