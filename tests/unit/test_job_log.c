/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/job_log.h"

#include <stdio.h>

#include "db/db.h"
#include "jobs/claim.h"
#include "jobs/queue.h"
#include "scratch.h"
#include "test.h"

static char id[CM_UUID_LEN + 1];

static void begin(void)
{
	scratch_begin();
	if (cm_queue_add(&scratch_app, &(struct cm_job_request){ .kind = "backup", .lane = "backup" }, id, NULL) != 0)
		abort();
}

static struct cm_claim claim(void)
{
	struct cm_claim c = { .owner = "me" };
	struct cm_job job;

	if (cm_claim_next("backup", 1, NULL, "me", &job, NULL) != 0)
		abort();
	memcpy(c.id, job.id, sizeof(c.id));
	c.fence = job.fence;
	cm_job_release(&job);
	return c;
}

static int add(enum cm_job_line_kind kind, const char *text)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, NULL);

	return rc ? rc : cm_job_log_add(db, id, &(struct cm_job_line){ 1000, kind, (char *)text }, NULL);
}

TEST(job_log__keeps_order_kind_and_time)
{
	struct cm_job job;

	begin();
	CHECK_INT(cm_queue_get(id, &job, NULL), 0);
	CHECK(job.log == NULL);
	CHECK_INT(cm_queue_log(&job, NULL), 0);
	CHECK(job.log != NULL && job.log_count == 0);
	CHECK_INT(add(CM_JOB_LINE_STEP, "Reading"), 0);
	CHECK_INT(add(CM_JOB_LINE_WARNING, "A socket"), 0);
	CHECK_INT(add(CM_JOB_LINE_ERROR, "It broke"), 0);
	CHECK_INT(cm_queue_log(&job, NULL), 0);
	CHECK_INT(job.log_count, 3);
	CHECK(job.log[0].kind == CM_JOB_LINE_STEP && job.log[0].ms == 1000);
	CHECK_STR(job.log[1].text, "A socket");
	CHECK(job.log[1].kind == CM_JOB_LINE_WARNING && job.log[2].kind == CM_JOB_LINE_ERROR);
	cm_job_release(&job);
	scratch_end();
}

TEST(job_log__has_a_limit_with_room_for_the_error)
{
	struct cm_job_line *lines;
	size_t count;

	begin();
	for (int i = 0; i < CM_JOB_LOG_MAX + 5; i++)
		CHECK_INT(add(CM_JOB_LINE_STEP, "again"), 0);
	CHECK_INT(add(CM_JOB_LINE_ERROR, "the end"), 0);
	CHECK_INT(cm_job_log_read(id, &lines, &count, NULL), 0);
	CHECK_INT(count, CM_JOB_LOG_MAX - CM_JOB_LOG_ERRORS + 1);
	CHECK_STR(lines[count - 1].text, "the end");
	cm_job_log_free(lines, count);
	for (int i = 0; i < CM_JOB_LOG_ERRORS + 5; i++)
		CHECK_INT(add(CM_JOB_LINE_ERROR, "the end"), 0);
	CHECK_INT(cm_job_log_read(id, &lines, &count, NULL), 0);
	CHECK_INT(count, CM_JOB_LOG_MAX);
	cm_job_log_free(lines, count);
	scratch_end();
}

TEST(job_log__goes_with_its_job)
{
	struct cm_db *db;
	int64_t rows = -1;

	begin();
	CHECK_INT(add(CM_JOB_LINE_STEP, "one"), 0);
	CHECK_INT(cm_queue_cancel(&scratch_app, id, NULL, NULL), 0);
	CHECK_INT(cm_claim_prune(0, NULL), 0);
	CHECK_INT(cm_db_get(&db, NULL), 0);
	CHECK_INT(cm_db_int(db, &rows, NULL, "SELECT count(*) FROM job_log"), 0);
	CHECK_INT(rows, 0);
	CHECK_INT(add(CM_JOB_LINE_STEP, "of no job"), 0);
	scratch_end();
}

TEST(job_log__tells_all_attempts_and_no_stale_writer_adds_to_it)
{
	struct cm_job_line line = { 1, CM_JOB_LINE_STEP, (char *)"First step" }, *lines;
	struct cm_claim_progress p = { .lines = &line, .line_count = 1 };
	size_t count;

	begin();
	struct cm_claim old = claim();
	CHECK_INT(cm_claim_progress(&old, &p, NULL), 0);
	CHECK_INT(cm_claim_interrupt_all(NULL, NULL, NULL), 0);
	CHECK_INT(cm_claim_requeue("backup", 2, NULL, NULL), 0);
	CHECK_INT(cm_claim_progress(&old, &p, NULL), CM_EDENIED);
	struct cm_claim c = claim();
	CHECK_INT(cm_claim_progress(&c, &p, NULL), 0);
	CHECK_INT(
	    cm_claim_finish(&c, &(struct cm_claim_result){ .state = CM_JOB_COMPLETE, .step_text = "Backup completed!" },
			    NULL),
	    0);
	CHECK_INT(cm_job_log_read(id, &lines, &count, NULL), 0);
	CHECK_INT(count, 4);
	CHECK_STR(lines[0].text, "First step");
	CHECK_STR(lines[1].text, "The program ended while this was running.");
	CHECK(lines[1].kind == CM_JOB_LINE_ERROR);
	CHECK_STR(lines[3].text, "Backup completed!");
	cm_job_log_free(lines, count);
	scratch_end();
}

TEST(job_log__of_nothing_is_empty)
{
	struct cm_job_line *lines;
	size_t count = 7;

	begin();
	CHECK_INT(cm_job_log_read("no-such-job", &lines, &count, NULL), 0);
	CHECK_INT(count, 0);
	cm_job_log_free(lines, count);
	cm_job_log_free(NULL, 0);
	scratch_end();
}
