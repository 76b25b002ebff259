/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/password.h"

#include <pthread.h>

#include "core/clock.h"
#include "core/mem.h"
#include "test.h"

TEST(password_rules__say_what_is_missing)
{
	static const struct {
		const char *password;
		const char *sentence; /* NULL: fine */
	} cases[] = {
		{ "c0Nta!nerM0nK3y#Q92x", NULL },
		{ "Abcdefghij1!", NULL },
		{ "Größe 12 mal neu", NULL },
		{ NULL, "Password must be at least 12 characters long" },
		{ "", "Password must be at least 12 characters long" },
		{ "Abcdefghi1!", "Password must be at least 12 characters long" },
		{ "Äbcdéfghi1!", "Password must be at least 12 characters long" }, /* 13 bytes, 11 characters */
		{ "abcdefghijklm", "Password must contain at least one uppercase letter, digit, special character" },
		{ "ABCDEFGHIJ1!", "Password must contain at least one lowercase letter" },
		{ "            ", "Password must contain at least one uppercase letter, lowercase letter, digit" },
		{ "Abcdefghijkl", "Password must contain at least one digit, special character" },
		{ "Abcdefghijk1", "Password must contain at least one special character" },
	};

	for (size_t i = 0; i < CM_COUNT(cases); i++) {
		struct cm_err err = { 0 };
		int rc = cm_password_check(cases[i].password, &err);
		CHECK_INT(rc, cases[i].sentence ? CM_EINVAL : 0);
		CHECK_STR(err.text, cases[i].sentence ? cases[i].sentence : "");
	}
}

TEST(password_rules__have_ids_and_sentences_for_the_page)
{
	CHECK_INT(cm_password_rule_count, 5);
	CHECK_STR(cm_password_rules[0].id, "length");
	for (size_t i = 0; i < cm_password_rule_count; i++)
		CHECK(cm_password_rules[i].sentence[0] != '\0' && cm_password_rules[i].holds("Abcdefghij1!"));
}

TEST(password_too_long__is_refused)
{
	char big[CM_PASSWORD_MAX + 2];

	memset(big, 'a', sizeof(big));
	memcpy(big, "A1!", 3);
	big[sizeof(big) - 1] = '\0';
	CHECK_INT(cm_password_check(big, NULL), CM_EINVAL);
}

TEST(password_hash__fits_only_its_password)
{
	char hash[CM_PASSWORD_HASH_SIZE], again[CM_PASSWORD_HASH_SIZE];

	CHECK_INT(cm_password_hash("Abcdefghij1!", hash, NULL), 0);
	CHECK_INT(cm_password_hash("Abcdefghij1!", again, NULL), 0);
	CHECK(strstr(hash, "$argon2id$v=19$m=19456,t=2,p=1$") == hash);
	CHECK(strcmp(hash, again) != 0);
	CHECK_INT(cm_password_verify(hash, "Abcdefghij1!", NULL), 0);
	CHECK_INT(cm_password_verify(hash, "Abcdefghij1?", NULL), CM_EAUTH);
	CHECK_INT(cm_password_verify(hash, "", NULL), CM_EAUTH);
	CHECK_INT(cm_password_verify("not a hash", "Abcdefghij1!", NULL), CM_EAUTH);
	CHECK_INT(cm_password_verify(NULL, "Abcdefghij1!", NULL), CM_EAUTH);
}

static void *verify_main(void *hash)
{
	return (void *)(intptr_t)cm_password_verify(hash, "Abcdefghij1!", NULL);
}

TEST(password_verify__may_be_asked_by_many_threads)
{
	char hash[CM_PASSWORD_HASH_SIZE];
	pthread_t threads[6];
	void *rc;

	CHECK_INT(cm_password_hash("Abcdefghij1!", hash, NULL), 0);
	for (int i = 0; i < 6; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, verify_main, i % 2 ? hash : NULL), 0);
	for (int i = 0; i < 6; i++) {
		pthread_join(threads[i], &rc);
		CHECK_INT((intptr_t)rc, i % 2 ? 0 : CM_EAUTH);
	}
}
