/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_container.h"

#include "core/str.h"
#include "test.h"
#include "view_shape.h"

#define ENTRY                                                                                                       \
	"{\"Id\":\"1b2d46e3f8d10000000000000000000000000000000000000000000000000000\",\"Names\":[\"/origweb\"],"    \
	"\"Image\":\"busybox:local\",\"ImageID\":\"sha256:ed7c801f09c2\",\"Created\":1795372919,\"State\":"         \
	"\"running\",\"Status\":\"Up 2 minutes (healthy)\",\"Ports\":[{\"IP\":\"127.0.0.1\",\"PrivatePort\":8080,"  \
	"\"PublicPort\":18090,\"Type\":\"tcp\"},{\"IP\":\"0.0.0.0\",\"PrivatePort\":9090,\"PublicPort\":18091,"     \
	"\"Type\":\"udp\"},{\"IP\":\"::\",\"PrivatePort\":9090,\"PublicPort\":18091,\"Type\":\"udp\"},"             \
	"{\"IP\":\"0.0.0.0\",\"PrivatePort\":80,\"PublicPort\":8081,\"Type\":\"tcp\"},{\"PrivatePort\":7,\"Type\":" \
	"\"tcp\"}],\"Labels\":{\"com.docker.compose.project\":\"shop\",\"com.docker.compose.service\":\"web\"},"    \
	"\"NetworkSettings\":{\"Networks\":{\"orignet\":{\"IPAddress\":\"172.31.77.10\"}}},\"Mounts\":[{\"Type\":"  \
	"\"volume\",\"Name\":\"origvol\",\"Destination\":\"/data\",\"Driver\":\"local\"},{\"Type\":\"bind\","       \
	"\"Source\":\"/srv\",\"Destination\":\"/srv\"}]}"

static struct cm_catalog_row good = { .file = "origweb_20261122_164400-3fa2c1.tar.gz", .created_ms = 1795366000000 };

static struct cm_container_ctx context(enum cm_role role)
{
	return (
	    struct cm_container_ctx){ .now_ms = 1795373000000, .role = role, .host = "harbour-1", .job_percent = -1 };
}

static struct json_object *view(const char *entry, const struct cm_container_ctx *ctx)
{
	cm_autojson struct json_object *o = json_tokener_parse(entry);

	return cm_view_container(o, ctx);
}

TEST(view_container__has_every_key_of_the_fixture)
{
	cm_autojson struct json_object *fixture = shape_fixture("containers"), *o = NULL;
	struct cm_container_ctx ctx = context(CM_ROLE_ADMIN);
	struct json_object *rows = cm_json_arr(cm_json_obj(fixture, "data"), "containers");

	ctx.good = &good;
	o = view(ENTRY, &ctx);
	CHECK(cm_json_len(rows) > 3);
	for (size_t i = 0; i < cm_json_len(rows); i++)
		CHECK(shape_fits(json_object_array_get_idx(rows, i), o, "container"));
}

TEST(view_container__says_what_the_predecessor_said)
{
	struct cm_container_ctx ctx = context(CM_ROLE_VIEWER);
	cm_autojson struct json_object *o = view(ENTRY, &ctx);
	struct json_object *ports = cm_json_arr(o, "port_mappings"), *p;

	CHECK_STR(cm_json_str(o, "id", ""), "1b2d46e3f8d1");
	CHECK_STR(cm_json_str(o, "name", ""), "origweb");
	CHECK_INT(cm_json_int(o, "created", 0), 1795372919000);
	CHECK_STR(cm_json_str(cm_json_obj(o, "image_info"), "id", ""), "sha256:ed7c8");
	CHECK_STR(cm_json_str(o, "image_url", ""), "/image/ed7c801f09c2");
	CHECK_STR(cm_json_str(o, "ip_address", ""), "172.31.77.10");
	CHECK_STR(cm_json_str(o, "status", ""), "running");
	CHECK_STR(cm_json_str(cm_json_obj(o, "stack_info"), "service", ""), "web");
	CHECK_INT(cm_json_len(cm_json_arr(o, "volumes")), 1);
	CHECK_INT(cm_json_len(ports), 3);
	p = json_object_array_get_idx(ports, 0);
	CHECK_STR(cm_json_str(p, "container", ""), "8080/tcp");
	CHECK_STR(cm_json_str(p, "display", ""), "18090:8080");
	CHECK_STR(cm_json_str(p, "host", ""), "127.0.0.1:18090");
	CHECK_STR(cm_json_str(json_object_array_get_idx(ports, 1), "host", ""), ":18091");
}

TEST(view_container__links_only_ports_a_browser_can_reach)
{
	struct cm_container_ctx ctx = context(CM_ROLE_VIEWER);
	cm_autojson struct json_object *o = view(ENTRY, &ctx);
	struct json_object *links = cm_json_arr(o, "port_links");

	CHECK(cm_json_get(json_object_array_get_idx(links, 0), "url") == NULL);
	CHECK(cm_json_get(json_object_array_get_idx(links, 1), "url") == NULL);
	CHECK_STR(cm_json_str(json_object_array_get_idx(links, 2), "url", ""), "http://harbour-1:8081/");
	CHECK_STR(cm_json_str(json_object_array_get_idx(links, 2), "title", ""), "all addresses");
}

TEST(view_container__each_role_gets_its_actions)
{
	static const char *const keys[] = { "backup_url", "start_url", "stop_url",   "restart_url",
					    "kill_url",	  "pause_url", "resume_url", "delete_url" };
	static const char expected[3][9] = { "00000000", "10110000", "10111101" };

	for (int role = CM_ROLE_VIEWER; role <= CM_ROLE_ADMIN; role++) {
		struct cm_container_ctx ctx = context(role);
		cm_autojson struct json_object *o = view(ENTRY, &ctx);

		for (int i = 0; i < 8; i++)
			CHECK_INT(cm_json_get(o, keys[i]) != NULL, expected[role - CM_ROLE_VIEWER][i] == '1');
	}
}

TEST(view_container__stopped_and_self_offer_what_fits)
{
	static const char stopped[] =
	    "{\"Id\":\"aa\",\"Names\":[\"/x\"],\"State\":\"exited\",\"Status\":\"Exited (137) 5 days ago\"}";
	struct cm_container_ctx ctx = context(CM_ROLE_ADMIN);
	cm_autojson struct json_object *o = view(stopped, &ctx), *self = NULL;

	CHECK_STR(cm_json_str(o, "since_text", ""), "5 days ago, exit code 137");
	CHECK_STR(cm_json_str(o, "state_text", ""), "Stopped");
	CHECK(cm_json_bool(o, "is_stopped", false));
	CHECK_STR(cm_json_str(o, "start_url", ""), "/container/aa/start");
	CHECK(cm_json_get(o, "stop_url") == NULL && cm_json_get(o, "pause_url") == NULL);
	CHECK_STR(cm_json_str(o, "ip_address", ""), "N/A");
	ctx.own = CM_OWN_SELF;
	self = view(ENTRY, &ctx);
	CHECK(cm_json_bool(self, "is_self", false));
	CHECK(cm_json_get(self, "stop_url") == NULL && cm_json_get(self, "backup_url") == NULL &&
	      cm_json_get(self, "delete_url") == NULL && cm_json_get(self, "vault_url") == NULL);
}

TEST(view_container__old_backup_is_marked_and_a_running_one_shown)
{
	struct cm_container_ctx ctx = context(CM_ROLE_ADMIN);
	struct cm_catalog_row old = good;
	cm_autojson struct json_object *a = NULL, *b = NULL;

	old.created_ms -= INT64_C(8) * 86400000;
	ctx.good = &old;
	a = view(ENTRY, &ctx);
	CHECK(cm_json_bool(cm_json_obj(a, "backup"), "is_old", false));
	CHECK(!cm_json_bool(cm_json_obj(a, "backup"), "is_ok", true));
	ctx.job_id = "j1";
	ctx.job_percent = 42;
	b = view(ENTRY, &ctx);
	CHECK_STR(cm_json_str(cm_json_obj(b, "backup_job"), "text", ""), "Backing up, 42 %");
	CHECK(cm_json_get(b, "backup_url") == NULL);
}

TEST(view_container__options_have_every_key_of_the_fixture)
{
	cm_autojson struct json_object *fixture = shape_fixture("containers"), *o = cm_view_backup_options(NULL);

	CHECK(shape_fits(cm_json_obj(cm_json_obj(fixture, "data"), "options"), o, "options"));
}

TEST(view_container__since_fits_beside_the_state)
{
	static const char *const cases[][2] = {
		{ "Up 12 days (healthy)", "12 d" },
		{ "Up About an hour", "1 h" },
		{ "Up Less than a second", "1 s" },
		{ "Exited (137) 5 weeks ago", "5 wk ago" },
		{ "Exited (0) About a minute ago", "1 min ago" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_container_ctx ctx = context(CM_ROLE_VIEWER);
		char entry[256];

		snprintf(entry, sizeof(entry), "{\"Id\":\"aa\",\"State\":\"running\",\"Status\":\"%s\"}", cases[i][0]);
		cm_autojson struct json_object *o = view(entry, &ctx);
		CHECK_STR(cm_json_str(o, "since_short", ""), cases[i][1]);
	}
}
