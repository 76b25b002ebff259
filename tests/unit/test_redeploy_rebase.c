/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/redeploy.h"

#include "core/json.h"
#include "core/mem.h"
#include "test.h"

#define OLD                                                                                                   \
	"{\"Entrypoint\":[\"/old\"],\"Cmd\":[\"run\"],\"WorkingDir\":\"/a\",\"Env\":[\"PATH=/bin\",\"V=1\"]," \
	"\"Labels\":{\"version\":\"1\",\"by\":\"us\"},\"ExposedPorts\":{\"80/tcp\":{}},\"Volumes\":{\"/data\":{}}}"
#define NEW "{\"Entrypoint\":[\"/new\"],\"Cmd\":[\"go\"],\"WorkingDir\":\"/b\",\"Env\":[\"PATH=/bin\",\"V=2\"]}"

/* The Config of the rebased container, as text. Caller frees. */
static char *rebase(const char *config)
{
	cm_autofree char *text = cm_asprintf("{\"Config\":%s}", config);
	cm_autojson struct json_object *inspect = json_tokener_parse(text), *old = json_tokener_parse(OLD);
	cm_autojson struct json_object *new = json_tokener_parse(NEW), *got = cm_redeploy_rebase(inspect, old, new);

	return cm_json_text(cm_json_obj(got, "Config"));
}

static void check(const char *config, const char *expected)
{
	cm_autofree char *got = rebase(config);
	cm_autojson struct json_object *a = json_tokener_parse(got), *b = json_tokener_parse(expected);

	if (!json_object_equal(a, b))
		CHECK_STR(got, expected);
	CHECK(json_object_equal(a, b));
}

TEST(redeploy_rebase__what_came_with_the_image_comes_with_the_new_one)
{
	check("{\"Entrypoint\":[\"/old\"],\"Cmd\":[\"run\"],\"WorkingDir\":\"/a\",\"Env\":[\"PATH=/bin\",\"V=1\"],"
	      "\"Labels\":{\"version\":\"1\"},\"ExposedPorts\":{\"80/tcp\":{}},\"Volumes\":{\"/data\":{}}}",
	      "{\"Entrypoint\":[\"/new\"],\"Cmd\":[\"go\"],\"WorkingDir\":\"/b\",\"Env\":[],\"Labels\":{},"
	      "\"ExposedPorts\":{},\"Volumes\":{\"/data\":{}}}");
}

TEST(redeploy_rebase__what_somebody_gave_it_stays)
{
	check("{\"Entrypoint\":[\"/mine\"],\"Cmd\":[\"run\"],\"WorkingDir\":\"/w\",\"Env\":[\"V=9\",\"MINE=1\"],"
	      "\"Labels\":{\"version\":\"7\",\"own\":\"x\"},\"ExposedPorts\":{\"80/tcp\":{},\"81/tcp\":{}}}",
	      "{\"Entrypoint\":[\"/mine\"],\"Cmd\":[\"run\"],\"WorkingDir\":\"/w\",\"Env\":[\"V=9\",\"MINE=1\"],"
	      "\"Labels\":{\"version\":\"7\",\"own\":\"x\"},\"ExposedPorts\":{\"81/tcp\":{}}}");
}

TEST(redeploy_rebase__a_command_of_its_own_for_the_entrypoint_of_the_image)
{
	check("{\"Entrypoint\":[\"/old\"],\"Cmd\":[\"serve\"],\"Env\":[]}",
	      "{\"Entrypoint\":[\"/new\"],\"Cmd\":[\"serve\"],\"Env\":[]}");
}

TEST(redeploy_rebase__without_the_old_image_all_is_kept)
{
	cm_autojson struct json_object *inspect = json_tokener_parse("{\"Config\":{\"Env\":[\"V=1\"]}}");
	cm_autojson struct json_object *got = cm_redeploy_rebase(inspect, NULL, NULL);

	CHECK(json_object_equal(inspect, got));
}
