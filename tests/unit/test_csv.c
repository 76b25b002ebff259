/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/csv.h"

#include "test.h"

TEST(csv__quotes_and_separates)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1000);

	cm_csv_int(&b, -7);
	cm_csv_text(&b, "a \"b\", c\nd");
	cm_csv_text(&b, NULL);
	cm_csv_text(&b, "");
	cm_csv_end(&b);
	cm_csv_text(&b, NULL);
	cm_csv_text(&b, "Müller");
	cm_csv_end(&b);
	CHECK_STR(b.data, "-7,\"a \"\"b\"\", c\nd\",\"\",\"\"\r\n\"\",\"Müller\"\r\n");
}

TEST(csv__no_text_is_a_formula)
{
	static const char *const bad[] = { "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cm_autobuf struct cm_buf b = CM_BUF_INIT(1000);
		cm_csv_text(&b, bad[i]);
		CHECK(b.data[1] == '\'' && strncmp(b.data + 2, bad[i], strlen(bad[i])) == 0);
	}
}
