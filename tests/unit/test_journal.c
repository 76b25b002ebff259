/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/journal.h"

#include <pthread.h>
#include <sys/wait.h>

#include "core/mem.h"
#include "scratch.h"
#include "test.h"

TEST(journal_open__is_listed_newest_first_until_closed)
{
	int64_t one, two, three;
	struct cm_journal_entry *list;
	size_t count;

	scratch_begin();
	CHECK_INT(cm_journal_add("job-1", "stopped", "abc", "web", "{\"was\":\"running\"}", &one, NULL), 0);
	CHECK_INT(cm_journal_add("job-1", "renamed", "abc", "web", NULL, &two, NULL), 0);
	CHECK_INT(cm_journal_add(NULL, "paused", NULL, "db", NULL, &three, NULL), 0);
	CHECK_INT(cm_journal_list(NULL, &list, &count, NULL), 0);
	CHECK_INT(count, 3);
	CHECK(list[0].id == three && list[1].id == two && list[2].id == one);
	CHECK_STR(list[0].job_id, NULL);
	CHECK_STR(list[2].kind, "stopped");
	CHECK_STR(list[2].container_id, "abc");
	CHECK_STR(list[2].data, "{\"was\":\"running\"}");
	CHECK_STR(list[2].state, "open");
	CHECK(list[2].created_ms > 0);
	cm_journal_list_free(list, count);
	CHECK_INT(cm_journal_close(two, NULL), 0);
	CHECK_INT(cm_journal_close(two, NULL), 0);
	CHECK_INT(cm_journal_list("job-1", &list, &count, NULL), 0);
	CHECK(count == 1 && list[0].id == one);
	cm_journal_list_free(list, count);
	scratch_end();
}

TEST(journal_update__changes_only_what_is_open)
{
	int64_t id;
	struct cm_journal_entry *list;
	size_t count;

	scratch_begin();
	CHECK_INT(cm_journal_add(NULL, "restore", NULL, NULL, "{}", &id, NULL), 0);
	CHECK_INT(cm_journal_update(id, "{\"step\":2}", NULL), 0);
	CHECK_INT(cm_journal_failed(id, "The engine is away.", NULL), 0);
	CHECK_INT(cm_journal_failed(id, "Still away.", NULL), 0);
	CHECK_INT(cm_journal_list(NULL, &list, &count, NULL), 0);
	CHECK_STR(list[0].data, "{\"step\":2}");
	CHECK_STR(list[0].error, "Still away.");
	CHECK_INT(list[0].tries, 2);
	cm_journal_list_free(list, count);
	CHECK_INT(cm_journal_close(id, NULL), 0);
	CHECK_INT(cm_journal_update(id, "{}", NULL), CM_ENOTFOUND);
	CHECK_INT(cm_journal_list(NULL, &list, &count, NULL), 0);
	CHECK(count == 0 && list == NULL);
	cm_journal_list_free(list, count);
	scratch_end();
}

TEST(journal_data__has_a_ceiling)
{
	char *big = cm_alloc((1 << 20) + 2);

	scratch_begin();
	memset(big, 'x', (1 << 20) + 1);
	CHECK_INT(cm_journal_add(NULL, "restore", NULL, NULL, big, NULL, NULL), CM_ETOOBIG);
	free(big);
	scratch_end();
}

static void *other_thread(void *arg)
{
	(void)arg;
	return (void *)cm_journal_job();
}

TEST(journal_job__belongs_to_the_thread)
{
	pthread_t t;
	void *others;
	struct cm_journal_entry *list;
	size_t count;

	scratch_begin();
	cm_journal_set_job("job-7");
	CHECK_STR(cm_journal_job(), "job-7");
	CHECK_INT(pthread_create(&t, NULL, other_thread, NULL), 0);
	pthread_join(t, &others);
	CHECK(others == NULL);
	CHECK_INT(cm_journal_add(NULL, "paused", NULL, NULL, NULL, NULL, NULL), 0);
	cm_journal_set_job(NULL);
	CHECK(cm_journal_job() == NULL);
	CHECK_INT(cm_journal_list("job-7", &list, &count, NULL), 0);
	CHECK_INT(count, 1);
	cm_journal_list_free(list, count);
	scratch_end();
}

/* Killed right after the entry was written: it is there. */
TEST(journal_kill__keeps_the_entry)
{
	int status;
	struct cm_journal_entry *list;
	size_t count;

	scratch_begin();
	cm_db_close_thread();
	pid_t pid = fork();
	if (pid == 0) {
		if (cm_journal_add("j", "stopped", "abc", "web", NULL, NULL, NULL) == 0)
			kill(getpid(), SIGKILL);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFSIGNALED(status));
	CHECK_INT(cm_journal_list("j", &list, &count, NULL), 0);
	CHECK_INT(count, 1);
	cm_journal_list_free(list, count);
	scratch_end();
}
