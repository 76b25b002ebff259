/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/preflight.h"

TEST(preflight__the_worst_finding_decides)
{
	cm_autojson struct json_object *f = json_object_new_array();
	CHECK_INT(cm_findings_worst(f), CM_FINDING_OK);
	CHECK(cm_findings_first_block(f) == NULL);
	cm_finding_add(f, CM_FINDING_OK, "A", NULL, NULL, "fine");
	cm_finding_add(f, CM_FINDING_WARN, "B", "name", "do this", "look at %s", "that");
	CHECK_INT(cm_findings_worst(f), CM_FINDING_WARN);
	CHECK(!cm_findings_conflict(f));
	cm_finding_add(f, CM_FINDING_BLOCK, "IMAGE_MISSING", NULL, NULL, "no image");
	CHECK_INT(cm_findings_worst(f), CM_FINDING_BLOCK);
	CHECK(!cm_findings_conflict(f));
	cm_finding_add(f, CM_FINDING_BLOCK, "NAME_TAKEN", NULL, NULL, "taken");
	CHECK(cm_findings_conflict(f));
	CHECK_STR(cm_findings_first_block(f), "no image");
	struct json_object *b = json_object_array_get_idx(f, 1);
	CHECK_STR(cm_json_str(b, "text", ""), "look at that");
	CHECK_STR(cm_json_str(b, "field", ""), "name");
	CHECK_STR(cm_json_str(b, "hint", ""), "do this");
}

TEST(preflight__a_warning_of_a_conflicts_code_is_none)
{
	cm_autojson struct json_object *f = json_object_new_array();
	cm_finding_add(f, CM_FINDING_WARN, "PORT_TAKEN", NULL, NULL, "taken, but it is not started");
	CHECK(!cm_findings_conflict(f));
}

TEST(preflight__architectures)
{
	CHECK(cm_preflight_architecture_fits("amd64", "x86_64"));
	CHECK(cm_preflight_architecture_fits("386", "x86_64"));
	CHECK(!cm_preflight_architecture_fits("arm64", "x86_64"));
	CHECK(cm_preflight_architecture_fits("arm64", "aarch64"));
	CHECK(!cm_preflight_architecture_fits("amd64", "aarch64"));
	/* What is not known is not forbidden. */
	CHECK(cm_preflight_architecture_fits("amd64", "vax"));
	CHECK(cm_preflight_architecture_fits(NULL, "x86_64") && cm_preflight_architecture_fits("", "x86_64"));
	CHECK(cm_preflight_architecture_fits("amd64", NULL));
}

TEST(preflight__published_addresses_clash)
{
	CHECK(cm_preflight_ports_clash("", ""));
	CHECK(cm_preflight_ports_clash("0.0.0.0", "127.0.0.1"));
	CHECK(cm_preflight_ports_clash("", "127.0.0.1"));
	CHECK(cm_preflight_ports_clash("", "::1"));
	CHECK(cm_preflight_ports_clash("127.0.0.1", "127.0.0.1"));
	CHECK(!cm_preflight_ports_clash("127.0.0.1", "127.0.0.2"));
	CHECK(!cm_preflight_ports_clash("0.0.0.0", "::"));
	CHECK(cm_preflight_ports_clash("::", "::1"));
}

/* The codes of what a configuration is told for, one after the other. */
static const char *powers(const char *config, const char *volumes)
{
	static char codes[1024];
	cm_autojson struct json_object *inspect = json_tokener_parse(config), *v = json_tokener_parse(volumes);
	cm_autojson struct json_object *f = json_object_new_array();

	cm_preflight_power(inspect, v, f);
	codes[0] = '\0';
	for (size_t i = 0; i < cm_json_len(f); i++) {
		struct json_object *one = json_object_array_get_idx(f, i);
		bool warns = cm_str_eq(cm_json_str(one, "level", ""), "warn");
		snprintf(codes + strlen(codes), sizeof(codes) - strlen(codes), "%s%s", i ? " " : "",
			 warns ? cm_json_str(one, "code", "POWER_") + strlen("POWER_") : "NO WARNING");
	}
	return codes;
}

TEST(preflight__power_over_the_host_is_told)
{
	static const struct {
		const char *host, *codes;
	} cases[] = {
		{ "{}", "" },
		{ "{\"Privileged\":true,\"MaskedPaths\":[]}", "PRIVILEGED" },
		{ "{\"MaskedPaths\":[]}", "UNCONFINED" },
		{ "{\"NetworkMode\":\"host\",\"PidMode\":\"host\",\"IpcMode\":\"host\",\"UTSMode\":\"host\"}",
		  "NETWORK PROCESSES MEMORY HOSTNAME" },
		{ "{\"Binds\":[\"/:/host\",\"/srv/data:/d\",\"vol:/v\",\"/etc/localtime:/etc/localtime:ro\"]}",
		  "FOLDER" },
		{ "{\"Binds\":[\"/srv/../etc//ssh:/x:ro,z\",\"/var/run/docker.sock:/s\",\"/etcetera:/"
		  "y\",\"broken\",7]}",
		  "FOLDER SOCKET" },
		{ "{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/root/.ssh\",\"Target\":\"/"
		  "k\"},{\"Type\":\"volume\"}]}",
		  "FOLDER" },
		{ "{\"CapAdd\":[\"SYS_ADMIN\",\"CAP_CHOWN\",7],\"SecurityOpt\":[\"seccomp=unconfined\",\"no-new-"
		  "privileges\"]}",
		  "CAPABILITIES UNCONFINED" },
		{ "{\"CapAdd\":[\"CHOWN\"],\"Devices\":[{\"PathOnHost\":\"/dev/sda\"},{\"PathOnHost\":\"/dev/null\"}]}",
		  "DEVICES" },
		{ "{\"DeviceCgroupRules\":[\"b *:* rwm\"],\"Binds\":{},\"CapAdd\":\"ALL\"}", "DEVICES" },
	};

	for (size_t i = 0; i < CM_COUNT(cases); i++) {
		cm_autofree char *config = cm_asprintf("{\"HostConfig\":%s}", cases[i].host);
		CHECK_STR(powers(config, "[]"), cases[i].codes);
	}
	CHECK_STR(powers("{}", "[{\"name\":\"v\",\"options\":{\"type\":\"none\",\"o\":\"bind\",\"device\":\"/etc\"}},"
			       "{\"name\":\"w\",\"options\":{\"type\":\"nfs\",\"device\":\":/export\"}}]"),
		  "VOLUME");
}

TEST(preflight__a_network_on_an_interface_of_the_host_is_told)
{
	cm_autojson struct json_object *f = json_object_new_array();
	cm_autojson struct json_object *n =
	    json_tokener_parse("{\"Name\":\"n\",\"Driver\":\"macvlan\",\"Options\":{\"parent\":\"eth0\"}}");

	cm_preflight_power_network(n, f);
	CHECK_STR(cm_json_str(json_object_array_get_idx(f, 0), "code", ""), "POWER_INTERFACE");
}
