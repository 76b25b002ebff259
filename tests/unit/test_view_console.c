/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_console.h"

#include "core/mem.h"
#include "test.h"
#include "view_shape.h"
#include "web/form.h"

#define INSPECT                                                                                                      \
	"{\"Id\":\"1b2d46e3f8d10000000000000000000000000000000000000000000000000000\",\"Name\":\"/web\",\"State\":"  \
	"{\"Status\":\"%s\",\"Running\":true},\"Config\":{\"Image\":\"busybox:local\",\"User\":\"\",\"WorkingDir\":" \
	"\"/srv\"}}"

static struct json_object *view(const char *state, const char *query)
{
	cm_autofree char *text = cm_asprintf(INSPECT, state);
	cm_autojson struct json_object *inspect = json_tokener_parse(text);
	struct json_object *o = json_object_new_object();
	struct cm_form *form = cm_form_new();

	cm_form_parse_urlencoded(form, query, strlen(query), NULL);
	cm_view_console(o, inspect, form);
	cm_form_free(form);
	return o;
}

TEST(view_console__has_every_key_of_the_fixture)
{
	cm_autojson struct json_object *fixture = shape_fixture("console"), *o = view("running", "user=me");

	cm_json_set_str(o, "nonce", "the page adds it");
	CHECK(shape_fits(cm_json_obj(fixture, "data"), o, "console"));
	CHECK_STR(cm_json_str(o, "user", ""), "me");
	CHECK_STR(cm_json_str(o, "user_hint", ""), "root");
	CHECK_STR(cm_json_str(o, "workdir_hint", ""), "/srv");
	CHECK(cm_json_bool(o, "can_run", false));
}

TEST(view_console__a_container_that_does_not_run_takes_no_command)
{
	cm_autojson struct json_object *stopped = view("exited", ""), *paused = view("paused", "");

	CHECK(!cm_json_bool(stopped, "can_run", true));
	CHECK_STR(cm_json_str(stopped, "start_url", ""), "/container/1b2d46e3f8d1/start");
	CHECK(!cm_json_bool(paused, "can_run", true));
	CHECK(cm_json_str(paused, "start_url", NULL) == NULL);
}

TEST(view_command__shows_both_outputs_as_lines)
{
	cm_autojson struct json_object *fixture = shape_fixture("console.result"), *o = NULL, *answer = NULL;
	char out[] = "one\r\n\033[31mtwo\033[0m\n<b>", errs[] = "\377bad\n";
	struct cm_command_result r = { .exit_code = 3,
				       .out = out,
				       .out_len = sizeof(out) - 1,
				       .errs = errs,
				       .errs_len = sizeof(errs) - 1,
				       .took_ms = 80 };
	struct json_object *lines;

	o = cm_view_command("x", &r);
	CHECK(shape_fits(cm_json_obj(cm_json_obj(fixture, "data"), "result"), o, "result"));
	lines = cm_json_arr(o, "lines");
	CHECK_INT(cm_json_len(lines), 4);
	CHECK_STR(cm_json_str(json_object_array_get_idx(lines, 3), "class", ""), "err");
	CHECK_STR(cm_json_str(o, "exit_text", ""), "Exit code 3");
	answer = cm_view_command_answer(&r);
	CHECK_STR(cm_json_str(answer, "output", ""), "one\r\n\033[31mtwo\033[0m\n<b>\n\357\277\275bad\n");
	CHECK_STR(cm_json_str(answer, "stderr", ""), "\357\277\275bad\n");
}

TEST(view_command__a_page_has_an_end)
{
	struct cm_command_result r = { .exit_code = 0, .out_len = 10000 };
	cm_autojson struct json_object *o = NULL;
	char out[10000];

	memset(out, '\n', sizeof(out));
	r.out = out;
	r.errs = out;
	o = cm_view_command("x", &r);
	CHECK_INT(cm_json_len(cm_json_arr(o, "lines")), 2000);
	CHECK(cm_json_str(o, "cut_text", NULL) != NULL);
	CHECK(cm_json_bool(o, "is_ok", false));
}
