/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "core/json.h"
#include "core/mem.h"
#include "web/view/view_dashboard.h"

#define NOW 1795373112000
#define DAY 86400000ll

static const char list[] =
    "[{\"Id\":\"a1\",\"Names\":[\"/web\"],\"State\":\"running\",\"Status\":\"Up 2 hours (unhealthy)\",\"Labels\":"
    "{\"com.docker.compose.project\":\"shop\"}},"
    "{\"Id\":\"b2\",\"Names\":[\"/db\"],\"State\":\"exited\",\"Status\":\"Exited (0)\",\"Labels\":{}},"
    "{\"Id\":\"c3\",\"Names\":[\"/monkey\"],\"State\":\"running\",\"Status\":\"Up\",\"Labels\":{}}]";

static struct cm_dashboard dashboard(void)
{
	struct cm_dashboard d = { .role = CM_ROLE_ADMIN,
				  .now_ms = NOW,
				  .docker_host = "unix:///var/run/docker.sock",
				  .free_bytes = 1ll << 40 };

	d.engine.reachable = true;
	snprintf(d.engine.version, sizeof(d.engine.version), "20.10.24");
	snprintf(d.engine.self_id, sizeof(d.engine.self_id), "c3");
	d.host.cpu_count = 8;
	d.host.memory_total = 16ll << 30;
	if (cm_json_parse(list, sizeof(list) - 1, &d.containers, NULL) != 0)
		abort();
	return d;
}

static const char *attention(struct json_object *data, size_t i, const char *key)
{
	return cm_json_str(json_object_array_get_idx(cm_json_arr(data, "attention"), i), key, "");
}

TEST(view_dashboard__names_what_needs_somebody)
{
	struct cm_catalog_row old = { .container_name = (char *)"db", .created_ms = NOW - 23 * DAY };
	struct cm_dashboard d = dashboard();
	cm_autojson struct json_object *data = json_object_new_object();

	d.good = (struct cm_catalog_list){ .rows = &old, .count = 1, .total = 1 };
	d.jobs_failed = 1;
	cm_view_dashboard(data, &d);
	CHECK_STR(cm_json_str_at(data, "headline.text", ""), "3 things need you");
	CHECK_STR(attention(data, 0, "text"), "web is unhealthy");
	CHECK_STR(attention(data, 1, "text"), "2 containers are not protected");
	CHECK_STR(attention(data, 1, "detail"), "web has no backup, the last good backup of db was 23 days ago");
	CHECK_STR(attention(data, 2, "text"), "1 job failed in the last day");
	CHECK_STR(cm_json_str_at(data, "protection.text", ""), "0 of 2");
	/* Ourselves are not counted. */
	CHECK_INT(cm_json_int(data, "containers_qty", 0), 2);
	CHECK_INT(cm_json_int(data, "running_containers", 0), 1);
	CHECK_INT(cm_json_int(data, "stopped_containers", 0), 1);
	CHECK_INT(cm_json_int(data, "stacks_qty", 0), 1);
	CHECK_STR(cm_json_str(json_object_array_get_idx(cm_json_arr(data, "tiles"), 3), "url", ""), "/networks");
	CHECK_STR(cm_json_str(data, "docker_sock_url", ""), "/var/run/docker.sock");
	json_object_put(d.containers);
}

TEST(view_dashboard__unknown_is_unknown_and_not_zero)
{
	struct cm_dashboard d = dashboard();
	cm_autojson struct json_object *data = json_object_new_object();

	json_object_put(d.containers);
	d.containers = NULL;
	d.engine.reachable = false;
	snprintf(d.engine.error, sizeof(d.engine.error), "Start it.");
	cm_view_dashboard(data, &d);
	CHECK(json_object_object_get_ex(data, "containers_qty", NULL));
	CHECK(cm_json_get(data, "containers_qty") == NULL);
	CHECK(cm_json_get(data, "images_qty") == NULL);
	CHECK_STR(cm_json_str_at(data, "protection.text", ""), "unknown");
	CHECK_STR(attention(data, 0, "text"), "Docker does not answer");
	CHECK_STR(attention(data, 0, "detail"), "Start it.");
	CHECK_STR(cm_json_str(json_object_array_get_idx(cm_json_arr(data, "tiles"), 1), "value_text", ""), "unknown");
}

TEST(view_dashboard__nothing_needs_you)
{
	struct cm_catalog_row good[] = { { .container_name = (char *)"web", .created_ms = NOW - DAY },
					 { .container_name = (char *)"db", .created_ms = NOW - DAY } };
	struct cm_dashboard d = dashboard();
	cm_autojson struct json_object *data = json_object_new_object();

	cm_json_set_str(json_object_array_get_idx(d.containers, 0), "Status", "Up");
	d.good = (struct cm_catalog_list){ .rows = good, .count = 2, .total = 2 };
	cm_view_dashboard(data, &d);
	CHECK_STR(cm_json_str_at(data, "headline.text", ""), "Nothing needs you");
	CHECK(cm_json_bool(cm_json_obj(data, "headline"), "is_ok", false));
	CHECK_INT(cm_json_int(cm_json_obj(data, "protection"), "percent", 0), 100);
	json_object_put(d.containers);
}
