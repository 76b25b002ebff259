/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From recorded inspect objects (tests/fixtures/inspect, made by a real engine) to create requests. */
#include "test.h"

#include "core/file.h"
#include "core/mem.h"
#include "service/container_spec.h"

static struct json_object *load(const char *name)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1 << 20);
	cm_autofree char *path = cm_asprintf("tests/fixtures/inspect/%s.json", name);
	struct json_object *o = NULL;

	if (cm_file_read(path, &b, NULL) != 0 || cm_json_parse(b.data, b.len, &o, NULL) != 0) {
		printf("# cannot read %s\n", path);
		exit(2);
	}
	return o;
}

static struct json_object *parse(const char *text)
{
	struct json_object *o = NULL;

	if (cm_json_parse(text, strlen(text), &o, NULL) != 0)
		exit(2);
	return o;
}

static struct cm_spec *make(struct json_object *inspect, const struct cm_spec_options *opt)
{
	struct cm_spec *spec = NULL;
	struct cm_err err;

	if (cm_spec_from_inspect(inspect, opt, &spec, &err) != 0)
		printf("# %s\n", err.text);
	return spec;
}

static bool same(struct json_object *a, struct json_object *b, const char *key)
{
	struct json_object *x = cm_json_get(a, key), *y = cm_json_get(b, key);
	return (x == NULL && y == NULL) || json_object_equal(x, y);
}

TEST(spec__keeps_every_setting_of_a_container_that_uses_all)
{
	cm_autojson struct json_object *inspect = load("hard");
	struct cm_spec *spec = make(inspect, NULL);
	CHECK(spec != NULL);
	struct json_object *config = cm_json_obj(inspect, "Config"), *host = cm_json_obj(inspect, "HostConfig");
	struct json_object *new_host = cm_json_obj(spec->body, "HostConfig");
	CHECK_STR(spec->name, "rec-hard");
	json_object_object_foreach(config, key, value)
	{
		(void)value;
		CHECK(same(config, spec->body, key));
	}
	json_object_object_foreach(host, hkey, hvalue)
	{
		(void)hvalue;
		if (strcmp(hkey, "MaskedPaths") == 0 || strcmp(hkey, "ReadonlyPaths") == 0 ||
		    strncmp(hkey, "KernelMemory", 12) == 0)
			CHECK(!json_object_object_get_ex(new_host, hkey, NULL));
		else
			CHECK(same(host, new_host, hkey));
	}
	CHECK_INT(cm_json_len(spec->warnings), 0);
	cm_spec_free(spec);
}

TEST(spec__before_1_44_creates_with_one_network_and_connects_the_others)
{
	cm_autojson struct json_object *inspect = load("hard");
	struct cm_spec_options opt = { .api_minor = 41 };
	struct cm_spec *spec = make(inspect, &opt);
	CHECK(spec != NULL);
	struct json_object *endpoints = cm_json_at(spec->body, "NetworkingConfig.EndpointsConfig");
	CHECK_INT(json_object_object_length(endpoints), 1);
	struct json_object *first = cm_json_obj(endpoints, "rec-neta");
	CHECK_STR(cm_json_str_at(first, "IPAMConfig.IPv4Address", ""), "10.231.1.9");
	CHECK_INT(cm_json_len(cm_json_arr(first, "Aliases")), 2);
	CHECK(cm_json_get(first, "IPAddress") == NULL);
	CHECK_INT(cm_json_len(spec->connects), 1);
	struct json_object *second = json_object_array_get_idx(spec->connects, 0);
	CHECK_STR(cm_json_str(second, "network", ""), "rec-netb");
	CHECK_STR(cm_json_str_at(second, "endpoint.IPAMConfig.IPv6Address", ""), "fd00:231::7");
	/* The short id and the host name were added by the engine. */
	CHECK_INT(cm_json_len(cm_json_at(second, "endpoint.Aliases")), 1);
	cm_spec_free(spec);
}

TEST(spec__from_1_44_creates_with_all_networks)
{
	cm_autojson struct json_object *inspect = load("hard");
	struct cm_spec_options opt = { .api_minor = 44 };
	struct cm_spec *spec = make(inspect, &opt);
	CHECK(spec != NULL);
	CHECK_INT(json_object_object_length(cm_json_at(spec->body, "NetworkingConfig.EndpointsConfig")), 2);
	CHECK_INT(cm_json_len(spec->connects), 0);
	cm_spec_free(spec);
}

TEST(spec__a_generated_host_name_is_left_to_the_engine)
{
	cm_autojson struct json_object *inspect = load("plain");
	struct cm_spec *spec = make(inspect, NULL);
	CHECK(spec != NULL);
	CHECK(cm_json_get(spec->body, "Hostname") == NULL);
	CHECK(cm_json_get(spec->body, "NetworkingConfig") == NULL);
	CHECK_STR(cm_json_str_at(spec->body, "HostConfig.NetworkMode", ""), "default");
	cm_spec_free(spec);
}

TEST(spec__a_shared_network_keeps_no_ports_and_names_the_other_container)
{
	cm_autojson struct json_object *inspect = load("nshare");
	const char *mode = cm_json_str_at(inspect, "HostConfig.NetworkMode", "");
	cm_autojson struct json_object *refs = json_object_new_object();
	cm_json_set_str(refs, mode + strlen("container:"), "rec-peer");
	struct cm_spec_options opt = { .container_refs = refs };
	struct cm_spec *spec = make(inspect, &opt);
	CHECK(spec != NULL);
	CHECK_STR(cm_json_str_at(spec->body, "HostConfig.NetworkMode", ""), "container:rec-peer");
	CHECK_STR(cm_json_str_at(spec->body, "HostConfig.IpcMode", ""), "container:rec-peer");
	CHECK_STR(cm_json_str_at(spec->body, "HostConfig.PidMode", ""), "container:rec-peer");
	CHECK(cm_json_get(spec->body, "Hostname") == NULL);
	CHECK(cm_json_get(spec->body, "ExposedPorts") == NULL);
	CHECK_INT(cm_json_len(spec->warnings), 0);
	cm_spec_free(spec);
	spec = make(inspect, NULL);
	CHECK(spec != NULL);
	CHECK_INT(cm_json_len(spec->warnings), 3);
	cm_spec_free(spec);
}

TEST(spec__links_become_name_and_alias)
{
	cm_autojson struct json_object *inspect = load("links");
	struct cm_spec *spec = make(inspect, NULL);
	CHECK(spec != NULL);
	struct json_object *links = cm_json_at(spec->body, "HostConfig.Links");
	CHECK_STR(json_object_get_string(json_object_array_get_idx(links, 0)), "rec-peer:db");
	struct json_object *from = cm_json_at(spec->body, "HostConfig.VolumesFrom");
	CHECK_STR(json_object_get_string(json_object_array_get_idx(from, 0)), "rec-anon:ro");
	cm_spec_free(spec);
}

TEST(spec__host_modes_carry_no_host_name)
{
	cm_autojson struct json_object *inspect = load("host");
	struct cm_spec *spec = make(inspect, NULL);
	CHECK(spec != NULL);
	CHECK(cm_json_get(spec->body, "Hostname") == NULL);
	CHECK(cm_json_get(spec->body, "NetworkingConfig") == NULL);
	CHECK_STR(cm_json_str_at(spec->body, "HostConfig.UTSMode", ""), "host");
	cm_spec_free(spec);
}

TEST(spec__paths_unmasked_by_the_user_stay_unmasked)
{
	cm_autojson struct json_object *inspect = load("priv");
	struct cm_spec *spec = make(inspect, NULL);
	CHECK(spec != NULL);
	struct json_object *masked = cm_json_at(spec->body, "HostConfig.MaskedPaths");
	CHECK(masked != NULL && json_object_is_type(masked, json_type_array) && cm_json_len(masked) == 0);
	cm_spec_free(spec);
}

TEST(spec__an_emptied_entrypoint_is_not_taken_from_the_image_again)
{
	cm_autojson struct json_object *inspect = load("entry"), *image = load("image_config");
	struct cm_spec_options opt = { .image_config = cm_json_obj(image, "Config") };
	struct cm_spec *spec = make(inspect, &opt);
	CHECK(spec != NULL);
	struct json_object *e = cm_json_arr(spec->body, "Entrypoint");
	CHECK_INT(cm_json_len(e), 1);
	CHECK_STR(json_object_get_string(json_object_array_get_idx(e, 0)), "");
	cm_spec_free(spec);
}

TEST(spec__a_network_the_user_had_left_is_left_again)
{
	cm_autojson struct json_object *inspect = load("left");
	struct cm_spec *spec = make(inspect, NULL);
	CHECK(spec != NULL);
	CHECK_INT(cm_json_len(spec->disconnects), 1);
	CHECK_STR(json_object_get_string(json_object_array_get_idx(spec->disconnects, 0)), "rec-neta");
	CHECK_INT(cm_json_len(spec->connects), 1);
	CHECK_STR(cm_json_str_at(json_object_array_get_idx(spec->connects, 0), "network", ""), "rec-netb");
	cm_spec_free(spec);
}

TEST(spec__volumes_know_which_are_anonymous)
{
	cm_autojson struct json_object *inspect = load("hard"), *list = cm_spec_volumes(inspect);
	int anonymous = 0;
	CHECK_INT(cm_json_len(list), 4);
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *v = json_object_array_get_idx(list, i);
		const char *dst = cm_json_str(v, "destination", "");
		bool is_anon = cm_json_bool(v, "anonymous", false);
		CHECK_INT(is_anon, strncmp(dst, "/anon", 5) == 0);
		anonymous += is_anon;
	}
	CHECK_INT(anonymous, 2);
	cm_autojson struct json_object *other = load("links"), *from = cm_spec_volumes(other);
	CHECK_INT(cm_json_len(from), 4);
	CHECK(cm_json_bool(json_object_array_get_idx(from, 0), "from_other", false));
	CHECK(!cm_json_bool(json_object_array_get_idx(from, 0), "anonymous", true));
}

TEST(spec__volume_names_are_replaced_in_binds_and_mounts)
{
	cm_autojson struct json_object *inspect = load("hard"), *names = parse("{\"rec-vol\":\"copy_rec-vol\"}");
	cm_autojson struct json_object *anon = parse("{\"/anon\":\"old-a\",\"/anonmount\":\"old-m\"}");
	struct cm_spec_options opt = { .volume_names = names, .anon_binds = anon, .new_name = "copy" };
	struct cm_spec *spec = make(inspect, &opt);
	CHECK(spec != NULL);
	CHECK_STR(spec->name, "copy");
	struct json_object *binds = cm_json_at(spec->body, "HostConfig.Binds");
	CHECK_STR(json_object_get_string(json_object_array_get_idx(binds, 0)), "/srv/rec-bind:/bind:ro,rslave");
	CHECK_STR(json_object_get_string(json_object_array_get_idx(binds, 1)), "copy_rec-vol:/data");
	CHECK_STR(json_object_get_string(json_object_array_get_idx(binds, 2)), "old-a:/anon");
	struct json_object *mounts = cm_json_at(spec->body, "HostConfig.Mounts");
	CHECK_STR(cm_json_str(json_object_array_get_idx(mounts, 0), "Source", ""), "old-m");
	CHECK_STR(cm_json_str(json_object_array_get_idx(mounts, 1), "Source", ""), "copy_rec-vol");
	CHECK_INT(json_object_object_length(cm_json_obj(spec->body, "Volumes")), 0);
	cm_spec_free(spec);
}

TEST(spec__a_port_override_keeps_the_address_it_was_bound_to)
{
	cm_autojson struct json_object *inspect = load("hard");
	cm_autojson struct json_object *ports =
	    parse("{\"8080/tcp\":\"28190\",\"9090/udp\":\"127.0.0.1:28191\",\"5000/tcp\":\"\",\"7777\":28192}");
	struct cm_spec_options opt = { .port_overrides = ports };
	struct cm_spec *spec = make(inspect, &opt);
	CHECK(spec != NULL);
	struct json_object *b = cm_json_at(spec->body, "HostConfig.PortBindings");
	struct json_object *one = json_object_array_get_idx(cm_json_arr(b, "8080/tcp"), 0);
	CHECK_STR(cm_json_str(one, "HostIp", ""), "127.0.0.1");
	CHECK_STR(cm_json_str(one, "HostPort", ""), "28190");
	one = json_object_array_get_idx(cm_json_arr(b, "9090/udp"), 0);
	CHECK_STR(cm_json_str(one, "HostIp", ""), "127.0.0.1");
	CHECK(cm_json_get(b, "5000/tcp") == NULL);
	one = json_object_array_get_idx(cm_json_arr(b, "7777/tcp"), 0);
	CHECK_STR(cm_json_str(one, "HostPort", ""), "28192");
	CHECK(cm_json_at(spec->body, "ExposedPorts.7777/tcp") != NULL);
	cm_spec_free(spec);
}

TEST(spec__bad_port_overrides_are_refused)
{
	static const char *const bad[] = { "{\"8080/tcp\":\"0\"}",     "{\"8080/tcp\":\"65536\"}",
					   "{\"8080/tcp\":\"x\"}",     "{\"8080/tcp\":\"host:80\"}",
					   "{\"8080/tcp\":true}",      "{\"8080/xyz\":\"80\"}",
					   "{\"/tcp\":\"80\"}",	       "{\"8080/tcp\":\":80\"}",
					   "{\"8080/tcp\":\"90-80\"}", "{\"8080/tcp\":[\"80\",null]}",
					   "{\"8080/tcp\":\"80 \"}",   "{\"8080/tcp\":\"-80\"}" };
	cm_autojson struct json_object *inspect = load("hard");

	for (size_t i = 0; i < CM_COUNT(bad); i++) {
		cm_autojson struct json_object *ports = parse(bad[i]);
		struct cm_spec_options opt = { .port_overrides = ports };
		struct cm_spec *spec = NULL;
		struct cm_err err;
		if (cm_spec_from_inspect(inspect, &opt, &spec, &err) != CM_EINVAL)
			printf("# accepted: %s\n", bad[i]);
		CHECK(spec == NULL);
	}
}

TEST(spec__bad_names_are_refused)
{
	static const char *const bad[] = { "a", "a b", "-x", "x/y", "ä", "x\ny" };
	cm_autojson struct json_object *inspect = load("plain");

	for (size_t i = 0; i < CM_COUNT(bad); i++) {
		struct cm_spec_options opt = { .new_name = bad[i] };
		struct cm_spec *spec = NULL;
		struct cm_err err;
		CHECK_INT(cm_spec_from_inspect(inspect, &opt, &spec, &err), CM_EINVAL);
		CHECK(strstr(err.text, "Invalid new container name") != NULL);
	}
}

TEST(spec__what_is_no_inspect_object_is_refused)
{
	static const char *const bad[] = { "[]", "{}", "null", "{\"Config\":{}}", "{\"Config\":[],\"HostConfig\":1}" };

	for (size_t i = 0; i < CM_COUNT(bad); i++) {
		cm_autojson struct json_object *o = parse(bad[i]);
		struct cm_spec *spec = NULL;
		CHECK_INT(cm_spec_from_inspect(o, NULL, &spec, NULL), CM_EINVAL);
	}
}

TEST(spec__odd_values_everywhere_break_nothing)
{
	static const char text[] =
	    "{\"Name\":\"/odd\",\"Id\":7,\"Config\":{\"Env\":[null,1,\"A\"],\"Labels\":{\"a\":null},\"Cmd\":[null],"
	    "\"Entrypoint\":[null],\"Healthcheck\":{\"Test\":[null]},\"Volumes\":{\"/x\":null},\"ExposedPorts\":null},"
	    "\"HostConfig\":{\"Binds\":[\"/a:/b\",\"x\"],\"Mounts\":[null,{\"Type\":7}],\"Links\":[null,\"/a:/b\"],"
	    "\"VolumesFrom\":[null],\"PortBindings\":{\"80/tcp\":null,\"81/tcp\":[null]},\"Devices\":[null],"
	    "\"Ulimits\":[null],\"DeviceRequests\":[{\"Capabilities\":[]}],\"Sysctls\":{\"k\":null},"
	    "\"MaskedPaths\":[null],\"NetworkMode\":5,\"LogConfig\":[]},\"Mounts\":[null,{\"Type\":\"volume\"}],"
	    "\"NetworkSettings\":{\"Networks\":{\"n\":null,\"m\":{\"Aliases\":[null],\"Links\":[null],\"IPAMConfig\":[]"
	    "}}}}";
	cm_autojson struct json_object *o = parse(text);
	cm_autobuf struct cm_buf out = CM_BUF_INIT(1 << 20);
	struct cm_spec *spec = make(o, NULL);
	CHECK(spec != NULL);
	cm_spec_free(spec);
	cm_spec_run_text(o, NULL, 0, &out);
	cm_spec_compose_text(o, o, CM_SPEC_MASK_ENV, &out);
	CHECK_INT(cm_buf_failed(&out), 0);
	cm_autojson struct json_object *a = cm_spec_volumes(o), *b = cm_spec_binds(o), *c = cm_spec_networks(o);
	cm_autojson struct json_object *d = cm_spec_ports(o, NULL), *e = cm_spec_references(o), *f = cm_spec_masked(o);
	CHECK(a && b && c && d && e && f);
}

TEST(spec__a_network_named_by_its_id_is_found_by_name)
{
	cm_autojson struct json_object *o =
	    parse("{\"Name\":\"/x1\",\"Id\":\"\",\"Config\":{},\"HostConfig\":{\"NetworkMode\":\"0123456789abcdef\"},"
		  "\"NetworkSettings\":{\"Networks\":{\"other\":{\"NetworkID\":\"77\"},\"mine\":{\"NetworkID\":"
		  "\"0123456789abcdef0123\"}}}}");
	struct cm_spec *spec = make(o, NULL);
	CHECK(spec != NULL);
	CHECK_STR(cm_json_str_at(spec->body, "HostConfig.NetworkMode", ""), "mine");
	CHECK(cm_json_at(spec->body, "NetworkingConfig.EndpointsConfig.mine") != NULL);
	CHECK_STR(cm_json_str_at(json_object_array_get_idx(spec->connects, 0), "network", ""), "other");
	cm_spec_free(spec);
}

TEST(spec__a_copy_beside_the_original_drops_addresses_and_aliases)
{
	cm_autojson struct json_object *inspect = load("hard");
	struct cm_spec_options opt = { .new_name = "beside", .drop_addresses = true, .drop_aliases = true };
	struct cm_spec *spec = make(inspect, &opt);
	CHECK(spec != NULL);
	struct json_object *e = cm_json_at(spec->body, "NetworkingConfig.EndpointsConfig.rec-neta");
	CHECK(e != NULL && cm_json_get(e, "IPAMConfig") == NULL && cm_json_get(e, "Aliases") == NULL);
	cm_spec_free(spec);
}

TEST(spec__references_name_the_other_containers)
{
	cm_autojson struct json_object *a = load("nshare"), *b = load("links");
	cm_autojson struct json_object *ra = cm_spec_references(a), *rb = cm_spec_references(b);
	CHECK_INT(cm_json_len(ra), 3);
	CHECK_STR(cm_json_str(json_object_array_get_idx(ra, 1), "kind", ""), "ipc");
	CHECK_INT(cm_json_len(rb), 2);
	CHECK_STR(cm_json_str(json_object_array_get_idx(rb, 0), "ref", ""), "rec-anon");
	CHECK_STR(cm_json_str(json_object_array_get_idx(rb, 1), "ref", ""), "rec-peer");
}

TEST(spec__masked_shows_names_but_no_values_of_the_environment)
{
	cm_autojson struct json_object *inspect = load("hard"), *m = cm_spec_masked(inspect);
	struct json_object *env = cm_json_at(m, "Config.Env");
	CHECK_STR(json_object_get_string(json_object_array_get_idx(env, 0)), "QUOTED=***");
	CHECK_STR(json_object_get_string(json_object_array_get_idx(env, 1)), "EMPTY=");
	cm_autofree char *text = cm_json_text(m);
	CHECK(strstr(text, "grüße") == NULL);
	CHECK(strstr(json_object_to_json_string(inspect), "EMPTY") != NULL);
}
