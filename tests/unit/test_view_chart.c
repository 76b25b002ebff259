/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "core/json.h"
#include "web/view/view_chart.h"
#include "web/view/view_stats.h"

enum { N = 720 };

TEST(view_chart__unknown_is_no_chart)
{
	cm_autojson struct json_object *o = json_object_new_object();
	struct cm_chart_stats s;
	float v[N];

	for (int i = 0; i < N; i++)
		v[i] = -1;
	cm_view_chart(o, "c", v, N, 1, false, &s);
	CHECK(json_object_object_get_ex(o, "c", NULL));
	CHECK(cm_json_get(o, "c") == NULL);
	CHECK(s.now < 0 && s.top < 0 && s.mean < 0);
}

TEST(view_chart__a_gap_breaks_the_line)
{
	cm_autojson struct json_object *o = json_object_new_object();
	struct cm_chart_stats s;
	const char *line;
	float v[N];

	for (int i = 0; i < N; i++)
		v[i] = i < 24 ? 10 : i < 48 ? -1 : i < 60 ? 5 : -1;
	cm_view_chart(o, "c", v, N, 1, false, &s);
	line = cm_json_str(cm_json_obj(o, "c"), "line", "");
	CHECK_STR(line, "M0 1L2 1M8 12h1");
	CHECK_STR(cm_json_str(cm_json_obj(o, "c"), "area", ""), "M0 24V1L2 1V24ZM8 24V12h1V24Z");
	CHECK_STR(cm_json_str(cm_json_obj(o, "c"), "view_box", ""), "0 0 118 24");
	CHECK(s.now < 0);
	CHECK(s.top > 9.9 && s.top < 10.1);
}

TEST(view_chart__noise_is_no_mountain)
{
	cm_autojson struct json_object *o = json_object_new_object();
	float v[N];

	for (int i = 0; i < N; i++)
		v[i] = 0.1F;
	cm_view_chart(o, "c", v, N, 100, false, NULL);
	CHECK(strncmp(cm_json_str(cm_json_obj(o, "c"), "line", ""), "M0 23L2 23L", 11) == 0);
}

TEST(view_rate__is_short)
{
	char text[40];

	cm_rate_text(text, -1);
	CHECK_STR(text, "unknown");
	cm_rate_text(text, 0);
	CHECK_STR(text, "0 B/s");
	cm_rate_text(text, 1023.4);
	CHECK_STR(text, "1023 B/s");
	cm_rate_text(text, 1330);
	CHECK_STR(text, "1.3 KB/s");
	cm_rate_text(text, 734003);
	CHECK_STR(text, "717 KB/s");
	cm_rate_text(text, 1048575);
	CHECK_STR(text, "1.0 MB/s");
}

TEST(view_percent__small_ones_have_two_digits)
{
	char text[32];

	cm_percent_text(text, 0);
	CHECK_STR(text, "0.0 %");
	cm_percent_text(text, 0.05);
	CHECK_STR(text, "0.05 %");
	cm_percent_text(text, 12.34);
	CHECK_STR(text, "12.3 %");
	cm_percent_text(text, 112.7);
	CHECK_STR(text, "113 %");
}
