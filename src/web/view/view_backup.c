/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_backup.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/str.h"
#include "web/view.h"
#include "web/view/view_backup_int.h"

/* The predecessor's form: local time without a zone, microseconds. */
static void created_old(struct json_object *o, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char day[32];

	localtime_r(&seconds, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	cm_view_text(o, "created", "%s.%06d", day, (int)(ms % 1000) * 1000);
}

static bool is_legacy(const struct cm_catalog_row *row)
{
	return !row->has_manifest;
}

const char *cm_view_backup_word(const struct cm_catalog_row *row)
{
	const char *state = row->verify_state ? row->verify_state : "unknown";

	if (row->missing_ms != 0)
		return "missing";
	if (cm_str_eq(state, "ok"))
		return "verified";
	return cm_str_eq(state, "damaged") || cm_str_eq(state, "readable") ? state : "unverified";
}

void cm_view_backup_is(struct json_object *o, const struct cm_catalog_row *row)
{
	cm_view_is(o, cm_view_backup_word(row), "verified", "readable", "unverified", "damaged", "missing", NULL);
}

const char *cm_view_backup_state_text(const struct cm_catalog_row *row)
{
	static const char *const texts[][2] = { { "verified", "Verified" },
						{ "readable", "Readable" },
						{ "damaged", "Damaged" },
						{ "missing", "Missing" } };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (cm_str_eq(texts[i][0], cm_view_backup_word(row)))
			return texts[i][1];
	}
	return "Not verified";
}

static const char *sentence_of(const struct cm_catalog_row *row, const char *word)
{
	bool is_network = cm_str_eq(row->type, "network");

	if (cm_str_eq(word, "verified"))
		return "Every file was read back and compared with its SHA-256.";
	if (cm_str_eq(word, "readable"))
		return "The whole archive was read; it has no hashes to compare with, so a changed file would not "
		       "show.";
	if (cm_str_eq(word, "damaged"))
		return row->verify_error ? row->verify_error : "It is not what was saved.";
	if (cm_str_eq(word, "missing"))
		return "Its file is no longer in the vault, and it was not deleted here.";
	if (is_network)
		return "A network backup is a small file without hashes.";
	return is_legacy(row) ? "It holds no hashes: verifying reads the whole archive and checks its structure."
			      : "It was not read back yet.";
}

struct json_object *cm_view_backup_state(const struct cm_catalog_row *row, int64_t now_ms)
{
	struct json_object *o = json_object_new_object();
	const char *word = cm_view_backup_word(row);
	bool is_network = cm_str_eq(row->type, "network");
	int64_t ms = row->missing_ms != 0 ? row->missing_ms : row->verified_ms;
	char ago[48], at[32];

	cm_time_ago(ago, ms, now_ms);
	cm_time_rfc3339(at, ms);
	cm_json_set_str(o, "at", ms != 0 ? at : NULL);
	cm_view_backup_is(o, row);
	cm_json_set_str(o, "text", cm_view_backup_state_text(row));
	cm_json_set_str(o, "sentence", sentence_of(row, word));
	if (cm_str_eq(word, "damaged") || cm_str_eq(word, "missing"))
		cm_view_text(o, "detail", "found %s", ago);
	else if (cm_str_eq(word, "unverified"))
		cm_json_set_str(o, "detail", is_legacy(row) && !is_network ? "made by 0.4" : NULL);
	else
		cm_json_set_str(o, "detail", ago);
	return o;
}

static void urls_add(struct json_object *o, const struct cm_catalog_row *row, enum cm_role role)
{
	bool is_network = cm_str_eq(row->type, "network");

	cm_view_url(o, "url", "/backup/%s", row->file);
	cm_json_set(o, "restore_url", NULL);
	cm_json_set(o, "download_url", NULL);
	cm_json_set(o, "files_url", NULL);
	if (row->missing_ms != 0)
		return;
	if (role >= CM_ROLE_ADMIN)
		cm_view_url(o, "restore_url",
			    is_network			     ? "/network/restore?filename=%s"
			    : cm_str_eq(row->type, "volume") ? "/restore-volume/%s"
			    : cm_str_eq(row->type, "export") ? "/restore-export/%s"
							     : "/restore/%s",
			    row->file);
	if (role >= CM_ROLE_DEVELOPER)
		cm_view_url(o, "download_url", "/api/download/%s", row->file);
	if (role >= CM_ROLE_DEVELOPER && !is_legacy(row))
		cm_view_url(o, "files_url", "/backup/%s/files", row->file);
}

/* What the list and the page of one backup have in common. */
static void common_add(struct json_object *o, const struct cm_catalog_row *row, int64_t now_ms)
{
	bool is_network = cm_str_eq(row->type, "network");

	cm_json_set_str(o, "filename", row->file);
	cm_json_set_str(o, "type", row->type);
	cm_json_set_str(o, "backup_type", row->backup_type);
	cm_json_set_str(o, "storage_location", row->vault);
	cm_json_set_str(o, "server_name", row->server_name ? row->server_name : "Unknown Server");
	cm_view_size(o, "size", row->size);
	created_old(o, row->created_ms);
	cm_view_time(o, "created", row->created_ms, now_ms);
	cm_json_set_str(o, "container_name", row->container_name);
	cm_json_set_bool(o, "is_container", !is_network && !cm_str_eq(row->type, "volume"));
	cm_json_set_bool(o, "is_volume", cm_str_eq(row->type, "volume"));
	cm_json_set_bool(o, "is_export", cm_str_eq(row->type, "export"));
	cm_json_set_bool(o, "is_network", is_network);
	cm_json_set_str(o, "note", row->note);
	cm_json_set_bool(o, "is_legacy", is_legacy(row));
	cm_json_set_bool(o, "is_locked", row->locked);
	cm_view_drill_fields(o, row);
}

struct json_object *cm_view_backup_row(const struct cm_catalog_row *row, enum cm_role role, int64_t now_ms)
{
	struct json_object *o = json_object_new_object();
	bool is_network = cm_str_eq(row->type, "network");
	char text[96];

	common_add(o, row, now_ms);
	urls_add(o, row, role);
	cm_json_set_str(o, "type_text",
			is_network			 ? "Network"
			: cm_str_eq(row->type, "volume") ? "Volume"
			: cm_str_eq(row->type, "export") ? "Export"
							 : "Container");
	cm_json_set_str(o, "backup_type_text", cm_str_eq(row->backup_type, "scheduled") ? "Scheduled" : "Manual");
	cm_json_set_str(o, "storage_text", cm_str_eq(row->vault, "local") ? "Local" : "S3");
	cm_json_set(o, "state", cm_view_backup_state(row, now_ms));
	cm_view_time(o, "verified", row->verified_ms, now_ms);
	cm_json_set_str(o, "verify_state",
			row->missing_ms != 0 ? "missing"
			: row->verify_state  ? row->verify_state
					     : "unknown");
	cm_json_set_str(o, "verify_error", row->missing_ms != 0 ? NULL : row->verify_error);
	cm_json_set_str(o, "image", row->image);
	cm_json_set_str(o, "stack", row->stack);
	cm_json_set_int(o, "warning_count", row->warning_count);
	cm_count_text(text, row->warning_count, "warning", "warnings");
	cm_json_set_str(o, "warnings_text", row->warning_count > 0 ? text : NULL);
	cm_json_set_str(o, "select_value", row->file);
	cm_json_set_str(o, "name_text", row->file);
	cm_view_text(o, "set_text", row->set_id != NULL ? "of the stack backup of %s" : NULL,
		     row->stack ? row->stack : "");
	if (row->set_id != NULL)
		cm_view_url(o, "set_url", "/backup-set/%s", row->set_id);
	else
		cm_json_set(o, "set_url", NULL);
	cm_json_set_bool(o, "is_set", false);
	return o;
}

static int rank(const struct cm_catalog_row *row)
{
	static const char *const words[] = { "missing", "damaged", "unverified", "readable", "verified" };
	int i = 0;

	while (i < 4 && !cm_str_eq(words[i], cm_view_backup_word(row)))
		i++;
	return i;
}

struct json_object *cm_view_backup_set(const struct cm_catalog_list *set, enum cm_role role, int64_t now_ms)
{
	const struct cm_catalog_row *worst = &set->rows[0], *first = &set->rows[0];
	int64_t size = 0, warnings = 0, lost = first->set_count - (int64_t)set->count;
	struct json_object *o = cm_view_backup_row(first, role, now_ms), *state;
	char count[96], text[96];

	for (size_t i = 0; i < set->count; i++) {
		worst = rank(&set->rows[i]) < rank(worst) ? &set->rows[i] : worst;
		size += set->rows[i].size;
		warnings += set->rows[i].warning_count;
	}
	cm_count_text(count, (int64_t)set->count, "container", "containers");
	state = cm_view_backup_state(worst, now_ms);
	if (lost > 0) {
		cm_view_is(state, "missing", "verified", "readable", "unverified", "damaged", "missing", NULL);
		cm_json_set_str(state, "text", "Incomplete");
		cm_view_text(state, "detail", "%lld of %lld deleted", (long long)lost, (long long)first->set_count);
	}
	cm_view_text(o, "name_text", "Stack %s, %s", first->stack ? first->stack : "", count);
	cm_view_text(o, "select_value", "set:%s", first->set_id);
	cm_view_url(o, "url", "/backup-set/%s", first->set_id);
	cm_json_set_bool(o, "is_whole", lost == 0 && worst->missing_ms == 0);
	cm_json_set_bool(o, "is_set", true);
	cm_json_set_str(o, "type_text", "Stack");
	cm_json_set_str(o, "count_text", count);
	cm_json_set(o, "state", state);
	cm_json_set(o, "set_text", NULL);
	cm_json_set(o, "set_url", NULL);
	cm_json_set(o, "drill", NULL);
	cm_json_set(o, "files_url", NULL);
	cm_json_set(o, "download_url", NULL);
	cm_json_set(o, "restore_url", NULL);
	if (role >= CM_ROLE_ADMIN && cm_json_bool(o, "is_whole", false))
		cm_view_url(o, "restore_url", "/backup-set/%s", first->set_id);
	cm_view_size(o, "size", size);
	cm_count_text(text, warnings, "warning", "warnings");
	cm_json_set_str(o, "warnings_text", warnings > 0 ? text : NULL);
	return o;
}

struct json_object *cm_view_sentences(struct json_object *texts)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(texts); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(texts, i)), *colon;
		struct json_object *o = json_object_new_object();

		text = text ? text : "";
		colon = strstr(text, ": ");
		if (colon != NULL && (cm_str_has_prefix(text, "volumes/") || cm_str_has_prefix(text, "binds/") ||
				      cm_str_has_prefix(text, "rootfs/"))) {
			cm_json_set_str(o, "text", colon + 2);
			cm_view_text(o, "path", "%.*s", (int)(colon - text), text);
		} else {
			cm_json_set_str(o, "text", text);
			cm_json_set(o, "path", NULL);
		}
		json_object_array_add(list, o);
	}
	return list;
}

static void others_add(struct json_object *data, const struct cm_backup_page *p)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; p->others != NULL && p->others->count > 1 && i < p->others->count; i++) {
		const struct cm_catalog_row *row = &p->others->rows[i];
		struct json_object *o = json_object_new_object();

		cm_view_url(o, "url", "/backup/%s", row->file);
		cm_view_time(o, "created", row->created_ms, p->now_ms);
		cm_view_size(o, "size", row->size);
		cm_json_set_str(o, "state_text", cm_view_backup_state_text(row));
		cm_view_backup_is(o, row);
		cm_json_set_bool(o, "is_current", cm_str_eq(row->file, p->row->file));
		json_object_array_add(list, o);
	}
	cm_json_set(data, "others", list);
	cm_view_url(data, "others_url", "/vault?q=%s", p->row->container_name ? p->row->container_name : "");
}

/* What to do about one that is damaged or missing; nothing for the others. */
static void advice_add(struct json_object *data, const struct cm_backup_page *p)
{
	const char *word = cm_view_backup_word(p->row), *name = p->row->container_name;
	bool missing = cm_str_eq(word, "missing");
	struct json_object *o = json_object_new_object();
	const struct cm_catalog_row *good = NULL;
	char ago[48];

	cm_json_set(data, "advice", NULL);
	if (!missing && !cm_str_eq(word, "damaged")) {
		json_object_put(o);
		return;
	}
	for (size_t i = 0; p->others != NULL && i < p->others->count && good == NULL; i++) {
		const struct cm_catalog_row *row = &p->others->rows[i];

		if (row->missing_ms == 0 && !cm_str_eq(row->verify_state, "damaged") &&
		    !cm_str_eq(row->file, p->row->file))
			good = row;
	}
	if (good != NULL) {
		cm_time_ago(ago, good->created_ms, p->now_ms);
		cm_view_text(o, "text", "Restore from another: the newest good backup of %s was made %s. %s", name, ago,
			     missing ? "Put this file back into the vault and verify it, or delete it from the list."
				     : "Delete this one, or put a good copy of its file back and verify again.");
		cm_view_url(o, "url", "/backup/%s", good->file);
		cm_json_set_str(o, "url_text", "Open that one");
	} else {
		cm_view_text(o, "text", "There is no other good backup of %s: make one now. %s", name ? name : "it",
			     missing ? "Put this file back into the vault and verify it, or delete it from the list."
				     : "Put a good copy of this file back and verify again, if there is one.");
		cm_view_url(o, "url", "/containers?q=%s", name ? name : "");
		cm_json_set_str(o, "url_text", "Show the container");
	}
	cm_json_set(data, "advice", o);
}

static void container_add(struct json_object *data, const struct cm_backup_page *p)
{
	struct json_object *o = NULL;

	if (p->container_state != NULL) {
		static const char *const words[][2] = { { "running", "Running" },
							{ "paused", "Paused" },
							{ "restarting", "Restarting" } };

		o = json_object_new_object();
		cm_json_set_str(o, "name", p->row->container_name);
		cm_json_set_str(o, "state_text", "Stopped");
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			if (cm_str_eq(p->container_state, words[i][0]))
				cm_json_set_str(o, "state_text", words[i][1]);
		}
		cm_view_url(o, "url", "/containers?q=%s", p->row->container_name);
	}
	cm_json_set(data, "container", o);
}

static void job_add(struct json_object *data, const struct cm_backup_page *p)
{
	struct json_object *o = NULL;

	if (p->job_id != NULL) {
		o = json_object_new_object();
		cm_json_set_str(o, "text", p->job_text);
		cm_view_url(o, "url", "/job/%s", p->job_id);
	}
	cm_json_set(data, "job", o);
}

void cm_view_backup_frame(struct json_object *data, const struct cm_backup_page *p)
{
	const struct cm_catalog_row *row = p->row;
	bool is_network = cm_str_eq(row->type, "network");

	common_add(data, row, p->now_ms);
	urls_add(data, row, p->role);
	cm_json_set(data, "state", cm_view_backup_state(row, p->now_ms));
	cm_json_set_str(data, "legacy_text",
			is_legacy(row) && !is_network
			    ? "Made by Container Monkey 0.4. It has no hashes and no writable layer."
			    : NULL);
	cm_json_set(data, "verify_url", NULL);
	if (p->role >= CM_ROLE_DEVELOPER && !is_network && p->job_id == NULL)
		cm_view_url(data, "verify_url", "/backup/%s/verify", row->file);
	cm_json_set(data, "drill_form", cm_view_drill_form(p));
	cm_json_set_str(data, "drill_log",
			p->role >= CM_ROLE_DEVELOPER && row->drill_log && row->drill_log[0] ? row->drill_log : NULL);
	cm_json_set(data, "drill_notes", cm_view_sentences(cm_json_arr(cm_json_obj(p->companion, "drill"), "notes")));
	cm_json_set_str(data, "delete_action", p->role >= CM_ROLE_ADMIN ? "/vault/delete" : NULL);
	advice_add(data, p);
	job_add(data, p);
	container_add(data, p);
	others_add(data, p);
}
