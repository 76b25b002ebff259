/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "core/json.h"
#include "core/mem.h"
#include "web/view/view_job.h"

enum { NOW = 1000000 };

static struct cm_job job(enum cm_job_state state)
{
	return (struct cm_job){ .id = "1b4e28ba-2fa1-41d2-883f-0016d3cca427",
				.kind = "backup",
				.subject = "web",
				.title = "Backup of web",
				.state = state,
				.created_ms = NOW - 60000,
				.started_ms = NOW - 20000,
				.seconds_left = -1 };
}

static struct json_object *view(const struct cm_job *j, enum cm_role role)
{
	return cm_view_job(j, 2, &(struct cm_view_who){ role, NOW });
}

TEST(job_percent__bytes_go_before_steps_and_100_means_complete)
{
	struct cm_job j = job(CM_JOB_RUNNING);

	CHECK_INT(cm_job_percent(&j), 0);
	j.step = 3;
	j.step_total = 6;
	CHECK_INT(cm_job_percent(&j), 33);
	j.bytes_done = 50;
	j.bytes_total = 200;
	CHECK_INT(cm_job_percent(&j), 25);
	j.bytes_done = 500;
	CHECK_INT(cm_job_percent(&j), 99);
	j.state = CM_JOB_COMPLETE;
	CHECK_INT(cm_job_percent(&j), 100);
}

TEST(view_job__running)
{
	struct cm_job j = job(CM_JOB_RUNNING);
	cm_autojson struct json_object *o = NULL;

	j.step = 4;
	j.step_total = 7;
	j.step_text = (char *)"Saving volume 1 of 2";
	j.bytes_done = 1 << 20;
	j.bytes_total = 4 << 20;
	j.bytes_per_second = 2 << 20;
	j.seconds_left = 28;
	o = view(&j, CM_ROLE_DEVELOPER);
	CHECK(cm_json_bool(o, "is_running", false));
	CHECK(cm_json_bool(o, "is_active", false));
	CHECK_STR(cm_json_str(o, "step_text", ""), "Step 4 of 7");
	CHECK_STR(cm_json_str(o, "percent_text", ""), "25 %");
	CHECK_STR(cm_json_str(o, "rate_text", ""), "2.0 MB/s");
	CHECK_STR(cm_json_str(o, "left_text", ""), "28 s left");
	CHECK_STR(cm_json_str(o, "elapsed_text", ""), "20 s");
	CHECK_STR(cm_json_str(o, "cancel_url", ""), "/job/1b4e28ba-2fa1-41d2-883f-0016d3cca427/cancel");
	CHECK(cm_json_get(o, "queue_text") == NULL);
	CHECK(cm_json_get(o, "retry_url") == NULL);
	CHECK_INT(cm_json_int(o, "refresh_seconds", 0), 2);
}

TEST(view_job__shows_its_log_when_it_was_read)
{
	struct cm_job j = job(CM_JOB_ERROR);
	struct cm_job_line lines[] = { { NOW, CM_JOB_LINE_STEP, (char *)"Reading" },
				       { NOW, CM_JOB_LINE_WARNING, (char *)"A <b>socket</b>" },
				       { NOW, CM_JOB_LINE_ERROR, (char *)"It broke" } };
	cm_autojson struct json_object *without = view(&j, CM_ROLE_VIEWER), *with = NULL;
	struct json_object *log;

	CHECK(!json_object_object_get_ex(without, "log", NULL));
	j.log = lines;
	j.log_count = 3;
	with = view(&j, CM_ROLE_VIEWER);
	log = cm_json_arr(with, "log");
	CHECK_INT(cm_json_len(log), 4);
	CHECK_STR(cm_json_str(json_object_array_get_idx(log, 0), "text", ""), "Ordered");
	CHECK(cm_json_bool(json_object_array_get_idx(log, 1), "is_step", false));
	CHECK(cm_json_bool(json_object_array_get_idx(log, 2), "is_warn", false));
	CHECK_STR(cm_json_str(json_object_array_get_idx(log, 2), "text", ""), "A <b>socket</b>");
	CHECK(cm_json_bool(json_object_array_get_idx(log, 3), "is_error", false));
	CHECK_STR(cm_json_str(json_object_array_get_idx(log, 3), "time_text", ""), "00:16:40");
}

TEST(view_job__only_who_may_is_offered_cancel_and_retry)
{
	struct cm_job j = job(CM_JOB_RUNNING);
	cm_autojson struct json_object *viewer = view(&j, CM_ROLE_VIEWER), *failed = NULL, *restore = NULL;

	CHECK(cm_json_get(viewer, "cancel_url") == NULL);
	j.state = CM_JOB_ERROR;
	j.error_text = (char *)"no";
	failed = view(&j, CM_ROLE_DEVELOPER);
	CHECK_STR(cm_json_str(failed, "retry_url", ""), "/container/web/backup");
	CHECK_STR(cm_json_str(failed, "error", ""), "no");
	j = job(CM_JOB_RUNNING);
	snprintf(j.kind, sizeof(j.kind), "restore");
	CHECK(!cm_job_may_cancel(&j, CM_ROLE_DEVELOPER));
	CHECK(cm_job_may_cancel(&j, CM_ROLE_ADMIN));
	restore = view(&j, CM_ROLE_DEVELOPER);
	CHECK(cm_json_get(restore, "cancel_url") == NULL);
}

TEST(view_job__waiting_says_behind_how_many)
{
	struct cm_job j = job(CM_JOB_QUEUED);
	cm_autojson struct json_object *o = NULL;

	j.started_ms = 0;
	o = view(&j, CM_ROLE_ADMIN);
	CHECK_STR(cm_json_str(o, "queue_text", ""), "2 jobs before it");
	CHECK(cm_json_get(o, "started_text") == NULL);
	CHECK(cm_json_get(o, "percent_text") == NULL);
	CHECK(cm_json_bool(o, "is_indeterminate", false));
}

TEST(view_job__complete_with_warnings_and_links)
{
	struct cm_job j = job(CM_JOB_COMPLETE);
	cm_autojson struct json_object *admin = NULL, *developer = NULL, *progress = NULL;

	j.finished_ms = NOW - 10000;
	j.bytes_done = 10 << 20;
	j.warnings = json_object_new_array();
	cm_json_add_str(j.warnings, "A socket was left out");
	cm_json_add_str(j.warnings, "Another");
	j.result = json_object_new_object();
	cm_json_set_str(j.result, "filename", "web 1.tar.gz");
	cm_json_set_int(j.result, "size", 2 << 20);
	admin = view(&j, CM_ROLE_ADMIN);
	developer = view(&j, CM_ROLE_DEVELOPER);
	progress = cm_view_backup_progress(&j);
	CHECK_STR(cm_json_str(admin, "state_text", ""), "Complete with 2 warnings");
	CHECK(cm_json_bool(admin, "is_warned", false));
	CHECK_STR(cm_json_str(admin, "rate_text", ""), "1.0 MB/s on average");
	CHECK_STR(cm_json_str(admin, "result_text", ""), "The backup is in the vault, read back and verified: 2.0 MB.");
	CHECK_INT(cm_json_len(cm_json_arr(admin, "links")), 2);
	CHECK_INT(cm_json_len(cm_json_arr(developer, "links")), 1);
	CHECK_STR(cm_json_str(json_object_array_get_idx(cm_json_arr(admin, "links"), 0), "url", ""),
		  "/backup/web%201.tar.gz");
	CHECK(json_object_object_get_ex(admin, "refresh_seconds", NULL));
	CHECK(cm_json_get(admin, "refresh_seconds") == NULL);
	CHECK_STR(cm_json_str(progress, "status", ""), "complete");
	CHECK_STR(cm_json_str(progress, "backup_filename", ""), "web 1.tar.gz");
	CHECK_INT(cm_json_int(progress, "progress", 0), 100);
	CHECK(cm_json_get(progress, "error") == NULL);
	json_object_put(j.warnings);
	json_object_put(j.result);
}
