/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/token.h"

#include "core/clock.h"
#include "core/str.h"
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

TEST(token_create__gives_what_find_takes)
{
	char text[CM_API_TOKEN_LEN + 1];
	struct cm_token made, found;

	begin();
	CHECK_INT(cm_token_create(user_id, "nightly script", CM_ROLE_VIEWER, 30, text, &made, NULL), 0);
	CHECK_INT(strlen(text), CM_API_TOKEN_LEN);
	CHECK(cm_str_has_prefix(text, "cm_"));
	CHECK(cm_str_has_suffix(text, made.hint) && strlen(made.hint) == 4);
	CHECK_INT(cm_token_find(text, &found, NULL), 0);
	CHECK_INT(found.id, made.id);
	CHECK_STR(found.user, "someone");
	CHECK_STR(found.name, "nightly script");
	CHECK_INT(found.role, CM_ROLE_VIEWER);
	CHECK_INT(found.expires_ms - found.created_ms, 30 * INT64_C(86400000));
	text[10] = text[10] == 'a' ? 'b' : 'a';
	CHECK_INT(cm_token_find(text, &found, NULL), CM_EAUTH);
	CHECK_INT(cm_token_find("cm_short", &found, NULL), CM_EAUTH);
	CHECK_INT(cm_token_find(NULL, &found, NULL), CM_EAUTH);
	scratch_end();
}

TEST(token_role__never_exceeds_the_users)
{
	char text[CM_API_TOKEN_LEN + 1];
	struct cm_token t;

	begin();
	CHECK_INT(cm_token_create(user_id, "too much", CM_ROLE_ADMIN, 0, text, &t, NULL), CM_EDENIED);
	CHECK_INT(cm_token_create(user_id, "same", CM_ROLE_DEVELOPER, 0, text, &t, NULL), 0);
	run("UPDATE users SET role = 'viewer' WHERE id = ?", user_id);
	CHECK_INT(cm_token_find(text, &t, NULL), 0);
	CHECK_INT(t.role, CM_ROLE_VIEWER);
	run("DELETE FROM users WHERE id = ?", user_id);
	CHECK_INT(cm_token_find(text, &t, NULL), CM_EAUTH);
	scratch_end();
}

TEST(token_expired_or_revoked__is_refused)
{
	char text[CM_API_TOKEN_LEN + 1];
	struct cm_token t, *list;
	size_t count;

	begin();
	CHECK_INT(cm_token_create(user_id, "one", CM_ROLE_VIEWER, 1, text, &t, NULL), 0);
	run("UPDATE tokens SET expires_ms = ?", cm_now_ms() - 1);
	CHECK_INT(cm_token_find(text, &t, NULL), CM_EAUTH);
	CHECK_INT(cm_token_create(user_id, "two", CM_ROLE_VIEWER, 0, text, &t, NULL), 0);
	CHECK_INT(cm_token_revoke(t.id, user_id + 1, NULL), CM_ENOTFOUND);
	CHECK_INT(cm_token_find(text, &t, NULL), 0);
	CHECK_INT(cm_token_list(user_id, &list, &count, NULL), 0);
	CHECK_INT(count, 2);
	CHECK_STR(list[0].name, "two");
	CHECK(list[0].used_ms > 0);
	free(list);
	CHECK_INT(cm_token_revoke(t.id, user_id, NULL), 0);
	CHECK_INT(cm_token_find(text, &t, NULL), CM_EAUTH);
	CHECK_INT(cm_token_list(0, &list, &count, NULL), 0);
	CHECK_INT(count, 1);
	free(list);
	scratch_end();
}

TEST(token_create__checks_what_it_is_given)
{
	char text[CM_API_TOKEN_LEN + 1], longest[60];
	struct cm_token t;

	begin();
	memset(longest, 'x', sizeof(longest));
	longest[51] = '\0';
	CHECK_INT(cm_token_create(user_id, "", CM_ROLE_VIEWER, 0, text, &t, NULL), CM_EINVAL);
	CHECK_INT(cm_token_create(user_id, NULL, CM_ROLE_VIEWER, 0, text, &t, NULL), CM_EINVAL);
	CHECK_INT(cm_token_create(user_id, longest, CM_ROLE_VIEWER, 0, text, &t, NULL), CM_EINVAL);
	CHECK_INT(cm_token_create(user_id, "a\nb", CM_ROLE_VIEWER, 0, text, &t, NULL), CM_EINVAL);
	CHECK_INT(cm_token_create(user_id, "a", CM_ROLE_NONE, 0, text, &t, NULL), CM_EINVAL);
	CHECK_INT(cm_token_create(user_id, "a", CM_ROLE_VIEWER, -1, text, &t, NULL), CM_EINVAL);
	CHECK_INT(cm_token_create(user_id, "a", CM_ROLE_VIEWER, 3651, text, &t, NULL), CM_EINVAL);
	CHECK_INT(cm_token_create(99, "a", CM_ROLE_VIEWER, 0, text, &t, NULL), CM_ENOTFOUND);
	for (int i = 0; i < CM_API_TOKENS_PER_USER; i++)
		CHECK_INT(cm_token_create(user_id, "a", CM_ROLE_VIEWER, 0, text, &t, NULL), 0);
	CHECK_INT(cm_token_create(user_id, "a", CM_ROLE_VIEWER, 0, text, &t, NULL), CM_ETOOBIG);
	scratch_end();
}
