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
