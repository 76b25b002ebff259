/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/drill_check.h"
#include "service/drill_settings.h"

TEST(drill_check__reads_every_kind)
{
	static const struct {
		const char *text;
		enum cm_drill_kind kind;
		int port;
		const char *path, *word;
	} good[] = {
		{ NULL, CM_DRILL_AUTO, 0, NULL, NULL },
		{ "", CM_DRILL_AUTO, 0, NULL, NULL },
		{ "auto", CM_DRILL_AUTO, 0, NULL, NULL },
		{ "healthcheck", CM_DRILL_HEALTH, 0, NULL, NULL },
		{ "run", CM_DRILL_RUN, 0, NULL, NULL },
		{ "off", CM_DRILL_OFF, 0, NULL, NULL },
		{ "tcp:5432", CM_DRILL_TCP, 5432, NULL, NULL },
		{ "http:80", CM_DRILL_HTTP, 80, "/", NULL },
		{ "http:8080/a?b=c:d", CM_DRILL_HTTP, 8080, "/a?b=c:d", NULL },
		{ "command:pg_isready -U 'a b'", CM_DRILL_COMMAND, 0, NULL, "pg_isready" },
	};

	for (size_t i = 0; i < CM_COUNT(good); i++) {
		struct cm_drill_check c;
		CHECK_INT(cm_drill_check_parse(good[i].text, &c, NULL), 0);
		CHECK(c.kind == good[i].kind && c.port == good[i].port && cm_str_eq(c.path, good[i].path));
		CHECK(cm_str_eq(c.words ? c.words[0] : NULL, good[i].word));
		cm_drill_check_release(&c);
	}
}

TEST(drill_check__refuses_the_rest)
{
	static const char *const bad[] = { "tcp",	    "tcp:",   "tcp:0",	"tcp:65536",   "tcp:80x",
					   "tcp:000000080", "http",   "http:/", "http:80/a b", "http:80/\r\nX: y",
					   "http:80#x",	    "run:10", "health", "command",     "command:",
					   "command:'a",    "off:",   " run" };

	for (size_t i = 0; i < CM_COUNT(bad); i++) {
		struct cm_drill_check c;
		struct cm_err err = { 0 };
		CHECK_INT(cm_drill_check_parse(bad[i], &c, &err), CM_EINVAL);
		CHECK(err.text[0] != '\0');
	}
}

TEST(drill_settings__lists_of_checks_there_and_back)
{
	cm_autojson struct json_object *o = NULL;
	struct json_object *none = NULL;
	struct cm_err err = { 0 };

	CHECK_INT(cm_drill_checks_parse("web  http:80/x\r\n\n  db\tcommand:pg_isready -q \n", &o, NULL), 0);
	cm_autofree char *text = cm_drill_checks_text(o);
	CHECK_STR(text, "web http:80/x\ndb command:pg_isready -q\n");
	CHECK_INT(cm_drill_checks_parse("web\n", &none, &err), CM_EINVAL);
	CHECK_INT(cm_drill_checks_parse("we/b run\n", &none, &err), CM_EINVAL);
	CHECK_INT(cm_drill_checks_parse("web http:x\n", &none, &err), CM_EINVAL);
	CHECK(strstr(err.text, "web") != NULL);
}
