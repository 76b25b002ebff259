/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_job_about.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

/* Words of params as people read them. Options that are not in the table are not shown. */
static const struct {
	const char *key, *value, *term, *text;
} words[] = {
	{ "consistency", "live", "Consistency", "Live" },
	{ "consistency", "pause", "Consistency", "Paused while it is read" },
	{ "consistency", "stop", "Consistency", "Stopped while it is read" },
	{ "image", "embed", "Image", "Inside the backup" },
	{ "image", "reference", "Image", "Only noted" },
	{ "compression", "gzip", "Compression", "gzip" },
	{ "compression", "zstd", "Compression", "Zstandard" },
	{ "volumes", "keep", "Volumes", "Kept as they are" },
	{ "volumes", "replace", "Volumes", "Replaced by the backup's" },
	{ "volumes", "new", "Volumes", "New ones" },
	{ "volumes", "none", "Volumes", "None" },
};

static void add_facts(struct json_object *o, const struct cm_job *job)
{
	struct json_object *facts = json_object_new_array();
	const char *text;

	for (size_t i = 0; i < CM_COUNT(words); i++)
		if (cm_str_eq(cm_json_str(job->params, words[i].key, NULL), words[i].value))
			cm_view_term(facts, words[i].term, words[i].text, false);
	text = cm_json_str(job->params, "new_name", "");
	if (text[0] != '\0')
		cm_view_term(facts, "New name", text, false);
	text = cm_json_str(job->params, "note", "");
	if (text[0] != '\0')
		cm_view_term(facts, "Note", text, false);
	cm_json_set(o, "facts", facts);
}

/* The file a job works on or made. */
static const char *file_of(const struct cm_job *job)
{
	const char *file = cm_json_str(job->result, "filename", NULL);

	if (file == NULL)
		file = cm_json_str(job->params, "filename", NULL);
	return file != NULL ? file : cm_json_str(job->params, "file", NULL);
}

static void add_object(struct json_object *o, const struct cm_job *job)
{
	struct json_object *object = json_object_new_object();
	const char *file = file_of(job);

	if (job->subject == NULL) {
		json_object_put(object);
		cm_json_set(o, "object", NULL);
		return;
	}
	cm_json_set_str(object, "text", job->subject);
	if (cm_str_eq(job->subject, file))
		cm_view_url(object, "url", "/backup/%s", file);
	else if (cm_str_eq(job->kind, "image_pull"))
		cm_view_url(object, "url", "/image/%s", job->subject);
	else if (cm_str_eq(job->kind, "verify_batch"))
		cm_json_set_str(object, "url", "/vault");
	else if (cm_str_has_prefix(job->kind, "stack_"))
		cm_view_url(object, "url", "/stack/%s", job->subject);
	else
		cm_view_url(object, "url", "/containers?q=%s", job->subject);
	cm_json_set(o, "object", object);
}

static void add_links(struct json_object *o, const struct cm_job *job, const struct cm_view_who *who)
{
	struct json_object *links = json_object_new_array();
	const char *file = file_of(job), *container = cm_json_str(job->result, "container_name", NULL);

	if (job->state == CM_JOB_COMPLETE && container != NULL)
		cm_view_link(links, "Show the container", cm_url_make("/containers?q=%s", container), true);
	if (job->state == CM_JOB_COMPLETE && file != NULL && container == NULL)
		cm_view_link(links, "Open the backup", cm_url_make("/backup/%s", file), true);
	if (job->state == CM_JOB_COMPLETE && cm_str_eq(job->kind, "backup") && file != NULL &&
	    who->role >= CM_ROLE_ADMIN)
		cm_view_link(links, "Restore it", cm_url_make("/restore/%s", file), false);
	if (job->state == CM_JOB_COMPLETE && cm_str_eq(job->kind, "export") && file != NULL &&
	    who->role >= CM_ROLE_ADMIN)
		cm_view_link(links, "Restore it", cm_url_make("/restore-export/%s", file), false);
	if (job->state == CM_JOB_COMPLETE && cm_str_eq(job->kind, "clone")) {
		const char *name = cm_json_str(job->result, "newName", "");
		bool stack = cm_json_get(job->params, "stack") != NULL;

		cm_view_link(links, stack ? "Open the clone" : "Show the clone",
			     cm_url_make(stack ? "/stack/%s" : "/containers?q=%s", name), true);
	}
	if (job->state == CM_JOB_COMPLETE && cm_json_get(job->result, "set_id") != NULL)
		cm_view_link(links, "Open the stack backup",
			     cm_url_make("/backup-set/%s", cm_json_str(job->result, "set_id", "")), true);
	if (job->state == CM_JOB_COMPLETE && cm_str_eq(job->kind, "image_pull"))
		cm_view_link(links, "Show the image", cm_url_make("/image/%s", job->subject), true);
	cm_json_set(o, "links", links);
}

static void backup_result(struct json_object *o, const struct cm_job *job)
{
	char size[32];

	cm_size_text(size, cm_json_int(job->result, "size", -1));
	if (job->state == CM_JOB_COMPLETE)
		cm_view_text(o, "result_text", "The backup is in the vault, read back and verified: %s.", size);
	else if (job->state == CM_JOB_CANCELLED)
		cm_view_text(o, "result_text", "Cancelled. Nothing of it was kept, and %s is as it was.",
			     job->subject ? job->subject : "the container");
	else if (job->state == CM_JOB_ERROR)
		cm_json_set_str(o, "error_help",
				"Nothing of this backup was kept. Mend the cause, then back up again.");
}

static void restore_result(struct json_object *o, const struct cm_job *job)
{
	if (job->state == CM_JOB_COMPLETE)
		cm_json_set_str(o, "result_text", cm_json_str(job->result, "message", "Restored."));
	else if (job->state == CM_JOB_CANCELLED)
		cm_json_set_str(o, "result_text", "Cancelled. Everything is as it was before.");
	else if (job->state == CM_JOB_ERROR)
		cm_json_set_str(o, "error_help",
				"What was there before was put back, unless the sentence above says otherwise.");
}

static void export_result(struct json_object *o, const struct cm_job *job)
{
	char size[32];

	backup_result(o, job);
	if (job->state == CM_JOB_ERROR)
		cm_json_set_str(o, "error_help", "Nothing of this export was kept. Mend the cause, then export again.");
	if (job->state != CM_JOB_COMPLETE)
		return;
	cm_size_text(size, cm_json_int(job->result, "size", -1));
	cm_view_text(o, "result_text", "The export is in the vault, read back and verified: %s.", size);
}

static void stack_backup_result(struct json_object *o, const struct cm_job *job)
{
	char size[32], count[96];

	if (job->state != CM_JOB_COMPLETE) {
		backup_result(o, job);
		return;
	}
	cm_size_text(size, cm_json_int(job->result, "size", -1));
	cm_count_text(count, (int64_t)cm_json_len(cm_json_arr(job->result, "containers")), "container", "containers");
	cm_view_text(
	    o, "result_text",
	    "The backups of %s are in the vault, read back and verified: %s. They stood still together for %.1f s.",
	    count, size, (double)cm_json_int(job->result, "held_ms", 0) / 1000);
}

static void clone_result(struct json_object *o, const struct cm_job *job)
{
	struct json_object *ports = cm_json_arr(job->result, "ports"), *first;

	if (job->state == CM_JOB_ERROR || job->state == CM_JOB_CANCELLED)
		cm_json_set_str(o, "error_help", "Nothing of the clone was kept.");
	if (job->state != CM_JOB_COMPLETE)
		return;
	cm_view_text(o, "result_text", "%s.", cm_json_str(job->result, "message", ""));
	if (cm_json_len(ports) == 0)
		return;
	first = json_object_array_get_idx(ports, 0);
	cm_view_text(o, "result_text", "%s. Port %s was taken: it is published at %s%s.",
		     cm_json_str(job->result, "message", ""), cm_json_str(first, "was", ""),
		     cm_json_str(first, "now", ""), cm_json_len(ports) > 1 ? ", others likewise" : "");
}

static void export_restore_result(struct json_object *o, const struct cm_job *job)
{
	struct json_object *ports = cm_json_arr(job->result, "ports"), *port;

	if (job->state == CM_JOB_CANCELLED)
		cm_json_set_str(o, "result_text", "Cancelled. Nothing that was made for it remains.");
	else if (job->state == CM_JOB_ERROR)
		cm_json_set_str(o, "error_help", "Nothing that was made for it remains.");
	if (job->state != CM_JOB_COMPLETE)
		return;
	port = cm_json_len(ports) > 0 ? json_object_array_get_idx(ports, 0) : NULL;
	cm_view_text(o, "result_text",
		     port != NULL ? "%s was restored. Port %s was taken: it is published at %s." : "%s was restored.",
		     cm_json_str(job->result, "container_name", ""), cm_json_str(port, "was", ""),
		     cm_json_str(port, "now", ""));
}

static void stack_restore_result(struct json_object *o, const struct cm_job *job)
{
	char count[96];

	restore_result(o, job);
	if (job->state != CM_JOB_COMPLETE)
		return;
	cm_count_text(count, (int64_t)cm_json_len(cm_json_arr(job->result, "containers")), "container", "containers");
	cm_view_text(o, "result_text", "%s restored.", count);
}

static void verify_result(struct json_object *o, const struct cm_job *job)
{
	struct json_object *problems = cm_json_arr(job->result, "problems");
	const char *state = cm_json_str(job->result, "state", "");
	char count[96];

	if (job->state != CM_JOB_COMPLETE)
		return;
	cm_count_text(count, cm_json_int(job->result, "files", 0), "file", "files");
	if (cm_str_eq(state, "ok"))
		cm_view_text(o, "result_text", "Every hash is right: %s read.", count);
	else if (cm_str_eq(state, "readable"))
		cm_view_text(o, "result_text", "It is readable to its end: %s. It has no hashes to compare with.",
			     count);
	else
		cm_view_text(o, "result_text", "The backup is %s: %s", state,
			     cm_json_len(problems) > 0 ? json_object_get_string(json_object_array_get_idx(problems, 0))
						       : "its hashes do not match.");
}

static void batch_result(struct json_object *o, const struct cm_job *job)
{
	static const char *const states[][2] = {
		{ "ok", "verified" }, { "readable", "readable" }, { "damaged", "damaged" }, { "missing", "missing" }
	};
	char text[200] = "";
	size_t len = 0;

	if (job->state != CM_JOB_COMPLETE)
		return;
	for (size_t i = 0; i < CM_COUNT(states); i++) {
		int64_t n = cm_json_int(job->result, states[i][0], 0);

		if (n > 0)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%lld %s", len ? ", " : "",
						(long long)n, states[i][1]);
	}
	cm_view_text(o, "result_text", "%s.", len > 0 ? text : "There was nothing to verify");
}

static void drill_result(struct json_object *o, const struct cm_job *job)
{
	char took[32];

	if (job->state == CM_JOB_CANCELLED)
		cm_json_set_str(o, "result_text", "Cancelled. Everything that was made for it is removed.");
	else if (job->state == CM_JOB_ERROR)
		cm_json_set_str(o, "error_help",
				"Everything that was made for the drill is removed, unless the sentence above says "
				"otherwise.");
	if (job->state != CM_JOB_COMPLETE)
		return;
	cm_duration_text(took, (cm_json_int(job->result, "duration_ms", 0) + 500) / 1000);
	if (cm_str_eq(cm_json_str(job->result, "state", ""), "skipped"))
		cm_json_set_str(o, "result_text",
				"Skipped: the container's label or the settings say that it has no drills.");
	else
		cm_view_text(o, "result_text", "The backup was restored and started, in %s, and removed again.", took);
}

static void redeploy_result(struct json_object *o, const struct cm_job *job)
{
	const char *image = cm_json_str(job->result, "image", "");

	if (job->state == CM_JOB_CANCELLED)
		cm_json_set_str(o, "result_text", "Cancelled. The container is as it was.");
	else if (job->state == CM_JOB_ERROR)
		cm_json_set_str(o, "error_help",
				"The container is as it was, unless the sentence above says otherwise.");
	if (job->state != CM_JOB_COMPLETE)
		return;
	cm_view_text(o, "result_text",
		     cm_json_bool(job->result, "image_changed", false)
			 ? "It was made anew from a newer %s, with every setting it had."
			 : "It was made anew with every setting it had. %s was the newest image already.",
		     image);
}

static void pull_result(struct json_object *o, const struct cm_job *job)
{
	char size[32];

	if (job->state == CM_JOB_CANCELLED)
		cm_json_set_str(o, "result_text", "Cancelled. Layers that had come stay until the engine cleans up.");
	if (job->state != CM_JOB_COMPLETE)
		return;
	cm_size_text(size, cm_json_int(job->result, "bytes", -1));
	if (cm_str_eq(cm_json_str(job->result, "status", ""), "downloaded"))
		cm_view_text(o, "result_text", "The image is here: %s came from the registry.", size);
	else
		cm_json_set_str(o, "result_text", "Nothing new: the image here is the newest of this name.");
}

static void add_retry(struct json_object *o, const struct cm_job *job, const struct cm_view_who *who)
{
	const char *file = file_of(job);

	cm_json_set(o, "retry_url", NULL);
	if (!cm_job_state_over(job->state) || job->state == CM_JOB_COMPLETE)
		return;
	if (cm_str_eq(job->kind, "backup") && who->role >= CM_ROLE_DEVELOPER && job->subject != NULL)
		cm_view_url(o, "retry_url", "/container/%s/backup", job->subject);
	else if (cm_str_eq(job->kind, "verify") && who->role >= CM_ROLE_DEVELOPER && file != NULL)
		cm_view_url(o, "retry_url", "/backup/%s/verify", file);
	else if (cm_str_eq(job->kind, "drill") && who->role >= CM_ROLE_DEVELOPER && file != NULL)
		cm_view_url(o, "retry_url", "/backup/%s/drill", file);
	else if (cm_str_eq(job->kind, "image_pull") && who->role >= CM_ROLE_ADMIN && job->subject != NULL)
		cm_view_url(o, "retry_url", "/images/pull?image=%s&platform=%s", job->subject,
			    cm_json_str(job->params, "platform", ""));
}

void cm_view_job_about(struct json_object *o, const struct cm_job *job, const struct cm_view_who *who)
{
	static const struct {
		const char *kind;
		void (*add)(struct json_object *o, const struct cm_job *job);
	} results[] = { { "backup", backup_result },
			{ "restore", restore_result },
			{ "stack_backup", stack_backup_result },
			{ "stack_restore", stack_restore_result },
			{ "clone", clone_result },
			{ "export", export_result },
			{ "export_restore", export_restore_result },
			{ "redeploy", redeploy_result },
			{ "verify", verify_result },
			{ "drill", drill_result },
			{ "verify_batch", batch_result },
			{ "image_pull", pull_result } };

	add_object(o, job);
	add_facts(o, job);
	add_links(o, job, who);
	add_retry(o, job, who);
	cm_json_set(o, "result_text", NULL);
	cm_json_set(o, "error_help", NULL);
	for (size_t i = 0; i < CM_COUNT(results); i++)
		if (cm_str_eq(results[i].kind, job->kind))
			results[i].add(o, job);
}
