/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/clock.h"

#include "test.h"

TEST(time_parse__reads_what_docker_and_s3_write)
{
	int64_t ms;
	char t[32];
	CHECK(cm_time_parse("2026-11-22T18:45:12.035265789Z", &ms));
	cm_time_rfc3339(t, ms);
	CHECK_STR(t, "2026-11-22T18:45:12.035Z");
	CHECK(cm_time_parse("2026-11-22T19:45:12+01:00", &ms));
	cm_time_plain(t, ms);
	CHECK_STR(t, "2026-11-22 18:45:12");
	CHECK(cm_time_parse("0001-01-01T00:00:00Z", &ms) && ms == 0);
	CHECK(!cm_time_parse("2026-13-22T18:45:12Z", &ms));
	CHECK(!cm_time_parse("yesterday", &ms));
	CHECK(!cm_time_parse("2026-11-22T18:45:12Zx", &ms));
	CHECK(!cm_time_parse("", &ms));
}

TEST(time_rfc3339__before_1970_rounds_down)
{
	char t[32];
	cm_time_rfc3339(t, -1);
	CHECK_STR(t, "1969-12-31T23:59:59.999Z");
	cm_time_rfc3339(t, 0);
	CHECK_STR(t, "");
}

TEST(time_ago__speaks)
{
	char t[48];
	cm_time_ago(t, 0, 1000);
	CHECK_STR(t, "never");
	cm_time_ago(t, 1000, 31000);
	CHECK_STR(t, "just now");
	cm_time_ago(t, 1000, 61000 + 1000);
	CHECK_STR(t, "1 minute ago");
	cm_time_ago(t, 7200001 + 1000, 1000);
	CHECK_STR(t, "in 2 hours");
}
