/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/verify_schedule.h"

#include "core/json.h"
#include "core/mem.h"
#include "scratch.h"
#include "service/settings.h"
#include "test.h"

enum { HOUR_MS = 3600 * 1000 };
#define NOW INT64_C(1795373000000)
#define GB (INT64_C(1) << 30)

/* A hundred backups of a gigabyte each: 5 % are five of them a day. */
static const struct cm_catalog_pick *hundred(void)
{
	static struct cm_catalog_pick picks[100];

	for (int i = 0; i < 100; i++)
		picks[i] = (struct cm_catalog_pick){ .id = i + 1, .size = GB };
	return picks;
}

TEST(verify_schedule_choose__spreads_the_share_over_the_day)
{
	int64_t allowance = 0;
	size_t day = 0, most = 0;

	for (int hour = 0; hour < 24; hour++) {
		size_t n = cm_verify_schedule_choose(hundred(), 100, 5, HOUR_MS, &allowance);
		day += n;
		most = n > most ? n : most;
	}
	CHECK(day == 4 || day == 5);
	CHECK_INT(most, 1);
	/* All of them in twenty days. */
	for (int hour = 24; hour < 24 * 20; hour++)
		day += cm_verify_schedule_choose(hundred(), 100, 5, HOUR_MS, &allowance);
	CHECK(day >= 99 && day <= 100);
}

TEST(verify_schedule_choose__makes_no_storm_after_a_pause)
{
	int64_t allowance = 0;

	CHECK_INT(cm_verify_schedule_choose(hundred(), 100, 5, INT64_C(40) * 24 * HOUR_MS, &allowance), 5);
	allowance = 90 * GB;
	CHECK_INT(cm_verify_schedule_choose(hundred(), 100, 5, HOUR_MS, &allowance), 5);
	CHECK_INT(cm_verify_schedule_choose(hundred(), 100, 0, 24 * HOUR_MS, &allowance), 0);
	CHECK_INT(allowance, 0);
	CHECK_INT(cm_verify_schedule_choose(hundred(), 0, 5, HOUR_MS, &allowance), 0);
	/* The clock went back: an hour's share. */
	CHECK_INT(cm_verify_schedule_choose(hundred(), 100, 24, -HOUR_MS, &allowance), 1);
}

TEST(verify_schedule_choose__saves_for_a_large_one)
{
	struct cm_catalog_pick picks[2] = { { .id = 1, .size = 90 * GB }, { .id = 2, .size = 10 * GB } };
	int64_t allowance = 0;
	int hours = 0;

	while (cm_verify_schedule_choose(picks, 2, 5, HOUR_MS, &allowance) == 0 && hours < 10000)
		hours++;
	CHECK(hours > 17 * 24 && hours < 19 * 24);
	CHECK(allowance < GB);
}

static void put(const char *file, const char *type, int64_t size, int64_t verified_ms)
{
	struct cm_catalog_row row = { .vault = "local",
				      .file = (char *)file,
				      .type = (char *)type,
				      .backup_type = (char *)"manual",
				      .size = size,
				      .created_ms = 1,
				      .verified_ms = verified_ms,
				      .verify_state = (char *)(verified_ms ? "ok" : "unknown") };

	if (cm_catalog_put(&row, NULL) != 0)
		abort();
}

TEST(verify_schedule_look__takes_the_oldest_and_never_verified_first)
{
	cm_autojson struct json_object *params = NULL, *state = NULL;
	struct json_object *files;
	int64_t last;

	scratch_begin();
	put("new.tar.gz", "container", 10, NOW - HOUR_MS);
	put("old.tar.gz", "container", 10, NOW - 9 * HOUR_MS);
	put("never.tar.gz", "container", 10, 0);
	put("future.tar.gz", "container", 10, NOW + 9 * HOUR_MS);
	put("gone.tar.gz", "container", 10, 0);
	put("network_a.json", "network", 10, 0);
	CHECK_INT(cm_catalog_set_missing(NULL, "gone.tar.gz", NOW, NULL), 0);
	CHECK_INT(cm_verify_schedule_last(&last, NULL), 0);
	CHECK_INT(last, 0);
	/* 75 % of 40 bytes, a day's share at once: three. */
	CHECK_INT(cm_settings_set(CM_SETTING_VERIFY_PERCENT, "75", NULL), 0);
	state = json_tokener_parse("{\"last_ms\":1,\"allowance\":0}");
	CHECK_INT(cm_settings_store(CM_VERIFY_SCHEDULE_KEY, state, NULL), 0);
	CHECK_INT(cm_verify_schedule_look(NOW, &params, NULL), 0);
	files = cm_json_arr(params, "files");
	CHECK_INT(cm_json_len(files), 3);
	CHECK_STR(json_object_get_string(json_object_array_get_idx(files, 0)), "never.tar.gz");
	CHECK_STR(json_object_get_string(json_object_array_get_idx(files, 1)), "future.tar.gz");
	CHECK_STR(json_object_get_string(json_object_array_get_idx(files, 2)), "old.tar.gz");
	CHECK_INT(cm_json_int(params, "before_ms", 0), NOW);
	CHECK_INT(cm_verify_schedule_last(&last, NULL), 0);
	CHECK_INT(last, NOW);
	scratch_end();
}

TEST(verify_schedule_look__at_first_takes_an_hours_share_and_survives_damage)
{
	cm_autojson struct json_object *params = NULL;
	struct cm_db *db;

	scratch_begin();
	put("a.tar.gz", "container", 1000, 0);
	CHECK_INT(cm_verify_schedule_look(NOW, &params, NULL), 0);
	CHECK(params == NULL);
	CHECK_INT(cm_db_get(&db, NULL), 0);
	CHECK_INT(cm_db_exec(db, NULL, "UPDATE settings SET value = 'x'"), 0);
	CHECK_INT(cm_verify_schedule_look(NOW, &params, NULL), 0);
	CHECK(params == NULL);
	scratch_end();
}
