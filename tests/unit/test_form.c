/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "core/buf.h"
#include "core/json.h"
#include "core/mem.h"
#include "web/form.h"

static int parse(struct cm_form *f, const char *text, struct cm_err *err)
{
	return cm_form_parse_urlencoded(f, text, strlen(text), err);
}

TEST(form_urlencoded__order_repeats_and_empty_values)
{
	struct cm_form *f = cm_form_new();
	size_t pos = 0;

	CHECK_INT(parse(f, "a=1&b=&a=2&c&&=", NULL), CM_EINVAL);
	cm_form_free(f);
	f = cm_form_new();
	CHECK_INT(parse(f, "a=1&b=&a=2&c&&d=x%3Dy+z%2b", NULL), 0);
	CHECK_INT(cm_form_count(f), 5);
	CHECK_STR(cm_form_get(f, "a"), "1");
	CHECK_STR(cm_form_each(f, "a", &pos), "1");
	CHECK_STR(cm_form_each(f, "a", &pos), "2");
	CHECK_STR(cm_form_each(f, "a", &pos), NULL);
	CHECK_STR(cm_form_get(f, "b"), "");
	CHECK_STR(cm_form_get(f, "c"), "");
	CHECK_STR(cm_form_get(f, "d"), "x=y z+");
	CHECK_STR(cm_form_get(f, "e"), NULL);
	CHECK_STR(cm_form_str(f, "b", "def"), "def");
	CHECK_STR(cm_form_name_at(f, 4), "d");
	CHECK_STR(cm_form_value_at(f, 2), "2");
	cm_form_free(f);
}

TEST(form_urlencoded__refuses_what_is_no_text)
{
	static const char *const wrong[] = { "a=%",   "a=%4",	  "a=%zz",  "a=%00", "%00=a",
					     "a=%ff", "a=%C0%80", "a=\xff", "=x",    "%=x" };

	for (size_t i = 0; i < CM_COUNT(wrong); i++) {
		struct cm_form *f = cm_form_new();
		struct cm_err err = { 0 };

		CHECK_INT(parse(f, wrong[i], &err), CM_EINVAL);
		CHECK(err.text[0] != '\0');
		cm_form_free(f);
	}
}

TEST(form_urlencoded__limits)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1 << 20);
	struct cm_form *f = cm_form_new();

	for (int i = 0; i < CM_FORM_MAX_FIELDS; i++)
		cm_buf_str(&b, "a=1&");
	CHECK_INT(parse(f, b.data, NULL), 0);
	CHECK_INT(parse(f, "b=1", NULL), CM_ETOOBIG);
	cm_form_free(f);

	f = cm_form_new();
	cm_buf_reset(&b);
	cm_buf_str(&b, "a=");
	for (int i = 0; i < CM_FORM_MAX_VALUE; i++)
		cm_buf_str(&b, "%41");
	CHECK_INT(parse(f, b.data, NULL), 0);
	CHECK_INT(strlen(cm_form_get(f, "a")), CM_FORM_MAX_VALUE);
	cm_form_free(f);

	f = cm_form_new();
	cm_buf_reset(&b);
	cm_buf_str(&b, "a=");
	for (int i = 0; i <= CM_FORM_MAX_VALUE; i++)
		cm_buf_char(&b, 'x');
	CHECK_INT(parse(f, b.data, NULL), CM_ETOOBIG);
	b.data[CM_FORM_MAX_NAME + 1] = '=';
	memset(b.data, 'n', CM_FORM_MAX_NAME + 1);
	CHECK_INT(cm_form_parse_urlencoded(f, b.data, CM_FORM_MAX_NAME + 3, NULL), CM_ETOOBIG);
	cm_form_free(f);
}

TEST(form_bool_and_int__read_words_and_numbers)
{
	struct cm_form *f = cm_form_new();
	struct cm_err err = { 0 };
	int64_t n = 0;

	CHECK_INT(parse(f, "y=on&n=0&e=&x=maybe&i=-5&big=99999999999999999999&w=1x", NULL), 0);
	CHECK(cm_form_bool(f, "y", false));
	CHECK(!cm_form_bool(f, "n", true));
	CHECK(!cm_form_bool(f, "e", true));
	CHECK(cm_form_bool(f, "x", true));
	CHECK(!cm_form_bool(f, "missing", false));
	CHECK_INT(cm_form_int(f, "i", -10, 10, 0, &n, &err), 0);
	CHECK_INT(n, -5);
	CHECK_INT(cm_form_int(f, "i", 0, 10, 0, &n, &err), CM_EINVAL);
	CHECK_STR(err.text, "i must be a whole number from 0 to 10.");
	CHECK_INT(cm_form_int(f, "big", 0, 10, 0, &n, &err), CM_EINVAL);
	CHECK_INT(cm_form_int(f, "w", 0, 10, 0, &n, &err), CM_EINVAL);
	CHECK_INT(cm_form_int(f, "e", 0, 10, 7, &n, &err), 0);
	CHECK_INT(n, 7);
	CHECK_INT(cm_form_int(NULL, "e", 0, 10, 8, &n, &err), 0);
	CHECK_INT(n, 8);
	cm_form_free(f);
}

TEST(form_json__scalars_and_lists_of_them)
{
	static const char text[] =
	    "{\"s\":\"x\",\"i\":3,\"b\":true,\"n\":null,\"o\":{\"a\":1},\"l\":[1,\"two\",[3],null]}";
	cm_autojson struct json_object *o = NULL;
	struct cm_form *f = cm_form_new();
	size_t pos = 0;

	CHECK_INT(cm_json_parse(text, sizeof(text) - 1, &o, NULL), 0);
	CHECK_INT(cm_form_from_json(f, o, NULL), 0);
	CHECK_STR(cm_form_get(f, "s"), "x");
	CHECK_STR(cm_form_get(f, "i"), "3");
	CHECK(cm_form_bool(f, "b", false));
	CHECK_STR(cm_form_get(f, "n"), NULL);
	CHECK_STR(cm_form_get(f, "o"), NULL);
	CHECK_STR(cm_form_each(f, "l", &pos), "1");
	CHECK_STR(cm_form_each(f, "l", &pos), "two");
	CHECK_STR(cm_form_each(f, "l", &pos), NULL);
	cm_form_free(f);
}

TEST(form_json__a_zero_byte_in_a_string_is_refused)
{
	static const char text[] = "{\"s\":\"a\\u0000b\"}";
	cm_autojson struct json_object *o = NULL;
	struct cm_form *f = cm_form_new();

	CHECK_INT(cm_json_parse(text, sizeof(text) - 1, &o, NULL), 0);
	CHECK_INT(cm_form_from_json(f, o, NULL), CM_EINVAL);
	cm_form_free(f);
}

TEST(form_multipart__fields)
{
	static const char body[] = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\ny\r\n"
				   "--B\r\ncontent-disposition: form-data; name=\"a b\"\r\n\r\n\r\n--B--\r\n";
	static const char file[] =
	    "--B\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\nx\r\n--B--\r\n";
	struct cm_form *f = cm_form_new();
	struct cm_err err;

	CHECK_INT(cm_form_parse_multipart(f, "multipart/form-data; boundary=B", body, sizeof(body) - 1, NULL), 0);
	CHECK_INT(cm_form_count(f), 2);
	CHECK_STR(cm_form_get(f, "a"), "x\r\ny");
	CHECK_STR(cm_form_get(f, "a b"), "");
	CHECK_INT(cm_form_parse_multipart(f, "multipart/form-data; boundary=B", file, sizeof(file) - 1, &err),
		  CM_EINVAL);
	CHECK_STR(err.text, "This form takes no files.");
	CHECK_INT(cm_form_parse_multipart(f, "multipart/form-data; boundary=B", body, sizeof(body) - 9, NULL),
		  CM_EINVAL);
	cm_form_free(f);
}

TEST(cookie__matches_the_name_exactly)
{
	char v[16];

	CHECK(cm_cookie_get("session=abc", "session", v, sizeof(v)));
	CHECK_STR(v, "abc");
	CHECK(!cm_cookie_get("sessionX=good", "session", v, sizeof(v)));
	CHECK(!cm_cookie_get("Xsession=good", "session", v, sizeof(v)));
	CHECK(cm_cookie_get("a=1; session=b=c ; d", "session", v, sizeof(v)));
	CHECK_STR(v, "b=c");
	CHECK(cm_cookie_get(";;session=", "session", v, sizeof(v)));
	CHECK_STR(v, "");
	CHECK(!cm_cookie_get("session=0123456789012345", "session", v, sizeof(v)));
	CHECK(!cm_cookie_get("session", "session", v, sizeof(v)));
	CHECK(!cm_cookie_get("", "session", v, sizeof(v)));
	CHECK(!cm_cookie_get(NULL, "session", v, sizeof(v)));
}
