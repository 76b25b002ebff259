/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "core/mem.h"
#include "docker/helper_int.h"

enum { MEMORY_DEFAULT = 256 << 20, PIDS_MAX = 64 };

/* What each kind of work needs, and no more: dropping any one of the writer's broke a restore. */
static const char *const caps_read[] = { "DAC_READ_SEARCH", NULL };
static const char *const caps_write[] = { "CHOWN", "FOWNER",  "FSETID",		 "DAC_OVERRIDE",
					  "MKNOD", "SETFCAP", "LINUX_IMMUTABLE", NULL };

static struct json_object *capabilities(const struct cm_helper_spec *spec)
{
	struct json_object *a = json_object_new_array();

	if (spec->privileges == CM_HELPER_NONE)
		return a;
	for (const char *const *c = spec->privileges == CM_HELPER_WRITE ? caps_write : caps_read; *c != NULL; c++)
		cm_json_add_str(a, *c);
	if (spec->trusted)
		cm_json_add_str(a, "SYS_ADMIN");
	return a;
}

static struct json_object *mount_json(const struct cm_helper_mount *m)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "Type", m->is_volume ? "volume" : "bind");
	cm_json_set_str(o, "Source", m->source);
	cm_json_set_str(o, "Target", m->target);
	cm_json_set_bool(o, "ReadOnly", m->read_only);
	if (m->is_volume) {
		struct json_object *options = json_object_new_object();
		cm_json_set_bool(options, "NoCopy", true);
		cm_json_set(o, "VolumeOptions", options);
	}
	return o;
}

static struct json_object *list(const char *a, const char *b)
{
	struct json_object *o = json_object_new_array();

	cm_json_add_str(o, a);
	if (b != NULL)
		cm_json_add_str(o, b);
	return o;
}

static struct json_object *one(const char *key, const char *value)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, key, value);
	return o;
}

static struct json_object *host_config(const struct cm_helper_spec *spec, const struct cm_helper_mount *extra)
{
	struct json_object *o = json_object_new_object(), *mounts = json_object_new_array();
	int64_t memory = spec->memory > 0 ? spec->memory : MEMORY_DEFAULT;
	cm_autofree char *mode = NULL;

	for (size_t i = 0; i < spec->mount_count; i++)
		json_object_array_add(mounts, mount_json(&spec->mounts[i]));
	if (extra != NULL)
		json_object_array_add(mounts, mount_json(extra));
	cm_json_set(o, "Mounts", mounts);
	if (spec->network != NULL)
		mode = cm_asprintf("container:%s", spec->network);
	cm_json_set_str(o, "NetworkMode", mode ? mode : "none");
	cm_json_set_str(o, "IpcMode", "none");
	/* The owners in the data are the host's, also where containers are remapped. */
	cm_json_set_str(o, "UsernsMode", "host");
	cm_json_set_bool(o, "ReadonlyRootfs", true);
	cm_json_set(o, "CapDrop", list("ALL", NULL));
	cm_json_set(o, "CapAdd", capabilities(spec));
	/* Labels of SELinux would keep it from other containers' volumes; without SELinux this says nothing. */
	cm_json_set(o, "SecurityOpt", list("no-new-privileges", "label=disable"));
	/* Another log driver would store the whole stream on the host. */
	cm_json_set(o, "LogConfig", one("Type", "none"));
	cm_json_set(o, "RestartPolicy", one("Name", "no"));
	cm_json_set_int(o, "PidsLimit", PIDS_MAX);
	cm_json_set_int(o, "Memory", memory);
	cm_json_set_int(o, "MemorySwap", memory);
	if (spec->cpus > 0)
		cm_json_set_int(o, "NanoCpus", (int64_t)spec->cpus * 1000000000);
	return o;
}

static struct json_object *labels(const struct cm_helper_spec *spec)
{
	char owner[96];
	struct json_object *o = one(CM_HELPER_LABEL, "1");

	cm_helper_owner(owner);
	cm_json_set_str(o, CM_HELPER_LABEL_OWNER, owner);
	if (spec->job != NULL && spec->job[0] != '\0')
		cm_json_set_str(o, CM_HELPER_LABEL_JOB, spec->job);
	if (spec->instance != NULL && spec->instance[0] != '\0')
		cm_json_set_str(o, CM_HELPER_LABEL_INSTANCE, spec->instance);
	return o;
}

struct json_object *cm_helper_config(const struct cm_helper_spec *spec, const struct cm_helper_mount *mount,
				     const char *transport)
{
	struct json_object *o = json_object_new_object();
	bool attach = mount == NULL;

	cm_json_set_str(o, "Image", spec->image_ref);
	cm_json_set(o, "Cmd", list("serve", transport));
	cm_json_set_str(o, "User", "0:0");
	/* A network namespace with nothing in it either way; the engine's bookkeeping for "none" is half of a start. */
	cm_json_set_bool(o, "NetworkDisabled", spec->network == NULL);
	cm_json_set(o, "Labels", labels(spec));
	/* An open stdin is how it notices, by attach, that we are gone: the engine drains the rest by itself. */
	cm_json_set_bool(o, "OpenStdin", attach);
	cm_json_set_bool(o, "StdinOnce", attach);
	cm_json_set_bool(o, "AttachStdin", attach);
	cm_json_set_bool(o, "AttachStdout", attach);
	cm_json_set_bool(o, "AttachStderr", true);
	cm_json_set(o, "HostConfig", host_config(spec, mount));
	return o;
}
