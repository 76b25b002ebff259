/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far apart a drill is: nothing of the host's is named by what comes out, whatever goes in.
 */
#include "test.h"

#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/container_spec.h"
#include "service/drill_isolate.h"
#include "service/engine.h"

static struct json_object *parse(const char *text)
{
	struct json_object *o = NULL;

	(void)cm_json_parse(text, strlen(text), &o, NULL);
	return o;
}

static const char dangerous[] =
    "{\"Id\":\"1234567890abcdef\",\"Name\":\"/web\",\"Config\":{\"Image\":\"app\",\"Hostname\":\"web\",\"MacAddress\":"
    "\"02:42:ac:11:00:02\",\"Labels\":{\"traefik.enable\":\"true\",\"com.docker.compose.project\":\"shop\"},"
    "\"Volumes\":"
    "{\"/anon\":{}},\"Env\":[\"A=1\"]},"
    "\"HostConfig\":{\"Privileged\":true,\"PidMode\":\"host\",\"IpcMode\":\"host\",\"UTSMode\":\"host\",\"UsernsMode\":"
    "\"host\",\"CgroupnsMode\":\"host\",\"NetworkMode\":\"host\",\"Devices\":[{\"PathOnHost\":\"/dev/sda\"}],"
    "\"DeviceRequests\":[{\"Driver\":\"nvidia\"}],\"DeviceCgroupRules\":[\"a *:* rwm\"],\"CapAdd\":[\"SYS_ADMIN\","
    "\"CAP_NET_ADMIN\",\"ALL\",\"IPC_LOCK\"],\"CapDrop\":[\"CHOWN\"],\"SecurityOpt\":[\"apparmor=unconfined\","
    "\"seccomp=unconfined\",\"no-new-privileges\"],\"Binds\":[\"data:/data\",\"/srv/web:/srv:ro\","
    "\"/var/run/docker.sock:/var/run/docker.sock\",\"/:/outer\"],\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"/run\"},"
    "{\"Type\":\"bind\",\"Source\":\"/etc/app.conf\",\"Target\":\"/app.conf\"}],\"PortBindings\":{\"80/tcp\":[{"
    "\"HostPort\":\"80\"}]},\"PublishAllPorts\":true,\"RestartPolicy\":{\"Name\":\"always\"},\"AutoRemove\":true,"
    "\"VolumesFrom\":[\"other\"],\"Links\":[\"/db:/web/db\"],\"CgroupParent\":\"/x\",\"Runtime\":\"nvidia\","
    "\"OomScoreAdj\":-1000,\"OomKillDisable\":true,\"LogConfig\":{\"Type\":\"syslog\"},\"MaskedPaths\":[],"
    "\"ReadonlyPaths\":[],\"SomethingNew\":{\"host\":\"all\"},\"Memory\":0,\"NanoCpus\":0,\"PidsLimit\":null,"
    "\"ReadonlyRootfs\":true,\"Sysctls\":{\"net.core.somaxconn\":\"1024\"},\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":"
    "9,"
    "\"Hard\":9}],\"Dns\":[\"8.8.8.8\"],\"ShmSize\":67108864},"
    "\"Mounts\":[{\"Type\":\"volume\",\"Name\":\"data\",\"Destination\":\"/data\",\"Driver\":\"nfs\",\"RW\":true},"
    "{\"Type\":\"volume\",\"Name\":\"ffff\",\"Destination\":\"/anon\",\"RW\":true},"
    "{\"Type\":\"volume\",\"Name\":\"data\",\"Destination\":\"/again\",\"RW\":false},"
    "{\"Type\":\"volume\",\"Name\":\"others\",\"Destination\":\"/others\",\"RW\":true},"
    "{\"Type\":\"bind\",\"Source\":\"/srv/web\",\"Destination\":\"/srv\",\"RW\":false},"
    "{\"Type\":\"bind\",\"Source\":\"/etc/app.conf\",\"Destination\":\"/app.conf\",\"RW\":true},"
    "{\"Type\":\"bind\",\"Source\":\"/var/run/docker.sock\",\"Destination\":\"/var/run/docker.sock\",\"RW\":true},"
    "{\"Type\":\"bind\",\"Source\":\"/\",\"Destination\":\"/outer\",\"RW\":true},"
    "{\"Type\":\"bind\",\"Source\":\"/dev/bus\",\"Destination\":\"/dev/bus\",\"RW\":true}],"
    "\"NetworkSettings\":{\"Networks\":{\"shop\":{\"Aliases\":[\"api\",\"1234567890ab\"],\"IPAMConfig\":{"
    "\"IPv4Address\":\"10.0.0.9\"}}}}}";
static const char volumes[] =
    "[{\"name\":\"data\",\"driver\":\"local\",\"options\":{\"type\":\"nfs\",\"device\":\":/"
    "export\"},\"labels\":{\"a\":\"b\"},"
    "\"state\":\"saved\",\"prefix\":\"volumes/data\"},{\"name\":\"ffff\",\"anonymous\":true,\"state\":\"saved\","
    "\"prefix\":\"volumes/ffff\"},{\"name\":\"others\",\"from_other\":true,\"state\":\"skipped\"}]";
static const char binds[] =
    "[{\"source\":\"/srv/web\",\"kind\":\"folder\",\"state\":\"saved\",\"prefix\":\"binds/0\"},{\"source\":"
    "\"/etc/app.conf\",\"kind\":\"file\",\"state\":\"saved\",\"prefix\":\"binds/1\"},{\"source\":"
    "\"/var/run/docker.sock\",\"kind\":\"other\",\"state\":\"skipped\"},{\"source\":\"/"
    "\",\"kind\":\"folder\",\"state\":"
    "\"skipped\"},{\"source\":\"/dev/bus\",\"kind\":\"folder\",\"state\":\"skipped\"}]";

struct isolated {
	struct cm_restore_source s;
	struct json_object *notes;
	struct cm_spec *spec;
};

static void isolate(struct isolated *i, const char *inspect)
{
	struct cm_drill_place place = {
		.tag = "ab12cd34", .root = "/var/lib/docker", .runtime = "runc", .memory = 8LL << 30, .cpus = 4
	};
	struct cm_spec_options o = { .api_minor = 41, .image = "sha256:1" };

	memset(i, 0, sizeof(*i));
	i->s.inspect = parse(inspect);
	i->s.volumes = parse(volumes);
	i->s.binds = parse(binds);
	i->s.networks = parse("[{\"Name\":\"shop\"}]");
	i->notes = json_object_new_array();
	CHECK_INT(cm_drill_isolate(&i->s, &place, i->notes, NULL), 0);
	CHECK_INT(cm_spec_from_inspect(i->s.inspect, &o, &i->spec, NULL), 0);
}

static void release(struct isolated *i)
{
	cm_spec_free(i->spec);
	json_object_put(i->s.inspect);
	json_object_put(i->s.volumes);
	json_object_put(i->s.binds);
	json_object_put(i->s.networks);
	json_object_put(i->notes);
}

static bool noted(const struct isolated *i, const char *word)
{
	for (size_t n = 0; n < cm_json_len(i->notes); n++)
		if (strstr(json_object_get_string(json_object_array_get_idx(i->notes, n)), word) != NULL)
			return true;
	return false;
}

TEST(drill_isolate__names_nothing_of_the_host)
{
	static const char *const words[] = { "/srv/web",     "docker.sock", "/dev/sda", "nvidia",   "SYS_ADMIN",
					     "NET_ADMIN",    "unconfined",  "traefik",	"compose",  "syslog",
					     "host",	     "always",	    "8.8.8.8",	"10.0.0.9", "02:42:ac",
					     "Privileged",   "\"80/tcp\"",  "-1000",	"others\"", "\"other\"",
					     "SomethingNew", "\"shop\"",    "\"data:",	"\"ffff",   "Masked" };
	struct isolated i;

	isolate(&i, dangerous);
	cm_autofree char *body = cm_json_text(i.spec->body);
	/* "Hostname" and "HostConfig" are only the names of members. */
	for (char *p = body; (p = strstr(p, "ost")) != NULL; p++)
		if (strncmp(p, "ostname", 7) == 0 || strncmp(p, "ostConfig", 9) == 0)
			p[0] = '_';
	for (size_t k = 0; k < CM_COUNT(words); k++)
		if (strstr(body, words[k]) != NULL) {
			printf("# %s in %s\n", words[k], body);
			CHECK(false);
		}
	release(&i);
}

TEST(drill_isolate__makes_a_volume_of_its_own_for_each_place)
{
	struct isolated i;

	isolate(&i, dangerous);
	struct json_object *host = cm_json_obj(i.spec->body, "HostConfig");
	cm_autofree char *list = cm_json_text(cm_json_get(host, "Binds"));
	CHECK_STR(list, "[\"cm-drill-ab12cd34-0:/data:rw\",\"cm-drill-ab12cd34-1:/anon:rw\","
			"\"cm-drill-ab12cd34-0:/again:ro\",\"cm-drill-ab12cd34-2:/others:rw\","
			"\"cm-drill-ab12cd34-3:/srv:ro,nocopy\",\"cm-drill-ab12cd34-5:/outer:rw,nocopy\"]");
	cm_autofree char *mounts = cm_json_text(cm_json_get(host, "Mounts"));
	CHECK(strstr(mounts, "\"Source\":\"/var/lib/docker/volumes/cm-drill-ab12cd34-4/_data/app.conf\"") != NULL);
	CHECK(strstr(mounts, "tmpfs") != NULL);
	CHECK_INT(cm_json_len(cm_json_arr(host, "Mounts")), 2);
	CHECK_INT(cm_json_len(i.s.volumes), 6);
	CHECK_INT(cm_json_len(i.s.binds), 0);
	for (size_t k = 0; k < cm_json_len(i.s.volumes); k++) {
		struct json_object *v = json_object_array_get_idx(i.s.volumes, k);
		CHECK(cm_str_has_prefix(cm_json_str(v, "name", ""), "cm-drill-ab12cd34-"));
		CHECK_STR(cm_json_str(v, "driver", ""), "local");
		CHECK(cm_json_get(v, "options") == NULL);
		CHECK(!cm_json_bool(v, "anonymous", true) && !cm_json_bool(v, "from_other", true));
		CHECK_STR(cm_json_str(cm_json_obj(v, "labels"), CM_DRILL_LABEL, ""), "ab12cd34");
	}
	release(&i);
}

TEST(drill_isolate__bounds_what_it_may_use_and_keeps_what_is_recorded)
{
	struct isolated i;

	isolate(&i, dangerous);
	struct json_object *host = cm_json_obj(i.spec->body, "HostConfig");
	CHECK(cm_json_int(host, "Memory", 0) == 4LL << 30 && cm_json_int(host, "MemorySwap", 0) == 4LL << 30);
	CHECK(cm_json_int(host, "NanoCpus", 0) == 2000000000 && cm_json_int(host, "PidsLimit", 0) == 4096);
	CHECK_STR(cm_json_str(cm_json_obj(host, "RestartPolicy"), "Name", ""), "no");
	CHECK_STR(cm_json_str(cm_json_obj(host, "LogConfig"), "Type", ""), "json-file");
	CHECK_STR(cm_json_str(host, "IpcMode", ""), "private");
	CHECK(cm_json_bool(host, "ReadonlyRootfs", false) && cm_json_obj(host, "Sysctls") != NULL);
	cm_autofree char *caps = cm_json_text(cm_json_get(host, "CapAdd")),
			 *drop = cm_json_text(cm_json_get(host, "CapDrop"));
	CHECK_STR(caps, "[\"IPC_LOCK\"]");
	CHECK_STR(drop, "[\"CHOWN\"]");
	cm_autofree char *security = cm_json_text(cm_json_get(host, "SecurityOpt"));
	CHECK_STR(security, "[\"no-new-privileges\"]");
	static const char *const told[] = { "--privileged",
					    "devices of the host",
					    "processes of the host",
					    "network of the host",
					    "SYS_ADMIN",
					    "seccomp",
					    "docker.sock",
					    "others",
					    "links",
					    "runtime nvidia",
					    "/outer is empty",
					    "/dev/bus" };
	for (size_t k = 0; k < CM_COUNT(told); k++)
		if (!noted(&i, told[k])) {
			printf("# no note of %s\n", told[k]);
			CHECK(false);
		}
	release(&i);
	isolate(&i, "{\"Id\":\"1\",\"Name\":\"/web\",\"Config\":{\"Image\":\"app\"},\"HostConfig\":{\"Memory\":1000000,"
		    "\"CpuQuota\":5000,\"CpuPeriod\":100000,\"PidsLimit\":7,\"NetworkMode\":\"none\"}}");
	host = cm_json_obj(i.spec->body, "HostConfig");
	CHECK(cm_json_int(host, "Memory", 0) == 1000000 && cm_json_int(host, "CpuQuota", 0) == 5000);
	CHECK(cm_json_get(host, "NanoCpus") == NULL && cm_json_int(host, "PidsLimit", 0) == 7);
	CHECK_STR(cm_json_str(host, "NetworkMode", ""), "none");
	CHECK_INT(cm_json_len(i.s.networks), 0);
	release(&i);
}

TEST(drill_isolate__gives_it_a_network_without_a_way_out)
{
	struct isolated i;

	isolate(&i, dangerous);
	struct json_object *n = json_object_array_get_idx(i.s.networks, 0);
	CHECK_INT(cm_json_len(i.s.networks), 1);
	CHECK_STR(cm_json_str(n, "Name", ""), "cm-drill-ab12cd34");
	CHECK(cm_json_bool(n, "Internal", false));
	CHECK_STR(cm_json_str(cm_json_obj(n, "Options"), "com.docker.network.bridge.inhibit_ipv4", ""), "true");
	struct json_object *ends = cm_json_at(i.spec->body, "NetworkingConfig.EndpointsConfig");
	CHECK_INT(json_object_object_length(ends), 1);
	cm_autofree char *aliases = cm_json_text(cm_json_get(cm_json_obj(ends, "cm-drill-ab12cd34"), "Aliases"));
	CHECK_STR(aliases, "[\"web\",\"api\"]");
	CHECK_INT(cm_json_len(i.spec->connects), 0);
	cm_autofree char *dns = cm_json_text(cm_json_at(i.spec->body, "HostConfig.Dns"));
	CHECK_STR(dns, "[\"127.0.0.1\"]");
	CHECK_STR(i.spec->name, "cm-drill-ab12cd34");
	release(&i);
}

TEST(drill_isolate__refuses_what_it_cannot_read)
{
	static const char *const bad[] = {
		"{\"Id\":\"1\",\"Name\":\"/web\"}",
		"{\"Config\":{},\"HostConfig\":{},\"Mounts\":[{\"Type\":\"volume\",\"Name\":\"a\",\"Destination\":\"/"
		"x:/y\"}]}",
		"{\"Config\":{},\"HostConfig\":{},\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/"
		"a\",\"Destination\":\"x\"}]}",
	};
	struct cm_drill_place place = { .tag = "1", .root = "/r", .runtime = "" };

	for (size_t k = 0; k < CM_COUNT(bad); k++) {
		struct cm_restore_source s = { .inspect = parse(bad[k]) };
		cm_autojson struct json_object *notes = json_object_new_array();
		CHECK_INT(cm_drill_isolate(&s, &place, notes, NULL), CM_EUNSUPPORTED);
		json_object_put(s.inspect);
	}
}
