/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/audit.h"

#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"
#include "db/journal.h"

enum { TEXT_MAX = 1000, DETAILS_MAX = 64 * 1024, OPERATION_MAX = 48, PRUNE_EVERY = 500 };

const char *const cm_audit_operations[] = {
	"backup_manual",
	"backup_scheduled",
	"restore",
	"cleanup",
	"delete_backup",
	"verify",
	"drill",
	"download",
	"upload",
	"login",
	"logout",
	"password_change",
	"settings",
	"token_create",
	"token_revoke",
	"audit_clear",
	"audit_export",
	"job_cancel",
	"recovery",
	"database",
	"container_start",
	"container_stop",
	"container_kill",
	"container_restart",
	"container_pause",
	"container_resume",
	"container_delete",
	"container_exec",
	"container_redeploy",
	"container_rename",
	"container_update",
	"container_reveal",
	"container_clone",
	"container_export",
	"export_restore",
	"stack_start",
	"stack_stop",
	"stack_restart",
	"stack_delete",
	"stack_backup",
	"stack_restore",
	"stack_clone",
	"stack_compose",
	"image_delete",
	"image_pull",
	"image_load",
	"image_tag",
	"image_prune",
	"registry_login",
	"registry_logout",
	"volume_create",
	"volume_delete",
	"volume_upload",
	"volume_rename",
	"volume_mkdir",
	"volume_remove_file",
	"volume_download",
	"volume_backup",
	"volume_restore",
	"network_backup",
	"network_restore",
	"network_create",
	"network_connect",
	"network_disconnect",
	"network_delete",
	"schedule",
	"user_create",
	"user_change",
	"user_delete",
	"console",
	NULL,
};

const char *const cm_audit_statuses[] = { "started", "completed", "error", "interrupted", "cancelled", NULL };

static __thread const atomic_bool *job_ending;
static __thread struct {
	const char *user, *address;
	int64_t began_ms; /* monotonic; 0: nobody acts */
	bool told;
} act;

void cm_audit_act_begin(const char *user, const char *address)
{
	act.user = user != NULL && user[0] != '\0' ? user : NULL;
	act.address = address != NULL && address[0] != '\0' ? address : NULL;
	act.began_ms = cm_monotonic_ms();
	act.told = false;
}

void cm_audit_act_end(void)
{
	act.user = act.address = NULL;
	act.began_ms = 0;
}

const char *cm_audit_act_address(void)
{
	return act.address;
}

bool cm_audit_act_told(void)
{
	return act.told;
}

void cm_audit_act_covered(void)
{
	act.told = true;
}

void cm_audit_set_ending(const atomic_bool *ending)
{
	job_ending = ending;
}

static bool operation_valid(const char *s)
{
	size_t n = 0;

	for (; s != NULL && s[n] != '\0' && n <= OPERATION_MAX; n++)
		if (!((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= '0' && s[n] <= '9') || s[n] == '_'))
			return false;
	return n >= 1 && n <= OPERATION_MAX;
}

static bool listed(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (cm_str_eq(word, *list))
			return true;
	return false;
}

/* Cut between characters; caller frees. NULL gives NULL. */
static char *cut(const char *s)
{
	if (s == NULL)
		return NULL;
	size_t n = strlen(s);
	if (n > TEXT_MAX)
		for (n = TEXT_MAX; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80;)
			n--;
	return cm_strndup(s, n);
}

/* JSON text or NULL; caller frees. */
static char *details_text(struct json_object *details)
{
	const char *job = cm_journal_job();
	cm_autojson struct json_object *own = NULL;

	if (job != NULL && (details == NULL || cm_json_get(details, "progress_id") == NULL)) {
		own = details ? cm_json_copy(details) : json_object_new_object();
		cm_json_set_str(own, "progress_id", job);
		details = own;
	}
	if (details == NULL)
		return NULL;
	char *text = cm_json_text(details);
	if (strlen(text) <= DETAILS_MAX)
		return text;
	free(text);
	return NULL;
}

static int prune(struct cm_db *db, int64_t newest_id, struct cm_err *err)
{
	if (newest_id % PRUNE_EVERY != 0)
		return 0;
	return cm_db_exec(db, err, "DELETE FROM audit WHERE id <= ?", cm_v_int(newest_id - CM_AUDIT_KEEP));
}

/* Whoever acts in this thread, as far as the line does not say otherwise. */
static void by_whom(const struct cm_audit_event *e, const char **user, const char **address)
{
	*user = e->user != NULL || e->by_program ? e->user : act.user;
	*address = e->address;
	if (e->address == NULL && !e->by_program && cm_str_eq(*user, act.user))
		*address = act.address;
}

static struct cm_value duration(const struct cm_audit_event *e, const char *status)
{
	int64_t ms = cm_json_int(e->details, "duration_ms", -1);

	if (ms < 0 && act.began_ms != 0 && !e->by_program && !cm_str_eq(status, "started"))
		ms = cm_monotonic_ms() - act.began_ms;
	return ms < 0 ? cm_v_null() : cm_v_int(ms);
}

static int insert(struct cm_db *db, const struct cm_audit_event *e, const char *status, struct cm_err *err)
{
	const char *whose, *from;

	by_whom(e, &whose, &from);
	cm_autofree char *container_id = cut(e->container_id), *container_name = cut(e->container_name);
	cm_autofree char *filename = cut(e->backup_filename), *error = cut(e->error);
	cm_autofree char *user = cut(whose), *address = cut(from);
	cm_autofree char *details = details_text(e->details);
	int rc = cm_db_exec(db, err,
			    "INSERT INTO audit (at_ms, operation, status, container_id, container_name,"
			    " backup_filename, error, user, address, details, duration_ms)"
			    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			    cm_v_int(cm_now_ms()), cm_v_text(e->operation), cm_v_text(status), cm_v_text(container_id),
			    cm_v_text(container_name), cm_v_text(filename), cm_v_text(error), cm_v_text(user),
			    cm_v_text(address), cm_v_text(details), duration(e, status));
	return rc != 0 ? rc : prune(db, cm_db_last_id(db), err);
}

int cm_audit(const struct cm_audit_event *event, struct cm_err *err)
{
	struct cm_db *db;
	const char *status = event->status;

	if (!operation_valid(event->operation) || !listed(status, cm_audit_statuses))
		return cm_err_set(err, CM_EINVAL, "The audit log does not know that operation or status.");
	if (job_ending != NULL && atomic_load(job_ending) && cm_str_eq(status, "cancelled"))
		status = "interrupted";
	int rc = cm_db_get(&db, err);
	if (rc != 0 || (rc = cm_db_begin(db, err)) != 0)
		return rc;
	rc = cm_db_end(db, insert(db, event, status, err), err);
	if (rc == 0)
		act.told = true;
	return rc;
}

int cm_audit_clear(int64_t *ret_deleted, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_exec(db, err, "DELETE FROM audit");
	if (rc == 0 && ret_deleted != NULL)
		*ret_deleted = cm_db_changes(db);
	return rc;
}

/* {"word": count, …} of one column. */
static int count_by(struct cm_db *db, const char *sql, struct json_object **ret, struct cm_err *err)
{
	cm_autostmt struct cm_stmt *st = NULL;
	cm_autojson struct json_object *counts = json_object_new_object();
	int rc = cm_db_query(db, &st, err, sql);

	while (rc == 0 && (rc = cm_stmt_step(st, err)) > 0) {
		cm_json_set_int(counts, cm_stmt_str(st, 0), cm_stmt_int(st, 1));
		rc = 0;
	}
	if (rc == 0)
		*ret = cm_move(&counts);
	return rc;
}

static int statistics(struct cm_db *db, struct json_object *o, struct cm_err *err)
{
	static const char since[] = "SELECT count(*) FROM audit WHERE at_ms >= ?";
	struct json_object *counts;
	int64_t now = cm_now_ms(), n;
	int rc =
	    count_by(db, "SELECT operation, count(*) FROM audit GROUP BY operation ORDER BY operation", &counts, err);

	if (rc != 0)
		return rc;
	cm_json_set(o, "by_operation", counts);
	rc = count_by(db, "SELECT status, count(*) FROM audit GROUP BY status ORDER BY status", &counts, err);
	if (rc != 0)
		return rc;
	cm_json_set(o, "by_status", counts);
	if ((rc = cm_db_int(db, &n, err, since, cm_v_int(now - 86400 * INT64_C(1000)))) != 0)
		return rc;
	cm_json_set_int(o, "last_24h", n);
	if ((rc = cm_db_int(db, &n, err, since, cm_v_int(now - INT64_C(7) * 86400 * 1000))) != 0)
		return rc;
	cm_json_set_int(o, "last_7d", n);
	if ((rc = cm_db_int(db, &n, err, "SELECT count(*) FROM audit")) != 0)
		return rc;
	cm_json_set_int(o, "total_logs", n);
	return 0;
}

int cm_audit_statistics(struct json_object **ret, struct cm_err *err)
{
	struct cm_db *db;
	cm_autojson struct json_object *o = json_object_new_object();
	int rc = cm_db_get(&db, err);

	if (rc != 0 || (rc = cm_db_begin_read(db, err)) != 0)
		return rc;
	rc = cm_db_end(db, statistics(db, o, err), err);
	if (rc == 0)
		*ret = cm_move(&o);
	return rc;
}

int cm_audit_parse_date(const char *text, bool end, int64_t *ret_ms, struct cm_err *err)
{
	int64_t ms = 0;

	if (text == NULL || *text == '\0') {
		*ret_ms = 0;
		return 0;
	}
	if (strlen(text) == strlen("2026-11-22")) {
		cm_autofree char *midnight = cm_asprintf("%sT00:00:00Z", text);
		if (cm_time_parse(midnight, &ms)) {
			*ret_ms = ms + (end ? 86400 * INT64_C(1000) : 0);
			return 0;
		}
	} else if (cm_time_parse(text, &ms)) {
		*ret_ms = ms;
		return 0;
	}
	return cm_err_set(err, CM_EINVAL, "Dates are written like 2026-11-22 or 2026-11-22T18:45:00Z.");
}
