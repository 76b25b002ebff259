/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/audit.h"

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "db/journal.h"
#include "scratch.h"
#include "test.h"

static int note(const char *operation, const char *status)
{
	return cm_audit(&(struct cm_audit_event){ .operation = operation, .status = status }, NULL);
}

TEST(audit_line__holds_every_field)
{
	struct cm_audit_list list;
	struct json_object *details = json_object_new_object();

	scratch_begin();
	cm_json_set_str(details, "progress_id", "p-1");
	CHECK_INT(cm_audit(&(struct cm_audit_event){ .operation = "backup_manual",
						     .status = "completed",
						     .container_id = "1b2d46e3f8d1",
						     .container_name = "origweb",
						     .backup_filename = "origweb_1.tar.gz",
						     .error = "none",
						     .user = "admin",
						     .address = "10.0.0.1",
						     .details = details },
			   NULL),
		  0);
	json_object_put(details);
	CHECK_INT(cm_audit_list(&(struct cm_audit_query){ 0 }, &list, NULL), 0);
	CHECK_INT(list.total, 1);
	struct cm_audit_row *r = &list.rows[0];
	CHECK(r->id == 1 && r->at_ms > cm_now_ms() - 5000);
	CHECK_STR(r->operation, "backup_manual");
	CHECK_STR(r->status, "completed");
	CHECK_STR(r->container_id, "1b2d46e3f8d1");
	CHECK_STR(r->container_name, "origweb");
	CHECK_STR(r->backup_filename, "origweb_1.tar.gz");
	CHECK_STR(r->error, "none");
	CHECK_STR(r->user, "admin");
	CHECK_STR(r->address, "10.0.0.1");
	CHECK_STR(r->details, "{\"progress_id\":\"p-1\"}");
	cm_audit_list_release(&list);
	scratch_end();
}

TEST(audit_words__are_checked)
{
	scratch_begin();
	CHECK_INT(note("login", "completed"), 0);
	CHECK_INT(note("container_update", "started"), 0);
	CHECK_INT(note("", "completed"), CM_EINVAL);
	CHECK_INT(note(NULL, "completed"), CM_EINVAL);
	CHECK_INT(note("DROP TABLE", "completed"), CM_EINVAL);
	CHECK_INT(note("login", "fine"), CM_EINVAL);
	CHECK_INT(note("login", NULL), CM_EINVAL);
	scratch_end();
}

TEST(audit_texts__are_cut_between_characters)
{
	char *big = cm_alloc(3002);
	struct cm_audit_list list;

	scratch_begin();
	big[0] = 'x';
	for (int i = 1; i < 3000; i += 2)
		memcpy(big + i, "é", 2);
	CHECK_INT(cm_audit(&(struct cm_audit_event){ .operation = "login", .status = "error", .error = big }, NULL), 0);
	CHECK_INT(cm_audit_list(&(struct cm_audit_query){ 0 }, &list, NULL), 0);
	CHECK_INT(strlen(list.rows[0].error), 999);
	cm_audit_list_release(&list);
	free(big);
	scratch_end();
}

TEST(audit_in_a_job__carries_its_id_and_tells_an_end_from_a_wish)
{
	struct cm_audit_list list;
	atomic_bool ending = false;

	scratch_begin();
	cm_journal_set_job("job-9");
	cm_audit_set_ending(&ending);
	CHECK_INT(note("backup_manual", "cancelled"), 0);
	atomic_store(&ending, true);
	CHECK_INT(note("backup_manual", "cancelled"), 0);
	CHECK_INT(note("backup_manual", "error"), 0);
	cm_journal_set_job(NULL);
	cm_audit_set_ending(NULL);
	CHECK_INT(note("backup_manual", "cancelled"), 0);
	CHECK_INT(cm_audit_list(&(struct cm_audit_query){ .sort = "time" }, &list, NULL), 0);
	CHECK_STR(list.rows[0].status, "cancelled");
	CHECK_STR(list.rows[0].details, "{\"progress_id\":\"job-9\"}");
	CHECK_STR(list.rows[1].status, "interrupted");
	CHECK_STR(list.rows[2].status, "error");
	CHECK_STR(list.rows[3].status, "cancelled");
	CHECK_STR(list.rows[3].details, NULL);
	cm_audit_list_release(&list);
	scratch_end();
}

TEST(audit_actor__fills_who_where_and_how_long)
{
	struct cm_audit_list list;
	cm_autojson struct json_object *details = json_object_new_object();

	scratch_begin();
	cm_json_set_int(details, "duration_ms", 77);
	cm_audit_act_begin("ada", "10.0.0.9");
	CHECK(!cm_audit_act_told());
	CHECK_INT(note("restore", "started"), 0);
	CHECK(cm_audit_act_told());
	CHECK_INT(note("restore", "completed"), 0);
	CHECK_INT(cm_audit(&(struct cm_audit_event){ .operation = "login", .status = "error", .user = "eve" }, NULL),
		  0);
	CHECK_INT(
	    cm_audit(&(struct cm_audit_event){ .operation = "verify", .status = "error", .by_program = true }, NULL),
	    0);
	CHECK_INT(
	    cm_audit(&(struct cm_audit_event){ .operation = "drill", .status = "error", .details = details }, NULL), 0);
	cm_audit_act_end();
	CHECK_INT(note("login", "completed"), 0);
	CHECK_INT(cm_audit_list(&(struct cm_audit_query){ .sort = "time" }, &list, NULL), 0);
	CHECK_STR(list.rows[0].user, "ada");
	CHECK_STR(list.rows[0].address, "10.0.0.9");
	CHECK_INT(list.rows[0].duration_ms, -1);
	CHECK(list.rows[1].duration_ms >= 0 && list.rows[1].duration_ms < 5000);
	CHECK_STR(list.rows[2].user, "eve");
	CHECK_STR(list.rows[2].address, NULL);
	CHECK_STR(list.rows[3].user, NULL);
	CHECK_INT(list.rows[3].duration_ms, -1);
	CHECK_STR(list.rows[4].user, "ada");
	CHECK_INT(list.rows[4].duration_ms, 77);
	CHECK_STR(list.rows[5].user, NULL);
	CHECK_INT(list.rows[5].duration_ms, -1);
	cm_audit_list_release(&list);
	cm_audit_act_begin("ada", NULL);
	cm_audit_act_covered();
	CHECK(cm_audit_act_told());
	cm_audit_act_end();
	scratch_end();
}

TEST(audit_list__by_container_and_before)
{
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct cm_audit_list list;
	struct json_object *words = NULL;

	scratch_begin();
	for (int i = 0; i < 3; i++)
		CHECK_INT(cm_audit(&(struct cm_audit_event){ .operation = i ? "restore" : "drill",
							     .status = "completed",
							     .container_id = i == 1 ? id : "f00",
							     .container_name = i == 1 ? "web" : "db" },
				   NULL),
			  0);
	CHECK_INT(cm_audit_list(&(struct cm_audit_query){ .container = "db", .before_id = 3 }, &list, NULL), 0);
	CHECK_INT(list.total, 1);
	CHECK_INT(list.rows[0].id, 1);
	cm_audit_list_release(&list);
	CHECK_INT(cm_audit_list(&(struct cm_audit_query){ .container = "0123456789ab" }, &list, NULL), 0);
	CHECK_INT(list.total, 1);
	cm_audit_list_release(&list);
	CHECK_INT(cm_audit_list(&(struct cm_audit_query){ .container_id = "0123456789ab" }, &list, NULL), 0);
	CHECK_INT(list.total, 1);
	cm_audit_list_release(&list);
	CHECK_INT(cm_audit_list(&(struct cm_audit_query){ .container_id = "0123456789ac" }, &list, NULL), 0);
	CHECK_INT(list.total, 0);
	cm_audit_list_release(&list);
	CHECK_INT(cm_audit_words("operation", 10, &words, NULL), 0);
	char *text = cm_json_text(words);
	CHECK_STR(text, "[\"drill\",\"restore\"]");
	free(text);
	json_object_put(words);
	CHECK_INT(cm_audit_words("container_name", 1, &words, NULL), 0);
	CHECK_INT(cm_json_len(words), 1);
	json_object_put(words);
	CHECK_INT(cm_audit_words("user", 1, &words, NULL), CM_EINTERNAL);
	scratch_end();
}

enum { MANY = 10000 };

static int fill_many(void)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, NULL) || cm_db_begin(db, NULL);

	for (int i = 0; rc == 0 && i < MANY; i++) {
		char name[32];
		snprintf(name, sizeof(name), "app%d", i % 100);
		rc = cm_audit(&(struct cm_audit_event){ .operation = cm_audit_operations[i % 5],
							.status = cm_audit_statuses[i % 3],
							.container_id = name + 3,
							.container_name = name,
							.user = i % 4 ? "admin" : NULL,
							.error = i % 3 == 2 ? "100% full" : NULL },
			      NULL);
	}
	if (rc == 0)
		rc = cm_db_exec(db, NULL, "UPDATE audit SET at_ms = 1700000000000 + id * 60000");
	return cm_db_end(db, rc, NULL);
}

TEST(audit_list__filters_and_pages_ten_thousand)
{
	static const struct {
		struct cm_audit_query q;
		int64_t total;
		size_t count;
	} cases[] = {
		{ { 0 }, MANY, 1000 },
		{ { .limit = 10000 }, MANY, 10000 },
		{ { .limit = 50, .offset = 9980 }, MANY, 20 },
		{ { .operation = "restore" }, 2000, 1000 },
		{ { .status = "error", .limit = 10 }, 3333, 10 },
		{ { .operation = "restore", .status = "error" }, 667, 667 },
		{ { .container_id = "7" }, 100, 100 },
		{ { .user = "admin" }, 7500, 1000 },
		{ { .search = "APP42" }, 100, 100 },
		{ { .search = "100% f" }, 3333, 1000 },
		{ { .search = "100_ f" }, 0, 0 },
		{ { .from_ms = INT64_C(1700000060000), .to_ms = INT64_C(1700000660000) }, 10, 10 },
	};
	struct cm_audit_list list;
	struct cm_err err = { 0 };

	scratch_begin();
	CHECK_INT(fill_many(), 0);
	int64_t begun = cm_monotonic_ms();
	for (size_t i = 0; i < CM_COUNT(cases); i++) {
		CHECK_INT(cm_audit_list(&cases[i].q, &list, NULL), 0);
		CHECK_INT(list.total, cases[i].total);
		CHECK_INT(list.count, cases[i].count);
		for (size_t k = 1; k < list.count; k++)
			CHECK(list.rows[k - 1].id > list.rows[k].id);
		cm_audit_list_release(&list);
	}
	printf("# %zu lists of %d in %lld ms\n", CM_COUNT(cases), MANY, (long long)(cm_monotonic_ms() - begun));
	CHECK_INT(cm_audit_list(&(struct cm_audit_query){ .limit = 10001 }, &list, &err), CM_EINVAL);
	CHECK_STR(err.text, "limit must be between 1 and 10000");
	CHECK_INT(cm_audit_list(&(struct cm_audit_query){ .limit = -1 }, &list, NULL), CM_EINVAL);
	CHECK_INT(cm_audit_list(&(struct cm_audit_query){ .offset = -1 }, &list, NULL), CM_EINVAL);
	CHECK_INT(cm_audit_list(&(struct cm_audit_query){ .sort = "id;" }, &list, NULL), CM_EINVAL);
	CHECK_INT(cm_audit_list(&(struct cm_audit_query){ .sort = "-container", .limit = 1 }, &list, NULL), 0);
	CHECK_STR(list.rows[0].container_name, "app99");
	cm_audit_list_release(&list);
	scratch_end();
}

TEST(audit_statistics__count_and_clear_empties)
{
	struct json_object *o;
	int64_t deleted;

	scratch_begin();
	CHECK_INT(note("backup_manual", "started"), 0);
	CHECK_INT(note("backup_manual", "completed"), 0);
	CHECK_INT(note("restore", "error"), 0);
	struct cm_db *db;
	cm_db_get(&db, NULL);
	cm_db_exec(db, NULL, "UPDATE audit SET at_ms = at_ms - 2 * 86400000 WHERE operation = 'restore'");
	CHECK_INT(cm_audit_statistics(&o, NULL), 0);
	char *text = cm_json_text(o);
	CHECK_STR(text, "{\"by_operation\":{\"backup_manual\":2,\"restore\":1},"
			"\"by_status\":{\"completed\":1,\"error\":1,\"started\":1},"
			"\"last_24h\":2,\"last_7d\":3,\"total_logs\":3}");
	free(text);
	json_object_put(o);
	CHECK_INT(cm_audit_clear(&deleted, NULL), 0);
	CHECK_INT(deleted, 3);
	CHECK_INT(cm_audit_clear(&deleted, NULL), 0);
	CHECK_INT(deleted, 0);
	scratch_end();
}

TEST(audit_dates__are_days_or_instants)
{
	int64_t ms = -1;

	CHECK(cm_audit_parse_date(NULL, false, &ms, NULL) == 0 && ms == 0);
	CHECK(cm_audit_parse_date("2026-11-22", false, &ms, NULL) == 0 && ms == INT64_C(1795305600000));
	CHECK(cm_audit_parse_date("2026-11-22", true, &ms, NULL) == 0 && ms == INT64_C(1795392000000));
	CHECK(cm_audit_parse_date("2026-11-22 18:45:12", true, &ms, NULL) == 0 && ms == INT64_C(1795373112000));
	CHECK(cm_audit_parse_date("2026-11-22T18:45:12+01:00", true, &ms, NULL) == 0 && ms == INT64_C(1795369512000));
	CHECK_INT(cm_audit_parse_date("yesterday", false, &ms, NULL), CM_EINVAL);
	CHECK_INT(cm_audit_parse_date("2026-13-22", false, &ms, NULL), CM_EINVAL);
}
