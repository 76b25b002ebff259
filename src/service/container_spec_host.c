/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/container_spec_int.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/str.h"

static const char *mapped(struct json_object *map, const char *key)
{
	return map ? cm_json_str(map, key, NULL) : NULL;
}

/* The name that stands for another container; without one the recorded value stays, which is right for names. */
static const char *reference_name(struct json_object *refs, const char *value, const char *what,
				  struct json_object *warnings)
{
	const char *name = mapped(refs, value);

	if (name != NULL)
		return name;
	if (spec_is_long_id(value))
		spec_warn(warnings,
			  "The %s is that of another container which is recorded only by its id %.12s…; if that one is "
			  "gone the new container cannot start.",
			  what, value);
	return value;
}

static void host_modes(struct json_object *host, const struct cm_spec_options *opt, struct json_object *warnings)
{
	static const struct {
		const char *key, *what;
	} modes[] = { { "NetworkMode", "network" }, { "IpcMode", "IPC namespace" }, { "PidMode", "PID namespace" } };
	static const char head[] = "container:";

	for (size_t i = 0; i < CM_COUNT(modes); i++) {
		const char *value = cm_json_str(host, modes[i].key, "");
		if (!cm_str_has_prefix(value, head))
			continue;
		const char *name = reference_name(opt->container_refs, value + strlen(head), modes[i].what, warnings);
		cm_autofree char *text = cm_asprintf("%s%s", head, name);
		cm_json_set_str(host, modes[i].key, text);
	}
}

static void host_volumes_from(struct json_object *host, const struct cm_spec_options *opt, struct json_object *warnings)
{
	struct json_object *old = cm_json_arr(host, "VolumesFrom"), *list;

	if (cm_json_len(old) == 0)
		return;
	list = json_object_new_array();
	for (size_t i = 0; i < cm_json_len(old) && i < SPEC_MAX_ITEMS; i++) {
		cm_autofree char *text = cm_strdup(json_object_get_string(json_object_array_get_idx(old, i)));
		char *mode = text ? strchr(text, ':') : NULL;
		if (text == NULL)
			continue;
		if (mode != NULL)
			*mode++ = '\0';
		const char *name =
		    reference_name(opt->container_refs, text + (text[0] == '/'), "source of shared volumes", warnings);
		cm_autofree char *out = cm_asprintf("%s%s%s", name, mode ? ":" : "", mode ? mode : "");
		cm_json_add_str(list, out);
	}
	cm_json_set(host, "VolumesFrom", list);
}

/* Inspect tells links as "/db:/web/alias"; a request says "db:alias". */
static void host_links(struct json_object *host, const struct cm_spec_options *opt)
{
	struct json_object *old = cm_json_arr(host, "Links"), *list;

	if (cm_json_len(old) == 0)
		return;
	list = json_object_new_array();
	for (size_t i = 0; i < cm_json_len(old) && i < SPEC_MAX_ITEMS; i++) {
		cm_autofree char *text = cm_strdup(json_object_get_string(json_object_array_get_idx(old, i)));
		char *alias = text ? strchr(text, ':') : NULL, *slash;
		if (text == NULL)
			continue;
		const char *name = text + (text[0] == '/');
		if (alias != NULL) {
			*alias++ = '\0';
			slash = strrchr(alias, '/');
			alias = slash ? slash + 1 : alias;
		}
		const char *target = mapped(opt->container_refs, name);
		cm_autofree char *out = cm_asprintf("%s:%s", target ? target : name, alias && alias[0] ? alias : name);
		cm_json_add_str(list, out);
	}
	cm_json_set(host, "Links", list);
}

static int host_binds(struct json_object *host, const struct cm_spec_options *opt, struct cm_err *err)
{
	struct json_object *old = cm_json_arr(host, "Binds"), *list = json_object_new_array();
	struct spec_bind b;

	for (size_t i = 0; i < cm_json_len(old); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(old, i));
		if (text == NULL || i >= SPEC_MAX_ITEMS || !spec_bind_parse(text, &b)) {
			json_object_put(list);
			return cm_err_set(err, CM_EINVAL,
					  "The recorded configuration has a bind mount that cannot be "
					  "read.");
		}
		const char *name = mapped(opt->volume_names, b.source);
		const char *anon = b.source[0] == '\0' ? mapped(opt->anon_binds, b.destination) : NULL;
		if (name == NULL && anon == NULL) {
			cm_json_add_str(list, text);
			continue;
		}
		cm_autofree char *out =
		    cm_asprintf("%s:%s%s%s", name ? name : anon, b.destination, b.mode[0] ? ":" : "", b.mode);
		cm_json_add_str(list, out);
	}
	if (json_object_array_length(list) > 0)
		cm_json_set(host, "Binds", list);
	else
		json_object_put(list);
	return 0;
}

/* Anonymous volumes of Config.Volumes that must keep a volume of the engine get a bind of their own. */
static void host_anon_binds(struct json_object *inspect, struct json_object *host, const struct cm_spec_options *opt)
{
	struct json_object *volumes = cm_json_obj(cm_json_obj(inspect, "Config"), "Volumes");
	struct json_object *binds = cm_json_arr(host, "Binds");

	if (opt->anon_binds == NULL || volumes == NULL)
		return;
	json_object_object_foreach(opt->anon_binds, destination, name)
	{
		bool declared = false;
		json_object_object_foreach(volumes, path, value)
		{
			(void)value;
			declared |= spec_same_path(path, destination);
		}
		if (!declared)
			continue;
		if (binds == NULL) {
			binds = json_object_new_array();
			cm_json_set(host, "Binds", binds);
		}
		cm_autofree char *out = cm_asprintf("%s:%s", json_object_get_string(name), destination);
		cm_json_add_str(binds, out);
	}
}

static void host_mounts(struct json_object *host, const struct cm_spec_options *opt)
{
	struct json_object *mounts = cm_json_arr(host, "Mounts");

	for (size_t i = 0; i < cm_json_len(mounts) && i < SPEC_MAX_ITEMS; i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		const char *source = cm_json_str(m, "Source", ""), *name;
		if (!cm_str_eq(cm_json_str(m, "Type", ""), "volume"))
			continue;
		name = source[0] ? mapped(opt->volume_names, source)
				 : mapped(opt->anon_binds, cm_json_str(m, "Target", ""));
		if (name != NULL)
			cm_json_set_str(m, "Source", name);
	}
}

static bool port_number_valid(const char *s, size_t n)
{
	uint64_t a, b;
	char text[16], *dash;

	if (n == 0 || n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	dash = strchr(text, '-');
	if (dash == NULL)
		return cm_str_u64(text, 1, 65535, &a);
	*dash = '\0';
	return cm_str_u64(text, 1, 65535, &a) && cm_str_u64(dash + 1, 1, 65535, &b) && a <= b;
}

/* "18095", "127.0.0.1:18095", "[::1]:18095", "::1:18095" -> address and port. */
static bool port_split(const char *text, char ip[64], char port[16])
{
	const char *colon = strrchr(text, ':');
	const char *number = colon ? colon + 1 : text;
	size_t n = colon ? (size_t)(colon - text) : 0;

	ip[0] = '\0';
	if (!port_number_valid(number, strlen(number)))
		return false;
	snprintf(port, 16, "%s", number);
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	if (n >= 64 || (colon != NULL && n == 0))
		return false;
	memcpy(ip, text, n);
	ip[n] = '\0';
	return strspn(ip, "0123456789abcdefABCDEF.:") == n;
}

static bool port_value_text(struct json_object *value, char dst[96])
{
	if (json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_string))
		return cm_str_copy(dst, 96, json_object_get_string(value));
	return false;
}

static bool port_one_valid(struct json_object *value)
{
	char text[96], ip[64], port[16];

	return port_value_text(value, text) && (text[0] == '\0' || port_split(text, ip, port));
}

bool cm_spec_port_valid(struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return port_one_valid(value);
	for (size_t i = 0; i < cm_json_len(value); i++)
		if (i >= 64 || !port_one_valid(json_object_array_get_idx(value, i)))
			return false;
	return true;
}

static void bindings_add(struct json_object *list, struct json_object *value)
{
	char text[96], ip[64], port[16];
	struct json_object *b;

	if (!port_value_text(value, text) || text[0] == '\0' || !port_split(text, ip, port))
		return;
	b = json_object_new_object();
	cm_json_set_str(b, "HostIp", ip);
	cm_json_set_str(b, "HostPort", port);
	json_object_array_add(list, b);
}

static bool container_port_valid(const char *s)
{
	size_t n = strcspn(s, "/");
	const char *proto = s[n] == '/' ? s + n + 1 : "tcp";

	return port_number_valid(s, n) &&
	       (strcmp(proto, "tcp") == 0 || strcmp(proto, "udp") == 0 || strcmp(proto, "sctp") == 0);
}

int spec_port_bindings(const char *container_port, struct json_object *value, struct json_object **ret,
		       struct cm_err *err)
{
	struct json_object *list;

	if (!container_port_valid(container_port))
		return cm_err_set(err, CM_EINVAL,
				  "Invalid container port in the port overrides: write it like "
				  "\"8080/tcp\".");
	if (!cm_spec_port_valid(value))
		return cm_err_set(err, CM_EINVAL,
				  "Invalid host port for %s: write a number from 1 to 65535, or an address and a port "
				  "like 127.0.0.1:8080.",
				  container_port);
	list = json_object_new_array();
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < cm_json_len(value); i++)
			bindings_add(list, json_object_array_get_idx(value, i));
	} else {
		bindings_add(list, value);
	}
	*ret = list;
	return 0;
}

static const char *binding_ip(struct json_object *recorded, size_t i)
{
	return i < cm_json_len(recorded) ? cm_json_str(json_object_array_get_idx(recorded, i), "HostIp", "") : "";
}

/* A plain new number keeps the addresses of the recorded bindings: 127.0.0.1 must not become "everywhere". One number
 * stands for all of them; a list has one for each. */
static void bindings_keep_ips(struct json_object *list, struct json_object *recorded, bool one_for_all)
{
	size_t count = json_object_array_length(list);

	for (size_t i = 0; i < count; i++) {
		struct json_object *b = json_object_array_get_idx(list, i);
		if (cm_json_str(b, "HostIp", "")[0] != '\0')
			return;
		cm_json_set_str(b, "HostIp", binding_ip(recorded, i));
	}
	for (size_t i = 1; one_for_all && i < cm_json_len(recorded) && i < SPEC_MAX_ITEMS; i++) {
		struct json_object *b = json_object_new_object();
		cm_json_set_str(b, "HostIp", binding_ip(recorded, i));
		cm_json_set_str(b, "HostPort", cm_json_str(json_object_array_get_idx(list, 0), "HostPort", ""));
		json_object_array_add(list, b);
	}
}

/* A port that the engine chooses is recorded as "": saying "" again changes nothing. */
static bool engine_chooses(struct json_object *recorded)
{
	return cm_json_len(recorded) > 0 &&
	       cm_json_str(json_object_array_get_idx(recorded, 0), "HostPort", "")[0] == '\0';
}

static int host_ports(struct json_object *host, struct json_object *overrides, struct cm_err *err)
{
	struct json_object *bindings = cm_json_obj(host, "PortBindings"), *list;

	if (overrides == NULL || !json_object_is_type(overrides, json_type_object))
		return 0;
	if (bindings == NULL) {
		bindings = json_object_new_object();
		cm_json_set(host, "PortBindings", bindings);
	}
	json_object_object_foreach(overrides, key, value)
	{
		cm_autofree char *port = strchr(key, '/') ? cm_strdup(key) : cm_asprintf("%s/tcp", key);
		int rc = spec_port_bindings(port, value, &list, err);
		if (rc != 0)
			return rc;
		if (json_object_array_length(list) == 0) {
			json_object_put(list);
			if (!engine_chooses(cm_json_arr(bindings, port)))
				json_object_object_del(bindings, port);
			continue;
		}
		bindings_keep_ips(list, cm_json_arr(bindings, port), !json_object_is_type(value, json_type_array));
		cm_json_set(bindings, port, list);
	}
	return 0;
}

/* The engine's own defaults grow from version to version; a recorded copy of them would switch off newer ones. A list
 * that is only made of known defaults is left to the engine; an empty one (systempaths=unconfined) is the user's. */
static void host_default_paths(struct json_object *host, const char *key, const char *const *known, size_t count)
{
	struct json_object *list = cm_json_arr(host, key);

	if (cm_json_len(list) == 0)
		return;
	for (size_t i = 0; i < cm_json_len(list); i++) {
		const char *path = json_object_get_string(json_object_array_get_idx(list, i));
		bool found = false;
		for (size_t k = 0; k < count && !found; k++)
			found = cm_str_eq(path, known[k]);
		if (!found)
			return;
	}
	json_object_object_del(host, key);
}

static void host_paths(struct json_object *host)
{
	static const char *const masked[] = {
		"/proc/acpi",	     "/proc/asound",	    "/proc/interrupts", "/proc/kcore",
		"/proc/keys",	     "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
		"/proc/sched_debug", "/proc/scsi",	    "/sys/firmware",	"/sys/devices/virtual/powercap",
	};
	static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
						"/proc/sysrq-trigger" };
	struct json_object *list = cm_json_arr(host, "MaskedPaths"), *kept;

	/* One such path a processor; never written by hand. */
	if (list != NULL) {
		kept = json_object_new_array();
		for (size_t i = 0; i < cm_json_len(list) && i < SPEC_MAX_ITEMS; i++) {
			const char *path = json_object_get_string(json_object_array_get_idx(list, i));
			if (!cm_str_has_suffix(path ? path : "", "/thermal_throttle"))
				cm_json_add_str(kept, path);
		}
		cm_json_set(host, "MaskedPaths", kept);
	}
	host_default_paths(host, "MaskedPaths", masked, CM_COUNT(masked));
	host_default_paths(host, "ReadonlyPaths", readonly, CM_COUNT(readonly));
}

/* Engines of newer API versions refuse or ignore what older ones report. */
static void host_old_fields(struct json_object *host, int api_minor)
{
	if (cm_json_int(host, "KernelMemory", 0) == 0 || api_minor >= 42)
		json_object_object_del(host, "KernelMemory");
	if (cm_json_int(host, "KernelMemoryTCP", 0) == 0)
		json_object_object_del(host, "KernelMemoryTCP");
}

static void host_network_mode(struct json_object *inspect, struct json_object *host, const struct cm_spec_options *opt)
{
	struct json_object *nets = cm_json_obj(cm_json_obj(inspect, "NetworkSettings"), "Networks");
	const char *mode = cm_json_str(host, "NetworkMode", "");
	cm_autofree char *name = NULL;

	/* The user may have named the network by its id, which is another one after the restore. */
	if (nets != NULL && mode[0] != '\0') {
		json_object_object_foreach(nets, key, value)
		{
			const char *id = cm_json_str(value, "NetworkID", "");
			if (name == NULL && strlen(mode) >= SPEC_SHORT_ID && cm_str_has_prefix(id, mode))
				name = cm_strdup(key);
		}
	}
	if (name == NULL)
		name = cm_strdup(mode);
	const char *other = mapped(opt->network_names, name);
	if (other != NULL || strcmp(name, mode) != 0)
		cm_json_set_str(host, "NetworkMode", other ? other : name);
}

int spec_host_config(struct json_object *inspect, const struct cm_spec_options *opt, struct json_object *warnings,
		     struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *host = cm_json_copy(cm_json_obj(inspect, "HostConfig"));
	int rc = host_binds(host, opt, err);

	if (rc == 0)
		rc = host_ports(host, opt->port_overrides, err);
	if (rc != 0)
		return rc;
	host_anon_binds(inspect, host, opt);
	host_mounts(host, opt);
	host_modes(host, opt, warnings);
	host_volumes_from(host, opt, warnings);
	host_links(host, opt);
	host_network_mode(inspect, host, opt);
	host_paths(host);
	host_old_fields(host, opt->api_minor ? opt->api_minor : 41);
	*ret = cm_move(&host);
	return 0;
}

struct json_object *cm_spec_ports(struct json_object *inspect, struct json_object *port_overrides)
{
	cm_autojson struct json_object *host = cm_json_copy(cm_json_obj(inspect, "HostConfig"));
	struct json_object *list = json_object_new_array(), *bindings;

	if (host == NULL || host_ports(host, port_overrides, NULL) != 0)
		return list;
	bindings = cm_json_obj(host, "PortBindings");
	if (bindings == NULL)
		return list;
	json_object_object_foreach(bindings, port, value)
	{
		for (size_t i = 0; i < cm_json_len(value) && i < SPEC_MAX_ITEMS; i++) {
			struct json_object *b = json_object_array_get_idx(value, i), *o = json_object_new_object();
			cm_json_set_str(o, "container", port);
			cm_json_set_str(o, "ip", cm_json_str(b, "HostIp", ""));
			cm_json_set_str(o, "host", cm_json_str(b, "HostPort", ""));
			json_object_array_add(list, o);
		}
	}
	return list;
}
