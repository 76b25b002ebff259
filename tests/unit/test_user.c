/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/user.h"

#include "core/mem.h"
#include "core/str.h"
#include "scratch.h"
#include "service/session.h"
#include "service/token.h"
#include "test.h"

#define GOOD "Correct-Horse-1"
#define BETTER "Better-Horse-22"

static int64_t admin_id;

static void begin(void)
{
	bool made;
	struct cm_user u;

	scratch_begin();
	cm_user_first(GOOD, &made, NULL);
	cm_user_find("admin", &u, NULL);
	admin_id = u.id;
}

TEST(user_first__has_the_default_password_and_the_mark)
{
	bool made = false;
	struct cm_user u;

	scratch_begin();
	CHECK_INT(cm_user_first(NULL, &made, NULL), 0);
	CHECK(made);
	CHECK_INT(cm_user_login("admin", CM_USER_DEFAULT_PASSWORD, &u, NULL), 0);
	CHECK(u.is_default && u.role == CM_ROLE_ADMIN && u.login_ms > 0);
	/* Only once, whatever the environment says later. */
	CHECK_INT(cm_user_first(GOOD, &made, NULL), 0);
	CHECK(!made);
	CHECK_INT(cm_user_login("admin", GOOD, &u, NULL), CM_EAUTH);
	scratch_end();
}

TEST(user_first__takes_a_given_password_that_keeps_the_rules)
{
	bool made = false;
	struct cm_user u;
	struct cm_err err = { 0 };

	scratch_begin();
	CHECK_INT(cm_user_first("short", &made, &err), CM_EINVAL);
	CHECK_STR(err.text, "CM_ADMIN_PASSWORD cannot be used: Password must be at least 12 characters long");
	CHECK_INT(cm_user_find("admin", &u, NULL), CM_ENOTFOUND);
	CHECK_INT(cm_user_first(GOOD, &made, NULL), 0);
	CHECK(made);
	CHECK_INT(cm_user_login("admin", GOOD, &u, NULL), 0);
	CHECK(!u.is_default);
	scratch_end();
}

TEST(user_login__says_the_same_for_a_wrong_name_and_a_wrong_password)
{
	struct cm_user u = { 0 };
	struct cm_err a = { 0 }, b = { 0 };

	begin();
	CHECK_INT(cm_user_login("admin", "wrong", &u, &a), CM_EAUTH);
	CHECK_INT(cm_user_login("nobody", GOOD, &u, &b), CM_EAUTH);
	CHECK_STR(a.text, "Invalid username or password");
	CHECK_STR(b.text, a.text);
	CHECK_INT(u.id, 0);
	CHECK_INT(cm_user_login("", GOOD, &u, &a), CM_EINVAL);
	CHECK_STR(a.text, "Username and password are required");
	CHECK_INT(cm_user_login("admin", NULL, &u, &a), CM_EINVAL);
	CHECK_INT(cm_user_login("ADMIN", GOOD, &u, &a), 0);
	CHECK_STR(u.name, "admin");
	CHECK_INT(cm_user_login("admin' OR '1'='1", GOOD, &u, &a), CM_EAUTH);
	scratch_end();
}

TEST(user_create__checks_name_role_and_password)
{
	struct cm_err err = { 0 };
	struct cm_user *list;
	size_t count;
	int64_t id;

	begin();
	CHECK_INT(cm_user_create("ed", CM_ROLE_VIEWER, GOOD, &id, &err), CM_EINVAL);
	CHECK_INT(cm_user_create("eddie", CM_ROLE_NONE, GOOD, &id, &err), CM_EINVAL);
	CHECK_INT(cm_user_create("eddie", CM_ROLE_VIEWER, "weak", &id, &err), CM_EINVAL);
	CHECK_INT(cm_user_create(" eddie", CM_ROLE_VIEWER, GOOD, &id, &err), CM_EINVAL);
	CHECK_INT(cm_user_create("ed\ndie", CM_ROLE_VIEWER, GOOD, &id, &err), CM_EINVAL);
	CHECK_INT(cm_user_create("Admin", CM_ROLE_VIEWER, GOOD, &id, &err), CM_EEXIST);
	CHECK_INT(cm_user_create("Zoë", CM_ROLE_DEVELOPER, GOOD, &id, &err), 0);
	CHECK_INT(cm_user_list(&list, &count, NULL), 0);
	CHECK_INT(count, 2);
	CHECK_STR(list[1].name, "Zoë");
	CHECK_INT(list[1].role, CM_ROLE_DEVELOPER);
	free(list);
	scratch_end();
}

/* One change that must fail, with its sentence; nothing may have changed. */
static bool refused(struct cm_user_change change, int code, const char *sentence)
{
	struct cm_user u;
	char message[128] = "";
	struct cm_err err = { 0 };
	int rc = cm_user_change(admin_id, &change, &u, message, sizeof(message), &err);

	if (rc != code || strcmp(err.text, sentence) != 0 || message[0])
		printf("# got %d %s\n", rc, err.text);
	return rc == code && strcmp(err.text, sentence) == 0 && message[0] == '\0' &&
	       cm_user_login("admin", GOOD, &u, NULL) == 0;
}

TEST(user_change__refuses_with_the_known_sentences)
{
	begin();
	CHECK_INT(cm_user_create("taken", CM_ROLE_VIEWER, GOOD, NULL, NULL), 0);
	CHECK(refused((struct cm_user_change){ .new_password = BETTER }, CM_EINVAL, "Current password is required"));
	CHECK(refused((struct cm_user_change){ .current_password = "no", .new_password = BETTER }, CM_EAUTH,
		      "Current password is incorrect"));
	CHECK(refused((struct cm_user_change){ .current_password = GOOD }, CM_EINVAL, "No changes provided"));
	CHECK(refused((struct cm_user_change){ .current_password = GOOD, .new_name = "", .new_password = "" },
		      CM_EINVAL, "No changes provided"));
	CHECK(refused((struct cm_user_change){ .current_password = GOOD, .new_password = "short" }, CM_EINVAL,
		      "Password must be at least 12 characters long"));
	CHECK(refused((struct cm_user_change){ .current_password = GOOD, .new_password = "alllowercase" }, CM_EINVAL,
		      "Password must contain at least one uppercase letter, digit, special character"));
	CHECK(refused((struct cm_user_change){ .current_password = GOOD, .new_name = "ab" }, CM_EINVAL,
		      "New username must be at least 3 characters long"));
	CHECK(refused((struct cm_user_change){ .current_password = GOOD, .new_name = "TAKEN" }, CM_EEXIST,
		      "Username already exists"));
	/* A good password with a bad name changes neither. */
	CHECK(refused((struct cm_user_change){ .current_password = GOOD, .new_name = "taken", .new_password = BETTER },
		      CM_EEXIST, "Username already exists"));
	scratch_end();
}

TEST(user_change__does_both_at_once)
{
	struct cm_user u;
	char message[128];

	begin();
	CHECK_INT(cm_user_change(admin_id,
				 &(struct cm_user_change){
				     .current_password = GOOD, .new_name = "admin2", .new_password = BETTER },
				 &u, message, sizeof(message), NULL),
		  0);
	CHECK_STR(message, "Username changed successfully and Password changed successfully");
	CHECK_STR(u.name, "admin2");
	CHECK_INT(cm_user_login("admin2", BETTER, &u, NULL), 0);
	CHECK_INT(cm_user_login("admin", BETTER, &u, NULL), CM_EAUTH);
	/* Only the case of the own name. */
	CHECK_INT(cm_user_change(admin_id, &(struct cm_user_change){ .current_password = BETTER, .new_name = "Admin2" },
				 &u, message, sizeof(message), NULL),
		  0);
	CHECK_STR(message, "Username changed successfully");
	CHECK_STR(u.name, "Admin2");
	scratch_end();
}

TEST(user_change__of_the_password_ends_other_sessions_and_all_tokens)
{
	struct cm_session mine, other, theirs, found;
	struct cm_token token;
	struct cm_user u;
	char a[CM_TOKEN_LEN + 1], b[CM_TOKEN_LEN + 1], c[CM_TOKEN_LEN + 1], t[CM_API_TOKEN_LEN + 1], message[128];
	int64_t id;

	begin();
	CHECK_INT(cm_user_create("other", CM_ROLE_VIEWER, GOOD, &id, NULL), 0);
	CHECK_INT(cm_session_open(admin_id, "10.0.0.1", NULL, a, &mine, NULL), 0);
	CHECK_INT(cm_session_open(admin_id, "10.0.0.2", NULL, b, &other, NULL), 0);
	CHECK_INT(cm_session_open(id, "10.0.0.3", NULL, c, &theirs, NULL), 0);
	CHECK_INT(cm_token_create(admin_id, "ci", CM_ROLE_VIEWER, 0, t, &token, NULL), 0);
	CHECK_INT(cm_user_change(admin_id, &(struct cm_user_change){ .current_password = GOOD, .new_name = "admin3" },
				 &u, message, sizeof(message), NULL),
		  0);
	CHECK_INT(cm_session_find(b, &found, NULL), 0);
	CHECK_STR(found.user, "admin3");
	CHECK_INT(cm_user_change(admin_id,
				 &(struct cm_user_change){
				     .current_password = GOOD, .new_password = BETTER, .keep_session = mine.id },
				 &u, message, sizeof(message), NULL),
		  0);
	CHECK_STR(message, "Password changed successfully");
	CHECK_INT(cm_session_find(a, &found, NULL), 0);
	CHECK_INT(cm_session_find(b, &found, NULL), CM_EAUTH);
	CHECK_INT(cm_session_find(c, &found, NULL), 0);
	CHECK_INT(cm_token_find(t, &token, NULL), CM_EAUTH);
	scratch_end();
}

TEST(user_default__mark_goes_with_the_password)
{
	bool made;
	struct cm_user u;
	char message[128];

	scratch_begin();
	CHECK_INT(cm_user_first(NULL, &made, NULL), 0);
	CHECK_INT(cm_user_find("admin", &u, NULL), 0);
	CHECK_INT(cm_user_change(
		      u.id,
		      &(struct cm_user_change){ .current_password = CM_USER_DEFAULT_PASSWORD, .new_password = BETTER },
		      &u, message, sizeof(message), NULL),
		  0);
	CHECK(!u.is_default);
	CHECK_INT(cm_user_change(
		      u.id,
		      &(struct cm_user_change){ .current_password = BETTER, .new_password = CM_USER_DEFAULT_PASSWORD },
		      &u, message, sizeof(message), NULL),
		  0);
	CHECK(u.is_default);
	scratch_end();
}

/* Neither password nor token lies in any file of the database. */
TEST(user_secrets__are_not_in_the_files)
{
	struct cm_session s;
	struct cm_token token;
	char a[CM_TOKEN_LEN + 1], t[CM_API_TOKEN_LEN + 1], path[1100];

	begin();
	CHECK_INT(cm_session_open(admin_id, "10.0.0.1", NULL, a, &s, NULL), 0);
	CHECK_INT(cm_token_create(admin_id, "ci", CM_ROLE_VIEWER, 0, t, &token, NULL), 0);
	for (int i = 0; i < 2; i++) {
		struct cm_buf b = CM_BUF_INIT(16 << 20);
		snprintf(path, sizeof(path), "%s%s", scratch_app.db_path, i ? "-wal" : "");
		CHECK_INT(cm_file_read(path, &b, NULL), 0);
		CHECK(memmem(b.data, b.len, a, CM_TOKEN_LEN) == NULL);
		CHECK(memmem(b.data, b.len, t + 3, CM_TOKEN_LEN) == NULL);
		CHECK(memmem(b.data, b.len, GOOD, strlen(GOOD)) == NULL);
		CHECK(i == 0 || memmem(b.data, b.len, "argon2id", 8) != NULL);
		cm_buf_release(&b);
	}
	scratch_end();
}
