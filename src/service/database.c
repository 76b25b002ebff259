/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/database.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/copies.h"
#include "db/db.h"
#include "db/mend.h"
#include "service/audit.h"
#include "service/settings.h"

enum { WAIT_MS = 60 * 1000, AGAIN_MS = 500, COPY_EVERY_MS = 24 * 3600 * 1000 };

#define NOTICE "database_notice"

/* What people know the tables as; the rest is rebuilt or does not matter. */
static const struct {
	const char *table, *name;
} words[] = {
	{ "users", "users" },	  { "tokens", "API tokens" }, { "settings", "settings" },
	{ "audit", "audit log" }, { "jobs", "list of jobs" },
};

/* The lock of who runs the jobs, for as long as the fd is open: -1 when another program does. */
static int alone(const struct cm_app *app)
{
	cm_autofree char *path = cm_asprintf("%s/runner.lock", app->config_dir);
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
		close(fd);
		return -1;
	}
	return fd >= 0 ? fd : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int open_once(const struct cm_app *app, struct cm_mending *m, struct cm_err *err)
{
	cm_autoclose int lock = alone(app);

	if (lock >= 0)
		return cm_db_open_or_mend(app->db_path, m, err);
	int rc = cm_db_migrate(app->db_path, err);
	if (rc == CM_ECORRUPT)
		rc = cm_err_set(err, CM_EINUSE,
				"The database config/monkey.db is damaged, and another program works with it. End that "
				"one, then start again: the database is mended then.");
	return rc;
}

/* What could not be read to its end; "": everything could. */
static void say_read(const struct cm_mending *m, char *dst, size_t size)
{
	size_t n = 0;

	dst[0] = '\0';
	for (size_t i = 0; i < CM_COUNT(words); i++) {
		bool whole = false;
		for (size_t k = 0; k < m->report.count; k++)
			if (cm_str_eq(m->report.tables[k].name, words[i].table))
				whole = m->report.tables[k].whole;
		if (!whole && n < size)
			n += (size_t)snprintf(dst + n, size - n, "%s%s", n ? ", " : "", words[i].name);
	}
}

/* What happened and what to do; true when nothing was lost. */
static bool say(const struct cm_mending *m, char *dst, size_t size)
{
	char lost[200], copy[32], from[160];

	say_read(m, lost, sizeof(lost));
	cm_time_plain(copy, m->copy_ms);
	if (m->copy_ms != 0)
		snprintf(from, sizeof(from), "the copy of %s UTC filled the gaps", copy);
	else
		snprintf(from, sizeof(from), "there was no copy of it to fill the gaps");
	if (m->missing)
		snprintf(
		    dst, size,
		    "The database was missing and was restored from its copy of %s UTC; what changed after that is "
		    "lost. Backups are not affected.",
		    copy);
	else if (lost[0] == '\0')
		snprintf(dst, size,
			 "The database was damaged and was mended; everything in it could be read. The damaged file is "
			 "kept as config/%s. Backups are not affected. Check the disk.",
			 m->kept);
	else
		snprintf(dst, size,
			 "The database was damaged and was mended. Not everything in it could be read (%s): %s. Check "
			 "users and settings, and the disk. The damaged file is kept as config/%s. Backups are not "
			 "affected.",
			 lost, from, m->kept);
	return !m->missing && lost[0] == '\0';
}

/* In the log, in the audit log, and on the pages. */
static void tell(const struct cm_mending *m)
{
	cm_autojson struct json_object *notice = json_object_new_object(), *details = json_object_new_object();
	struct json_object *tables = json_object_new_object();
	struct cm_err err = { 0 };
	char text[800];

	bool whole = say(m, text, sizeof(text));
	cm_warn("main", "%s detail=\"%s\"", text, m->detail);
	cm_json_set(details, "rows", tables);
	for (size_t i = 0; i < m->report.count; i++)
		cm_json_set_int(tables, m->report.tables[i].name, m->report.tables[i].rows);
	if (m->kept[0] != '\0')
		cm_json_set_str(details, "file", m->kept);
	cm_json_set_str(notice, "text", text);
	int rc = cm_audit(
	    &(struct cm_audit_event){
		.operation = "database", .status = whole ? "completed" : "error", .error = text, .details = details },
	    &err);
	if (rc == 0)
		rc = cm_settings_store(NOTICE, notice, &err);
	if (rc != 0)
		cm_error("main", "the mending of the database cannot be noted: %s detail=\"%s\"", err.text, err.detail);
}

int cm_database_open(const struct cm_app *app, struct cm_err *err)
{
	int64_t begin = cm_monotonic_ms();
	struct cm_mending m = { 0 };
	bool told = false;

	cm_db_init(app->db_path);
	for (;;) {
		int rc = open_once(app, &m, err);
		if (rc == 0 && m.mended)
			tell(&m);
		if ((rc != CM_EBUSY && rc != CM_EINUSE) || cm_monotonic_ms() - begin >= WAIT_MS) {
			if (rc == CM_EBUSY)
				cm_err_set(err, rc,
					   "Another program keeps the database config/monkey.db locked. End that "
					   "program, then start again.");
			return rc;
		}
		if (!told)
			cm_warn("main", "waiting for the database: another program works with it");
		told = true;
		nanosleep(&(struct timespec){ .tv_nsec = AGAIN_MS * 1000000L }, NULL);
	}
}

/* When a user or a password was changed last. */
static int users_changed(int64_t *ret_ms, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	return rc != 0 ? rc
		       : cm_db_int(db, ret_ms, err, "SELECT coalesce(max(max(created_ms, password_ms)), 0) FROM users");
}

int cm_database_copy_due(const struct cm_app *app, int64_t now_ms, struct cm_err *err)
{
	int64_t last_ms = 0, users_ms = 0;
	char copy[PATH_MAX];
	int rc = cm_db_copy_find(app->db_path, 0, copy, &last_ms, NULL);

	if (rc == 0 && (rc = users_changed(&users_ms, err)) != 0)
		return rc;
	/* A copy of the future was made before the clock was put back. */
	if (rc == 0 && last_ms > users_ms && now_ms - last_ms < COPY_EVERY_MS && last_ms - now_ms < COPY_EVERY_MS)
		return 0;
	return cm_db_copy_make(app->db_path, err);
}

struct json_object *cm_database_notice(void)
{
	struct json_object *notice = NULL;

	if (cm_settings_load(NOTICE, &notice, NULL) != 0 || cm_json_str(notice, "text", NULL) == NULL) {
		json_object_put(notice);
		return NULL;
	}
	return notice;
}

int cm_database_notice_clear(struct cm_err *err)
{
	cm_autojson struct json_object *none = json_object_new_object();

	return cm_settings_store(NOTICE, none, err);
}
