/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_stack.h"

#include "core/json.h"
#include "core/str.h"
#include "test.h"
#include "view_shape.h"

static struct cm_stack stack(const char *services, int64_t running, int64_t stopped, bool swarm)
{
	return (struct cm_stack){ .name = (char *)"shop",
				  .swarm = swarm,
				  .containers = json_object_new_array(),
				  .services = json_tokener_parse(services),
				  .networks = json_tokener_parse("[\"shop_back\",\"shop_front\"]"),
				  .volumes = json_object_new_array(),
				  .running = running,
				  .stopped = stopped };
}

static void stack_put(struct cm_stack *s)
{
	json_object_put(s->containers);
	json_object_put(s->services);
	json_object_put(s->networks);
	json_object_put(s->volumes);
}

static const char web_db[] = "[{\"name\":\"db\",\"image\":\"db:1\"},{\"name\":\"web\",\"image\":\"web:1\"}]";

TEST(view_stack__has_every_key_of_the_fixture)
{
	struct cm_stack_ctx ctx = { .now_ms = 1795373000000, .role = CM_ROLE_ADMIN };
	cm_autojson struct json_object *fixture = shape_fixture("stacks"), *page = shape_fixture("stack"), *o = NULL;
	struct json_object *rows = cm_json_arr(cm_json_obj(fixture, "data"), "stacks");
	struct cm_stack s = stack(web_db, 1, 1, false);

	o = cm_view_stack(&s, &ctx);
	CHECK(cm_json_len(rows) > 0);
	for (size_t i = 0; i < cm_json_len(rows); i++)
		CHECK(shape_fits(json_object_array_get_idx(rows, i), o, "stack"));
	cm_view_stack_details(o, &s, NULL, &ctx);
	json_object_object_foreach(cm_json_obj(page, "data"), key, value)
	{
		(void)value;
		CHECK(json_object_object_get_ex(o, key, NULL));
	}
	stack_put(&s);
}

TEST(view_stack__says_what_the_predecessor_said)
{
	struct cm_stack_ctx ctx = { .role = CM_ROLE_VIEWER };
	cm_autojson struct json_object *o = NULL;
	struct cm_stack s = stack(web_db, 2, 0, false);

	o = cm_view_stack(&s, &ctx);
	CHECK_STR(cm_json_str(o, "type", ""), "compose");
	CHECK_INT(cm_json_int(o, "services_count", 0), 2);
	CHECK_INT(cm_json_len(cm_json_arr(o, "networks")), 2);
	CHECK_STR(cm_json_str(o, "state_text", ""), "Running");
	CHECK_STR(cm_json_str(o, "services_text", ""), "db, web");
	CHECK(cm_json_get(o, "stop_url") == NULL);
	CHECK(cm_json_get(o, "delete_url") == NULL);
	stack_put(&s);
}

TEST(view_stack__counts_a_swarms_tasks_not_the_containers_of_this_node)
{
	struct cm_stack_ctx ctx = { .role = CM_ROLE_DEVELOPER };
	cm_autojson struct json_object *o = NULL;
	struct cm_stack s = stack("[{\"name\":\"web\",\"replicas\":3,\"running\":2}]", 1, 5, true);

	o = cm_view_stack(&s, &ctx);
	CHECK_STR(cm_json_str(o, "type", ""), "swarm");
	CHECK_STR(cm_json_str(o, "state_text", ""), "2 of 3 running");
	CHECK(cm_json_bool(o, "is_partial", false));
	CHECK_STR(cm_json_str(o, "start_url", ""), "/stack/shop/start");
	CHECK_STR(cm_json_str(o, "stop_url", ""), "/stack/shop/stop");
	CHECK(cm_json_get(o, "logs_url") == NULL);
	stack_put(&s);
}
