/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/session.h"

#include "core/clock.h"
#include "core/mem.h"
#include "scratch.h"
#include "service/user.h"
#include "test.h"

static int64_t user_id;

static void begin(void)
{
	scratch_begin();
	cm_user_create("someone", CM_ROLE_DEVELOPER, "Correct-Horse-1", &user_id, NULL);
}

static void run(const char *sql, int64_t value)
{
	struct cm_db *db;

	cm_db_get(&db, NULL);
	cm_db_exec_values(db, NULL, sql, CM_VALUES(cm_v_int(value)));
}

TEST(session_open__is_found_by_its_token_through_a_restart)
{
	char token[CM_TOKEN_LEN + 1];
	struct cm_session made, found;

	begin();
	CHECK_INT(cm_session_open(user_id, "2001:db8::1", "Browser/1.0", token, &made, NULL), 0);
	cm_db_close_thread();
	CHECK_INT(cm_session_find(token, &found, NULL), 0);
	CHECK_INT(found.id, made.id);
	CHECK_STR(found.user, "someone");
	CHECK_INT(found.role, CM_ROLE_DEVELOPER);
	CHECK_STR(found.address, "2001:db8::1");
	CHECK_STR(found.agent, "Browser/1.0");
	CHECK(memcmp(found.csrf, made.csrf, sizeof(found.csrf)) == 0);
	CHECK_INT(found.expires_ms - found.created_ms, INT64_C(86400000));
	scratch_end();
}

TEST(session_unknown__needs_a_login)
{
	struct cm_session s;
	struct cm_err err = { 0 };
	char token[CM_TOKEN_LEN + 1];

	begin();
	CHECK_INT(cm_session_find(NULL, &s, &err), CM_EAUTH);
	CHECK_STR(err.text, "Authentication required");
	CHECK_INT(cm_session_find("", &s, NULL), CM_EAUTH);
	cm_random_token(token);
	CHECK_INT(cm_session_find(token, &s, NULL), CM_EAUTH);
	CHECK_INT(cm_session_open(4711, NULL, NULL, token, &s, NULL), CM_ENOTFOUND);
	scratch_end();
}

TEST(session_over__is_refused_and_swept)
{
	char token[CM_TOKEN_LEN + 1];
	struct cm_session s;
	struct cm_db *db;
	int64_t n;

	begin();
	CHECK_INT(cm_session_open(user_id, NULL, NULL, token, &s, NULL), 0);
	run("UPDATE sessions SET expires_ms = ?", cm_now_ms() - 1);
	CHECK_INT(cm_session_find(token, &s, NULL), CM_EAUTH);
	CHECK_INT(cm_session_sweep(NULL), 0);
	cm_db_get(&db, NULL);
	CHECK_INT(cm_db_int(db, &n, NULL, "SELECT count(*) FROM sessions"), 0);
	CHECK_INT(n, 0);
	scratch_end();
}

TEST(session_close__ends_only_that_one)
{
	char a[CM_TOKEN_LEN + 1], b[CM_TOKEN_LEN + 1], c[CM_TOKEN_LEN + 1];
	struct cm_session sa, sb, sc;

	begin();
	CHECK_INT(cm_session_open(user_id, NULL, NULL, a, &sa, NULL), 0);
	CHECK_INT(cm_session_open(user_id, NULL, NULL, b, &sb, NULL), 0);
	CHECK_INT(cm_session_open(user_id, NULL, NULL, c, &sc, NULL), 0);
	CHECK(strcmp(a, b) != 0 && memcmp(sa.csrf, sb.csrf, sizeof(sa.csrf)) != 0);
	CHECK_INT(cm_session_close(sa.id, NULL), 0);
	CHECK_INT(cm_session_close(sa.id, NULL), 0);
	CHECK_INT(cm_session_find(a, &sa, NULL), CM_EAUTH);
	CHECK_INT(cm_session_find(b, &sb, NULL), 0);
	CHECK_INT(cm_session_close_others(user_id, sb.id, NULL), 0);
	CHECK_INT(cm_session_find(b, &sb, NULL), 0);
	CHECK_INT(cm_session_find(c, &sc, NULL), CM_EAUTH);
	scratch_end();
}

TEST(session_count__has_a_ceiling_per_user)
{
	char first[CM_TOKEN_LEN + 1], token[CM_TOKEN_LEN + 1];
	struct cm_session s, *list;
	size_t count;

	begin();
	CHECK_INT(cm_session_open(user_id, NULL, NULL, first, &s, NULL), 0);
	for (int i = 0; i < CM_SESSIONS_PER_USER; i++)
		CHECK_INT(cm_session_open(user_id, NULL, NULL, token, &s, NULL), 0);
	CHECK_INT(cm_session_find(first, &s, NULL), CM_EAUTH);
	CHECK_INT(cm_session_find(token, &s, NULL), 0);
	CHECK_INT(cm_session_list(user_id, &list, &count, NULL), 0);
	CHECK_INT(count, CM_SESSIONS_PER_USER);
	CHECK_INT(list[0].id, s.id);
	CHECK(list[0].csrf[0] == 0 && list[0].csrf[31] == 0);
	free(list);
	scratch_end();
}

TEST(session_seen__is_written_at_most_once_a_minute)
{
	char token[CM_TOKEN_LEN + 1];
	struct cm_session s;
	struct cm_db *db;
	int64_t seen, again;

	begin();
	CHECK_INT(cm_session_open(user_id, NULL, NULL, token, &s, NULL), 0);
	run("UPDATE sessions SET seen_ms = ?", cm_now_ms() - 59000);
	cm_db_get(&db, NULL);
	cm_db_int(db, &seen, NULL, "SELECT seen_ms FROM sessions");
	CHECK_INT(cm_session_find(token, &s, NULL), 0);
	cm_db_int(db, &again, NULL, "SELECT seen_ms FROM sessions");
	CHECK_INT(again, seen);
	run("UPDATE sessions SET seen_ms = ?", cm_now_ms() - 61000);
	CHECK_INT(cm_session_find(token, &s, NULL), 0);
	cm_db_int(db, &again, NULL, "SELECT seen_ms FROM sessions");
	CHECK(again > seen);
	scratch_end();
}

TEST(flash_messages__are_shown_once_in_order)
{
	char token[CM_TOKEN_LEN + 1];
	struct cm_session s, other;
	struct cm_flash *list;
	size_t count;

	begin();
	CHECK_INT(cm_session_open(user_id, NULL, NULL, token, &s, NULL), 0);
	CHECK_INT(cm_session_open(user_id, NULL, NULL, token, &other, NULL), 0);
	CHECK_INT(cm_flash_take(s.id, &list, &count, NULL), 0);
	CHECK(list == NULL && count == 0);
	CHECK_INT(cm_flash_add(s.id, "success", "Backup started", NULL), 0);
	CHECK_INT(cm_flash_add(s.id, "error", "<b>no</b>", NULL), 0);
	CHECK_INT(cm_flash_add(other.id, "info", "theirs", NULL), 0);
	CHECK_INT(cm_flash_take(s.id, &list, &count, NULL), 0);
	CHECK_INT(count, 2);
	CHECK_STR(list[0].kind, "success");
	CHECK_STR(list[0].text, "Backup started");
	CHECK_STR(list[1].text, "<b>no</b>");
	cm_flash_free(list, count);
	CHECK_INT(cm_flash_take(s.id, &list, &count, NULL), 0);
	CHECK_INT(count, 0);
	scratch_end();
}

TEST(flash_messages__have_ceilings_and_end_with_the_session)
{
	char token[CM_TOKEN_LEN + 1], text[32], *big = cm_alloc(9000);
	struct cm_session s;
	struct cm_flash *list;
	size_t count;

	begin();
	CHECK_INT(cm_session_open(user_id, NULL, NULL, token, &s, NULL), 0);
	for (int i = 0; i < CM_FLASH_MAX + 5; i++) {
		snprintf(text, sizeof(text), "number %d", i);
		CHECK_INT(cm_flash_add(s.id, "info", text, NULL), 0);
	}
	CHECK_INT(cm_flash_take(s.id, &list, &count, NULL), 0);
	CHECK_INT(count, CM_FLASH_MAX);
	CHECK_STR(list[0].text, "number 5");
	cm_flash_free(list, count);
	for (int i = 0; i < 8998; i += 2)
		memcpy(big + i, "é", 2);
	CHECK_INT(cm_flash_add(s.id, "info", big, NULL), 0);
	CHECK_INT(cm_flash_take(s.id, &list, &count, NULL), 0);
	CHECK_INT(strlen(list[0].text), CM_FLASH_TEXT_MAX);
	cm_flash_free(list, count);
	CHECK_INT(cm_flash_add(s.id, "shout", "x", NULL), CM_EINVAL);
	CHECK_INT(cm_session_close(s.id, NULL), 0);
	CHECK_INT(cm_flash_add(s.id, "info", "x", NULL), CM_EAUTH);
	free(big);
	scratch_end();
}
