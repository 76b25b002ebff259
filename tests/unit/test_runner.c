/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/runner.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "db/journal.h"
#include "jobs/claim.h"
#include "scratch.h"
#include "service/audit.h"
#include "test.h"

static void nap(int ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L }, NULL);
}

/* --- kinds for tests --- */

static atomic_int running_now, running_most, runs_begun, recoveries;
static atomic_int recovery_rc, recovery_failed_left;

/* Sleeps params.ms in steps of 10, telling its progress; gives back params; fails with params.error. */
static int run_sleep(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		     struct json_object **ret_result, struct cm_err *err)
{
	int ms = (int)cm_json_int(params, "ms", 0), rc = 0;
	int now = atomic_fetch_add(&running_now, 1) + 1;

	(void)app;
	if (now > atomic_load(&running_most))
		atomic_store(&running_most, now);
	atomic_fetch_add(&runs_begun, 1);
	cm_progress_step(progress, 1, 3, "Sleeping");
	for (int i = 0; i < ms / 10 && rc == 0; i++) {
		nap(10);
		cm_progress_bytes(progress, (uint64_t)i * 10000, (uint64_t)ms * 1000);
		if (i == 3)
			cm_progress_warn(progress, "It is late.");
		if (cm_progress_cancelled(progress))
			rc = cm_err_set(err, CM_ECANCELLED, "Cancelled.");
	}
	if (rc == 0 && cm_json_str(params, "error", NULL) != NULL) {
		rc = cm_err_set(err, CM_ENOSPACE, "%s", cm_json_str(params, "error", NULL));
		cm_err_detail(err, "for the log only");
	}
	if (rc != 0)
		cm_audit(&(struct cm_audit_event){ .operation = "backup_manual",
						   .status = rc == CM_ECANCELLED ? "cancelled" : "error" },
			 NULL);
	atomic_fetch_sub(&running_now, 1);
	if (rc != 0)
		return rc;
	*ret_result = cm_json_copy(params);
	return 0;
}

/* Does not listen. */
static int run_deaf(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		    struct json_object **ret_result, struct cm_err *err)
{
	(void)app;
	(void)progress;
	(void)ret_result;
	(void)err;
	nap((int)cm_json_int(params, "ms", 0));
	return 0;
}

/* Writes to the journal as a backup does. */
static int run_journal(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		       struct json_object **ret_result, struct cm_err *err)
{
	int64_t id;
	int rc = cm_journal_add(NULL, "stopped", "abc", "web", NULL, &id, err);

	if (rc != 0)
		return rc;
	rc = run_sleep(app, params, progress, ret_result, err);
	cm_journal_close(id, NULL);
	return rc;
}

/* Cannot put back what it did: the engine went away. */
static int run_away(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		    struct json_object **ret_result, struct cm_err *err)
{
	int64_t id;
	int rc = cm_journal_add(NULL, "paused", "abc", "web", NULL, &id, err);

	(void)app;
	(void)params;
	(void)progress;
	(void)ret_result;
	return rc != 0 ? rc : cm_err_set(err, CM_EUNREACHABLE, "The engine is away.");
}

static int recover(const struct cm_app *app, struct json_object **ret_report, struct cm_err *err)
{
	struct json_object *report = json_object_new_object(), *undone = json_object_new_array(),
			   *failed = json_object_new_array();
	struct cm_journal_entry *list;
	size_t count;

	(void)app;
	atomic_fetch_add(&recoveries, 1);
	if (atomic_load(&running_now) != 0)
		abort();
	int rc = cm_journal_list(NULL, &list, &count, err);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		if (atomic_load(&recovery_failed_left) > 0) {
			cm_json_add_str(failed, list[i].name);
			continue;
		}
		cm_json_add_str(undone, list[i].name);
		rc = cm_journal_close(list[i].id, err);
	}
	if (rc == 0)
		cm_journal_list_free(list, count);
	cm_json_set(report, "undone", undone);
	cm_json_set(report, "failed", failed);
	atomic_fetch_sub(&recovery_failed_left, 1);
	*ret_report = report;
	return atomic_load(&recovery_rc);
}

static const struct cm_job_kind kinds[] = {
	{ .name = "sleep",
	  .label = "Sleep",
	  .lane = "backup",
	  .run = run_sleep,
	  .lock = "container",
	  .starting = "Starting...",
	  .done = "Done!",
	  .audit = "backup_manual",
	  .audit_scheduled = "backup_scheduled",
	  .again = true,
	  .needs_recovery = true },
	{ .name = "journal",
	  .label = "Journal",
	  .lane = "backup",
	  .run = run_journal,
	  .audit = "backup_manual",
	  .again = true,
	  .needs_recovery = true },
	{ .name = "away", .label = "Away", .lane = "interactive", .run = run_away, .audit = "restore" },
	{ .name = "quick", .label = "Quick", .lane = "interactive", .run = run_sleep, .audit = "verify" },
	{ .name = "patient", .label = "Patient", .lane = "last", .run = run_sleep, .audit = "verify" },
	{ .name = "deaf", .label = "Deaf", .lane = "interactive", .run = run_deaf, .audit = "restore" },
};
static const struct cm_job_lane lanes[] = { { "backup", 1, 1, false },
					    { "interactive", 2, 2, false },
					    { "last", 1, 1, true } };
static const struct cm_job_table table = {
	.kinds = kinds,
	.kind_count = CM_COUNT(kinds),
	.lanes = lanes,
	.lane_count = CM_COUNT(lanes),
	.recover = recover,
	.end_wait_ms = 1500,
	.recover_again_ms = 2000,
};

/* --- a runner in a thread --- */

struct side {
	struct cm_runner *runner;
	pthread_t thread;
	atomic_bool stop;
};

static void *side_main(void *arg)
{
	struct side *s = arg;

	cm_runner_main(s->runner, &s->stop);
	return NULL;
}

static void side_start(struct side *s)
{
	s->runner = cm_runner_new_with(&scratch_app, &table);
	atomic_store(&s->stop, false);
	if (pthread_create(&s->thread, NULL, side_main, s) != 0)
		abort();
}

static int64_t side_stop(struct side *s)
{
	int64_t begun = cm_monotonic_ms();

	atomic_store(&s->stop, true);
	pthread_join(s->thread, NULL);
	cm_runner_free(s->runner);
	return cm_monotonic_ms() - begun;
}

static void begin(void)
{
	cm_log_level_set(CM_LOG_ERROR);
	scratch_begin();
	if (cm_runner_prepare(&scratch_app, NULL) != 0)
		abort();
	atomic_store(&running_now, 0);
	atomic_store(&running_most, 0);
	atomic_store(&runs_begun, 0);
	atomic_store(&recoveries, 0);
	atomic_store(&recovery_rc, 0);
	atomic_store(&recovery_failed_left, 0);
}

static const char *add_for(const char *kind, const char *subject, int ms, const char *error)
{
	static char id[CM_UUID_LEN + 1];
	struct json_object *params = json_object_new_object();
	struct cm_job_request rq = { .kind = kind, .subject = subject, .params = params };

	cm_json_set_int(params, "ms", ms);
	if (error != NULL)
		cm_json_set_str(params, "error", error);
	if (cm_job_add_with(&table, &scratch_app, &rq, id, NULL) != 0)
		abort();
	json_object_put(params);
	return id;
}

static const char *add(const char *kind, int ms)
{
	return add_for(kind, NULL, ms, NULL);
}

/* Waits until the job is in that state (or, with over, in any final one); false after 20 s. */
static bool reaches(const char *id, enum cm_job_state want)
{
	for (int64_t end = cm_monotonic_ms() + 20000; cm_monotonic_ms() < end; nap(5)) {
		struct cm_job job;
		if (cm_queue_get(id, &job, NULL) != 0)
			return false;
		enum cm_job_state state = job.state;
		cm_job_release(&job);
		if (state == want)
			return true;
		if (cm_job_state_over(state) && cm_job_state_over(want) && want != CM_JOB_INTERRUPTED &&
		    state != CM_JOB_INTERRUPTED)
			return false;
	}
	return false;
}

static int64_t audit_count(const char *status)
{
	struct cm_audit_list list;

	if (cm_audit_list(&(struct cm_audit_query){ .status = status }, &list, NULL) != 0)
		return -1;
	int64_t n = list.total;
	cm_audit_list_release(&list);
	return n;
}

/* --- tests --- */

TEST(runner_job__runs_to_its_end)
{
	struct side s;
	char id[CM_UUID_LEN + 1];
	struct cm_job job;

	begin();
	side_start(&s);
	strcpy(id, add_for("sleep", "web", 100, NULL));
	CHECK(reaches(id, CM_JOB_COMPLETE));
	CHECK_INT(cm_queue_get(id, &job, NULL), 0);
	CHECK_STR(job.title, "Sleep of web");
	CHECK_INT(cm_json_int(job.result, "ms", 0), 100);
	CHECK_STR(job.step_text, "Done!");
	CHECK(job.step == 1 && job.step_total == 3 && job.attempt == 1 && job.error_text == NULL);
	CHECK(job.bytes_total == 100000 && job.bytes_done == 90000);
	CHECK_INT(cm_json_len(job.warnings), 1);
	CHECK_INT(cm_queue_log(&job, NULL), 0);
	CHECK_INT(job.log_count, 4);
	CHECK_STR(job.log[0].text, "Starting...");
	CHECK_STR(job.log[1].text, "Sleeping");
	CHECK_STR(job.log[2].text, "It is late.");
	CHECK(job.log[2].kind == CM_JOB_LINE_WARNING && job.log[2].ms >= job.log[1].ms + 30);
	CHECK_STR(job.log[3].text, "Done!");
	cm_job_release(&job);
	CHECK(side_stop(&s) < 1500);
	scratch_end();
}

TEST(runner_error__keeps_the_sentence_not_the_detail)
{
	struct side s;
	char id[CM_UUID_LEN + 1];
	struct cm_job job;

	begin();
	side_start(&s);
	strcpy(id, add_for("quick", NULL, 10, "No space left."));
	CHECK(reaches(id, CM_JOB_ERROR));
	CHECK_INT(cm_queue_get(id, &job, NULL), 0);
	CHECK_STR(job.error_text, "No space left.");
	CHECK_STR(job.error_code, "NO_SPACE");
	CHECK(job.result == NULL);
	CHECK_INT(cm_queue_log(&job, NULL), 0);
	CHECK_INT(job.log_count, 3);
	CHECK_STR(job.log[2].text, "No space left.");
	CHECK(job.log[2].kind == CM_JOB_LINE_ERROR);
	cm_job_release(&job);
	side_stop(&s);
	scratch_end();
}

TEST(runner_wake__begins_within_a_tenth_of_a_second)
{
	struct side s;
	struct cm_job job;
	char id[CM_UUID_LEN + 1];
	int64_t worst = 0;

	begin();
	side_start(&s);
	strcpy(id, add("quick", 0));
	CHECK(reaches(id, CM_JOB_COMPLETE));
	for (int i = 0; i < 10; i++) {
		nap(37);
		strcpy(id, add("quick", 0));
		CHECK(reaches(id, CM_JOB_COMPLETE));
		CHECK_INT(cm_queue_get(id, &job, NULL), 0);
		if (job.started_ms - job.created_ms > worst)
			worst = job.started_ms - job.created_ms;
		cm_job_release(&job);
	}
	printf("# worst start after %lld ms\n", (long long)worst);
	CHECK(worst < 100);
	side_stop(&s);
	scratch_end();
}

TEST(runner_wake__is_not_needed)
{
	struct side s;
	char id[CM_UUID_LEN + 1], path[1024];

	begin();
	snprintf(path, sizeof(path), "%s/runner.wake", scratch_app.config_dir);
	CHECK_INT(unlink(path), 0);
	side_start(&s);
	nap(100);
	int64_t begun = cm_monotonic_ms();
	strcpy(id, add("quick", 0));
	CHECK(reaches(id, CM_JOB_COMPLETE));
	CHECK(cm_monotonic_ms() - begun < 1500);
	side_stop(&s);
	scratch_end();
}

TEST(runner_lanes__one_backup_at_a_time_and_two_others_beside)
{
	struct side s;
	char ids[6][CM_UUID_LEN + 1];
	struct cm_job before, after;

	begin();
	side_start(&s);
	for (int i = 0; i < 3; i++)
		strcpy(ids[i], add("sleep", 250));
	for (int i = 3; i < 6; i++)
		strcpy(ids[i], add("quick", 400));
	for (int i = 0; i < 6; i++)
		CHECK(reaches(ids[i], CM_JOB_COMPLETE));
	CHECK_INT(atomic_load(&running_most), 3);
	for (int i = 1; i < 3; i++) {
		CHECK_INT(cm_queue_get(ids[i - 1], &before, NULL), 0);
		CHECK_INT(cm_queue_get(ids[i], &after, NULL), 0);
		CHECK(after.started_ms >= before.finished_ms);
		CHECK(after.started_ms - before.finished_ms < 150);
		cm_job_release(&before);
		cm_job_release(&after);
	}
	side_stop(&s);
	scratch_end();
}

TEST(runner_yield__stands_still_while_others_work)
{
	struct side s;
	char last[CM_UUID_LEN + 1], next[CM_UUID_LEN + 1], first[CM_UUID_LEN + 1], held[CM_UUID_LEN + 1];
	struct cm_job job;
	int64_t before, after;

	begin();
	side_start(&s);
	strcpy(last, add("patient", 3000));
	strcpy(next, add("patient", 10));
	CHECK(reaches(last, CM_JOB_RUNNING));
	strcpy(first, add("sleep", 2000));
	CHECK(reaches(first, CM_JOB_RUNNING));
	nap(700);
	CHECK_INT(cm_queue_get(last, &job, NULL), 0);
	CHECK(strstr(job.step_text, "waits until other work is done") != NULL);
	before = job.bytes_done;
	cm_job_release(&job);
	CHECK(reaches(first, CM_JOB_COMPLETE));
	CHECK_INT(cm_queue_get(last, &job, NULL), 0);
	after = job.bytes_done;
	CHECK(job.state == CM_JOB_RUNNING);
	cm_job_release(&job);
	/* 1,000 bytes a millisecond of its work: it had none. */
	CHECK(after - before < 500000);
	/* Then it goes on; one that has not begun waits for others as well. */
	strcpy(first, add("quick", 10));
	CHECK(reaches(last, CM_JOB_COMPLETE));
	CHECK(reaches(next, CM_JOB_COMPLETE));
	/* Cancelled while it stands still. */
	strcpy(last, add("patient", 60000));
	CHECK(reaches(last, CM_JOB_RUNNING));
	strcpy(held, add("sleep", 60000));
	CHECK(reaches(held, CM_JOB_RUNNING));
	nap(300);
	CHECK_INT(cm_queue_cancel(&scratch_app, last, NULL, NULL), 0);
	CHECK(reaches(last, CM_JOB_CANCELLED));
	side_stop(&s);
	scratch_end();
}

TEST(runner_progress__is_written_while_it_runs)
{
	struct side s;
	char id[CM_UUID_LEN + 1];
	struct cm_job job = { 0 };
	int64_t first, last, rate = 0, left = -1;

	begin();
	side_start(&s);
	strcpy(id, add("quick", 3000));
	CHECK(reaches(id, CM_JOB_RUNNING));
	CHECK_INT(cm_queue_get(id, &job, NULL), 0);
	first = job.version;
	cm_job_release(&job);
	for (int i = 0; i < 25; i++) {
		nap(100);
		CHECK_INT(cm_queue_get(id, &job, NULL), 0);
		last = job.version;
		if (job.bytes_per_second > 0) {
			rate = job.bytes_per_second;
			left = job.seconds_left;
		}
		cm_job_release(&job);
	}
	/* At most twice a second: 2.5 s give 4 to 6 writes. */
	CHECK(last - first >= 3 && last - first <= 6);
	/* 1,000 bytes a millisecond, less what each nap takes too long. */
	CHECK(rate > 200000 && rate <= 1100000);
	CHECK(left >= 0 && left <= 6);
	CHECK(reaches(id, CM_JOB_COMPLETE));
	side_stop(&s);
	scratch_end();
}

TEST(runner_cancel__reaches_the_work_at_once)
{
	struct side s;
	char id[CM_UUID_LEN + 1], next[CM_UUID_LEN + 1];
	enum cm_job_state state;

	begin();
	side_start(&s);
	strcpy(id, add("sleep", 10000));
	strcpy(next, add("sleep", 10));
	CHECK(reaches(id, CM_JOB_RUNNING));
	int64_t begun = cm_monotonic_ms();
	CHECK_INT(cm_queue_cancel(&scratch_app, id, &state, NULL), 0);
	CHECK_INT(state, CM_JOB_RUNNING);
	CHECK(reaches(id, CM_JOB_CANCELLED));
	CHECK(cm_monotonic_ms() - begun < 500);
	CHECK(reaches(next, CM_JOB_COMPLETE));
	CHECK_INT(audit_count("cancelled"), 1);
	side_stop(&s);
	scratch_end();
}

TEST(runner_stop__interrupts_and_the_next_start_goes_on)
{
	struct side s;
	char id[CM_UUID_LEN + 1], quick[CM_UUID_LEN + 1];
	struct cm_job job;

	begin();
	side_start(&s);
	strcpy(id, add("sleep", 1500));
	strcpy(quick, add("quick", 5000));
	CHECK(reaches(id, CM_JOB_RUNNING) && reaches(quick, CM_JOB_RUNNING));
	CHECK(side_stop(&s) < 1500);
	CHECK(reaches(id, CM_JOB_INTERRUPTED) && reaches(quick, CM_JOB_INTERRUPTED));
	/* What the work wrote as cancelled is what it is: an interruption. */
	CHECK_INT(audit_count("cancelled"), 0);
	CHECK_INT(audit_count("interrupted"), 2);
	side_start(&s);
	CHECK(reaches(id, CM_JOB_COMPLETE));
	CHECK_INT(cm_queue_get(id, &job, NULL), 0);
	CHECK_INT(job.attempt, 1);
	cm_job_release(&job);
	CHECK(reaches(quick, CM_JOB_INTERRUPTED));
	side_stop(&s);
	scratch_end();
}

TEST(runner_stop__does_not_wait_for_the_deaf)
{
	struct side s;
	char id[CM_UUID_LEN + 1];
	int status;

	begin();
	strcpy(id, add("deaf", 20000));
	cm_db_close_thread();
	/* In a process of its own: its lock is only free when it ends. */
	pid_t pid = fork();
	if (pid == 0) {
		cm_log_level_set(CM_LOG_ERROR);
		side_start(&s);
		if (!reaches(id, CM_JOB_RUNNING))
			_exit(1);
		int64_t took = side_stop(&s);
		_exit(took < 1500 || took > 2500 ? 2 : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
	CHECK(reaches(id, CM_JOB_INTERRUPTED));
	scratch_end();
}

static pid_t fork_runner(void)
{
	fflush(stdout);
	cm_db_close_thread();
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	atomic_bool never = false;
	cm_log_level_set(CM_LOG_ERROR);
	cm_runner_main(cm_runner_new_with(&scratch_app, &table), &never);
	_exit(0);
}

TEST(runner_kill__the_next_one_undoes_and_goes_on)
{
	struct side s;
	char id[CM_UUID_LEN + 1];
	struct cm_job job;
	struct cm_journal_entry *list;
	size_t count;

	begin();
	pid_t pid = fork_runner();
	strcpy(id, add("journal", 1000));
	CHECK(reaches(id, CM_JOB_RUNNING));
	CHECK_INT(cm_journal_list(id, &list, &count, NULL), 0);
	CHECK_INT(count, 1); /* the journal knows the job by itself */
	cm_journal_list_free(list, count);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK(reaches(id, CM_JOB_RUNNING));
	side_start(&s);
	CHECK(reaches(id, CM_JOB_COMPLETE));
	CHECK_INT(cm_queue_get(id, &job, NULL), 0);
	CHECK_INT(job.attempt, 2);
	cm_job_release(&job);
	CHECK_INT(cm_journal_list(NULL, &list, &count, NULL), 0);
	CHECK_INT(count, 0);
	CHECK_INT(audit_count("interrupted"), 1);
	CHECK_INT(audit_count("completed"), 1); /* recovery: something was undone */
	CHECK(atomic_load(&recoveries) == 1);
	side_stop(&s);
	scratch_end();
}

TEST(runner_kill__twice_does_not_try_a_third_time)
{
	struct side s;
	char id[CM_UUID_LEN + 1];

	begin();
	strcpy(id, add("sleep", 10000));
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork_runner();
		CHECK(reaches(id, CM_JOB_RUNNING));
		nap(50);
		struct cm_job job;
		CHECK_INT(cm_queue_get(id, &job, NULL), 0);
		int attempt = job.attempt;
		cm_job_release(&job);
		/* The state may still be that of the killed one: wait for the new claim. */
		for (int k = 0; k < 400 && attempt != i + 1; k++) {
			nap(10);
			CHECK_INT(cm_queue_get(id, &job, NULL), 0);
			attempt = job.attempt;
			cm_job_release(&job);
		}
		CHECK_INT(attempt, i + 1);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	side_start(&s);
	CHECK(reaches(id, CM_JOB_INTERRUPTED));
	nap(300);
	CHECK(reaches(id, CM_JOB_INTERRUPTED));
	CHECK_INT(atomic_load(&runs_begun), 0);
	side_stop(&s);
	scratch_end();
}

TEST(runner_two__only_one_works_and_the_other_takes_over)
{
	struct side s;
	char ids[8][CM_UUID_LEN + 1];
	struct cm_job job;

	begin();
	pid_t pid = fork_runner();
	strcpy(ids[0], add("sleep", 10));
	CHECK(reaches(ids[0], CM_JOB_COMPLETE));
	side_start(&s);
	nap(300);
	CHECK(!cm_runner_is_holder(s.runner));
	for (int i = 1; i < 8; i++)
		strcpy(ids[i], add("sleep", 150));
	CHECK(reaches(ids[2], CM_JOB_RUNNING));
	CHECK_INT(atomic_load(&runs_begun), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	int64_t begun = cm_monotonic_ms();
	for (int i = 1; i < 8; i++)
		CHECK(reaches(ids[i], CM_JOB_COMPLETE));
	CHECK(cm_monotonic_ms() - begun < 6000);
	CHECK(cm_runner_is_holder(s.runner));
	/* None lost, none run twice but the one that was interrupted. */
	int again = 0;
	for (int i = 0; i < 8; i++) {
		CHECK_INT(cm_queue_get(ids[i], &job, NULL), 0);
		again += job.attempt - 1;
		cm_job_release(&job);
	}
	CHECK_INT(again, 1);
	side_stop(&s);
	scratch_end();
}

TEST(runner_recovery__begins_anew_when_a_job_leaves_something)
{
	struct cm_journal_entry *list;
	struct side s;
	char away[CM_UUID_LEN + 1];
	size_t count = 1;

	begin();
	side_start(&s);
	strcpy(away, add("away", 10));
	CHECK(reaches(away, CM_JOB_ERROR));
	for (int i = 0; i < 500 && count != 0; i++, nap(20)) {
		CHECK_INT(cm_journal_list(NULL, &list, &count, NULL), 0);
		cm_journal_list_free(list, count);
	}
	CHECK_INT(count, 0);
	CHECK_INT(atomic_load(&recoveries), 2);
	side_stop(&s);
	scratch_end();
}

TEST(runner_recovery__failing_holds_back_only_who_needs_it)
{
	struct side s;
	char backup[CM_UUID_LEN + 1], quick[CM_UUID_LEN + 1];
	struct cm_journal_entry *list;
	size_t count;

	begin();
	CHECK_INT(cm_journal_add(NULL, "stopped", "abc", "web", NULL, NULL, NULL), 0);
	atomic_store(&recovery_failed_left, 1);
	strcpy(backup, add("sleep", 10));
	strcpy(quick, add("quick", 10));
	int64_t begun = cm_monotonic_ms();
	side_start(&s);
	CHECK(reaches(quick, CM_JOB_COMPLETE));
	CHECK(reaches(backup, CM_JOB_QUEUED));
	CHECK(reaches(backup, CM_JOB_COMPLETE)); /* after the second try */
	int64_t took = cm_monotonic_ms() - begun;
	CHECK(took > 1900 && took < 5000);
	CHECK_INT(atomic_load(&recoveries), 2);
	CHECK_INT(cm_journal_list(NULL, &list, &count, NULL), 0);
	CHECK_INT(count, 0);
	CHECK_INT(audit_count("error"), 1);
	CHECK_INT(audit_count("completed"), 1);
	side_stop(&s);
	scratch_end();
}

TEST(runner_unknown_kind__is_refused)
{
	struct side s;
	char id[CM_UUID_LEN + 1];

	begin();
	CHECK_INT(cm_queue_add(&scratch_app, &(struct cm_job_request){ .kind = "future", .lane = "backup" }, id, NULL),
		  0);
	CHECK_INT(cm_job_add_with(&table, &scratch_app, &(struct cm_job_request){ .kind = "future" }, id, NULL),
		  CM_EINVAL);
	side_start(&s);
	CHECK(reaches(id, CM_JOB_ERROR));
	side_stop(&s);
	scratch_end();
}

/* Somebody deleted the lock file and another runner took everything: the former one must stop, and write nothing. */
TEST(runner_lost__stops_and_leaves_the_job_to_its_new_owner)
{
	struct side s;
	char id[CM_UUID_LEN + 1];
	struct cm_job job;

	begin();
	side_start(&s);
	strcpy(id, add("sleep", 4000));
	CHECK(reaches(id, CM_JOB_RUNNING));
	CHECK_INT(cm_claim_interrupt_all(NULL, NULL, NULL), 0);
	CHECK(reaches(id, CM_JOB_INTERRUPTED));
	/* It notices within a tick, begins anew as holder, and runs the job again. */
	for (int i = 0; i < 300 && atomic_load(&runs_begun) < 2; i++)
		nap(10);
	CHECK_INT(atomic_load(&runs_begun), 2);
	CHECK_INT(atomic_load(&running_most), 1);
	CHECK_INT(cm_queue_get(id, &job, NULL), 0);
	CHECK_INT(job.attempt, 2);
	cm_job_release(&job);
	side_stop(&s);
	scratch_end();
}

TEST(runner_prepare__makes_its_files_private)
{
	struct stat st;
	char path[1024];

	begin();
	snprintf(path, sizeof(path), "%s/runner.wake", scratch_app.config_dir);
	CHECK_INT(lstat(path, &st), 0);
	CHECK(S_ISFIFO(st.st_mode) && (st.st_mode & 0777) == 0600);
	/* Something else of that name is replaced. */
	CHECK_INT(unlink(path), 0);
	CHECK_INT(cm_file_write(path, "x", 1, 0600, NULL), 0);
	cm_queue_wake(&scratch_app);
	CHECK_INT(cm_runner_prepare(&scratch_app, NULL), 0);
	CHECK_INT(lstat(path, &st), 0);
	CHECK(S_ISFIFO(st.st_mode));
	/* Nobody listens: waking is no error and does not block. */
	cm_queue_wake(&scratch_app);
	scratch_end();
}

TEST(runner_idle__costs_nearly_nothing)
{
	struct side s;
	struct timespec before, after;

	begin();
	side_start(&s);
	nap(200);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	nap(3000);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	int64_t us = (after.tv_sec - before.tv_sec) * INT64_C(1000000) + (after.tv_nsec - before.tv_nsec) / 1000;
	printf("# 3 s idle took %lld us of CPU\n", (long long)us);
	CHECK(us < 100000);
	side_stop(&s);
	scratch_end();
}
