/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "core/json.h"
#include "core/mem.h"
#include "service/network_restore.h"

static struct json_object *parse(const char *text)
{
	struct json_object *o = NULL;

	if (cm_json_parse(text, strlen(text), &o, NULL) != 0)
		exit(2);
	return o;
}

static const char full[] =
    "{\"Name\":\"shop\",\"Id\":\"60812b822a2f\",\"Created\":\"2026-11-22T18:41:59Z\",\"Scope\":\"local\",\"Driver\":"
    "\"macvlan\",\"EnableIPv6\":true,\"IPAM\":{\"Driver\":\"default\",\"Options\":{\"a\":\"b\"},\"Config\":[{"
    "\"Subnet\":"
    "\"172.31.77.0/24\",\"IPRange\":\"172.31.77.128/25\",\"Gateway\":\"172.31.77.1\",\"AuxiliaryAddresses\":{\"nas\":"
    "\"172.31.77.9\"}},{\"Subnet\":\"fd00:77::/64\",\"Gateway\":\"fd00:77::1/64\"}]},\"Internal\":true,\"Attachable\":"
    "true,\"Ingress\":false,\"ConfigFrom\":{\"Network\":\"\"},\"ConfigOnly\":false,\"Containers\":{\"x\":{}},"
    "\"Options\":"
    "{\"parent\":\"eth0\"},\"Labels\":{\"team\":\"q a\"},\"server_name\":\"s\"}";

TEST(network__everything_that_was_chosen_comes_back)
{
	cm_autojson struct json_object *o = parse(full), *body = NULL;
	CHECK_INT(cm_network_body(o, false, &body, NULL), 0);
	CHECK_STR(cm_json_str(body, "Name", ""), "shop");
	CHECK_STR(cm_json_str(body, "Driver", ""), "macvlan");
	CHECK(cm_json_bool(body, "Internal", false) && cm_json_bool(body, "Attachable", false));
	CHECK(cm_json_bool(body, "EnableIPv6", false));
	CHECK_STR(cm_json_str_at(body, "Options.parent", ""), "eth0");
	CHECK_STR(cm_json_str_at(body, "Labels.team", ""), "q a");
	CHECK_STR(cm_json_str_at(body, "IPAM.Options.a", ""), "b");
	struct json_object *configs = cm_json_at(body, "IPAM.Config");
	CHECK_INT(cm_json_len(configs), 2);
	struct json_object *c = json_object_array_get_idx(configs, 0);
	CHECK_STR(cm_json_str(c, "IPRange", ""), "172.31.77.128/25");
	CHECK_STR(cm_json_str_at(c, "AuxiliaryAddresses.nas", ""), "172.31.77.9");
	/* Some engines show this one with a prefix length, and refuse it so. */
	CHECK_STR(cm_json_str(json_object_array_get_idx(configs, 1), "Gateway", ""), "fd00:77::1");
	CHECK(cm_json_get(body, "Containers") == NULL && cm_json_get(body, "ConfigFrom") == NULL);
	CHECK(cm_json_get(body, "Id") == NULL && cm_json_get(body, "server_name") == NULL);
}

TEST(network__without_subnets_the_engine_chooses)
{
	cm_autojson struct json_object *o = parse(full), *body = NULL;
	CHECK_INT(cm_network_body(o, true, &body, NULL), 0);
	CHECK(cm_json_at(body, "IPAM.Config") == NULL);
	CHECK_STR(cm_json_str_at(body, "IPAM.Driver", ""), "default");
}

TEST(network__default_ones_and_nameless_ones_are_refused)
{
	static const char *const bad[] = {
		"{\"Name\":\"bridge\"}", "{\"Name\":\"host\"}", "{\"Name\":\"none\"}", "{\"Name\":\"\"}", "{}", "[]",
		"{\"Name\":\"a/b\"}"
	};
	for (size_t i = 0; i < CM_COUNT(bad); i++) {
		cm_autojson struct json_object *o = parse(bad[i]);
		struct json_object *body = NULL;
		CHECK_INT(cm_network_body(o, false, &body, NULL), CM_EINVAL);
		CHECK(body == NULL);
	}
}

static struct json_object *with_subnet(const char *subnet)
{
	cm_autofree char *text =
	    cm_asprintf("{\"Name\":\"n\",\"Driver\":\"bridge\",\"IPAM\":{\"Config\":[{\"Subnet\":\"%s\"}]}}", subnet);
	return parse(text);
}

TEST(network__overlaps_are_seen)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} cases[] = {
		{ "10.0.0.0/8", "10.1.0.0/16", true },	       { "10.1.0.0/16", "10.2.0.0/16", false },
		{ "172.17.0.0/16", "172.17.0.0/16", true },    { "192.168.0.0/23", "192.168.1.0/24", true },
		{ "192.168.0.0/24", "192.168.1.0/24", false }, { "fd00::/16", "fd00:1::/64", true },
		{ "fd00:1::/64", "fd00:2::/64", false },       { "0.0.0.0/0", "8.8.8.0/24", true },
		{ "10.0.0.0/8", "fd00::/8", false },	       { "nonsense", "10.0.0.0/8", false },
		{ "10.0.0.0/40", "10.0.0.0/8", false },	       { "10.128.0.0/9", "10.127.0.0/16", false },
	};
	for (size_t i = 0; i < CM_COUNT(cases); i++) {
		cm_autojson struct json_object *a = with_subnet(cases[i].a), *b = with_subnet(cases[i].b);
		if (cm_network_overlaps(a, b) != cases[i].overlap)
			printf("# %s and %s\n", cases[i].a, cases[i].b);
		CHECK_INT(cm_network_overlaps(a, b), cases[i].overlap);
		CHECK_INT(cm_network_overlaps(b, a), cases[i].overlap);
	}
}

TEST(network__the_same_addresses_are_recognised)
{
	cm_autojson struct json_object *a = with_subnet("10.0.0.0/24"), *b = with_subnet("10.0.0.0/24");
	cm_autojson struct json_object *c = with_subnet("10.0.0.0/25"), *none = parse("{\"Driver\":\"bridge\"}");
	CHECK(cm_network_same(a, b));
	CHECK(!cm_network_same(a, c));
	CHECK(cm_network_same(none, a));
	cm_json_set_str(b, "Driver", "macvlan");
	CHECK(!cm_network_same(a, b));
	CHECK(cm_network_holds(a, "10.0.0.77") && !cm_network_holds(a, "10.0.1.77"));
	CHECK(!cm_network_holds(a, "fd00::1") && !cm_network_holds(a, "what"));
}

TEST(network__an_endpoint_tells_its_network)
{
	cm_autojson struct json_object *e = parse("{\"Gateway\":\"172.31.77.1\",\"IPPrefixLen\":20,\"IPv6Gateway\":"
						  "\"fd00:9::1\",\"GlobalIPv6PrefixLen\":64}");
	cm_autojson struct json_object *n = cm_network_guess("orignet", e), *none = cm_network_guess("x", NULL);
	struct json_object *configs = cm_json_at(n, "IPAM.Config");
	CHECK_STR(cm_json_str(n, "Name", ""), "orignet");
	CHECK_INT(cm_json_len(configs), 2);
	CHECK_STR(cm_json_str(json_object_array_get_idx(configs, 0), "Subnet", ""), "172.31.64.0/20");
	CHECK_STR(cm_json_str(json_object_array_get_idx(configs, 0), "Gateway", ""), "172.31.77.1");
	CHECK_STR(cm_json_str(json_object_array_get_idx(configs, 1), "Subnet", ""), "fd00:9::/64");
	CHECK(cm_json_bool(n, "EnableIPv6", false));
	CHECK_INT(cm_json_len(cm_json_at(none, "IPAM.Config")), 0);
}
