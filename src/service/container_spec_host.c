/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/container_spec_int.h"

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
		rc = spec_host_ports(host, opt->port_overrides, err);
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
