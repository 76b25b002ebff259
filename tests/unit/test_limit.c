/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <sys/wait.h>
#include <unistd.h>

#include "web/web_int.h"

TEST(limits__a_key_has_its_number_a_minute)
{
	struct cm_limits *l = cm_limits_new();
	int64_t now = 1795373105000; /* five seconds into a minute */
	unsigned wait = 0;

	for (int i = 0; i < 3; i++)
		CHECK(cm_limits_allow(l, "user 1", 3, now, &wait));
	CHECK(!cm_limits_allow(l, "user 1", 3, now, &wait));
	CHECK_INT(wait, 55);
	CHECK(cm_limits_allow(l, "user 2", 3, now, &wait));
	CHECK(!cm_limits_allow(l, "user 1", 3, now + 54000, &wait));
	CHECK_INT(wait, 1);
	CHECK(cm_limits_allow(l, "user 1", 3, now + 55000, &wait));
	cm_limits_free(l);
	cm_limits_free(NULL);
}

TEST(limits__are_shared_by_processes)
{
	struct cm_limits *l = cm_limits_new();
	int64_t now = 1795373105000;
	unsigned wait;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < 3; i++)
			cm_limits_allow(l, "user 1", 3, now, &wait);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(!cm_limits_allow(l, "user 1", 3, now, &wait));
	cm_limits_free(l);
}

TEST(limits__many_keys_do_not_disturb_one_that_came_before)
{
	struct cm_limits *l = cm_limits_new();
	int64_t now = 1795373105000;
	char key[32];
	unsigned wait;

	CHECK(cm_limits_allow(l, "first", 1, now, &wait));
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), "address %d", i);
		cm_limits_allow(l, key, 1, now, &wait);
	}
	CHECK(!cm_limits_allow(l, "first", 1, now, &wait));
	cm_limits_free(l);
}
