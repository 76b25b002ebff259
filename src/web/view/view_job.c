/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_job.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "jobs/kinds.h"
#include "web/view/view_job_about.h"

int cm_job_percent(const struct cm_job *job)
{
	int percent = 0;

	if (job->state == CM_JOB_COMPLETE)
		return 100;
	if (job->bytes_total > 0)
		percent = (int)(100.0 * (double)job->bytes_done / (double)job->bytes_total);
	else if (job->step_total > 0 && job->step > 0)
		percent = 100 * (job->step - 1) / job->step_total;
	return percent < 0 ? 0 : percent > 99 ? 99 : percent;
}

bool cm_job_may_cancel(const struct cm_job *job, enum cm_role role)
{
	bool deep = cm_str_has_suffix(job->kind, "restore") || cm_str_eq(job->kind, "redeploy") ||
		    cm_str_eq(job->kind, "clone");
	enum cm_role least = deep ? CM_ROLE_ADMIN : CM_ROLE_DEVELOPER;

	return role >= least && !cm_job_state_over(job->state) && !job->cancel;
}

const char *cm_job_kind_text(const char *kind)
{
	const struct cm_job_kind *row = cm_job_kind_find(&cm_job_table, kind);

	return row != NULL ? row->label : kind;
}

static void add_state(struct json_object *o, const struct cm_job *job)
{
	static const char *const texts[CM_JOB_STATE_COUNT] = { "Queued",   "Waiting", "Starting",  "Running",
							       "Complete", "Failed",  "Cancelled", "Interrupted" };
	size_t warnings = cm_json_len(job->warnings);
	bool warned = job->state == CM_JOB_COMPLETE && warnings > 0;
	char count[96];

	cm_json_set_str(o, "state", cm_job_state_name(job->state));
	cm_view_is(o, cm_job_state_name(job->state), "queued", "waiting", "starting", "running", "complete", "error",
		   "cancelled", "interrupted", NULL);
	cm_json_set_bool(o, "is_active", !cm_job_state_over(job->state));
	cm_json_set_bool(o, "is_warned", warned);
	cm_count_text(count, (int64_t)warnings, "warning", "warnings");
	cm_view_text(o, "state_text", warned ? "%s with %s" : "%s", texts[job->state], count);
}

static void add_rate(struct json_object *o, const struct cm_job *job)
{
	int64_t ms = job->finished_ms - job->started_ms, rate = job->bytes_per_second;
	const char *suffix = "";
	char text[32];

	if (cm_job_state_over(job->state)) {
		suffix = " on average";
		rate = ms > 0 && job->started_ms > 0 ? job->bytes_done * 1000 / ms : 0;
	}
	if (rate > 0 && (job->state == CM_JOB_RUNNING || job->state == CM_JOB_COMPLETE)) {
		cm_size_text(text, rate);
		cm_json_set_int(o, "bytes_per_second", rate);
		cm_view_text(o, "rate_text", "%s/s%s", text, suffix);
	} else {
		cm_json_set(o, "bytes_per_second", NULL);
		cm_json_set(o, "rate_text", NULL);
	}
	if (job->state == CM_JOB_RUNNING && job->seconds_left >= 0) {
		cm_duration_text(text, job->seconds_left);
		cm_json_set_int(o, "seconds_left", job->seconds_left);
		cm_view_text(o, "left_text", "%s left", text);
	} else {
		cm_json_set(o, "seconds_left", NULL);
		cm_json_set(o, "left_text", NULL);
	}
}

static void add_bytes(struct json_object *o, const struct cm_job *job)
{
	char text[32];

	cm_json_set_int(o, "bytes_done", job->bytes_done);
	cm_json_set_int(o, "bytes_total", job->bytes_total);
	cm_size_text(text, job->bytes_done);
	cm_json_set_str(o, "bytes_done_text", job->bytes_done > 0 ? text : NULL);
	cm_size_text(text, job->bytes_total);
	cm_json_set_str(o, "bytes_total_text", job->bytes_total > 0 ? text : NULL);
	add_rate(o, job);
}

/* How long it ran, or runs. "0.4 s" below ten seconds. */
static void add_duration(struct json_object *o, const char *key, const struct cm_job *job, int64_t now_ms)
{
	int64_t end = job->finished_ms ? job->finished_ms : now_ms, ms = end - job->started_ms;
	char text[32];

	if (job->started_ms == 0 || ms < 0) {
		cm_json_set(o, key, NULL);
	} else if (ms < 10000) {
		cm_view_text(o, key, "%.1f s", (double)ms / 1000);
	} else {
		cm_duration_text(text, ms / 1000);
		cm_json_set_str(o, key, text);
	}
}

/* What list and page have in common. */
static struct json_object *common(const struct cm_job *job, const struct cm_view_who *who)
{
	struct json_object *o = json_object_new_object();
	int percent = cm_job_percent(job);

	cm_json_set_str(o, "id", job->id);
	cm_json_set_str(o, "job_id", job->id);
	cm_view_url(o, "url", "/job/%s", job->id);
	cm_json_set_str(o, "kind", job->kind);
	cm_json_set_str(o, "kind_text", cm_job_kind_text(job->kind));
	cm_json_set_str(o, "title", job->title);
	add_state(o, job);
	cm_json_set_str(o, "step", job->step_text);
	cm_json_set_int(o, "percent", percent);
	cm_view_text(o, "percent_text", job->started_ms ? "%d %%" : NULL, percent);
	cm_json_set_bool(o, "is_indeterminate", percent == 0 && job->bytes_total == 0 && job->state != CM_JOB_COMPLETE);
	add_bytes(o, job);
	cm_json_set_str(o, "user_text", job->user ? job->user : "the program");
	cm_view_time(o, "created", job->created_ms, who->now_ms);
	cm_view_url(o, "events_url", "/api/jobs/%s/events", job->id);
	if (cm_job_may_cancel(job, who->role))
		cm_view_url(o, "cancel_url", "/job/%s/cancel", job->id);
	else
		cm_json_set(o, "cancel_url", NULL);
	return o;
}

struct json_object *cm_view_job_row(const struct cm_job *job, const struct cm_view_who *who)
{
	struct json_object *o = common(job, who);

	/* A job that waits has no beginning yet: the list shows when it was ordered. */
	cm_view_time(o, "started", job->started_ms ? job->started_ms : job->created_ms, who->now_ms);
	add_duration(o, "duration_text", job, who->now_ms);
	if (job->state == CM_JOB_ERROR || job->state == CM_JOB_INTERRUPTED)
		cm_json_set_str(o, "detail", job->error_text);
	else
		cm_json_set_str(o, "detail", cm_json_str(o, "left_text", NULL));
	return o;
}

static void add_log_line(struct json_object *log, int64_t ms, const char *text, const char *kind)
{
	struct json_object *o = json_object_new_object();
	char at[32], plain[32];

	cm_time_rfc3339(at, ms);
	cm_time_plain(plain, ms);
	cm_json_set_str(o, "time_text", strlen(plain) >= 19 ? plain + 11 : plain);
	cm_json_set_str(o, "at", at);
	cm_json_set_str(o, "text", text);
	cm_view_is(o, kind, "step", "warn", "error", NULL);
	json_object_array_add(log, o);
}

static struct json_object *make_log(const struct cm_job *job)
{
	static const char *const kinds[] = {
		[CM_JOB_LINE_STEP] = "step",
		[CM_JOB_LINE_WARNING] = "warn",
		[CM_JOB_LINE_ERROR] = "error",
	};
	struct json_object *log = json_object_new_array();

	add_log_line(log, job->created_ms, "Ordered", "step");
	for (size_t i = 0; i < job->log_count; i++)
		add_log_line(log, job->log[i].ms, job->log[i].text, kinds[job->log[i].kind]);
	return log;
}

struct json_object *cm_view_job(const struct cm_job *job, int64_t before, const struct cm_view_who *who)
{
	struct json_object *o = common(job, who), *warnings = json_object_new_array();
	bool waits = job->state == CM_JOB_QUEUED || job->state == CM_JOB_WAITING;
	char count[96];

	cm_json_set_int(o, "step_number", job->step);
	cm_json_set_int(o, "step_total", job->step_total);
	cm_view_text(o, "step_text", job->step_total > 0 ? "Step %d of %d" : NULL, job->step, job->step_total);
	cm_count_text(count, before, "job before it", "jobs before it");
	cm_json_set_str(o, "queue_text", waits && before > 0 ? count : NULL);
	add_duration(o, "elapsed_text", job, who->now_ms);
	cm_view_time(o, "started", job->started_ms, who->now_ms);
	cm_view_time(o, "ended", job->finished_ms, who->now_ms);
	for (size_t i = 0; i < cm_json_len(job->warnings); i++) {
		struct json_object *w = json_object_new_object();

		cm_json_set_str(w, "text", json_object_get_string(json_object_array_get_idx(job->warnings, i)));
		json_object_array_add(warnings, w);
	}
	cm_json_set(o, "warnings", warnings);
	cm_json_set_str(o, "error", cm_job_state_over(job->state) ? job->error_text : NULL);
	cm_json_set_str(o, "error_code", job->error_code);
	cm_json_set(o, "result", json_object_get(job->result));
	if (job->log != NULL)
		cm_json_set(o, "log", make_log(job));
	cm_json_set_bool(o, "is_cancelling", job->cancel && !cm_job_state_over(job->state));
	if (cm_job_state_over(job->state))
		cm_json_set(o, "refresh_seconds", NULL);
	else
		cm_json_set_int(o, "refresh_seconds", 2);
	cm_view_job_about(o, job, who);
	return o;
}

struct json_object *cm_view_backup_progress(const struct cm_job *job)
{
	struct json_object *o = json_object_new_object();
	bool over = cm_job_state_over(job->state), failed = over && job->state != CM_JOB_COMPLETE;

	cm_json_set_str(o, "status", cm_job_state_name(job->state));
	cm_json_set_str(o, "step", job->step_text);
	cm_json_set_int(o, "current_step", job->step);
	cm_json_set_int(o, "total_steps", job->step_total);
	cm_json_set_int(o, "progress", cm_job_percent(job));
	cm_json_set_str(o, "error", failed ? (job->error_text ? job->error_text : "Cancelled") : NULL);
	cm_json_set_str(o, "backup_filename", cm_json_str(job->result, "filename", NULL));
	cm_json_set_str(o, "job_id", job->id);
	add_bytes(o, job);
	cm_json_set(o, "warnings", json_object_get(job->warnings));
	return o;
}
