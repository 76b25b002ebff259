/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/container_spec_text.h"
#include "service/container_spec_yaml.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/str.h"
#include "service/network_restore.h"

static void compose_settings(struct json_object *host, struct cm_buf *out)
{
	for (size_t i = 0; i < spec_setting_count; i++) {
		const struct spec_setting *s = &spec_settings[i];
		struct json_object *v = cm_json_get(host, s->key);
		if (s->yaml == NULL || !spec_setting_shown(host, s))
			continue;
		switch (s->kind) {
		case SPEC_BOOL:
			yaml_indent(out, 2);
			cm_buf_printf(out, "%s: true\n", s->yaml);
			break;
		case SPEC_LIST:
			yaml_list(out, 2, s->yaml, v);
			break;
		case SPEC_MAP:
			yaml_map(out, 2, s->yaml, v);
			break;
		case SPEC_MAP_PATH:
			yaml_paths(out, 2, s->yaml, v);
			break;
		case SPEC_INT:
		case SPEC_INT_SET:
			yaml_int(out, 2, s->yaml, json_object_get_int64(v));
			break;
		default:
			yaml_text(out, 2, s->yaml, json_object_get_string(v));
		}
	}
}

static void compose_blkio(struct json_object *host, struct cm_buf *out)
{
	static const struct {
		const char *key, *yaml, *value, *value_yaml;
	} lists[] = { { "BlkioWeightDevice", "weight_device", "Weight", "weight" },
		      { "BlkioDeviceReadBps", "device_read_bps", "Rate", "rate" },
		      { "BlkioDeviceWriteBps", "device_write_bps", "Rate", "rate" },
		      { "BlkioDeviceReadIOps", "device_read_iops", "Rate", "rate" },
		      { "BlkioDeviceWriteIOps", "device_write_iops", "Rate", "rate" } };
	bool any = cm_json_int(host, "BlkioWeight", 0) != 0;

	for (size_t i = 0; i < CM_COUNT(lists); i++)
		any |= cm_json_len(cm_json_arr(host, lists[i].key)) > 0;
	if (!any)
		return;
	yaml_line(out, 2, "blkio_config");
	if (cm_json_int(host, "BlkioWeight", 0) != 0)
		yaml_int(out, 3, "weight", cm_json_int(host, "BlkioWeight", 0));
	for (size_t i = 0; i < CM_COUNT(lists); i++) {
		struct json_object *list = cm_json_arr(host, lists[i].key);
		if (cm_json_len(list) == 0)
			continue;
		yaml_line(out, 3, lists[i].yaml);
		for (size_t n = 0; n < cm_json_len(list) && n < SPEC_MAX_ITEMS; n++) {
			struct json_object *o = json_object_array_get_idx(list, n);
			yaml_indent(out, 4);
			cm_buf_str(out, "- path: ");
			yaml_quoted(out, cm_json_str(o, "Path", ""), true);
			cm_buf_char(out, '\n');
			yaml_int(out, 5, lists[i].value_yaml, cm_json_int(o, lists[i].value, 0));
		}
	}
}

static void compose_mount(struct json_object *m, struct cm_buf *out)
{
	struct json_object *v = cm_json_obj(m, "VolumeOptions"), *t = cm_json_obj(m, "TmpfsOptions");
	const char *propagation = cm_json_str_at(m, "BindOptions.Propagation", "");

	yaml_indent(out, 3);
	cm_buf_str(out, "- type: ");
	yaml_quoted(out, cm_json_str(m, "Type", "volume"), true);
	cm_buf_char(out, '\n');
	yaml_text(out, 4, "source", cm_json_str(m, "Source", ""));
	yaml_text(out, 4, "target", cm_json_str(m, "Target", ""));
	if (cm_json_bool(m, "ReadOnly", false)) {
		yaml_indent(out, 4);
		cm_buf_str(out, "read_only: true\n");
	}
	if (propagation[0] != '\0') {
		yaml_line(out, 4, "bind");
		yaml_text(out, 5, "propagation", propagation);
	}
	if (cm_json_bool(v, "NoCopy", false) || cm_json_str(v, "Subpath", "")[0] != '\0') {
		yaml_line(out, 4, "volume");
		if (cm_json_bool(v, "NoCopy", false)) {
			yaml_indent(out, 5);
			cm_buf_str(out, "nocopy: true\n");
		}
		yaml_text(out, 5, "subpath", cm_json_str(v, "Subpath", ""));
	}
	if (cm_json_int(t, "SizeBytes", 0) > 0 || cm_json_int(t, "Mode", 0) > 0) {
		yaml_line(out, 4, "tmpfs");
		if (cm_json_int(t, "SizeBytes", 0) > 0)
			yaml_int(out, 5, "size", cm_json_int(t, "SizeBytes", 0));
		if (cm_json_int(t, "Mode", 0) > 0)
			yaml_int(out, 5, "mode", cm_json_int(t, "Mode", 0));
	}
}

static void compose_volumes(struct json_object *inspect, struct json_object *image_config, struct cm_buf *out)
{
	struct json_object *host = cm_json_obj(inspect, "HostConfig");
	struct json_object *binds = cm_json_arr(host, "Binds"), *mounts = cm_json_arr(host, "Mounts");
	struct json_object *from = cm_json_arr(host, "VolumesFrom");
	cm_autojson struct json_object *anonymous = spec_own_volumes(inspect, image_config);

	if (cm_json_len(binds) + cm_json_len(mounts) + cm_json_len(anonymous) > 0)
		yaml_line(out, 2, "volumes");
	for (size_t i = 0; i < cm_json_len(binds) && i < SPEC_MAX_ITEMS; i++)
		yaml_item(out, 3, json_object_get_string(json_object_array_get_idx(binds, i)));
	for (size_t i = 0; i < cm_json_len(anonymous) && i < SPEC_MAX_ITEMS; i++)
		yaml_item(out, 3, json_object_get_string(json_object_array_get_idx(anonymous, i)));
	for (size_t i = 0; i < cm_json_len(mounts) && i < SPEC_MAX_ITEMS; i++)
		compose_mount(json_object_array_get_idx(mounts, i), out);
	if (cm_json_len(from) > 0) {
		yaml_line(out, 2, "volumes_from");
		for (size_t i = 0; i < cm_json_len(from) && i < SPEC_MAX_ITEMS; i++) {
			cm_autofree char *text =
			    cm_asprintf("container:%s", json_object_get_string(json_object_array_get_idx(from, i)));
			yaml_item(out, 3, text);
		}
	}
}

static void compose_ports(struct json_object *inspect, struct json_object *image_config, struct cm_buf *out)
{
	cm_autojson struct json_object *ports = cm_spec_ports(inspect, NULL);
	cm_autojson struct json_object *exposed = spec_own_exposed(inspect, image_config);

	if (cm_json_len(ports) > 0)
		yaml_line(out, 2, "ports");
	for (size_t i = 0; i < cm_json_len(ports); i++) {
		cm_autobuf struct cm_buf text = CM_BUF_INIT(4096);
		spec_port_text(json_object_array_get_idx(ports, i), &text);
		yaml_item(out, 3, text.data);
	}
	yaml_list(out, 2, "expose", exposed);
}

static bool plain_mode(const char *mode)
{
	return strcmp(mode, "host") == 0 || strcmp(mode, "none") == 0 || cm_str_has_prefix(mode, "container:");
}

static void compose_network_one(struct json_object *inspect, const char *name, struct json_object *e,
				struct cm_buf *out)
{
	struct json_object *ipam = cm_json_obj(e, "IPAMConfig");
	cm_autojson struct json_object *aliases = spec_own_aliases(inspect, e);
	size_t begin;

	yaml_indent(out, 3);
	yaml_quoted(out, name, false);
	cm_buf_str(out, ":");
	begin = out->len;
	cm_buf_char(out, '\n');
	yaml_list(out, 4, "aliases", aliases);
	yaml_text(out, 4, "ipv4_address", cm_json_str(ipam, "IPv4Address", ""));
	yaml_text(out, 4, "ipv6_address", cm_json_str(ipam, "IPv6Address", ""));
	yaml_list(out, 4, "link_local_ips", cm_json_arr(ipam, "LinkLocalIPs"));
	yaml_map(out, 4, "driver_opts", cm_json_obj(e, "DriverOpts"));
	if (out->len == begin + 1 && !cm_buf_failed(out)) {
		out->len = begin;
		cm_buf_str(out, " {}\n");
	}
}

static void compose_networks(struct json_object *inspect, struct cm_buf *out)
{
	struct json_object *nets = cm_json_obj(cm_json_obj(inspect, "NetworkSettings"), "Networks");
	const char *mode = cm_json_str_at(inspect, "HostConfig.NetworkMode", "");
	cm_autojson struct json_object *names = cm_spec_networks(inspect);

	if (plain_mode(mode)) {
		yaml_text(out, 2, "network_mode", mode);
		return;
	}
	if (cm_json_len(names) == 0) {
		yaml_text(out, 2, "network_mode", "bridge");
		return;
	}
	yaml_line(out, 2, "networks");
	for (size_t i = 0; i < cm_json_len(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));
		compose_network_one(inspect, name, cm_json_obj(nets, name), out);
	}
}

static void compose_health(struct json_object *config, struct json_object *image_config, struct cm_buf *out)
{
	static const struct {
		const char *key, *yaml;
	} times[] = { { "Interval", "interval" },
		      { "Timeout", "timeout" },
		      { "StartPeriod", "start_period" },
		      { "StartInterval", "start_interval" } };
	struct json_object *h = cm_json_obj(config, "Healthcheck");
	char text[32];

	if (h == NULL || json_object_equal(h, cm_json_get(image_config, "Healthcheck")))
		return;
	yaml_line(out, 2, "healthcheck");
	yaml_list(out, 3, "test", cm_json_arr(h, "Test"));
	for (size_t i = 0; i < CM_COUNT(times); i++) {
		if (cm_json_int(h, times[i].key, 0) <= 0)
			continue;
		spec_duration(text, cm_json_int(h, times[i].key, 0));
		yaml_text(out, 3, times[i].yaml, text);
	}
	yaml_int(out, 3, "retries", cm_json_int(h, "Retries", 0) > 0 ? cm_json_int(h, "Retries", 0) : 3);
}

static void compose_limits(struct json_object *host, struct cm_buf *out)
{
	const char *restart = cm_json_str_at(host, "RestartPolicy.Name", "");
	int64_t tries = cm_json_int(cm_json_obj(host, "RestartPolicy"), "MaximumRetryCount", 0);
	struct json_object *devices = cm_json_arr(host, "Devices"), *ulimits = cm_json_arr(host, "Ulimits");
	struct json_object *log = cm_json_obj(host, "LogConfig");
	char text[128];

	if (restart[0] != '\0' && strcmp(restart, "no") != 0) {
		snprintf(text, sizeof(text), tries > 0 ? "%s:%lld" : "%s", restart, (long long)tries);
		yaml_text(out, 2, "restart", text);
	}
	if (cm_json_int(host, "NanoCpus", 0) > 0) {
		spec_cpus(text, cm_json_int(host, "NanoCpus", 0));
		yaml_text(out, 2, "cpus", text);
	}
	if (cm_json_len(devices) > 0)
		yaml_line(out, 2, "devices");
	for (size_t i = 0; i < cm_json_len(devices) && i < SPEC_MAX_ITEMS; i++) {
		cm_autobuf struct cm_buf d = CM_BUF_INIT(1 << 14);
		spec_device_text(json_object_array_get_idx(devices, i), &d);
		yaml_item(out, 3, d.data);
	}
	if (cm_json_len(ulimits) > 0)
		yaml_line(out, 2, "ulimits");
	for (size_t i = 0; i < cm_json_len(ulimits) && i < SPEC_MAX_ITEMS; i++) {
		struct json_object *u = json_object_array_get_idx(ulimits, i);
		yaml_indent(out, 3);
		yaml_quoted(out, cm_json_str(u, "Name", ""), false);
		cm_buf_str(out, ":\n");
		yaml_int(out, 4, "soft", cm_json_int(u, "Soft", 0));
		yaml_int(out, 4, "hard", cm_json_int(u, "Hard", 0));
	}
	if (!cm_str_eq(cm_json_str(log, "Type", "json-file"), "json-file") ||
	    (cm_json_obj(log, "Config") && json_object_object_length(cm_json_obj(log, "Config")) > 0)) {
		yaml_line(out, 2, "logging");
		yaml_text(out, 3, "driver", cm_json_str(log, "Type", "json-file"));
		yaml_map(out, 3, "options", cm_json_obj(log, "Config"));
	}
}

static void compose_gpus(struct json_object *host, struct cm_buf *out)
{
	struct json_object *requests = cm_json_arr(host, "DeviceRequests");

	if (cm_json_len(requests) == 0)
		return;
	yaml_indent(out, 2);
	cm_buf_str(out, "deploy:\n");
	yaml_indent(out, 3);
	cm_buf_str(out, "resources:\n");
	yaml_indent(out, 4);
	cm_buf_str(out, "reservations:\n");
	yaml_line(out, 5, "devices");
	for (size_t i = 0; i < cm_json_len(requests) && i < SPEC_MAX_ITEMS; i++) {
		struct json_object *r = json_object_array_get_idx(requests, i);
		struct json_object *caps = cm_json_arr(r, "Capabilities");
		const char *driver = cm_json_str(r, "Driver", "");
		yaml_indent(out, 6);
		cm_buf_str(out, "- driver: ");
		yaml_quoted(out, driver[0] ? driver : "nvidia", true);
		cm_buf_char(out, '\n');
		yaml_list(out, 7, "capabilities", caps ? json_object_array_get_idx(caps, 0) : NULL);
		if (cm_json_len(cm_json_arr(r, "DeviceIDs")) > 0)
			yaml_list(out, 7, "device_ids", cm_json_arr(r, "DeviceIDs"));
		else if (cm_json_int(r, "Count", 0) < 0)
			yaml_text(out, 7, "count", "all");
		else
			yaml_int(out, 7, "count", cm_json_int(r, "Count", 0));
	}
}

/* What Compose itself writes is not said again: it would refuse or double it. */
static struct json_object *user_labels(struct json_object *inspect, struct json_object *image_config)
{
	cm_autojson struct json_object *all = spec_own_labels(inspect, image_config);
	struct json_object *own = json_object_new_object();

	json_object_object_foreach(all, key, value)
	{
		if (!cm_str_has_prefix(key, "com.docker.compose."))
			json_object_object_add(own, key, json_object_get(value));
	}
	return own;
}

void cm_spec_compose_service(struct json_object *inspect, struct json_object *image_config, int flags, bool skip_name,
			     struct cm_buf *out)
{
	struct json_object *config = cm_json_obj(inspect, "Config"), *host = cm_json_obj(inspect, "HostConfig");
	cm_autojson struct json_object *env = spec_own_env(inspect, image_config, flags);
	cm_autojson struct json_object *labels = user_labels(inspect, image_config);
	struct spec_command c;

	spec_command_of(inspect, image_config, &c);
	yaml_text(out, 2, "image", cm_json_str(config, "Image", ""));
	if (!skip_name)
		yaml_text(out, 2, "container_name", cm_spec_name(inspect));
	if (c.entrypoint && cm_json_len(c.e) > 0)
		yaml_list(out, 2, "entrypoint", c.e);
	else if (c.entrypoint)
		cm_buf_str(out, "    entrypoint: []\n");
	if (c.command)
		yaml_list(out, 2, "command", c.c);
	yaml_text(out, 2, "hostname", spec_own_hostname(inspect, NULL));
	yaml_text(out, 2, "domainname", cm_json_str(config, "Domainname", ""));
	if (!spec_from_image(inspect, image_config, "User"))
		yaml_text(out, 2, "user", cm_json_str(config, "User", ""));
	if (!spec_from_image(inspect, image_config, "WorkingDir"))
		yaml_text(out, 2, "working_dir", cm_json_str(config, "WorkingDir", ""));
	if (!spec_from_image(inspect, image_config, "StopSignal"))
		yaml_text(out, 2, "stop_signal", cm_json_str(config, "StopSignal", ""));
	if (cm_json_get(config, "StopTimeout") != NULL) {
		char text[32];
		spec_duration(text, cm_json_int(config, "StopTimeout", 10) * 1000000000);
		yaml_text(out, 2, "stop_grace_period", text);
	}
	if (cm_json_bool(config, "OpenStdin", false))
		cm_buf_str(out, "    stdin_open: true\n");
	if (cm_json_bool(config, "Tty", false))
		cm_buf_str(out, "    tty: true\n");
	yaml_list(out, 2, "environment", env);
	yaml_map(out, 2, "labels", labels);
	compose_ports(inspect, image_config, out);
	compose_volumes(inspect, image_config, out);
	compose_networks(inspect, out);
	yaml_list(out, 2, "external_links", cm_json_arr(host, "Links"));
	compose_limits(host, out);
	compose_settings(host, out);
	compose_blkio(host, out);
	compose_gpus(host, out);
	compose_health(config, image_config, out);
}

static void external(struct cm_buf *out, const char *name)
{
	yaml_indent(out, 1);
	yaml_quoted(out, name, false);
	cm_buf_str(out, ":\n    external: true\n");
}

/* Volumes and networks exist on their own: Compose shall use them, neither make nor rename them. */
static void compose_externals(struct json_object *inspect, struct cm_buf *out)
{
	cm_autojson struct json_object *volumes = cm_spec_volumes(inspect), *seen = json_object_new_array();
	cm_autojson struct json_object *networks = cm_spec_networks(inspect);
	const char *mode = cm_json_str_at(inspect, "HostConfig.NetworkMode", "");

	for (size_t i = 0; i < cm_json_len(volumes); i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i);
		const char *name = cm_json_str(v, "name", "");
		if (cm_json_bool(v, "anonymous", false) || cm_json_bool(v, "from_other", false) ||
		    spec_list_has(seen, name))
			continue;
		if (cm_json_len(seen) == 0)
			cm_buf_str(out, "volumes:\n");
		cm_json_add_str(seen, name);
		external(out, name);
	}
	if (plain_mode(mode) || cm_json_len(networks) == 0)
		return;
	cm_buf_str(out, "networks:\n");
	for (size_t i = 0; i < cm_json_len(networks); i++)
		external(out, json_object_get_string(json_object_array_get_idx(networks, i)));
}

void cm_spec_compose_text(struct json_object *inspect, struct json_object *image_config, int flags, struct cm_buf *out)
{
	const char *service =
	    cm_json_str(cm_json_obj(cm_json_obj(inspect, "Config"), "Labels"), "com.docker.compose.service", NULL);

	cm_buf_str(out, "services:\n  ");
	yaml_quoted(out, service && service[0] ? service : cm_spec_name(inspect), false);
	cm_buf_str(out, ":\n");
	cm_spec_compose_service(inspect, image_config, flags, false, out);
	compose_externals(inspect, out);
}
