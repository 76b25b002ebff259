/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/catalog.h"

#include <pthread.h>
#include <time.h>

#include "core/clock.h"
#include "core/mem.h"
#include "db/db.h"
#include "scratch.h"
#include "test.h"

enum { MANY = 10000 };

static struct cm_catalog_row sample(char *file)
{
	return (struct cm_catalog_row){ .vault = "local",
					.file = file,
					.type = "container",
					.backup_type = "manual",
					.container_name = "web",
					.size = 100,
					.created_ms = 1000 };
}

static bool state_is(const char *file, const char *state)
{
	struct cm_catalog_row row;

	if (cm_catalog_get(NULL, file, &row, NULL) != 0)
		return false;
	bool same = strcmp(row.verify_state, state) == 0;
	cm_catalog_row_release(&row);
	return same;
}

TEST(catalog_put__stores_every_field)
{
	struct cm_catalog_row in = { .vault = "local",
				     .file = "web_20261122_184512-abcdef.tar.gz",
				     .backup_id = "id",
				     .type = "container",
				     .backup_type = "scheduled",
				     .container_name = "web",
				     .container_id = "1b2d",
				     .server_name = "qa",
				     .image = "busybox:local",
				     .stack = "shop",
				     .format = "cm1",
				     .compression = "gzip",
				     .consistency = "pause",
				     .note = "before the update",
				     .sha256 = "ff",
				     .parts = "[1]",
				     .warnings = "[\"w\"]",
				     .warning_count = 1,
				     .size = INT64_C(1) << 40,
				     .content_size = INT64_C(1) << 41,
				     .created_ms = 5,
				     .modified_ms = 6,
				     .companion_ms = 7,
				     .verified_ms = 8,
				     .verify_state = "ok",
				     .verify_error = NULL,
				     .drilled_ms = 9,
				     .drill_state = "failed",
				     .has_manifest = true,
				     .locked = true };
	struct cm_catalog_row out;

	scratch_begin();
	CHECK_INT(cm_catalog_put(&in, NULL), 0);
	CHECK_INT(cm_catalog_get("local", in.file, &out, NULL), 0);
	CHECK_STR(out.vault, in.vault);
	CHECK_STR(out.file, in.file);
	CHECK_STR(out.backup_id, in.backup_id);
	CHECK_STR(out.type, in.type);
	CHECK_STR(out.backup_type, in.backup_type);
	CHECK_STR(out.container_name, in.container_name);
	CHECK_STR(out.container_id, in.container_id);
	CHECK_STR(out.server_name, in.server_name);
	CHECK_STR(out.image, in.image);
	CHECK_STR(out.stack, in.stack);
	CHECK_STR(out.format, in.format);
	CHECK_STR(out.compression, in.compression);
	CHECK_STR(out.consistency, in.consistency);
	CHECK_STR(out.note, in.note);
	CHECK_STR(out.sha256, in.sha256);
	CHECK_STR(out.parts, in.parts);
	CHECK_STR(out.warnings, in.warnings);
	CHECK_STR(out.verify_state, in.verify_state);
	CHECK_STR(out.verify_error, in.verify_error);
	CHECK_STR(out.drill_state, in.drill_state);
	CHECK(out.size == in.size && out.content_size == in.content_size && out.created_ms == 5);
	CHECK(out.modified_ms == 6 && out.companion_ms == 7 && out.verified_ms == 8 && out.drilled_ms == 9);
	CHECK(out.warning_count == 1 && out.has_manifest && out.locked);
	cm_catalog_row_release(&out);
	scratch_end();
}

TEST(catalog_put__keeps_what_was_found_out_while_the_content_is_the_same)
{
	struct cm_catalog_row row = sample("a.tar.gz");

	scratch_begin();
	row.sha256 = "11";
	CHECK_INT(cm_catalog_put(&row, NULL), 0);
	CHECK_INT(cm_catalog_set_verified("local", "a.tar.gz", "ok", NULL, 77, NULL), 0);
	struct cm_catalog_drill drill = {
		.state = "failed", .error = "It ended.", .log = "bye", .at_ms = 78, .duration_ms = 5
	};
	CHECK_INT(cm_catalog_set_drilled(NULL, "a.tar.gz", &drill, NULL), 0);
	CHECK_INT(cm_catalog_set_locked("local", "a.tar.gz", true, NULL), 0);
	row.server_name = "other";
	CHECK_INT(cm_catalog_put(&row, NULL), 0);
	struct cm_catalog_row out;
	CHECK_INT(cm_catalog_get("local", "a.tar.gz", &out, NULL), 0);
	CHECK_STR(out.verify_state, "ok");
	CHECK_STR(out.drill_state, "failed");
	CHECK_STR(out.drill_error, "It ended.");
	CHECK_STR(out.drill_log, "bye");
	CHECK(out.drill_duration_ms == 5);
	CHECK_STR(out.server_name, "other");
	CHECK(out.verified_ms == 77 && out.drilled_ms == 78 && out.locked);
	cm_catalog_row_release(&out);
	row.sha256 = "22";
	CHECK_INT(cm_catalog_put(&row, NULL), 0);
	CHECK_INT(cm_catalog_get("local", "a.tar.gz", &out, NULL), 0);
	CHECK_STR(out.verify_state, "unknown");
	CHECK_STR(out.drill_state, "unknown");
	CHECK(out.verified_ms == 0 && out.drilled_ms == 0 && out.locked);
	cm_catalog_row_release(&out);
	row.verified_ms = 99;
	row.verify_state = "damaged";
	row.verify_error = "A hash differs.";
	CHECK_INT(cm_catalog_put(&row, NULL), 0);
	CHECK(state_is("a.tar.gz", "damaged"));
	scratch_end();
}

TEST(catalog_unknown__is_not_found)
{
	struct cm_catalog_row out;
	struct cm_err err = { 0 };

	scratch_begin();
	CHECK_INT(cm_catalog_get("local", "none", &out, &err), CM_ENOTFOUND);
	CHECK_STR(err.text, "Backup file not found");
	CHECK_INT(cm_catalog_remove(NULL, "none", NULL), CM_ENOTFOUND);
	CHECK_INT(cm_catalog_set_verified("local", "none", "ok", NULL, 1, NULL), CM_ENOTFOUND);
	CHECK_INT(cm_catalog_set_note("local", "none", "x", NULL), CM_ENOTFOUND);
	struct cm_catalog_row row = sample("a.tar.gz");
	row.type = NULL;
	CHECK_INT(cm_catalog_put(&row, NULL), CM_EINVAL);
	scratch_end();
}

static int names_seen;
static int count_name(void *ctx, const struct cm_catalog_row *row)
{
	names_seen++;
	return strcmp(row->file, ctx) == 0 ? 42 : 0;
}

TEST(catalog_replace__makes_one_vault_exactly_that)
{
	struct cm_catalog_row rows[3] = { sample("a.tar.gz"), sample("b.tar.gz"), sample("c.tar.gz") };
	struct cm_catalog_row other = sample("a.tar.gz"), out;
	int added = -1, removed = -1;

	scratch_begin();
	other.vault = "s3";
	CHECK_INT(cm_catalog_put(&other, NULL), 0);
	CHECK_INT(cm_catalog_replace("local", rows, 2, &added, &removed, NULL), 0);
	CHECK(added == 2 && removed == 0);
	CHECK_INT(cm_catalog_set_verified("local", "b.tar.gz", "ok", NULL, 5, NULL), 0);
	CHECK_INT(cm_catalog_replace("local", rows + 1, 2, &added, &removed, NULL), 0);
	CHECK(added == 1 && removed == 1);
	CHECK_INT(cm_catalog_get("local", "a.tar.gz", &out, NULL), CM_ENOTFOUND);
	CHECK(state_is("b.tar.gz", "ok"));
	CHECK_INT(cm_catalog_get("s3", "a.tar.gz", &out, NULL), 0);
	cm_catalog_row_release(&out);
	names_seen = 0;
	CHECK_INT(cm_catalog_each_name("local", count_name, (char *)"b.tar.gz", NULL), 42);
	CHECK_INT(names_seen, 1);
	CHECK_INT(cm_catalog_each_name("local", count_name, (char *)"", NULL), 0);
	CHECK_INT(names_seen, 3);
	/* A bad row changes nothing. */
	rows[2].backup_type = NULL;
	CHECK_INT(cm_catalog_replace("local", rows, 3, NULL, NULL, NULL), CM_EINVAL);
	CHECK_INT(cm_catalog_get("local", "a.tar.gz", &out, NULL), CM_ENOTFOUND);
	CHECK_INT(cm_catalog_replace("local", NULL, 0, &added, &removed, NULL), 0);
	CHECK(added == 0 && removed == 2);
	scratch_end();
}

TEST(catalog_newest__is_one_per_container_and_not_a_damaged_one)
{
	struct cm_catalog_row rows[4] = { sample("a1"), sample("a2"), sample("a3"), sample("b1") };
	struct cm_catalog_list list;
	struct cm_catalog_totals totals;

	scratch_begin();
	rows[1].created_ms = 2000;
	rows[2].created_ms = 3000;
	rows[3].container_name = "db";
	CHECK_INT(cm_catalog_replace("local", rows, 4, NULL, NULL, NULL), 0);
	CHECK_INT(cm_catalog_set_verified("local", "a3", "damaged", "bad", 1, NULL), 0);
	CHECK_INT(cm_catalog_newest(&list, NULL), 0);
	CHECK_INT(list.count, 2);
	CHECK_STR(list.rows[0].container_name, "db");
	CHECK_STR(list.rows[1].file, "a2");
	cm_catalog_list_release(&list);
	CHECK_INT(cm_catalog_totals(&totals, NULL), 0);
	CHECK(totals.count == 4 && totals.bytes == 400 && totals.damaged == 1 && totals.never_checked == 3 &&
	      totals.newest_ms == 3000);
	scratch_end();
}

TEST(catalog_servers__are_each_named_once)
{
	struct cm_catalog_row rows[5] = { sample("a1"), sample("a2"), sample("b1"), sample("b2"), sample("c") };
	char **names;

	scratch_begin();
	CHECK_INT(cm_catalog_servers(&names, NULL), 0);
	CHECK(names[0] == NULL);
	cm_catalog_servers_free(names);
	rows[0].server_name = rows[1].server_name = "Zeta";
	rows[2].server_name = rows[3].server_name = "alpha";
	CHECK_INT(cm_catalog_replace("local", rows, 5, NULL, NULL, NULL), 0);
	CHECK_INT(cm_catalog_servers(&names, NULL), 0);
	CHECK_STR(names[0], "alpha");
	CHECK_STR(names[1], "Zeta");
	CHECK(names[2] == NULL);
	cm_catalog_servers_free(names);
	scratch_end();
}

/* -1 when the totals and the list do not agree. */
static int64_t count_now(void)
{
	struct cm_catalog_totals totals = { .count = -1 };
	struct cm_catalog_list list = { .total = -2 };

	if (cm_catalog_totals(&totals, NULL) != 0 ||
	    cm_catalog_list(&(struct cm_catalog_query){ .limit = 1 }, &list, NULL) != 0)
		return -1;
	int64_t total = list.total;
	cm_catalog_list_release(&list);
	return total == totals.count ? total : -1;
}

static void *put_elsewhere(void *row)
{
	return cm_catalog_put(row, NULL) == 0 ? row : NULL;
}

TEST(catalog_totals__are_remembered_until_anything_changes)
{
	struct cm_catalog_row a = sample("a"), b = sample("b"), c = sample("c");
	struct cm_db *db;
	pthread_t thread;
	void *done = NULL;

	scratch_begin();
	CHECK_INT(count_now(), 0);
	CHECK_INT(cm_catalog_put(&a, NULL), 0);
	CHECK_INT(count_now(), 1);
	CHECK_INT(pthread_create(&thread, NULL, put_elsewhere, &b), 0);
	pthread_join(thread, &done);
	CHECK(done != NULL);
	CHECK_INT(count_now(), 2);
	CHECK_INT(cm_db_get(&db, NULL), 0);
	CHECK_INT(cm_db_begin(db, NULL), 0);
	CHECK_INT(cm_catalog_put(&c, NULL), 0);
	CHECK_INT(count_now(), 3);
	cm_db_rollback(db);
	CHECK_INT(count_now(), 2);
	scratch_end();
}

static int fill_many(void)
{
	struct cm_catalog_row *rows = cm_alloc_array(MANY, sizeof(*rows));
	char *parts = cm_alloc(2000);

	memset(parts, 'p', 1999);
	for (int i = 0; i < MANY; i++) {
		rows[i] = sample(cm_asprintf("app%d_20260101_%06d-abcdef.tar.gz", i % 150, i));
		rows[i].container_name = cm_asprintf("app%d", i % 150);
		rows[i].server_name = i % 3 ? (i % 2 ? "Server A" : "server b") : NULL;
		rows[i].image = cm_asprintf("registry.example/team/app:%d", i % 40);
		rows[i].stack = i % 5 ? "shop" : NULL;
		rows[i].backup_type = i % 4 ? "scheduled" : "manual";
		rows[i].size = (i * INT64_C(7919)) % 100000;
		rows[i].created_ms = INT64_C(1700000000000) + i * INT64_C(60000);
		rows[i].parts = rows[i].warnings = parts;
		rows[i].warning_count = i % 7;
	}
	int64_t begun = cm_monotonic_ms();
	int rc = cm_catalog_replace("local", rows, MANY, NULL, NULL, NULL);
	printf("# %d rows in %lld ms\n", MANY, (long long)(cm_monotonic_ms() - begun));
	for (int i = 0; i < MANY; i++) {
		free(rows[i].file);
		free(rows[i].container_name);
		free(rows[i].image);
	}
	free(rows);
	free(parts);
	return rc;
}

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Of this thread alone: what else the machine does must not fail the test. */
static int64_t micros(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

TEST(catalog_list__sorts_by_every_field_and_pages)
{
	struct cm_catalog_list list;

	scratch_begin();
	CHECK_INT(fill_many(), 0);
	for (int i = 0; cm_catalog_sort_fields[i] != NULL; i++) {
		for (int down = 0; down < 2; down++) {
			char sort[32];
			snprintf(sort, sizeof(sort), "%s%s", down ? "-" : "", cm_catalog_sort_fields[i]);
			struct cm_catalog_query q = { .sort = sort, .limit = 50, .offset = 9975 };
			CHECK_INT(cm_catalog_list(&q, &list, NULL), 0);
			CHECK_INT(list.count, 25);
			CHECK_INT(list.total, MANY);
			cm_catalog_list_release(&list);
		}
	}
	CHECK_INT(cm_catalog_list(&(struct cm_catalog_query){ .sort = "size", .limit = 1000 }, &list, NULL), 0);
	for (size_t i = 1; i < list.count; i++)
		CHECK(list.rows[i - 1].size <= list.rows[i].size);
	cm_catalog_list_release(&list);
	CHECK_INT(cm_catalog_list(&(struct cm_catalog_query){ 0 }, &list, NULL), 0);
	CHECK_INT(list.count, 100);
	CHECK(list.rows[0].created_ms > list.rows[99].created_ms);
	cm_catalog_list_release(&list);
	CHECK_INT(cm_catalog_list(&(struct cm_catalog_query){ .sort = "rowid; DROP TABLE backups" }, &list, NULL),
		  CM_EINVAL);
	CHECK_INT(cm_catalog_list(&(struct cm_catalog_query){ .limit = 10001 }, &list, NULL), CM_EINVAL);
	CHECK_INT(cm_catalog_list(&(struct cm_catalog_query){ .offset = -1 }, &list, NULL), CM_EINVAL);
	scratch_end();
}

TEST(catalog_list__filters)
{
	static const struct {
		struct cm_catalog_query q;
		int64_t want;
	} cases[] = {
		{ { .search = "APP7_" }, 67 },
		{ { .search = "server B" }, 3333 },
		{ { .search = "%" }, 0 },
		{ { .search = "_000001-" }, 1 },
		{ { .backup_type = "manual" }, 2500 },
		{ { .server_name = "Unknown Server" }, 3334 },
		{ { .server_name = "Server A", .stack = "shop" }, 2666 },
		{ { .container_name = "app7" }, 67 },
		{ { .verify_state = "damaged" }, 0 },
		{ { .from_ms = INT64_C(1700000000000), .to_ms = INT64_C(1700000000000) + 60000 * 10 }, 10 },
		{ { .vault = "s3" }, 0 },
		{ { .type = "container", .drill_state = "unknown", .vault = "local" }, MANY },
	};
	struct cm_catalog_list list;

	scratch_begin();
	CHECK_INT(fill_many(), 0);
	for (size_t i = 0; i < CM_COUNT(cases); i++) {
		CHECK_INT(cm_catalog_list(&cases[i].q, &list, NULL), 0);
		CHECK_INT(list.total, cases[i].want);
		CHECK_INT(list.count, cases[i].want < 100 ? cases[i].want : 100);
		cm_catalog_list_release(&list);
	}
	scratch_end();
}

TEST(catalog_list__of_ten_thousand_takes_milliseconds)
{
	enum { ROUNDS = 400 };
	static int64_t took[ROUNDS];
	static const char *const searches[] = { NULL, "app7_", "team", "nothing has this" };
	struct cm_catalog_list list;
	struct cm_catalog_totals totals;

	scratch_begin();
	CHECK_INT(fill_many(), 0);
	for (int i = 0; i < ROUNDS; i++) {
		char sort[32];
		snprintf(sort, sizeof(sort), "%s%s", i % 2 ? "-" : "", cm_catalog_sort_fields[i % 14]);
		struct cm_catalog_query q = {
			.sort = sort, .limit = 50, .offset = (i * 37) % 9900, .search = searches[i % 4]
		};
		int64_t begun = micros();
		CHECK_INT(cm_catalog_list(&q, &list, NULL), 0);
		CHECK_INT(cm_catalog_totals(&totals, NULL), 0);
		took[i] = micros() - begun;
		cm_catalog_list_release(&list);
	}
	qsort(took, ROUNDS, sizeof(took[0]), compare_i64);
	printf("# median %lld us, p99 %lld us, worst %lld us\n", (long long)took[ROUNDS / 2],
	       (long long)took[ROUNDS * 99 / 100], (long long)took[ROUNDS - 1]);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	/* Beside other work the slowest say nothing about us. */
	CHECK(took[ROUNDS / 2] < 30000);
#endif
	scratch_end();
}
