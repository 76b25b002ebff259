/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/json.h"

#include "core/buf.h"
#include "core/mem.h"
#include "test.h"

static int parse(const char *text, struct json_object **o)
{
	return cm_json_parse(text, strlen(text), o, NULL);
}

TEST(json_parse__takes_valid_texts)
{
	static const char *const texts[] = { "{}", " [1, 2.5, \"x\", null, true] \n", "12", "\"\xc3\xa9\"", "null" };
	for (size_t i = 0; i < CM_COUNT(texts); i++) {
		struct json_object *o = NULL;
		CHECK_INT(parse(texts[i], &o), 0);
		json_object_put(o);
	}
}

TEST(json_parse__refuses_the_rest)
{
	static const char *const texts[] = { "", "{", "{} x", "[1,]", "\"\xff\"", "nul", "{\"a\":1}{}", "01" };
	for (size_t i = 0; i < CM_COUNT(texts); i++) {
		struct json_object *o = NULL;
		CHECK_INT(parse(texts[i], &o), CM_EINVAL);
	}
}

TEST(json_parse__limits_depth)
{
	char deep[400];
	memset(deep, '[', 200);
	memset(deep + 200, ']', 200);
	struct json_object *o = NULL;
	CHECK_INT(cm_json_parse(deep, sizeof(deep), &o, NULL), CM_EINVAL);
}

TEST(json_get__gives_defaults_for_other_types)
{
	cm_autojson struct json_object *o = NULL;
	CHECK_INT(parse("{\"s\":\"x\",\"n\":5,\"b\":true,\"a\":[1],\"o\":{\"p\":{\"q\":\"deep\"}},\"z\":null}", &o), 0);
	CHECK_STR(cm_json_str(o, "s", "d"), "x");
	CHECK_STR(cm_json_str(o, "n", "d"), "d");
	CHECK_STR(cm_json_str(o, "z", "d"), "d");
	CHECK_STR(cm_json_str(NULL, "z", "d"), "d");
	CHECK_INT(cm_json_int(o, "n", 0), 5);
	CHECK_INT(cm_json_int(o, "s", -1), -1);
	CHECK(cm_json_bool(o, "b", false));
	CHECK(cm_json_arr(o, "o") == NULL && cm_json_len(cm_json_arr(o, "a")) == 1);
	CHECK_STR(cm_json_str_at(o, "o.p.q", ""), "deep");
	CHECK(cm_json_at(o, "o.x.q") == NULL);
}

TEST(json_text__is_compact)
{
	cm_autojson struct json_object *o = json_object_new_object();
	cm_json_set_str(o, "path", "/a/b");
	cm_json_set_str(o, "none", NULL);
	cm_autofree char *t = cm_json_text(o);
	CHECK_STR(t, "{\"path\":\"/a/b\",\"none\":null}");
}

static char *many(const char *open, const char *one, size_t count, const char *close)
{
	struct cm_buf b = CM_BUF_INIT(16 << 20);

	cm_buf_str(&b, open);
	for (size_t i = 0; i < count; i++)
		cm_buf_str(&b, one);
	cm_buf_str(&b, close);
	return b.data;
}

TEST(json_parse_bounded__counts_what_costs_memory)
{
	cm_autofree char *objects = many("[", "{},", CM_JSON_NESTS, "0]"),
			 *numbers = many("[", "1,", CM_JSON_VALUES, "0]");
	cm_autofree char *text = many("[\"", "{[,\\\\\\\"", CM_JSON_VALUES, "\"]"),
			 *fits = many("[", "{},", CM_JSON_NESTS - 1, "0]");
	struct json_object *o = NULL;
	CHECK_INT(cm_json_parse_bounded(objects, strlen(objects), NULL, &o, NULL), CM_ETOOBIG);
	CHECK_INT(cm_json_parse_bounded(numbers, strlen(numbers), NULL, &o, NULL), CM_ETOOBIG);
	CHECK_INT(cm_json_parse_bounded(fits, strlen(fits), NULL, &o, NULL), 0);
	json_object_put(o);
	/* What stands in a string is no value. */
	CHECK_INT(cm_json_parse_bounded(text, strlen(text), NULL, &o, NULL), 0);
	json_object_put(o);
}
