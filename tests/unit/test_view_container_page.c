/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_container_page.h"

#include "core/str.h"
#include "test.h"
#include "view_shape.h"

#define INSPECT                                                                                                        \
	"{\"Id\":\"1b2d46e3f8d10000000000000000000000000000000000000000000000000000\",\"Name\":\"/"                    \
	"origweb\",\"Image\":"                                                                                         \
	"\"sha256:ed7c801f09c2\",\"Created\":\"2026-11-22T18:41:59Z\",\"RestartCount\":2,\"State\":{\"Status\":"       \
	"\"running\",\"Running\":true,\"StartedAt\":\"2026-11-22T18:42:00Z\",\"FinishedAt\":\"0001-01-01T00:00:00Z\"," \
	"\"Health\":{\"Status\":\"unhealthy\",\"FailingStreak\":3,\"Log\":[{\"Start\":\"2026-11-22T18:42:01Z\","       \
	"\"ExitCode\":1,\"Output\":\"a\\nb\\u0007\\n\"}]}},\"Config\":{\"Image\":\"busybox:local\",\"Env\":[\"DB_"     \
	"PASSWORD=x9\","                                                                                               \
	"\"LANG=C\"],\"Cmd\":[\"serve\",\"--password\",\"hunter2\"],\"Labels\":{\"a\":\"b\"},\"Healthcheck\":{"        \
	"\"Test\":"                                                                                                    \
	"[\"CMD\",\"check\",\"it\"]}},\"HostConfig\":{\"Memory\":67108864,\"MemorySwap\":-1,\"RestartPolicy\":"        \
	"{\"Name\":\"always\"},\"Privileged\":true},\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/"                     \
	"srv\",\"Destination\":"                                                                                       \
	"\"/data\",\"RW\":false}],\"NetworkSettings\":{\"Networks\":{\"front\":{\"IPAddress\":\"172.31.77.10\","       \
	"\"Aliases\":[\"1b2d46e3f8d1\",\"web\"]}}}}"

static struct json_object *inspect, *row;

static struct cm_container_page page(enum cm_role role)
{
	if (inspect == NULL) {
		inspect = json_tokener_parse(INSPECT);
		row = json_tokener_parse(
		    "{\"id\":\"1b2d46e3f8d1\",\"name\":\"origweb\",\"state_text\":\"Running\",\"kill_url\":\"/k\"}");
	}
	return (struct cm_container_page){ .inspect = inspect, .row = row, .role = role, .now_ms = 1795373000000 };
}

static const char *term(struct json_object *data, const char *list, const char *name)
{
	struct json_object *terms = cm_json_arr(data, list);

	for (size_t i = 0; i < cm_json_len(terms); i++) {
		struct json_object *t = json_object_array_get_idx(terms, i);

		if (cm_str_eq(cm_json_str(t, "term", ""), name))
			return cm_json_str(t, "text", "");
	}
	return "";
}

TEST(view_container_page__has_every_key_of_the_fixtures)
{
	static const char *const names[] = { "container", "container.bare", "container.error" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cm_autojson struct json_object *fixture = shape_fixture(names[i]), *data = json_object_new_object();
		struct cm_container_page p = page(CM_ROLE_ADMIN);

		cm_view_container_page(data, &p);
		CHECK(shape_fits(cm_json_obj(fixture, "data"), data, names[i]));
	}
}

TEST(view_container_page__says_what_it_is_and_may)
{
	cm_autojson struct json_object *data = json_object_new_object();
	struct cm_container_page p = page(CM_ROLE_ADMIN);
	struct json_object *network, *check;

	cm_view_container_page(data, &p);
	CHECK_STR(term(data, "facts", "Restarted"), "2 times");
	CHECK_STR(term(data, "facts", "Ended"), "");
	CHECK_STR(term(data, "facts", "Command"), "serve --password ***");
	CHECK_STR(term(data, "limits", "Memory"), "64.0 MB");
	CHECK_STR(term(data, "limits", "Swap"), "no limit");
	CHECK_STR(term(data, "limits", "Processors"), "no limit");
	CHECK_STR(term(data, "limits", "Restarts"), "always");
	CHECK_STR(term(data, "limits", "Privileged"), "yes");
	network = json_object_array_get_idx(cm_json_arr(data, "network_rows"), 0);
	CHECK_STR(cm_json_str(network, "aliases_text", ""), "web");
	CHECK_STR(cm_json_str(json_object_array_get_idx(cm_json_arr(data, "mount_rows"), 0), "kind_text", ""),
		  "Folder of the host, read-only");
	check = json_object_array_get_idx(cm_json_arr(cm_json_obj(data, "health_check"), "log"), 0);
	CHECK_STR(cm_json_str(check, "exit_text", ""), "failed, exit code 1");
	CHECK_STR(cm_json_str(check, "output", ""), "a b\xef\xbf\xbd");
	CHECK_STR(cm_json_str(cm_json_obj(data, "health_check"), "failing_text", ""), "Failed 3 times in a row");
}

TEST(view_container_page__the_role_decides)
{
	static const struct {
		enum cm_role role;
		const char *env;
		size_t pages;
		bool forms;
	} all[] = { { CM_ROLE_VIEWER, "LANG=***", 2, false },
		    { CM_ROLE_DEVELOPER, "LANG=C", 3, false },
		    { CM_ROLE_ADMIN, "LANG=C", 4, true } };

	for (size_t i = 0; i < 3; i++) {
		cm_autojson struct json_object *data = json_object_new_object();
		struct cm_container_page p = page(all[i].role);
		struct json_object *env;

		cm_view_container_page(data, &p);
		env = cm_json_arr(cm_json_obj(data, "config"), "env");
		CHECK_STR(json_object_get_string(json_object_array_get_idx(env, 0)), "DB_PASSWORD=***");
		CHECK_STR(json_object_get_string(json_object_array_get_idx(env, 1)), all[i].env);
		CHECK_INT(cm_json_len(cm_json_arr(data, "pages")), all[i].pages);
		CHECK_INT(cm_json_get(data, "limits_form") != NULL, all[i].forms);
		CHECK_INT(cm_json_get(data, "reveal_url") != NULL, all[i].forms);
	}
}

TEST(view_container_page__ours_is_not_touched)
{
	cm_autojson struct json_object *data = json_object_new_object();
	struct cm_container_page p = page(CM_ROLE_ADMIN);

	p.own = CM_OWN_SELF;
	cm_view_container_page(data, &p);
	CHECK(cm_json_get(data, "limits_form") == NULL && cm_json_get(data, "rename_form") == NULL &&
	      cm_json_get(data, "console_url") == NULL);
	CHECK_STR(cm_json_str(data, "own_text", ""), "this program");
}

TEST(view_container_page__a_form_keeps_what_was_typed)
{
	cm_autojson struct json_object *data = json_object_new_object(),
				       *typed = json_tokener_parse("{\"memory\":\"much\"}");
	struct cm_container_page p = page(CM_ROLE_ADMIN);
	struct json_object *form;

	p.typed = typed;
	p.error_field = "memory";
	p.error = "No.";
	cm_view_container_page(data, &p);
	form = cm_json_obj(data, "limits_form");
	CHECK_STR(cm_json_str(form, "memory", ""), "much");
	CHECK_STR(cm_json_str(form, "memory_error", ""), "No.");
	CHECK(cm_json_get(form, "cpus_error") == NULL);
	CHECK(cm_json_bool(data, "change_open", false));
}
