/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host's side of a drill's container: only what is on a list is taken over, so that a setting this program has
 * never heard of opens nothing.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/str.h"
#include "service/drill_isolate_int.h"

enum { PIDS_MAX = 4096, CPU_SHARES = 512, ITEMS_MAX = 4096 };
static const int64_t memory_least = 256LL << 20;
static const int64_t nano = 1000000000;

void cm_drill_note(struct json_object *notes, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cm_json_add_str(notes, text);
}

/* Does the setting say anything? */
static bool says_something(struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_boolean:
		return json_object_get_boolean(v);
	case json_type_int:
	case json_type_double:
		return json_object_get_double(v) != 0;
	case json_type_string:
		return json_object_get_string_len(v) > 0;
	case json_type_array:
		return json_object_array_length(v) > 0;
	case json_type_object:
		return json_object_object_length(v) > 0;
	case json_type_null:
		break;
	}
	return false;
}

static void take_over(struct json_object *from, struct json_object *to)
{
	static const char *const keys[] = {
		"Memory",     "MemorySwap", "MemorySwappiness", "MemoryReservation",
		"NanoCpus",   "CpuShares",  "CpuPeriod",	"CpuQuota",
		"CpusetCpus", "CpusetMems", "PidsLimit",	"Ulimits",
		"ShmSize",    "Tmpfs",	    "ReadonlyRootfs",	"Init",
		"DnsOptions", "DnsSearch",  "ExtraHosts",	"GroupAdd",
		"CapDrop",    "Sysctls",    "StorageOpt",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct json_object *v = cm_json_get(from, keys[i]);
		if (v != NULL)
			json_object_object_add(to, keys[i], cm_json_copy(v));
	}
}

/* What is left out and may be why a container does not start here. */
static void note_left_out(struct json_object *host, struct json_object *notes)
{
	static const char *const texts[][2] = {
		{ "Privileged", "It ran with all rights of the host (--privileged): here it has the ordinary ones." },
		{ "Devices", "It had devices of the host: here it has none." },
		{ "DeviceRequests", "It had devices of the host, like graphics processors: here it has none." },
		{ "DeviceCgroupRules", "It was allowed devices of the host: here it has none." },
		{ "Links", "Its links to other containers are left out." },
		{ "CgroupParent", "Its control group is left out." },
		{ "CpuRealtimeRuntime", "Its share of real-time processing is left out." },
	};
	static const char *const spaces[][2] = { { "PidMode", "processes" },
						 { "UTSMode", "host name" },
						 { "IpcMode", "shared memory" },
						 { "UsernsMode", "user ids" } };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (says_something(cm_json_get(host, texts[i][0])))
			cm_drill_note(notes, "%s", texts[i][1]);
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		const char *mode = cm_json_str(host, spaces[i][0], "");
		if (strcmp(mode, "host") == 0 || cm_str_has_prefix(mode, "container:"))
			cm_drill_note(notes, "It shared the %s of %s: here it has its own.", spaces[i][1],
				      strcmp(mode, "host") == 0 ? "the host" : "another container");
	}
}

/* The engine's own default, and such as reach no further than the container. */
static bool is_ordinary(const char *capability)
{
	static const char *const names[] = {
		"AUDIT_WRITE",	    "CHOWN",   "DAC_OVERRIDE", "FOWNER",   "FSETID",  "KILL",	"MKNOD",
		"NET_BIND_SERVICE", "NET_RAW", "SETFCAP",      "SETGID",   "SETPCAP", "SETUID", "SYS_CHROOT",
		"IPC_LOCK",	    "LEASE",   "SYS_PTRACE",   "SYS_NICE",
	};

	if (cm_str_has_prefix(capability, "CAP_"))
		capability += strlen("CAP_");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], capability) == 0)
			return true;
	return false;
}

static void capabilities(struct json_object *from, struct json_object *to, struct json_object *notes)
{
	struct json_object *list = cm_json_arr(from, "CapAdd"), *kept = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(list) && i < ITEMS_MAX; i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(list, i));
		if (name != NULL && is_ordinary(name))
			cm_json_add_str(kept, name);
		else if (name != NULL)
			cm_drill_note(notes, "The capability %s is not given to it.", name);
	}
	cm_json_set(to, "CapAdd", kept);
}

static void security(struct json_object *from, struct json_object *to, struct json_object *notes)
{
	struct json_object *list = cm_json_arr(from, "SecurityOpt"), *kept = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(list) && i < ITEMS_MAX; i++) {
		const char *option = json_object_get_string(json_object_array_get_idx(list, i));
		if (option == NULL)
			continue;
		/* A profile's whole text may follow the name. */
		if (cm_str_has_prefix(option, "no-new-privileges"))
			cm_json_add_str(kept, option);
		else
			cm_drill_note(notes, "The security option %.*s is left out: the engine's own is in force.",
				      (int)strcspn(option, "=:"), option);
	}
	cm_json_set(to, "SecurityOpt", kept);
}

static void bounds(struct json_object *to, const struct cm_drill_place *place)
{
	int64_t memory = place->memory / 2 > memory_least ? place->memory / 2 : memory_least;
	int64_t cpus = place->cpus / 2 > 1 ? place->cpus / 2 : 1;

	if (cm_json_int(to, "Memory", 0) <= 0) {
		cm_json_set_int(to, "Memory", memory);
		json_object_object_del(to, "MemoryReservation");
	}
	cm_json_set_int(to, "MemorySwap", cm_json_int(to, "Memory", memory));
	if (cm_json_int(to, "NanoCpus", 0) <= 0 && cm_json_int(to, "CpuQuota", 0) <= 0) {
		json_object_object_del(to, "CpuPeriod");
		json_object_object_del(to, "CpuQuota");
		cm_json_set_int(to, "NanoCpus", cpus * nano);
	}
	if (cm_json_int(to, "CpuShares", 0) <= 0)
		cm_json_set_int(to, "CpuShares", CPU_SHARES);
	if (cm_json_int(to, "PidsLimit", 0) <= 0)
		cm_json_set_int(to, "PidsLimit", PIDS_MAX);
}

/* Lines stay on this host, and can be read back. */
static void log_and_restart(struct json_object *to)
{
	struct json_object *log = json_object_new_object(), *options = json_object_new_object();
	struct json_object *policy = json_object_new_object();

	cm_json_set_str(options, "max-size", "10m");
	cm_json_set_str(options, "max-file", "1");
	cm_json_set_str(log, "Type", "json-file");
	cm_json_set(log, "Config", options);
	cm_json_set(to, "LogConfig", log);
	cm_json_set_str(policy, "Name", "no");
	cm_json_set(to, "RestartPolicy", policy);
}

struct json_object *cm_drill_host(struct json_object *recorded, const struct cm_drill_place *place,
				  struct json_object *notes)
{
	struct json_object *to = json_object_new_object();
	const char *runtime = cm_json_str(recorded, "Runtime", ""), *ipc = cm_json_str(recorded, "IpcMode", "");

	take_over(recorded, to);
	note_left_out(recorded, notes);
	capabilities(recorded, to, notes);
	security(recorded, to, notes);
	bounds(to, place);
	log_and_restart(to);
	cm_json_set_str(to, "IpcMode", strcmp(ipc, "none") == 0 ? "none" : "private");
	if (runtime[0] != '\0' && !cm_str_eq(runtime, place->runtime) && strcmp(runtime, "runc") != 0)
		cm_drill_note(notes, "It ran with the runtime %s: here it has the engine's default.", runtime);
	return to;
}
