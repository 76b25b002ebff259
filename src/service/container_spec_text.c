/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/container_spec_text.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/str.h"

const struct spec_setting spec_settings[] = {
	{ "Privileged", "--privileged", "privileged", SPEC_BOOL, NULL },
	{ "ReadonlyRootfs", "--read-only", "read_only", SPEC_BOOL, NULL },
	{ "Init", "--init", "init", SPEC_BOOL, NULL },
	{ "AutoRemove", "--rm", NULL, SPEC_BOOL, NULL },
	{ "PublishAllPorts", "--publish-all", NULL, SPEC_BOOL, NULL },
	{ "OomKillDisable", "--oom-kill-disable", "oom_kill_disable", SPEC_BOOL, NULL },
	{ "CapAdd", "--cap-add", "cap_add", SPEC_LIST, NULL },
	{ "CapDrop", "--cap-drop", "cap_drop", SPEC_LIST, NULL },
	{ "SecurityOpt", "--security-opt", "security_opt", SPEC_LIST, NULL },
	{ "GroupAdd", "--group-add", "group_add", SPEC_LIST, NULL },
	{ "DeviceCgroupRules", "--device-cgroup-rule", "device_cgroup_rules", SPEC_LIST, NULL },
	{ "Dns", "--dns", "dns", SPEC_LIST, NULL },
	{ "DnsOptions", "--dns-option", "dns_opt", SPEC_LIST, NULL },
	{ "DnsSearch", "--dns-search", "dns_search", SPEC_LIST, NULL },
	{ "ExtraHosts", "--add-host", "extra_hosts", SPEC_LIST, NULL },
	{ "Sysctls", "--sysctl", "sysctls", SPEC_MAP, NULL },
	{ "StorageOpt", "--storage-opt", "storage_opt", SPEC_MAP, NULL },
	{ "Annotations", "--annotation", "annotations", SPEC_MAP, NULL },
	{ "Tmpfs", "--tmpfs", "tmpfs", SPEC_MAP_PATH, NULL },
	{ "IpcMode", "--ipc", "ipc", SPEC_STR, "private" },
	{ "PidMode", "--pid", "pid", SPEC_STR, NULL },
	{ "UTSMode", "--uts", "uts", SPEC_STR, NULL },
	{ "UsernsMode", "--userns", "userns_mode", SPEC_STR, NULL },
	{ "CgroupnsMode", "--cgroupns", "cgroup", SPEC_STR, "private" },
	{ "CgroupParent", "--cgroup-parent", "cgroup_parent", SPEC_STR, NULL },
	{ "Runtime", "--runtime", "runtime", SPEC_STR, "runc" },
	{ "VolumeDriver", "--volume-driver", NULL, SPEC_STR, NULL },
	{ "ShmSize", "--shm-size", "shm_size", SPEC_INT, "67108864" },
	{ "Memory", "--memory", "mem_limit", SPEC_INT, NULL },
	{ "MemorySwap", "--memory-swap", "memswap_limit", SPEC_INT, NULL },
	{ "MemoryReservation", "--memory-reservation", "mem_reservation", SPEC_INT, NULL },
	{ "MemorySwappiness", "--memory-swappiness", "mem_swappiness", SPEC_INT_SET, NULL },
	{ "OomScoreAdj", "--oom-score-adj", "oom_score_adj", SPEC_INT, NULL },
	{ "PidsLimit", "--pids-limit", "pids_limit", SPEC_INT, NULL },
	{ "CpuShares", "--cpu-shares", "cpu_shares", SPEC_INT, NULL },
	{ "CpuPeriod", "--cpu-period", "cpu_period", SPEC_INT, NULL },
	{ "CpuQuota", "--cpu-quota", "cpu_quota", SPEC_INT, NULL },
	{ "CpuRealtimePeriod", "--cpu-rt-period", "cpu_rt_period", SPEC_INT, NULL },
	{ "CpuRealtimeRuntime", "--cpu-rt-runtime", "cpu_rt_runtime", SPEC_INT, NULL },
	{ "CpusetCpus", "--cpuset-cpus", "cpuset", SPEC_STR, NULL },
	{ "CpusetMems", "--cpuset-mems", NULL, SPEC_STR, NULL },
	{ "BlkioWeight", "--blkio-weight", NULL, SPEC_INT, NULL },
	{ "BlkioWeightDevice", "--blkio-weight-device", NULL, SPEC_WEIGHTS, NULL },
	{ "BlkioDeviceReadBps", "--device-read-bps", NULL, SPEC_RATES, NULL },
	{ "BlkioDeviceWriteBps", "--device-write-bps", NULL, SPEC_RATES, NULL },
	{ "BlkioDeviceReadIOps", "--device-read-iops", NULL, SPEC_RATES, NULL },
	{ "BlkioDeviceWriteIOps", "--device-write-iops", NULL, SPEC_RATES, NULL },
};
const size_t spec_setting_count = CM_COUNT(spec_settings);

bool spec_setting_shown(struct json_object *host, const struct spec_setting *s)
{
	struct json_object *v = cm_json_get(host, s->key);

	if (v == NULL)
		return false;
	switch (s->kind) {
	case SPEC_BOOL:
		return cm_json_bool(host, s->key, false);
	case SPEC_STR:
		return cm_json_str(host, s->key, "")[0] != '\0' && !cm_str_eq(cm_json_str(host, s->key, ""), s->normal);
	case SPEC_INT:
		return cm_json_int(host, s->key, 0) != 0 && !cm_str_eq(json_object_get_string(v), s->normal);
	case SPEC_INT_SET:
		return json_object_is_type(v, json_type_int) && cm_json_int(host, s->key, -1) != -1;
	case SPEC_MAP:
	case SPEC_MAP_PATH:
		return json_object_is_type(v, json_type_object) && json_object_object_length(v) > 0;
	default:
		return cm_json_len(v) > 0;
	}
}

void spec_duration(char dst[32], int64_t ns)
{
	if (ns % 1000000000 == 0)
		snprintf(dst, 32, "%llds", (long long)(ns / 1000000000));
	else if (ns % 1000000 == 0)
		snprintf(dst, 32, "%lldms", (long long)(ns / 1000000));
	else
		snprintf(dst, 32, "%lldns", (long long)ns);
}

void spec_cpus(char dst[32], int64_t nano)
{
	size_t n;

	snprintf(dst, 32, "%lld.%09lld", (long long)(nano / 1000000000), (long long)(nano % 1000000000));
	for (n = strlen(dst); n > 0 && dst[n - 1] == '0'; n--)
		dst[n - 1] = '\0';
	if (n > 0 && dst[n - 1] == '.')
		dst[n - 1] = '\0';
}

void spec_device_text(struct json_object *device, struct cm_buf *out)
{
	const char *host = cm_json_str(device, "PathOnHost", ""), *perm = cm_json_str(device, "CgroupPermissions", "");

	if (cm_json_get(device, "Name") != NULL) {
		cm_buf_printf(out, "%s=%lld:%lld", cm_json_str(device, "Name", ""),
			      (long long)cm_json_int(device, "Soft", 0), (long long)cm_json_int(device, "Hard", 0));
		return;
	}
	cm_buf_printf(out, "%s:%s%s%s", host, cm_json_str(device, "PathInContainer", host), perm[0] ? ":" : "", perm);
}

void spec_port_text(struct json_object *port, struct cm_buf *out)
{
	const char *ip = cm_json_str(port, "ip", "");

	if (ip[0] != '\0')
		cm_buf_printf(out, strchr(ip, ':') ? "[%s]:" : "%s:", ip);
	if (ip[0] != '\0' || cm_json_str(port, "host", "")[0] != '\0')
		cm_buf_printf(out, "%s:", cm_json_str(port, "host", ""));
	cm_buf_str(out, cm_json_str(port, "container", ""));
}

void spec_shell_word(struct cm_buf *out, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=@%+,-";

	if (s == NULL)
		s = "";
	if (s[0] != '\0' && s[strspn(s, plain)] == '\0') {
		cm_buf_str(out, s);
		return;
	}
	cm_buf_char(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			cm_buf_str(out, "'\\''");
		else
			cm_buf_char(out, *s);
	}
	cm_buf_char(out, '\'');
}

static const char *mask_env(const char *line, int flags, struct cm_buf *tmp)
{
	const char *eq = strchr(line, '=');

	if (!(flags & CM_SPEC_MASK_ENV) || eq == NULL || eq[1] == '\0')
		return line;
	cm_buf_reset(tmp);
	cm_buf_add(tmp, line, (size_t)(eq - line) + 1);
	cm_buf_str(tmp, "***");
	return tmp->data;
}

struct json_object *spec_own_env(struct json_object *inspect, struct json_object *image_config, int flags)
{
	struct json_object *env = cm_json_arr(cm_json_obj(inspect, "Config"), "Env"), *own = json_object_new_array();
	struct json_object *image = cm_json_arr(image_config, "Env");
	cm_autobuf struct cm_buf tmp = CM_BUF_INIT(1 << 20);

	for (size_t i = 0; i < cm_json_len(env); i++) {
		const char *line = json_object_get_string(json_object_array_get_idx(env, i));
		if (line != NULL && !spec_list_has(image, line))
			cm_json_add_str(own, mask_env(line, flags, &tmp));
	}
	return own;
}

struct json_object *spec_own_labels(struct json_object *inspect, struct json_object *image_config)
{
	struct json_object *labels = cm_json_obj(cm_json_obj(inspect, "Config"), "Labels");
	struct json_object *image = cm_json_obj(image_config, "Labels"), *own = json_object_new_object();

	if (labels == NULL)
		return own;
	json_object_object_foreach(labels, key, value)
	{
		if (!cm_str_eq(cm_json_str(image, key, NULL), json_object_get_string(value)))
			json_object_object_add(own, key, json_object_get(value));
	}
	return own;
}

bool spec_from_image(struct json_object *inspect, struct json_object *image_config, const char *key)
{
	struct json_object *mine = cm_json_get(cm_json_obj(inspect, "Config"), key);
	struct json_object *theirs = cm_json_get(image_config, key);

	return mine != NULL && theirs != NULL && json_object_equal(mine, theirs);
}

void spec_command_of(struct json_object *inspect, struct json_object *image_config, struct spec_command *ret)
{
	struct json_object *config = cm_json_obj(inspect, "Config");
	bool same_cmd = spec_from_image(inspect, image_config, "Cmd");

	ret->e = cm_json_arr(config, "Entrypoint");
	ret->c = cm_json_arr(config, "Cmd");
	if (cm_json_len(ret->e) == 0)
		ret->entrypoint = cm_json_len(cm_json_arr(image_config, "Entrypoint")) > 0;
	else
		ret->entrypoint = !spec_from_image(inspect, image_config, "Entrypoint");
	/* Another entrypoint makes the engine forget the image's command. */
	ret->command = cm_json_len(ret->c) > 0 && (ret->entrypoint || !same_cmd);
}

static struct json_object *own_keys(struct json_object *all, struct json_object *image, struct json_object *other)
{
	struct json_object *own = json_object_new_array();

	if (all == NULL)
		return own;
	json_object_object_foreach(all, key, value)
	{
		(void)value;
		if (!(image && json_object_object_get_ex(image, key, NULL)) &&
		    !(other && json_object_object_get_ex(other, key, NULL)))
			cm_json_add_str(own, key);
	}
	return own;
}

struct json_object *spec_own_exposed(struct json_object *inspect, struct json_object *image_config)
{
	return own_keys(cm_json_obj(cm_json_obj(inspect, "Config"), "ExposedPorts"),
			cm_json_obj(image_config, "ExposedPorts"),
			cm_json_obj(cm_json_obj(inspect, "HostConfig"), "PortBindings"));
}

struct json_object *spec_own_volumes(struct json_object *inspect, struct json_object *image_config)
{
	struct json_object *host = cm_json_obj(inspect, "HostConfig");
	struct json_object *binds = cm_json_arr(host, "Binds"), *mounts = cm_json_arr(host, "Mounts");
	cm_autojson struct json_object *said = json_object_new_object();
	struct spec_bind b;

	/* Compose before 2 lists every mount here too. */
	for (size_t i = 0; i < cm_json_len(binds) && i < SPEC_MAX_ITEMS; i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(binds, i));

		if (text != NULL && spec_bind_parse(text, &b))
			cm_json_set_bool(said, b.destination, true);
	}
	for (size_t i = 0; i < cm_json_len(mounts) && i < SPEC_MAX_ITEMS; i++)
		cm_json_set_bool(said, cm_json_str(json_object_array_get_idx(mounts, i), "Target", ""), true);
	return own_keys(cm_json_obj(cm_json_obj(inspect, "Config"), "Volumes"), cm_json_obj(image_config, "Volumes"),
			said);
}
