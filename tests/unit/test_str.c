/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/str.h"

#include "test.h"

TEST(str_u64__takes_whole_numbers_only)
{
	uint64_t v = 7;
	CHECK(cm_str_u64("0", 0, 10, &v) && v == 0);
	CHECK(cm_str_u64("18446744073709551615", 0, UINT64_MAX, &v) && v == UINT64_MAX);
	v = 7;
	CHECK(!cm_str_u64("18446744073709551616", 0, UINT64_MAX, &v));
	CHECK(!cm_str_u64("", 0, 10, &v));
	CHECK(!cm_str_u64(NULL, 0, 10, &v));
	CHECK(!cm_str_u64("+1", 0, 10, &v));
	CHECK(!cm_str_u64(" 1", 0, 10, &v));
	CHECK(!cm_str_u64("1x", 0, 10, &v));
	CHECK(!cm_str_u64("11", 0, 10, &v));
	CHECK_INT(v, 7);
}

TEST(str_i64__takes_a_minus)
{
	int64_t v = 0;
	CHECK(cm_str_i64("-5", -10, 10, &v) && v == -5);
	CHECK(!cm_str_i64("--5", -10, 10, &v));
	CHECK(!cm_str_i64("-", -10, 10, &v));
}

TEST(str_copy__says_when_it_cut)
{
	char b[4];
	CHECK(cm_str_copy(b, sizeof(b), "abc"));
	CHECK(!cm_str_copy(b, sizeof(b), "abcd"));
	CHECK_STR(b, "abc");
}

TEST(utf8_valid__refuses_what_rfc_3629_refuses)
{
	CHECK(cm_utf8_valid("h\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x92", 10));
	CHECK(!cm_utf8_valid("\xc0\xaf", 2));
	CHECK(!cm_utf8_valid("\xed\xa0\x80", 3));
	CHECK(!cm_utf8_valid("\xf4\x90\x80\x80", 4));
	CHECK(!cm_utf8_valid("\xe2\x82", 2));
	CHECK(!cm_utf8_valid("\x80", 1));
}

TEST(utf8_clean__shows_foreign_names_safely)
{
	struct cm_buf b = CM_BUF_INIT(100);
	cm_utf8_clean(&b, "a\n\xff\x1b[b\xc2\x85", 8);
	CHECK_STR(b.data, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd[b\xef\xbf\xbd");
	cm_buf_release(&b);
}

TEST(hex__there_and_back)
{
	unsigned char in[3] = { 0, 0xab, 0xff }, out[3];
	char text[7];
	cm_hex(text, in, 3);
	CHECK_STR(text, "00abff");
	CHECK(cm_unhex(out, 3, "00ABff") && memcmp(in, out, 3) == 0);
	CHECK(!cm_unhex(out, 3, "00abf"));
	CHECK(!cm_unhex(out, 3, "00abfg"));
}

TEST(size_text__one_decimal_from_kilobytes)
{
	char t[32];
	cm_size_text(t, 1023);
	CHECK_STR(t, "1023 B");
	cm_size_text(t, 1024);
	CHECK_STR(t, "1.0 KB");
	cm_size_text(t, 1024 * 1024 - 1);
	CHECK_STR(t, "1.0 MB");
	cm_size_text(t, 4509715661LL);
	CHECK_STR(t, "4.2 GB");
	cm_size_text(t, -1);
	CHECK_STR(t, "unknown");
}

TEST(duration_text__two_units)
{
	char t[32];
	cm_duration_text(t, 59);
	CHECK_STR(t, "59 s");
	cm_duration_text(t, 200);
	CHECK_STR(t, "3 min 20 s");
	cm_duration_text(t, 90000);
	CHECK_STR(t, "1 d 1 h");
}

TEST(url_encode__only_unreserved_stay)
{
	struct cm_buf b = CM_BUF_INIT(100);
	cm_url_encode(&b, "a/b c~%\xc3\xa9", false);
	CHECK_STR(b.data, "a%2Fb%20c~%25%C3%A9");
	cm_buf_reset(&b);
	cm_url_encode(&b, "a/b", true);
	CHECK_STR(b.data, "a/b");
	cm_buf_release(&b);
}

TEST(name_valid__is_dockers_rule)
{
	CHECK(cm_name_valid("web_1.a-b"));
	CHECK(!cm_name_valid("-web"));
	CHECK(!cm_name_valid("we b"));
	CHECK(!cm_name_valid(""));
	CHECK(!cm_name_valid(NULL));
}

TEST(ref_valid__keeps_paths_and_shells_out)
{
	CHECK(cm_ref_valid("busybox:local"));
	CHECK(cm_ref_valid("sha256:0123"));
	CHECK(!cm_ref_valid("a/b"));
	CHECK(!cm_ref_valid("a..b"));
	CHECK(!cm_ref_valid("a;b"));
	CHECK(!cm_ref_valid("a\nb"));
	CHECK(!cm_ref_valid("a%2f"));
}
