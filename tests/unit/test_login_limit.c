/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/login_limit.h"

#include <sys/wait.h>

#include "core/clock.h"
#include "scratch.h"
#include "test.h"

static const int64_t T = INT64_C(1800000000000);

/* Tries until refused; how many were allowed. */
static int allowed(int64_t now, const char *address, const char *user)
{
	int n = 0;

	while (n < 1000 && cm_login_allow_at(now, 5, address, user, NULL, NULL) == 0)
		n++;
	return n;
}

TEST(login_limit__allows_five_a_minute_and_then_says_how_long)
{
	unsigned retry = 0;
	struct cm_err err = { 0 };

	scratch_begin();
	CHECK_INT(allowed(T, "10.0.0.1", "admin"), 5);
	CHECK_INT(cm_login_allow_at(T + 1000, 5, "10.0.0.1", "admin", &retry, &err), CM_ELIMIT);
	CHECK_INT(retry, 59);
	CHECK(strstr(err.text, "Try again in 59 s") != NULL);
	CHECK_INT(cm_login_allow_at(T + 59999, 5, "10.0.0.1", "admin", &retry, NULL), CM_ELIMIT);
	CHECK_INT(retry, 1);
	CHECK_INT(cm_login_allow_at(T + 60000, 5, "10.0.0.1", "admin", &retry, NULL), 0);
	CHECK_INT(retry, 0);
	scratch_end();
}

TEST(login_limit__starts_anew_each_minute_for_who_stays_below)
{
	scratch_begin();
	for (int minute = 0; minute < 10; minute++)
		for (int i = 0; i < 5; i++)
			CHECK_INT(cm_login_allow_at(T + minute * 60000 + i, 5, "10.0.0.1", "admin", NULL, NULL), 0);
	scratch_end();
}

TEST(login_limit__grows_with_each_refusal_up_to_a_ceiling)
{
	static const unsigned want[] = { 60, 120, 240, 480, 960, 1920, 3600, 3600 };
	int64_t now = T;
	unsigned retry;
	char user[16];

	scratch_begin();
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		retry = 0;
		/* Another user each time: it is the address that is refused. */
		for (int n = 0; retry == 0 && n < 10; n++) {
			snprintf(user, sizeof(user), "u%zu-%d", i, n);
			cm_login_allow_at(now, 5, "10.0.0.1", user, &retry, NULL);
		}
		CHECK_INT(retry, want[i]);
		now += retry * INT64_C(1000);
	}
	/* The right password ends the growing. */
	CHECK_INT(cm_login_succeeded("10.0.0.1", "u", NULL), 0);
	retry = 0;
	for (int n = 0; retry == 0 && n < 10; n++) {
		snprintf(user, sizeof(user), "v%d", n);
		cm_login_allow_at(now, 5, "10.0.0.1", user, &retry, NULL);
	}
	CHECK_INT(retry, 60);
	scratch_end();
}

TEST(login_limit__of_a_user_holds_for_all_addresses_but_never_long)
{
	int64_t now = T;
	unsigned retry = 0, worst = 0;
	char address[32];

	scratch_begin();
	for (int i = 0; i < 200; i++) {
		snprintf(address, sizeof(address), "10.1.%d.%d", i / 200, i);
		cm_login_allow_at(now, 5, address, "Admin", &retry, NULL);
		if (i == 5)
			CHECK_INT(retry, 60);
		worst = retry > worst ? retry : worst;
		now += retry * INT64_C(1000);
	}
	CHECK_INT(worst, 300);
	/* Another user from another address is not held off. */
	CHECK_INT(cm_login_allow_at(now, 5, "10.2.0.1", "else", NULL, NULL), 0);
	scratch_end();
}

TEST(login_limit__takes_a_v6_network_and_a_mapped_v4_address_as_one)
{
	scratch_begin();
	CHECK_INT(allowed(T, "2001:db8:1:2::1", "a1"), 5);
	CHECK_INT(cm_login_allow_at(T, 5, "2001:db8:1:2:ffff::2", "a2", NULL, NULL), CM_ELIMIT);
	CHECK_INT(cm_login_allow_at(T, 5, "2001:db8:1:3::1", "a2", NULL, NULL), 0);
	CHECK_INT(allowed(T, "10.0.0.9", "b1"), 5);
	CHECK_INT(cm_login_allow_at(T, 5, "::ffff:10.0.0.9", "b2", NULL, NULL), CM_ELIMIT);
	scratch_end();
}

TEST(login_limit__of_zero_is_none)
{
	unsigned retry = 9;

	scratch_begin();
	for (int i = 0; i < 100; i++)
		CHECK_INT(cm_login_allow_at(T, 0, "10.0.0.1", "admin", &retry, NULL), 0);
	CHECK_INT(retry, 0);
	scratch_end();
}

TEST(login_limit__survives_a_clock_that_jumps_back)
{
	unsigned retry = 0;

	scratch_begin();
	CHECK_INT(allowed(T, "10.0.0.1", "admin"), 5);
	CHECK_INT(cm_login_allow_at(T - INT64_C(86400000), 5, "10.0.0.1", "admin", &retry, NULL), 0);
	scratch_end();
}

/* Two processes at once may together do no more than one. */
TEST(login_limit__is_one_for_all_processes)
{
	int pipes[2], total = 0, n;

	scratch_begin();
	cm_db_close_thread();
	CHECK_INT(pipe(pipes), 0);
	for (int i = 0; i < 3; i++) {
		if (fork() == 0) {
			n = 0;
			for (int k = 0; k < 10; k++)
				n += cm_login_allow_at(T, 5, "10.0.0.1", "admin", NULL, NULL) == 0;
			_exit(write(pipes[1], &n, sizeof(n)) != sizeof(n));
		}
	}
	for (int i = 0; i < 3; i++) {
		CHECK_INT(read(pipes[0], &n, sizeof(n)), sizeof(n));
		total += n;
		wait(NULL);
	}
	CHECK_INT(total, 5);
	close(pipes[0]);
	close(pipes[1]);
	scratch_end();
}

TEST(login_limit__keeps_no_names)
{
	struct cm_buf b = CM_BUF_INIT(16 << 20);
	char wal[1024];

	scratch_begin();
	CHECK_INT(cm_login_allow(5, "10.0.0.1", "MyPasswordByMistake", NULL, NULL), 0);
	snprintf(wal, sizeof(wal), "%s-wal", scratch_app.db_path);
	CHECK_INT(cm_file_read(wal, &b, NULL), 0);
	CHECK(memmem(b.data, b.len, "10.0.0.1", 8) != NULL);
	CHECK(memmem(b.data, b.len, "ByMistake", 9) == NULL);
	CHECK(memmem(b.data, b.len, "bymistake", 9) == NULL);
	cm_buf_release(&b);
	scratch_end();
}
