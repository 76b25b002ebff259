/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_audit.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

struct word {
	const char *word, *text;
};

static const struct word operations[] = {
	{ "backup_manual", "Backup, by hand" },
	{ "backup_scheduled", "Backup, scheduled" },
	{ "restore", "Restore" },
	{ "cleanup", "Clean-up" },
	{ "delete_backup", "Backup deleted" },
	{ "verify", "Verification" },
	{ "drill", "Drill" },
	{ "download", "Download" },
	{ "upload", "Upload" },
	{ "login", "Login" },
	{ "logout", "Logout" },
	{ "password_change", "Account changed" },
	{ "settings", "Settings changed" },
	{ "token_create", "API token made" },
	{ "token_revoke", "API token revoked" },
	{ "audit_clear", "Audit log cleared" },
	{ "audit_export", "Audit log exported" },
	{ "job_cancel", "Job cancelled" },
	{ "recovery", "Recovery" },
	{ "database", "Database mended" },
	{ "container_start", "Container started" },
	{ "container_stop", "Container stopped" },
	{ "container_kill", "Container killed" },
	{ "container_restart", "Container restarted" },
	{ "container_pause", "Container paused" },
	{ "container_resume", "Container resumed" },
	{ "container_delete", "Container deleted" },
	{ "container_exec", "Command in a container" },
	{ "container_redeploy", "Container redeployed" },
	{ "container_rename", "Container renamed" },
	{ "container_update", "Limits changed" },
	{ "container_reveal", "Secrets of a container shown" },
	{ "container_clone", "Container cloned" },
	{ "container_export", "Container exported" },
	{ "export_restore", "Export restored" },
	{ "stack_start", "Stack started" },
	{ "stack_stop", "Stack stopped" },
	{ "stack_restart", "Stack restarted" },
	{ "stack_delete", "Stack deleted" },
	{ "stack_backup", "Backup of a stack" },
	{ "stack_restore", "Stack restored" },
	{ "stack_clone", "Stack cloned" },
	{ "stack_compose", "Compose file with values downloaded" },
	{ "image_delete", "Image deleted" },
	{ "image_pull", "Image pulled" },
	{ "image_load", "Image loaded" },
	{ "image_tag", "Image named" },
	{ "image_prune", "Images cleaned up" },
	{ "registry_login", "Registry login stored" },
	{ "registry_logout", "Registry login removed" },
	{ "volume_create", "Volume created" },
	{ "volume_delete", "Volume deleted" },
	{ "volume_upload", "File put into a volume" },
	{ "volume_rename", "File of a volume renamed" },
	{ "volume_mkdir", "Folder made in a volume" },
	{ "volume_remove_file", "File of a volume deleted" },
	{ "volume_download", "File of a volume downloaded" },
	{ "volume_backup", "Backup of a volume" },
	{ "volume_restore", "Volume restored" },
	{ "network_backup", "Network backup" },
	{ "network_restore", "Network restored" },
	{ "network_create", "Network created" },
	{ "network_connect", "Container connected" },
	{ "network_disconnect", "Container disconnected" },
	{ "network_delete", "Network deleted" },
	{ "schedule", "Schedule changed" },
	{ "user_create", "User made" },
	{ "user_change", "User changed" },
	{ "user_delete", "User deleted" },
	{ "console", "Console" },
};

static const struct word statuses[] = { { "started", "Started" },
					{ "completed", "Completed" },
					{ "error", "Failed" },
					{ "interrupted", "Interrupted" },
					{ "cancelled", "Cancelled" } };

static const char *text_of(const struct word *list, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (cm_str_eq(list[i].word, word))
			return list[i].text;
	return word;
}

bool cm_audit_operation_known(const char *operation)
{
	return text_of(operations, CM_COUNT(operations), operation) != operation;
}

const char *cm_audit_operation_text(const char *operation)
{
	static __thread char words[64];

	if (operation == NULL || cm_audit_operation_known(operation))
		return text_of(operations, CM_COUNT(operations), operation);
	cm_str_copy(words, sizeof(words), operation);
	for (char *p = words; *p != '\0'; p++)
		if (*p == '_')
			*p = ' ';
	if (words[0] >= 'a' && words[0] <= 'z')
		words[0] = (char)(words[0] - 'a' + 'A');
	return words;
}

const char *cm_audit_status_text(const char *status)
{
	return text_of(statuses, CM_COUNT(statuses), status);
}

/* The thing it is about: the backup when there is one, else the container. */
static void add_object(struct json_object *o, const struct cm_audit_row *row, bool exists)
{
	const char *text = row->backup_filename ? row->backup_filename : row->container_name;

	cm_json_set_str(o, "object_text", text);
	cm_json_set(o, "object_url", NULL);
	if (row->backup_filename != NULL && exists)
		cm_view_url(o, "object_url", "/backup/%s", row->backup_filename);
	else if (row->backup_filename == NULL && row->container_name != NULL)
		cm_view_url(o, "object_url", "/containers?q=%s", row->container_name);
}

/* Caller puts. Never NULL. */
static struct json_object *details_of(const struct cm_audit_row *row)
{
	struct json_object *details = NULL;

	if (row->details != NULL)
		cm_json_parse(row->details, strlen(row->details), &details, NULL);
	if (!json_object_is_type(details, json_type_object)) {
		json_object_put(details);
		details = json_object_new_object();
	}
	return details;
}

static void add_details(struct json_object *o, const struct cm_audit_row *row)
{
	struct json_object *details = details_of(row);
	const char *job;
	int64_t ms = row->duration_ms, warnings;
	char text[96];

	job = cm_json_str(details, "progress_id", cm_json_str(details, "job_id", NULL));
	cm_json_set(o, "job_url", NULL);
	if (job != NULL)
		cm_view_url(o, "job_url", "/job/%s", job);
	if (ms >= 0 && ms < 10000)
		cm_view_text(o, "duration_text", "%.1f s", (double)ms / 1000);
	else if (ms >= 0)
		cm_duration_text(text, ms / 1000), cm_json_set_str(o, "duration_text", text);
	else
		cm_json_set(o, "duration_text", NULL);
	warnings =
	    cm_json_get(details, "warnings") && json_object_is_type(cm_json_get(details, "warnings"), json_type_array)
		? (int64_t)cm_json_len(cm_json_get(details, "warnings"))
		: cm_json_int(details, "warnings", 0);
	cm_count_text(text, warnings, "warning", "warnings");
	/* A volume is named in the details. */
	if (cm_json_get(o, "object_text") == NULL && cm_json_str(details, "volume", NULL) != NULL) {
		cm_json_set_str(o, "object_text", cm_json_str(details, "volume", NULL));
		cm_view_url(o, "object_url", "/volumes?q=%s", cm_json_str(details, "volume", ""));
	}
	cm_json_set_str(o, "details_text", row->error ? row->error : warnings > 0 ? text : NULL);
	cm_json_set(o, "details", details);
}

static void add_fields(struct json_object *o, const struct cm_audit_row *row)
{
	char plain[32], at[32];

	cm_time_plain(plain, row->at_ms);
	cm_time_rfc3339(at, row->at_ms);
	cm_json_set_int(o, "id", row->id);
	cm_json_set_str(o, "operation_type", row->operation);
	/* The predecessor's has 12 digits. */
	cm_view_text(o, "container_id", row->container_id ? "%.12s" : NULL, row->container_id);
	cm_json_set_str(o, "container_full_id", row->container_id);
	cm_json_set_str(o, "container_name", row->container_name);
	cm_json_set_str(o, "backup_filename", row->backup_filename);
	cm_json_set_str(o, "status", row->status);
	cm_json_set_str(o, "error_message", row->error);
	cm_json_set_str(o, "user", row->user);
	cm_json_set_str(o, "address", row->address);
	cm_json_set(o, "duration_ms", row->duration_ms >= 0 ? json_object_new_int64(row->duration_ms) : NULL);
	cm_json_set_str(o, "timestamp", plain);
	cm_json_set_str(o, "timestamp_at", at);
}

struct json_object *cm_view_audit_export(const struct cm_audit_row *row)
{
	struct json_object *o = json_object_new_object();

	add_fields(o, row);
	cm_json_set(o, "details", details_of(row));
	return o;
}

struct json_object *cm_view_audit_row(const struct cm_audit_row *row, bool exists, int64_t now_ms)
{
	struct json_object *o = json_object_new_object();

	add_fields(o, row);
	cm_view_time(o, "time", row->at_ms, now_ms);
	cm_json_set_str(o, "operation_text", cm_audit_operation_text(row->operation));
	cm_json_set_str(o, "status_text", cm_audit_status_text(row->status));
	cm_view_is(o, row->status, "started", "completed", "error", "interrupted", "cancelled", NULL);
	cm_json_set_str(o, "user_text", row->user ? row->user : "the program");
	cm_json_set_str(o, "address_text", row->address);
	add_object(o, row, exists);
	add_details(o, row);
	return o;
}
