/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a restored container may do to its host. A backup can come from anywhere, and who wrote it also wrote what its
 * container asks for: the person who restores it sees that before anything is made.
 */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/preflight.h"

enum { SHOWN_MAX = 64, TEXT_MAX = 700 };

static const char trust[] = "Restore it only if you trust where this backup comes from.";

static const char *const default_caps[] = { "AUDIT_WRITE", "CHOWN",   "DAC_OVERRIDE",	  "FOWNER",    "FSETID",
					    "KILL",	   "MKNOD",   "NET_BIND_SERVICE", "NET_RAW",   "SETFCAP",
					    "SETGID",	   "SETPCAP", "SETUID",		  "SYS_CHROOT" };

/* Folders that hold the host itself: these, and all below them. */
static const char *const system_trees[] = { "/bin",
					    "/boot",
					    "/dev",
					    "/etc",
					    "/lib",
					    "/lib64",
					    "/proc",
					    "/root",
					    "/run",
					    "/sbin",
					    "/sys",
					    "/usr",
					    "/var/run",
					    "/var/lib/docker",
					    "/var/lib/containerd",
					    "/var/spool/cron" };
/* Folders that have those in them. */
static const char *const system_tops[] = { "/", "/home", "/var", "/var/lib", "/var/spool" };
/* Of no danger, and in very many containers. */
static const char *const harmless[] = { "/etc/localtime", "/etc/timezone", "/dev/null", "/dev/zero", "/dev/log" };
static const char *const sockets[] = { "docker.sock", "containerd.sock", "podman.sock", "crio.sock" };

static bool is_one_of(const char *s, size_t len, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(list[i]) == len && memcmp(list[i], s, len) == 0)
			return true;
	return false;
}

static void power(struct json_object *findings, const char *code, const char *text)
{
	cm_finding_add(findings, CM_FINDING_WARN, code, NULL, trust, "%s", text);
}

/* "/a//b/./c/../d/" becomes "/a/b/d". */
static char *clean(const char *path)
{
	char *out = cm_alloc(strlen(path) + 2), *end = out;

	while (*path != '\0') {
		size_t n = strcspn(path, "/");
		if (n == 2 && path[0] == '.' && path[1] == '.') {
			while (end > out && *--end != '/')
				;
		} else if (n > 0 && !(n == 1 && path[0] == '.')) {
			*end++ = '/';
			memcpy(end, path, n);
			end += n;
		}
		path += n + (path[n] == '/');
	}
	if (end == out)
		*end++ = '/';
	*end = '\0';
	return out;
}

static bool is_system(const char *path)
{
	if (is_one_of(path, strlen(path), harmless, CM_COUNT(harmless)))
		return false;
	if (is_one_of(path, strlen(path), system_tops, CM_COUNT(system_tops)))
		return true;
	for (const char *s = path + 1; *s != '\0';) {
		s += strcspn(s, "/");
		if (is_one_of(path, (size_t)(s - path), system_trees, CM_COUNT(system_trees)))
			return true;
		s += *s == '/';
	}
	return false;
}

static bool is_socket(const char *path)
{
	const char *name = strrchr(path, '/');

	return name != NULL && is_one_of(name + 1, strlen(name + 1), sockets, CM_COUNT(sockets));
}

static void host_folder(struct json_object *findings, const char *source, const char *destination, bool read_only)
{
	cm_autofree char *path = clean(source);

	if (is_socket(path))
		cm_finding_add(findings, CM_FINDING_WARN, "POWER_SOCKET", NULL, trust,
			       "It gets the socket %.200s: whoever controls the container controls this host", path);
	else if (is_system(path))
		cm_finding_add(findings, CM_FINDING_WARN, "POWER_FOLDER", NULL, trust,
			       "It gets %.300s of this host as %.300s%s", path, destination,
			       read_only ? ", to read" : ", to change as it likes");
}

static void check_binds(struct json_object *host, struct json_object *findings)
{
	struct json_object *binds = cm_json_arr(host, "Binds"), *mounts = cm_json_arr(host, "Mounts");

	for (size_t i = 0; i < cm_json_len(binds) && cm_json_len(findings) < SHOWN_MAX; i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(binds, i));
		cm_autofree char *copy = cm_strdup(text != NULL && text[0] == '/' ? text : NULL);
		char *destination = copy ? strchr(copy, ':') : NULL, *mode;
		if (destination == NULL)
			continue;
		*destination++ = '\0';
		mode = strchr(destination, ':');
		if (mode != NULL)
			*mode++ = '\0';
		cm_autofree char *modes = mode ? cm_asprintf(",%s,", mode) : NULL;
		host_folder(findings, copy, destination, modes != NULL && strstr(modes, ",ro,") != NULL);
	}
	for (size_t i = 0; i < cm_json_len(mounts) && cm_json_len(findings) < SHOWN_MAX; i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		if (cm_str_eq(cm_json_str(m, "Type", ""), "bind"))
			host_folder(findings, cm_json_str(m, "Source", ""), cm_json_str(m, "Target", ""),
				    cm_json_bool(m, "ReadOnly", false));
	}
}

static void check_namespaces(struct json_object *host, struct json_object *findings)
{
	static const struct {
		const char *key, *code, *text;
	} shared[] = {
		{ "NetworkMode", "POWER_NETWORK", "It uses the network of this host itself" },
		{ "PidMode", "POWER_PROCESSES", "It sees the processes of this host, and may end them" },
		{ "IpcMode", "POWER_MEMORY", "It shares memory with the programs of this host" },
		{ "UTSMode", "POWER_HOSTNAME", "It may change the name of this host" },
		{ "UsernsMode", "POWER_USERS", "Its root is the root of this host" },
	};

	for (size_t i = 0; i < CM_COUNT(shared); i++)
		if (cm_str_eq(cm_json_str(host, shared[i].key, ""), "host"))
			power(findings, shared[i].code, shared[i].text);
}

/* The texts of a list, one after the other; nothing when there are none. */
static void text_list(struct json_object *list, const char *key, bool (*wanted)(const char *), struct cm_buf *out)
{
	for (size_t i = 0; i < cm_json_len(list) && out->len < TEXT_MAX / 2; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *s = key != NULL				   ? cm_json_str(o, key, NULL)
				: json_object_is_type(o, json_type_string) ? json_object_get_string(o)
									   : NULL;
		if (s == NULL || !wanted(s))
			continue;
		if (out->len > 0)
			cm_buf_str(out, ", ");
		cm_utf8_clean(out, s, strlen(s) < 100 ? strlen(s) : 100);
	}
}

static bool is_added_cap(const char *cap)
{
	if (cm_str_has_prefix(cap, "CAP_"))
		cap += strlen("CAP_");
	return !is_one_of(cap, strlen(cap), default_caps, CM_COUNT(default_caps));
}

static bool is_device(const char *path)
{
	return path[0] != '\0' && !is_one_of(path, strlen(path), harmless, CM_COUNT(harmless));
}

static bool is_open(const char *option)
{
	return strstr(option, "unconfined") != NULL || cm_str_eq(option, "label=disable") ||
	       cm_str_eq(option, "label:disable");
}

static bool is_rule(const char *rule)
{
	return rule[0] != '\0';
}

static void check_lists(struct json_object *host, struct json_object *findings)
{
	static const struct {
		const char *list, *key, *code, *text;
		bool (*wanted)(const char *);
	} lists[] = {
		{ "CapAdd", NULL, "POWER_CAPABILITIES", "It gets more rights than containers have", is_added_cap },
		{ "Devices", "PathOnHost", "POWER_DEVICES", "It gets devices of this host", is_device },
		{ "DeviceCgroupRules", NULL, "POWER_DEVICES", "It may use devices of this host by rule", is_rule },
		{ "SecurityOpt", NULL, "POWER_UNCONFINED", "Guards of the engine are off for it", is_open },
	};

	for (size_t i = 0; i < CM_COUNT(lists); i++) {
		cm_autobuf struct cm_buf text = CM_BUF_INIT(TEXT_MAX * 4);
		text_list(cm_json_arr(host, lists[i].list), lists[i].key, lists[i].wanted, &text);
		if (text.len > 0)
			cm_finding_add(findings, CM_FINDING_WARN, lists[i].code, NULL, trust, "%s: %s", lists[i].text,
				       text.data);
	}
}

/* A volume of the local driver may be any folder or device of the host. */
static void check_volumes(struct json_object *volumes, struct json_object *findings)
{
	for (size_t i = 0; i < cm_json_len(volumes) && cm_json_len(findings) < SHOWN_MAX; i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i), *options = cm_json_obj(v, "options");
		const char *device = cm_json_str(options, "device", "");
		if (device[0] == '/' && cm_str_eq(cm_json_str(v, "driver", "local"), "local"))
			cm_finding_add(findings, CM_FINDING_WARN, "POWER_VOLUME", NULL, trust,
				       "The volume %.200s is %.300s of this host", cm_json_str(v, "name", ""), device);
	}
}

void cm_preflight_power(struct json_object *inspect, struct json_object *volumes, struct json_object *findings)
{
	struct json_object *host = cm_json_obj(inspect, "HostConfig"), *masked = cm_json_arr(host, "MaskedPaths");
	bool privileged = cm_json_bool(host, "Privileged", false);

	if (privileged)
		power(findings, "POWER_PRIVILEGED",
		      "It runs privileged: whoever controls the container controls this host");
	check_binds(host, findings);
	check_namespaces(host, findings);
	check_lists(host, findings);
	if (!privileged && masked != NULL && cm_json_len(masked) == 0)
		power(findings, "POWER_UNCONFINED", "It sees paths of /proc and /sys that the engine hides otherwise");
	check_volumes(volumes, findings);
}

void cm_preflight_power_network(struct json_object *network, struct json_object *findings)
{
	const char *parent = cm_json_str(cm_json_obj(network, "Options"), "parent", "");

	if (parent[0] != '\0')
		cm_finding_add(findings, CM_FINDING_WARN, "POWER_INTERFACE", NULL, trust,
			       "Network %.100s is attached to the interface %.100s of this host",
			       cm_json_str(network, "Name", ""), parent);
}
