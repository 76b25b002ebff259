/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/queue.h"

#include <pthread.h>
#include <sys/wait.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "jobs/claim.h"
#include "scratch.h"
#include "test.h"

static char last_id[CM_UUID_LEN + 1];

static int add(const char *kind, const char *lane, const char *subject)
{
	return cm_queue_add(&scratch_app,
			    &(struct cm_job_request){ .kind = kind, .lane = lane, .subject = subject, .user = "admin" },
			    last_id, NULL);
}

static enum cm_job_state state_of(const char *id)
{
	struct cm_job job;

	if (cm_queue_get(id, &job, NULL) != 0)
		return CM_JOB_STATE_COUNT;
	enum cm_job_state state = job.state;
	cm_job_release(&job);
	return state;
}

/* Claims the next of a lane; its id or "". */
static struct cm_claim claim(const char *lane, const char *owner)
{
	struct cm_claim c = { .owner = owner };
	struct cm_job job;

	if (cm_claim_next(lane, 1, NULL, owner, &job, NULL) == 0) {
		memcpy(c.id, job.id, sizeof(c.id));
		c.fence = job.fence;
		cm_job_release(&job);
	}
	return c;
}

TEST(queue_add__stores_what_was_asked)
{
	struct cm_job job;
	struct json_object *params = json_object_new_object();

	scratch_begin();
	cm_json_set_str(params, "container", "web");
	CHECK_INT(cm_queue_add(&scratch_app,
			       &(struct cm_job_request){ .kind = "backup",
							 .lane = "backup",
							 .subject = "web",
							 .title = "Backup of web",
							 .user = "admin",
							 .params = params },
			       last_id, NULL),
		  0);
	json_object_put(params);
	CHECK_INT(strlen(last_id), CM_UUID_LEN);
	CHECK_INT(cm_queue_get(last_id, &job, NULL), 0);
	CHECK_STR(job.kind, "backup");
	CHECK_STR(job.host, "local");
	CHECK_STR(job.subject, "web");
	CHECK_STR(job.title, "Backup of web");
	CHECK_STR(job.user, "admin");
	CHECK_STR(job.step_text, "Waiting in queue...");
	CHECK_STR(cm_json_str(job.params, "container", NULL), "web");
	CHECK(job.state == CM_JOB_QUEUED && job.attempt == 0 && job.seconds_left == -1 && job.created_ms > 0);
	CHECK(json_object_is_type(job.warnings, json_type_array) && job.result == NULL);
	cm_job_release(&job);
	CHECK_INT(cm_queue_get("no-such-id", &job, NULL), CM_ENOTFOUND);
	scratch_end();
}

TEST(queue_busy__refuses_a_second_of_its_kind_when_asked_to)
{
	struct cm_err err = { 0 };
	struct cm_job_request rq = { .kind = "backup", .lane = "backup", .subject = "db", .refuse_when_busy = true };

	scratch_begin();
	CHECK_INT(add("restore", "interactive", "x"), 0);
	CHECK_INT(add("backup", "backup", "origweb"), 0);
	CHECK_INT(cm_queue_add(&scratch_app, &rq, NULL, &err), CM_EBUSY);
	CHECK_STR(err.text, "A backup is already in progress: origweb");
	CHECK_INT(cm_queue_cancel(&scratch_app, last_id, NULL, NULL), 0);
	CHECK_INT(cm_queue_add(&scratch_app, &rq, NULL, &err), 0);
	scratch_end();
}

TEST(queue_once__a_second_click_finds_the_first_job)
{
	struct cm_job_request rq = { .kind = "verify", .lane = "interactive", .subject = "a.tar.gz", .once = true };
	char first[CM_UUID_LEN + 1], id[CM_UUID_LEN + 1];

	scratch_begin();
	CHECK_INT(cm_queue_add(&scratch_app, &rq, first, NULL), 0);
	CHECK_INT(cm_queue_add(&scratch_app, &rq, id, NULL), 0);
	CHECK_STR(id, first);
	/* While it runs, too; of another file not. */
	struct cm_claim c = claim("interactive", "me");
	CHECK_INT(cm_queue_add(&scratch_app, &rq, id, NULL), 0);
	CHECK_STR(id, first);
	rq.subject = "b.tar.gz";
	CHECK_INT(cm_queue_add(&scratch_app, &rq, id, NULL), 0);
	CHECK(strcmp(id, first) != 0);
	/* One that is being cancelled will not do the work; one that is over has done its. */
	rq.subject = "a.tar.gz";
	CHECK_INT(cm_queue_cancel(&scratch_app, first, NULL, NULL), 0);
	CHECK_INT(cm_queue_add(&scratch_app, &rq, id, NULL), 0);
	CHECK(strcmp(id, first) != 0);
	CHECK_INT(cm_claim_finish(&c, &(struct cm_claim_result){ .state = CM_JOB_CANCELLED }, NULL), 0);
	scratch_end();
}

TEST(queue_status__tells_who_runs_and_how_many_wait)
{
	struct cm_queue_status s;
	char first[CM_UUID_LEN + 1];
	int64_t n;

	scratch_begin();
	CHECK_INT(cm_queue_status(&s, NULL), 0);
	CHECK(!s.busy && s.queue_size == 0 && s.progress_id[0] == '\0');
	CHECK_INT(add("backup", "backup", "one"), 0);
	memcpy(first, last_id, sizeof(first));
	CHECK_INT(add("backup", "backup", "two"), 0);
	CHECK_INT(add("verify", "interactive", "file"), 0);
	CHECK_INT(cm_queue_status(&s, NULL), 0);
	CHECK(s.busy && s.queue_size == 1);
	CHECK_STR(s.current, "one");
	struct cm_claim c = claim("backup", "me");
	CHECK_STR(c.id, first);
	CHECK_INT(add("backup", "backup", "three"), 0);
	CHECK_INT(cm_queue_status(&s, NULL), 0);
	CHECK(s.busy && s.queue_size == 2);
	CHECK_STR(s.progress_id, first);
	CHECK_STR(s.current, "one");
	CHECK_INT(cm_queue_unfinished(&n, NULL), 0);
	CHECK_INT(n, 4);
	scratch_end();
}

TEST(queue_waiting__is_the_next_while_another_runs)
{
	char second[CM_UUID_LEN + 1], third[CM_UUID_LEN + 1];

	scratch_begin();
	CHECK_INT(add("backup", "backup", "one"), 0);
	CHECK_INT(add("backup", "backup", "two"), 0);
	memcpy(second, last_id, sizeof(second));
	CHECK_INT(state_of(second), CM_JOB_QUEUED);
	struct cm_claim c = claim("backup", "me");
	CHECK_INT(state_of(c.id), CM_JOB_STARTING);
	CHECK_INT(state_of(second), CM_JOB_WAITING);
	CHECK_INT(add("backup", "backup", "three"), 0);
	memcpy(third, last_id, sizeof(third));
	CHECK_INT(state_of(third), CM_JOB_QUEUED);
	/* One at a time on one host. */
	CHECK_STR(claim("backup", "me").id, "");
	CHECK_INT(cm_claim_finish(&c, &(struct cm_claim_result){ .state = CM_JOB_COMPLETE }, NULL), 0);
	CHECK_STR(claim("backup", "me").id, second);
	CHECK_INT(state_of(third), CM_JOB_WAITING);
	scratch_end();
}

TEST(queue_claim__takes_hosts_lanes_kinds_and_locks_apart)
{
	struct cm_job job;

	scratch_begin();
	CHECK_INT(add("backup", "backup", "one"), 0);
	CHECK_INT(cm_queue_add(&scratch_app,
			       &(struct cm_job_request){ .kind = "backup", .lane = "backup", .host = "other" }, NULL,
			       NULL),
		  0);
	CHECK_INT(
	    cm_queue_add(&scratch_app,
			 &(struct cm_job_request){
			     .kind = "restore", .lane = "interactive", .subject = "web", .lock = "container:web" },
			 NULL, NULL),
	    0);
	CHECK_INT(cm_queue_add(&scratch_app,
			       &(struct cm_job_request){
				   .kind = "verify", .lane = "interactive", .subject = "v", .lock = "container:web" },
			       NULL, NULL),
		  0);
	CHECK_INT(cm_claim_next("backup", 1, "restore,verify", "me", &job, NULL), CM_ENOTFOUND);
	CHECK_INT(cm_claim_next("backup", 1, "restore,backup", "me", &job, NULL), 0);
	CHECK_STR(job.host, "local");
	cm_job_release(&job);
	CHECK_INT(cm_claim_next("backup", 1, NULL, "me", &job, NULL), 0);
	CHECK_STR(job.host, "other");
	cm_job_release(&job);
	CHECK_INT(cm_claim_next("interactive", 2, NULL, "me", &job, NULL), 0);
	CHECK_STR(job.kind, "restore");
	struct cm_claim c = { .owner = "me", .fence = job.fence };
	memcpy(c.id, job.id, sizeof(c.id));
	cm_job_release(&job);
	CHECK_INT(cm_claim_next("interactive", 2, NULL, "me", &job, NULL), CM_ENOTFOUND);
	CHECK_INT(cm_queue_lock_free("container:web", NULL), CM_EINUSE);
	CHECK_INT(cm_claim_finish(&c, &(struct cm_claim_result){ .state = CM_JOB_COMPLETE }, NULL), 0);
	CHECK_INT(cm_claim_next("interactive", 2, NULL, "me", &job, NULL), 0);
	CHECK_STR(job.kind, "verify");
	cm_job_release(&job);
	CHECK_INT(cm_queue_lock_free("container:other", NULL), 0);
	scratch_end();
}

TEST(queue_fence__a_stale_writer_changes_nothing)
{
	struct cm_job before, after;
	struct cm_err err = { 0 };
	bool cancel;

	scratch_begin();
	CHECK_INT(add("backup", "backup", "one"), 0);
	struct cm_claim old = claim("backup", "me");
	CHECK_INT(cm_claim_interrupt_all(NULL, NULL, NULL), 0);
	int64_t count;
	CHECK_INT(cm_claim_requeue("backup", 2, &count, NULL), 0);
	CHECK_INT(count, 1);
	/* The same owner's name does not help: the fence has moved on. */
	struct cm_claim new = claim("backup", "me");
	CHECK(new.fence > old.fence);
	CHECK_INT(cm_queue_get(new.id, &before, NULL), 0);
	CHECK_INT(cm_claim_progress(&old, &(struct cm_claim_progress){ .step = 7, .step_text = "stale" }, &err),
		  CM_EDENIED);
	CHECK_INT(cm_claim_heartbeat(&old, &cancel, NULL), CM_EDENIED);
	CHECK_INT(cm_claim_cancelled(&old, &cancel, NULL), CM_EDENIED);
	CHECK_INT(cm_claim_finish(&old, &(struct cm_claim_result){ .state = CM_JOB_COMPLETE }, NULL), CM_EDENIED);
	CHECK_INT(cm_queue_get(new.id, &after, NULL), 0);
	CHECK_INT(after.version, before.version);
	CHECK_INT(after.state, CM_JOB_STARTING);
	CHECK_INT(after.attempt, 2);
	cm_job_release(&before);
	cm_job_release(&after);
	CHECK_INT(cm_claim_progress(&new, &(struct cm_claim_progress){ .step = 1, .step_total = 6 }, NULL), 0);
	CHECK_INT(state_of(new.id), CM_JOB_RUNNING);
	CHECK_INT(cm_claim_finish(&new, &(struct cm_claim_result){ .state = CM_JOB_COMPLETE }, NULL), 0);
	/* Over is over, also for its own holder. */
	CHECK_INT(cm_claim_finish(&new, &(struct cm_claim_result){ .state = CM_JOB_ERROR }, NULL), CM_EDENIED);
	scratch_end();
}

TEST(queue_progress__is_seen_and_counts_versions)
{
	struct cm_job job;
	struct json_object *warnings = json_object_new_array(), *result = json_object_new_object();

	scratch_begin();
	CHECK_INT(add("backup", "backup", "one"), 0);
	struct cm_claim c = claim("backup", "me");
	CHECK_INT(cm_queue_get(c.id, &job, NULL), 0);
	int64_t version = job.version;
	cm_job_release(&job);
	cm_json_add_str(warnings, "A socket was skipped.");
	CHECK_INT(cm_claim_progress(&c,
				    &(struct cm_claim_progress){ .step = 3,
								 .step_total = 6,
								 .step_text = "Saving volume",
								 .bytes_done = INT64_C(5) << 32,
								 .bytes_total = INT64_C(6) << 32,
								 .bytes_per_second = 1000,
								 .seconds_left = 12,
								 .warnings = warnings },
				    NULL),
		  0);
	CHECK_INT(cm_queue_get(c.id, &job, NULL), 0);
	CHECK(job.version > version && job.step == 3 && job.step_total == 6);
	CHECK_STR(job.step_text, "Saving volume");
	CHECK(job.bytes_done == INT64_C(5) << 32 && job.bytes_per_second == 1000 && job.seconds_left == 12);
	CHECK_INT(cm_json_len(job.warnings), 1);
	cm_job_release(&job);
	cm_json_set_str(result, "filename", "web.tar.gz");
	CHECK_INT(cm_claim_finish(&c,
				  &(struct cm_claim_result){
				      .state = CM_JOB_COMPLETE, .step_text = "Backup completed!", .result = result },
				  NULL),
		  0);
	CHECK_INT(cm_queue_get(c.id, &job, NULL), 0);
	CHECK_STR(cm_json_str(job.result, "filename", NULL), "web.tar.gz");
	CHECK_STR(job.step_text, "Backup completed!");
	CHECK_INT(cm_json_len(job.warnings), 1);
	CHECK(job.finished_ms >= job.started_ms && job.started_ms >= job.created_ms && job.seconds_left == -1);
	cm_job_release(&job);
	json_object_put(warnings);
	json_object_put(result);
	scratch_end();
}

TEST(queue_cancel__ends_what_waits_and_asks_what_runs)
{
	enum cm_job_state state = CM_JOB_STATE_COUNT;
	bool cancel = false;
	struct cm_err err = { 0 };

	scratch_begin();
	CHECK_INT(add("backup", "backup", "one"), 0);
	CHECK_INT(cm_queue_cancel(&scratch_app, last_id, &state, NULL), 0);
	CHECK_INT(state, CM_JOB_CANCELLED);
	CHECK_INT(state_of(last_id), CM_JOB_CANCELLED);
	CHECK_STR(claim("backup", "me").id, "");
	CHECK_INT(cm_queue_cancel(&scratch_app, last_id, &state, &err), CM_EINVAL);
	CHECK_STR(err.text, "This job is over already.");
	CHECK_INT(cm_queue_cancel(&scratch_app, "nothing", &state, NULL), CM_ENOTFOUND);
	CHECK_INT(add("backup", "backup", "two"), 0);
	struct cm_claim c = claim("backup", "me");
	CHECK_INT(cm_claim_heartbeat(&c, &cancel, NULL), 0);
	CHECK(!cancel);
	CHECK_INT(cm_queue_cancel(&scratch_app, c.id, &state, NULL), 0);
	CHECK_INT(state, CM_JOB_STARTING);
	CHECK_INT(cm_claim_heartbeat(&c, &cancel, NULL), 0);
	CHECK(cancel);
	/* Interrupted with the wish to cancel: cancelled, and not queued again. */
	CHECK_INT(cm_claim_interrupt_all(NULL, NULL, NULL), 0);
	CHECK_INT(state_of(c.id), CM_JOB_CANCELLED);
	int64_t count = -1;
	CHECK_INT(cm_claim_requeue("backup", 2, &count, NULL), 0);
	CHECK_INT(count, 0);
	scratch_end();
}

static int seen;
static void see(void *ctx, const struct cm_job *job)
{
	seen += strcmp(job->subject, ctx) == 0 && job->state == CM_JOB_INTERRUPTED;
}

TEST(queue_recovery__queues_again_but_once)
{
	int64_t count;

	scratch_begin();
	CHECK_INT(add("backup", "backup", "one"), 0);
	for (int round = 1; round <= 2; round++) {
		struct cm_claim c = claim("backup", "me");
		CHECK_STR(c.id, last_id);
		seen = 0;
		CHECK_INT(cm_claim_interrupt_all(see, (void *)"one", NULL), 0);
		CHECK_INT(seen, 1);
		CHECK_INT(state_of(last_id), CM_JOB_INTERRUPTED);
		CHECK_INT(cm_claim_requeue("restore", 2, &count, NULL), 0);
		CHECK_INT(count, 0);
		CHECK_INT(cm_claim_requeue("backup", 2, &count, NULL), 0);
		CHECK_INT(count, round == 1);
	}
	CHECK_INT(state_of(last_id), CM_JOB_INTERRUPTED);
	/* An orderly end does not count as a try. */
	CHECK_INT(add("backup", "backup", "two"), 0);
	for (int round = 0; round < 5; round++) {
		struct cm_claim c = claim("backup", "me");
		CHECK_STR(c.id, last_id);
		CHECK_INT(cm_claim_finish(&c,
					  &(struct cm_claim_result){ .state = CM_JOB_INTERRUPTED,
								     .error_text = "ended",
								     .give_back_attempt = true },
					  NULL),
			  0);
		CHECK_INT(cm_claim_requeue("backup", 2, &count, NULL), 0);
		CHECK_INT(count, 1);
	}
	scratch_end();
}

TEST(queue_list__filters_and_pages)
{
	struct cm_job_list list;

	scratch_begin();
	for (int i = 0; i < 30; i++) {
		char subject[16];
		snprintf(subject, sizeof(subject), "app%02d", i);
		CHECK_INT(add(i % 3 ? "backup" : "verify", i % 3 ? "backup" : "interactive", subject), 0);
	}
	CHECK_INT(cm_queue_cancel(&scratch_app, last_id, NULL, NULL), 0);
	CHECK_INT(cm_queue_list(&(struct cm_job_query){ .limit = 5, .offset = 10 }, &list, NULL), 0);
	CHECK(list.count == 5 && list.total == 30);
	CHECK_STR(list.jobs[0].subject, "app19");
	cm_job_list_release(&list);
	CHECK_INT(cm_queue_list(&(struct cm_job_query){ .kind = "verify", .sort = "created" }, &list, NULL), 0);
	CHECK(list.total == 10);
	CHECK_STR(list.jobs[0].subject, "app00");
	cm_job_list_release(&list);
	CHECK_INT(cm_queue_list(&(struct cm_job_query){ .state = "cancelled" }, &list, NULL), 0);
	CHECK_INT(list.total, 1);
	cm_job_list_release(&list);
	CHECK_INT(cm_queue_list(&(struct cm_job_query){ .only_unfinished = true, .user = "admin" }, &list, NULL), 0);
	CHECK_INT(list.total, 29);
	cm_job_list_release(&list);
	CHECK_INT(cm_queue_list(&(struct cm_job_query){ .only_finished = true, .search = "APP29" }, &list, NULL), 0);
	CHECK_INT(list.total, 1);
	cm_job_list_release(&list);
	CHECK_INT(cm_queue_list(&(struct cm_job_query){ .state = "odd" }, &list, NULL), CM_EINVAL);
	CHECK_INT(cm_queue_list(&(struct cm_job_query){ .sort = "odd" }, &list, NULL), CM_EINVAL);
	CHECK_INT(cm_queue_list(&(struct cm_job_query){ .limit = 1001 }, &list, NULL), CM_EINVAL);
	scratch_end();
}

TEST(queue_prune__keeps_the_newest_and_all_that_are_not_over)
{
	struct cm_job_list list;
	char unfinished[CM_UUID_LEN + 1];

	scratch_begin();
	CHECK_INT(add("backup", "backup", "waits"), 0);
	memcpy(unfinished, last_id, sizeof(unfinished));
	for (int i = 0; i < 10; i++) {
		CHECK_INT(add("backup", "backup", "x"), 0);
		CHECK_INT(cm_queue_cancel(&scratch_app, last_id, NULL, NULL), 0);
	}
	CHECK_INT(cm_claim_prune(20, NULL), 0);
	CHECK_INT(cm_queue_list(&(struct cm_job_query){ 0 }, &list, NULL), 0);
	CHECK_INT(list.total, 11);
	cm_job_list_release(&list);
	CHECK_INT(cm_claim_prune(4, NULL), 0);
	CHECK_INT(cm_queue_list(&(struct cm_job_query){ 0 }, &list, NULL), 0);
	CHECK_INT(list.total, 5);
	cm_job_list_release(&list);
	CHECK_INT(state_of(unfinished), CM_JOB_QUEUED);
	CHECK_INT(state_of(last_id), CM_JOB_CANCELLED);
	scratch_end();
}

enum { JOBS = 60, CLAIMERS = 3 };

/* Several processes take from one lane of several hosts: none is taken twice, none is left. */
TEST(queue_claim__of_two_processes_never_takes_the_same_job)
{
	int pipes[2];
	char ids[JOBS][CM_UUID_LEN + 1];
	struct cm_job_list list;

	scratch_begin();
	for (int i = 0; i < JOBS; i++) {
		char host[16];
		snprintf(host, sizeof(host), "host%d", i);
		CHECK_INT(cm_queue_add(&scratch_app,
				       &(struct cm_job_request){ .kind = "k", .lane = "backup", .host = host }, NULL,
				       NULL),
			  0);
	}
	cm_db_close_thread();
	CHECK_INT(pipe(pipes), 0);
	for (int p = 0; p < CLAIMERS; p++) {
		if (fork() == 0) {
			char owner[32];
			snprintf(owner, sizeof(owner), "p%d", p);
			for (;;) {
				struct cm_claim c = claim("backup", owner);
				if (c.id[0] == '\0')
					break;
				if (write(pipes[1], c.id, sizeof(c.id)) != sizeof(c.id))
					_exit(1);
			}
			cm_db_close_thread();
			_exit(0);
		}
	}
	for (int i = 0; i < JOBS; i++) {
		CHECK_INT(read(pipes[0], ids[i], sizeof(ids[i])), sizeof(ids[i]));
		for (int k = 0; k < i; k++)
			CHECK(strcmp(ids[i], ids[k]) != 0);
	}
	for (int p = 0, status; p < CLAIMERS; p++) {
		CHECK(wait(&status) > 0);
		CHECK_INT(status, 0);
	}
	CHECK_INT(cm_queue_list(&(struct cm_job_query){ .state = "starting" }, &list, NULL), 0);
	CHECK_INT(list.total, JOBS);
	for (size_t i = 0; i < list.count; i++)
		CHECK_INT(list.jobs[i].fence, 1);
	cm_job_list_release(&list);
	close(pipes[0]);
	close(pipes[1]);
	scratch_end();
}

static void *claimer_main(void *owner)
{
	intptr_t n = 0;

	while (claim("backup", owner).id[0] != '\0')
		n++;
	return (void *)n;
}

TEST(queue_claim__of_two_threads_takes_each_once)
{
	pthread_t threads[2];
	void *n;
	intptr_t total = 0;

	scratch_begin();
	for (int i = 0; i < JOBS; i++) {
		char host[16];
		snprintf(host, sizeof(host), "host%d", i);
		CHECK_INT(cm_queue_add(&scratch_app,
				       &(struct cm_job_request){ .kind = "k", .lane = "backup", .host = host }, NULL,
				       NULL),
			  0);
	}
	for (int i = 0; i < 2; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, claimer_main, (void *)(i ? "a" : "b")), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &n);
		total += (intptr_t)n;
	}
	CHECK_INT(total, JOBS);
	scratch_end();
}

TEST(queue_params__have_a_ceiling)
{
	struct json_object *params = json_object_new_object();
	char *big = cm_alloc(CM_JOB_PARAMS_MAX + 1);

	scratch_begin();
	memset(big, 'x', CM_JOB_PARAMS_MAX);
	cm_json_set_str(params, "x", big);
	CHECK_INT(cm_queue_add(&scratch_app,
			       &(struct cm_job_request){ .kind = "k", .lane = "backup", .params = params }, NULL, NULL),
		  CM_ETOOBIG);
	json_object_put(params);
	free(big);
	scratch_end();
}
