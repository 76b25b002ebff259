/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/words.h"

#include "core/json.h"
#include "test.h"

static char **split(const char *text)
{
	char **words = NULL;

	cm_words_split(text, &words, NULL);
	return words;
}

TEST(words__blanks_separate)
{
	char **w = split("  pg_dumpall  -U\tpostgres ");

	CHECK(w != NULL);
	CHECK_STR(w[0], "pg_dumpall");
	CHECK_STR(w[1], "-U");
	CHECK_STR(w[2], "postgres");
	CHECK(w[3] == NULL);
	cm_words_free(w);
}

TEST(words__quotes_keep_what_is_in_them)
{
	char **w = split("sh -c 'echo \"a  b\" $HOME' \"x \\\"y\\\" \\$z \\n\" a\\ b '' pre\"fix\"'ed'");

	CHECK(w != NULL);
	CHECK_STR(w[0], "sh");
	CHECK_STR(w[2], "echo \"a  b\" $HOME");
	CHECK_STR(w[3], "x \"y\" $z \\n");
	CHECK_STR(w[4], "a b");
	CHECK_STR(w[5], "");
	CHECK_STR(w[6], "prefixed");
	CHECK(w[7] == NULL);
	cm_words_free(w);
}

TEST(words__what_is_malformed_is_refused)
{
	static const char *const bad[] = { "", "   ", "a 'b", "a \"b", "a\\" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char **w = NULL;
		struct cm_err err = { 0 };

		CHECK_INT(cm_words_split(bad[i], &w, &err), CM_EINVAL);
		CHECK(w == NULL && err.text[0] != '\0');
	}
}

TEST(words__too_many_are_refused)
{
	char text[2 * CM_WORDS_MAX + 8], **w = NULL;

	for (int i = 0; i <= CM_WORDS_MAX; i++)
		memcpy(text + 2 * i, "a ", 2);
	text[2 * CM_WORDS_MAX + 2] = '\0';
	CHECK_INT(cm_words_split(text, &w, NULL), CM_EINVAL);
	text[2 * CM_WORDS_MAX] = '\0';
	CHECK_INT(cm_words_split(text, &w, NULL), 0);
	cm_words_free(w);
}

TEST(words__json_is_a_text_or_a_list_of_texts)
{
	cm_autojson struct json_object *list = json_tokener_parse("[\"sh\",\"-c\",\"a b\"]");
	cm_autojson struct json_object *text = json_tokener_parse("\"sh -c 'a b'\"");
	cm_autojson struct json_object *empty = json_tokener_parse("[]"), *number = json_tokener_parse("[1]");
	char **a, **b, **none = NULL;

	CHECK_INT(cm_words_from_json(list, &a, NULL), 0);
	CHECK_INT(cm_words_from_json(text, &b, NULL), 0);
	for (int i = 0; i < 3; i++)
		CHECK_STR(a[i], b[i]);
	CHECK(a[3] == NULL && b[3] == NULL);
	cm_words_free(a);
	cm_words_free(b);
	CHECK_INT(cm_words_from_json(empty, &none, NULL), CM_EINVAL);
	CHECK_INT(cm_words_from_json(number, &none, NULL), CM_EINVAL);
	CHECK_INT(cm_words_from_json(NULL, &none, NULL), CM_EINVAL);
}

static bool masked_is(const char *line, const char *want)
{
	char **w = split(line);
	char *text = cm_words_masked(w);
	bool same = strcmp(text, want) == 0;

	if (!same)
		printf("# %s\n", text);
	free(text);
	cm_words_free(w);
	return same;
}

TEST(words_masked__secrets_are_not_written_down)
{
	CHECK(masked_is("ls -la /var/lib", "ls -la /var/lib"));
	CHECK(masked_is("mkdir -p /srv/a", "mkdir -p /srv/a"));
	CHECK(masked_is("mysqldump -uroot -pS3cret --all-databases", "mysqldump -uroot -p*** --all-databases"));
	CHECK(masked_is("mysql -p S3cret db", "mysql -p *** db"));
	CHECK(masked_is("redis-cli -a hunter2 ping", "redis-cli -a *** ping"));
	CHECK(masked_is("env PGPASSWORD=x psql", "env PGPASSWORD=*** psql"));
	CHECK(masked_is("app --api-key=abc --db-password abc run", "app --api-key=*** --db-password *** run"));
	CHECK(masked_is("curl -H 'Authorization: Bearer abc' http://u:p@host/x",
			"curl -H Authorization: *** *** http://***@host/x"));
	CHECK(masked_is("sh -c \"mysql -psecret -e 'select 1'\"", "sh -c mysql -p*** -e select 1"));
	CHECK(masked_is("psql -c \"alter user a password 'geheim'\"", "psql -c alter user a password ***"));
	CHECK(
	    masked_is("mysql -e \"create user a identified by 'geheim'\"", "mysql -e create user a identified by ***"));
	CHECK(masked_is("x ghp_1234567890abcdefABCDEF0123", "x ***"));
}
