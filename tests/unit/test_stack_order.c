/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/stack_order.h"

#include "core/json.h"
#include "core/str.h"
#include "test.h"

static struct cm_stack_node node(const char *name, const char *depends_on, int64_t created)
{
	return (struct cm_stack_node){
		.id = name, .name = name, .service = name, .depends_on = depends_on, .created = created
	};
}

TEST(stack_order__follows_what_compose_wrote_down)
{
	struct cm_stack_node n[] = { node("web", "api:service_started:false", 1), node("db", "", 4),
				     node("api", "db:service_healthy:true,cache:service_started", 2),
				     node("cache", "", 3) };

	cm_stack_order(n, 4);
	CHECK_STR(n[0].name, "cache");
	CHECK_STR(n[1].name, "db");
	CHECK_STR(n[2].name, "api");
	CHECK_STR(n[3].name, "web");
	CHECK_INT(n[0].level, 0);
	CHECK_INT(n[1].level, 0);
	CHECK_INT(n[2].level, 1);
	CHECK_INT(n[3].level, 2);
	CHECK(cm_stack_needs(&n[2], &n[1]));
	CHECK(cm_stack_waits_healthy(&n[2], &n[1]));
	CHECK(!cm_stack_waits_healthy(&n[2], &n[0]));
	CHECK(!cm_stack_needs(&n[1], &n[2]));
}

TEST(stack_order__a_name_that_begins_another_is_another)
{
	struct cm_stack_node a = node("a", "database:service_healthy:true", 1), b = node("data", NULL, 2);

	CHECK(!cm_stack_needs(&a, &b));
	CHECK(!cm_stack_waits_healthy(&a, &b));
}

TEST(stack_order__without_labels_services_stand_as_they_were_made)
{
	struct cm_stack_node n[] = { node("b1", NULL, 20), node("c", NULL, 30), node("a", NULL, 10),
				     node("b2", NULL, 35) };

	n[0].service = n[3].service = "b";
	cm_stack_order(n, 4);
	CHECK_STR(n[0].name, "a");
	CHECK_STR(n[1].name, "b1");
	CHECK_STR(n[2].name, "b2");
	CHECK_STR(n[3].name, "c");
	CHECK_INT(n[1].level, 1);
	CHECK_INT(n[2].level, 1);
	CHECK_INT(n[3].level, 2);
}

TEST(stack_order__who_shares_a_network_comes_after_its_owner)
{
	cm_autojson struct json_object *refs = json_tokener_parse("[{\"ref\":\"owner\",\"kind\":\"network\"}]");
	struct cm_stack_node n[] = { node("guest", NULL, 1), node("owner", NULL, 2) };

	n[0].refs = refs;
	cm_stack_order(n, 2);
	CHECK_STR(n[0].name, "owner");
	CHECK_INT(n[1].level, 1);
}

TEST(stack_order__a_circle_is_broken_at_its_oldest)
{
	struct cm_stack_node n[] = { node("b", "a", 2), node("a", "b", 1) };

	cm_stack_order(n, 2);
	CHECK_STR(n[0].name, "a");
	CHECK_STR(n[1].name, "b");
	cm_stack_order(n, 0);
}
