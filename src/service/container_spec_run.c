/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/container_spec_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/str.h"
#include "service/network_restore.h"

static void option(struct cm_buf *out, const char *flag, const char *value)
{
	cm_buf_printf(out, " \\\n  %s", flag);
	if (value != NULL) {
		cm_buf_char(out, ' ');
		spec_shell_word(out, value);
	}
}

static void option_text(struct cm_buf *out, const char *flag, const char *value)
{
	if (value != NULL && value[0] != '\0')
		option(out, flag, value);
}

__attribute__((format(printf, 3, 4))) static void option_fmt(struct cm_buf *out, const char *flag, const char *fmt, ...)
{
	char text[8192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	option(out, flag, text);
}

static void option_list(struct cm_buf *out, const char *flag, struct json_object *list)
{
	for (size_t i = 0; i < cm_json_len(list) && i < SPEC_MAX_ITEMS; i++) {
		const char *v = json_object_get_string(json_object_array_get_idx(list, i));
		if (v != NULL)
			option(out, flag, v);
	}
}

static void option_map(struct cm_buf *out, const char *flag, struct json_object *map, char between)
{
	if (map == NULL || !json_object_is_type(map, json_type_object))
		return;
	json_object_object_foreach(map, key, value)
	{
		const char *v = json_object_get_string(value);
		cm_autofree char *text =
		    v && (v[0] || between == '=') ? cm_asprintf("%s%c%s", key, between, v) : cm_strdup(key);
		option(out, flag, text);
	}
}

static void option_numbers(struct cm_buf *out, const char *flag, struct json_object *list, const char *key)
{
	for (size_t i = 0; i < cm_json_len(list) && i < SPEC_MAX_ITEMS; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		option_fmt(out, flag, "%s:%lld", cm_json_str(o, "Path", ""), (long long)cm_json_int(o, key, 0));
	}
}

static void run_settings(struct json_object *host, struct cm_buf *out)
{
	for (size_t i = 0; i < spec_setting_count; i++) {
		const struct spec_setting *s = &spec_settings[i];
		struct json_object *v = cm_json_get(host, s->key);
		if (s->flag == NULL || !spec_setting_shown(host, s))
			continue;
		switch (s->kind) {
		case SPEC_BOOL:
			option(out, s->flag, NULL);
			break;
		case SPEC_LIST:
			option_list(out, s->flag, v);
			break;
		case SPEC_MAP:
			option_map(out, s->flag, v, '=');
			break;
		case SPEC_MAP_PATH:
			option_map(out, s->flag, v, ':');
			break;
		case SPEC_WEIGHTS:
			option_numbers(out, s->flag, v, "Weight");
			break;
		case SPEC_RATES:
			option_numbers(out, s->flag, v, "Rate");
			break;
		default:
			option(out, s->flag, json_object_get_string(v));
		}
	}
}

static void run_health(struct json_object *config, struct json_object *image_config, struct cm_buf *out)
{
	static const struct {
		const char *key, *flag;
	} times[] = { { "Interval", "--health-interval" },
		      { "Timeout", "--health-timeout" },
		      { "StartPeriod", "--health-start-period" },
		      { "StartInterval", "--health-start-interval" } };
	struct json_object *h = cm_json_obj(config, "Healthcheck"), *test = cm_json_arr(h, "Test");
	const char *kind = cm_json_len(test) ? json_object_get_string(json_object_array_get_idx(test, 0)) : NULL;
	char text[32];

	if (h == NULL || json_object_equal(h, cm_json_get(image_config, "Healthcheck")))
		return;
	if (cm_str_eq(kind, "NONE")) {
		option(out, "--no-healthcheck", NULL);
		return;
	}
	if (cm_str_eq(kind, "CMD-SHELL")) {
		option_text(out, "--health-cmd", json_object_get_string(json_object_array_get_idx(test, 1)));
	} else if (cm_str_eq(kind, "CMD")) {
		/* docker run knows the shell form only: the words become words of a shell again. */
		cm_autobuf struct cm_buf words = CM_BUF_INIT(1 << 16);
		for (size_t i = 1; i < cm_json_len(test); i++) {
			if (i > 1)
				cm_buf_char(&words, ' ');
			spec_shell_word(&words, json_object_get_string(json_object_array_get_idx(test, i)));
		}
		option(out, "--health-cmd", words.data);
	}
	for (size_t i = 0; i < CM_COUNT(times); i++) {
		if (cm_json_int(h, times[i].key, 0) <= 0)
			continue;
		spec_duration(text, cm_json_int(h, times[i].key, 0));
		option(out, times[i].flag, text);
	}
	if (cm_json_int(h, "Retries", 0) > 0)
		option_fmt(out, "--health-retries", "%lld", (long long)cm_json_int(h, "Retries", 0));
}

/* A field of --mount is CSV: quotes around it when it holds a comma or a quote. */
static void mount_field(struct cm_buf *out, const char *key, const char *value)
{
	bool quote = strpbrk(value, ",\"\n") != NULL;

	cm_buf_str(out, out->len ? "," : "");
	cm_buf_printf(out, "%s%s=", quote ? "\"" : "", key);
	for (; *value; value++) {
		if (*value == '"')
			cm_buf_char(out, '"');
		cm_buf_char(out, *value);
	}
	cm_buf_str(out, quote ? "\"" : "");
}

static void mount_map(struct cm_buf *out, const char *key, struct json_object *map)
{
	if (map == NULL)
		return;
	json_object_object_foreach(map, name, value)
	{
		cm_autofree char *text = cm_asprintf("%s=%s", name, json_object_get_string(value));
		mount_field(out, key, text);
	}
}

static void run_mounts(struct json_object *mounts, struct cm_buf *out)
{
	for (size_t i = 0; i < cm_json_len(mounts) && i < SPEC_MAX_ITEMS; i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		struct json_object *v = cm_json_obj(m, "VolumeOptions"), *t = cm_json_obj(m, "TmpfsOptions");
		const char *source = cm_json_str(m, "Source", "");
		const char *propagation = cm_json_str_at(m, "BindOptions.Propagation", "");
		const char *driver = cm_json_str_at(v, "DriverConfig.Name", "");
		cm_autobuf struct cm_buf text = CM_BUF_INIT(1 << 16);
		char number[32];

		mount_field(&text, "type", cm_json_str(m, "Type", "volume"));
		if (source[0] != '\0')
			mount_field(&text, "source", source);
		mount_field(&text, "target", cm_json_str(m, "Target", ""));
		if (cm_json_bool(m, "ReadOnly", false))
			cm_buf_str(&text, ",readonly");
		if (propagation[0] != '\0')
			mount_field(&text, "bind-propagation", propagation);
		if (cm_json_bool(v, "NoCopy", false))
			cm_buf_str(&text, ",volume-nocopy");
		if (cm_json_str(v, "Subpath", "")[0] != '\0')
			mount_field(&text, "volume-subpath", cm_json_str(v, "Subpath", ""));
		if (driver[0] != '\0')
			mount_field(&text, "volume-driver", driver);
		mount_map(&text, "volume-opt", cm_json_obj(cm_json_obj(v, "DriverConfig"), "Options"));
		mount_map(&text, "volume-label", cm_json_obj(v, "Labels"));
		if (cm_json_int(t, "SizeBytes", 0) > 0) {
			snprintf(number, sizeof(number), "%lld", (long long)cm_json_int(t, "SizeBytes", 0));
			mount_field(&text, "tmpfs-size", number);
		}
		if (cm_json_int(t, "Mode", 0) > 0) {
			snprintf(number, sizeof(number), "%llo", (long long)cm_json_int(t, "Mode", 0));
			mount_field(&text, "tmpfs-mode", number);
		}
		option(out, "--mount", text.data);
	}
}

static void run_gpus(struct json_object *requests, struct cm_buf *out)
{
	for (size_t i = 0; i < cm_json_len(requests) && i < SPEC_MAX_ITEMS; i++) {
		struct json_object *r = json_object_array_get_idx(requests, i), *ids = cm_json_arr(r, "DeviceIDs");
		cm_autobuf struct cm_buf text = CM_BUF_INIT(1 << 14);
		if (cm_json_len(ids) > 0) {
			/* The value is CSV: a list inside needs its quotes. */
			cm_buf_str(&text, "\"device=");
			for (size_t n = 0; n < cm_json_len(ids); n++)
				cm_buf_printf(&text, "%s%s", n ? "," : "",
					      json_object_get_string(json_object_array_get_idx(ids, n)));
			cm_buf_char(&text, '"');
		} else if (cm_json_int(r, "Count", 0) < 0) {
			cm_buf_str(&text, "all");
		} else {
			cm_buf_printf(&text, "%lld", (long long)cm_json_int(r, "Count", 0));
		}
		option(out, "--gpus", text.data);
	}
}

static void network_options(struct json_object *inspect, struct json_object *endpoint, bool connect, struct cm_buf *out)
{
	struct json_object *ipam = cm_json_obj(endpoint, "IPAMConfig");
	cm_autojson struct json_object *aliases = spec_own_aliases(inspect, endpoint);

	option_text(out, "--ip", cm_json_str(ipam, "IPv4Address", ""));
	option_text(out, "--ip6", cm_json_str(ipam, "IPv6Address", ""));
	option_list(out, "--link-local-ip", cm_json_arr(ipam, "LinkLocalIPs"));
	option_list(out, connect ? "--alias" : "--network-alias", aliases);
	option_list(out, "--link", cm_json_arr(endpoint, "Links"));
	if (connect)
		option_map(out, "--driver-opt", cm_json_obj(endpoint, "DriverOpts"), '=');
}

/* The network of the mode belongs to the command itself; *ret_first names it. */
static void run_network(struct json_object *inspect, const char **ret_first, struct cm_buf *out)
{
	struct json_object *nets = cm_json_obj(cm_json_obj(inspect, "NetworkSettings"), "Networks");
	const char *mode = cm_json_str_at(inspect, "HostConfig.NetworkMode", "");

	*ret_first = strcmp(mode, "default") == 0 || mode[0] == '\0' ? "bridge" : mode;
	if (nets != NULL) {
		json_object_object_foreach(nets, name, value)
		{
			if (strlen(mode) >= SPEC_SHORT_ID &&
			    cm_str_has_prefix(cm_json_str(value, "NetworkID", ""), mode))
				*ret_first = name;
		}
	}
	if (strcmp(*ret_first, "bridge") != 0)
		option(out, "--network", *ret_first);
	network_options(inspect, cm_json_obj(nets, *ret_first), false, out);
}

static void run_connects(struct json_object *inspect, const char *first, struct cm_buf *out)
{
	struct json_object *nets = cm_json_obj(cm_json_obj(inspect, "NetworkSettings"), "Networks");

	if (nets == NULL || cm_str_has_prefix(first, "container:"))
		return;
	json_object_object_foreach(nets, name, value)
	{
		if (strcmp(name, first) == 0)
			continue;
		cm_buf_str(out, "docker network connect");
		network_options(inspect, value, true, out);
		cm_buf_str(out, " \\\n  ");
		spec_shell_word(out, name);
		cm_buf_char(out, ' ');
		spec_shell_word(out, cm_spec_name(inspect));
		cm_buf_char(out, '\n');
	}
}

static void run_identity(struct json_object *inspect, struct json_object *image_config, int flags, struct cm_buf *out)
{
	struct json_object *config = cm_json_obj(inspect, "Config");
	cm_autojson struct json_object *env = spec_own_env(inspect, image_config, flags);
	cm_autojson struct json_object *labels = spec_own_labels(inspect, image_config);

	option_text(out, "--name", cm_spec_name(inspect));
	option(out, "--detach", NULL);
	if (cm_json_bool(config, "OpenStdin", false))
		option(out, "--interactive", NULL);
	if (cm_json_bool(config, "Tty", false))
		option(out, "--tty", NULL);
	option_text(out, "--hostname", spec_own_hostname(inspect, NULL));
	option_text(out, "--domainname", cm_json_str(config, "Domainname", ""));
	if (!spec_from_image(inspect, image_config, "User"))
		option_text(out, "--user", cm_json_str(config, "User", ""));
	if (!spec_from_image(inspect, image_config, "WorkingDir"))
		option_text(out, "--workdir", cm_json_str(config, "WorkingDir", ""));
	option_list(out, "--env", env);
	option_map(out, "--label", labels, '=');
	if (!spec_from_image(inspect, image_config, "StopSignal"))
		option_text(out, "--stop-signal", cm_json_str(config, "StopSignal", ""));
	if (cm_json_get(config, "StopTimeout") != NULL)
		option_fmt(out, "--stop-timeout", "%lld", (long long)cm_json_int(config, "StopTimeout", 10));
}

static void run_ports_and_volumes(struct json_object *inspect, struct json_object *image_config, struct cm_buf *out)
{
	struct json_object *host = cm_json_obj(inspect, "HostConfig");
	cm_autojson struct json_object *ports = cm_spec_ports(inspect, NULL);
	cm_autojson struct json_object *exposed = spec_own_exposed(inspect, image_config);
	cm_autojson struct json_object *anonymous = spec_own_volumes(inspect, image_config);

	for (size_t i = 0; i < cm_json_len(ports); i++) {
		cm_autobuf struct cm_buf text = CM_BUF_INIT(4096);
		spec_port_text(json_object_array_get_idx(ports, i), &text);
		option(out, "--publish", text.data);
	}
	option_list(out, "--expose", exposed);
	option_list(out, "--volume", cm_json_arr(host, "Binds"));
	option_list(out, "--volume", anonymous);
	run_mounts(cm_json_arr(host, "Mounts"), out);
	option_list(out, "--volumes-from", cm_json_arr(host, "VolumesFrom"));
}

static void run_limits(struct json_object *host, struct cm_buf *out)
{
	static const struct {
		const char *key, *flag;
	} objects[] = { { "Devices", "--device" }, { "Ulimits", "--ulimit" } };
	const char *restart = cm_json_str_at(host, "RestartPolicy.Name", "");
	int64_t tries = cm_json_int(cm_json_obj(host, "RestartPolicy"), "MaximumRetryCount", 0);
	const char *log = cm_json_str_at(host, "LogConfig.Type", "");
	char cpus[32];

	if (restart[0] != '\0' && strcmp(restart, "no") != 0) {
		if (tries > 0)
			option_fmt(out, "--restart", "%s:%lld", restart, (long long)tries);
		else
			option(out, "--restart", restart);
	}
	for (size_t k = 0; k < CM_COUNT(objects); k++) {
		struct json_object *list = cm_json_arr(host, objects[k].key);
		for (size_t i = 0; i < cm_json_len(list) && i < SPEC_MAX_ITEMS; i++) {
			cm_autobuf struct cm_buf text = CM_BUF_INIT(1 << 14);
			spec_device_text(json_object_array_get_idx(list, i), &text);
			option(out, objects[k].flag, text.data);
		}
	}
	run_gpus(cm_json_arr(host, "DeviceRequests"), out);
	if (cm_json_int(host, "NanoCpus", 0) > 0) {
		spec_cpus(cpus, cm_json_int(host, "NanoCpus", 0));
		option(out, "--cpus", cpus);
	}
	if (log[0] != '\0' && strcmp(log, "json-file") != 0)
		option(out, "--log-driver", log);
	option_map(out, "--log-opt", cm_json_obj(cm_json_obj(host, "LogConfig"), "Config"), '=');
}

static void run_command(struct json_object *inspect, struct json_object *image_config, struct cm_buf *out)
{
	struct spec_command c;

	spec_command_of(inspect, image_config, &c);
	if (c.entrypoint)
		option(out, "--entrypoint",
		       cm_json_len(c.e) ? json_object_get_string(json_object_array_get_idx(c.e, 0)) : "");
	cm_buf_str(out, " \\\n  ");
	spec_shell_word(out, cm_json_str_at(inspect, "Config.Image", ""));
	/* The option takes one word; the rest of the entrypoint stands where the command begins. */
	for (size_t i = 1; c.entrypoint && i < cm_json_len(c.e); i++) {
		cm_buf_char(out, ' ');
		spec_shell_word(out, json_object_get_string(json_object_array_get_idx(c.e, i)));
	}
	for (size_t i = 0; c.command && i < cm_json_len(c.c); i++) {
		cm_buf_char(out, ' ');
		spec_shell_word(out, json_object_get_string(json_object_array_get_idx(c.c, i)));
	}
	cm_buf_char(out, '\n');
}

void cm_spec_run_text(struct json_object *inspect, struct json_object *image_config, int flags, struct cm_buf *out)
{
	struct json_object *host = cm_json_obj(inspect, "HostConfig");
	const char *first;

	cm_buf_str(out, "docker run");
	run_identity(inspect, image_config, flags, out);
	run_ports_and_volumes(inspect, image_config, out);
	run_network(inspect, &first, out);
	run_limits(host, out);
	run_settings(host, out);
	run_health(cm_json_obj(inspect, "Config"), image_config, out);
	run_command(inspect, image_config, out);
	run_connects(inspect, first, out);
}
