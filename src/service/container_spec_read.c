/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/container_spec_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/str.h"
#include "service/network_restore.h"

const char *cm_spec_name(struct json_object *inspect)
{
	const char *name = cm_json_str(inspect, "Name", "");
	return name[0] == '/' ? name + 1 : name;
}

void spec_short_id(struct json_object *inspect, char dst[SPEC_SHORT_ID + 1])
{
	const char *id = cm_json_str(inspect, "Id", "");
	dst[0] = '\0';
	if (strlen(id) >= SPEC_SHORT_ID)
		snprintf(dst, SPEC_SHORT_ID + 1, "%s", id);
}

bool spec_is_long_id(const char *s)
{
	return s != NULL && strlen(s) == SPEC_LONG_ID && strspn(s, "0123456789abcdef") == SPEC_LONG_ID;
}

bool spec_bind_parse(const char *text, struct spec_bind *ret)
{
	const char *first = strchr(text, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	size_t n;

	ret->source[0] = ret->destination[0] = ret->mode[0] = '\0';
	if (first == NULL)
		return cm_str_copy(ret->destination, sizeof(ret->destination), text);
	if (second != NULL && !cm_str_copy(ret->mode, sizeof(ret->mode), second + 1))
		return false;
	if (strchr(ret->mode, ':') != NULL)
		return false;
	n = (size_t)(first - text);
	if (n >= sizeof(ret->source))
		return false;
	memcpy(ret->source, text, n);
	ret->source[n] = '\0';
	n = second ? (size_t)(second - first - 1) : strlen(first + 1);
	if (n >= sizeof(ret->destination))
		return false;
	memcpy(ret->destination, first + 1, n);
	ret->destination[n] = '\0';
	return true;
}

static size_t path_len(const char *p)
{
	size_t n = strlen(p);
	while (n > 1 && p[n - 1] == '/')
		n--;
	return n;
}

bool spec_same_path(const char *a, const char *b)
{
	size_t n = path_len(a);
	return n == path_len(b) && memcmp(a, b, n) == 0;
}

void spec_warn(struct json_object *warnings, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cm_json_add_str(warnings, text);
}

bool spec_list_has(struct json_object *array, const char *text)
{
	for (size_t i = 0; i < cm_json_len(array); i++)
		if (cm_str_eq(json_object_get_string(json_object_array_get_idx(array, i)), text))
			return true;
	return false;
}

static bool path_in_object(struct json_object *o, const char *path)
{
	if (o == NULL)
		return false;
	json_object_object_foreach(o, key, value)
	{
		(void)value;
		if (spec_same_path(key, path))
			return true;
	}
	return false;
}

enum volume_origin { ORIGIN_NAMED, ORIGIN_ANONYMOUS, ORIGIN_UNKNOWN };

/* Who put the volume at this destination: a bind or mount with a name, or one without. */
static enum volume_origin volume_origin(struct json_object *inspect, const char *name, const char *destination)
{
	struct json_object *host = cm_json_obj(inspect, "HostConfig");
	struct json_object *binds = cm_json_arr(host, "Binds"), *mounts = cm_json_arr(host, "Mounts");
	struct spec_bind b;

	for (size_t i = 0; i < cm_json_len(binds); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(binds, i));
		if (text && spec_bind_parse(text, &b) && spec_same_path(b.destination, destination))
			return cm_str_eq(b.source, name) ? ORIGIN_NAMED : ORIGIN_ANONYMOUS;
	}
	for (size_t i = 0; i < cm_json_len(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		if (cm_str_eq(cm_json_str(m, "Type", ""), "volume") &&
		    spec_same_path(cm_json_str(m, "Target", ""), destination))
			return cm_json_str(m, "Source", "")[0] != '\0' ? ORIGIN_NAMED : ORIGIN_ANONYMOUS;
	}
	if (path_in_object(cm_json_obj(cm_json_obj(inspect, "Config"), "Volumes"), destination))
		return ORIGIN_ANONYMOUS;
	return ORIGIN_UNKNOWN;
}

struct json_object *cm_spec_volumes(struct json_object *inspect)
{
	struct json_object *list = json_object_new_array(), *mounts = cm_json_arr(inspect, "Mounts");
	bool shared = cm_json_len(cm_json_at(inspect, "HostConfig.VolumesFrom")) > 0;

	for (size_t i = 0; i < cm_json_len(mounts) && i < SPEC_MAX_ITEMS; i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		const char *name = cm_json_str(m, "Name", ""), *dst = cm_json_str(m, "Destination", "");
		if (!cm_str_eq(cm_json_str(m, "Type", ""), "volume") || name[0] == '\0')
			continue;
		enum volume_origin origin = volume_origin(inspect, name, dst);
		struct json_object *v = json_object_new_object();
		cm_json_set_str(v, "name", name);
		cm_json_set_str(v, "destination", dst);
		cm_json_set_str(v, "driver", cm_json_str(m, "Driver", "local"));
		cm_json_set_bool(v, "rw", cm_json_bool(m, "RW", true));
		/* A name the user never wrote, but not one that comes from another container. */
		cm_json_set_bool(v, "anonymous", origin == ORIGIN_ANONYMOUS || (origin == ORIGIN_UNKNOWN && !shared));
		cm_json_set_bool(v, "from_other", origin == ORIGIN_UNKNOWN && shared);
		json_object_array_add(list, v);
	}
	return list;
}

struct json_object *cm_spec_binds(struct json_object *inspect)
{
	struct json_object *list = json_object_new_array(), *mounts = cm_json_arr(inspect, "Mounts");

	for (size_t i = 0; i < cm_json_len(mounts) && i < SPEC_MAX_ITEMS; i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		if (!cm_str_eq(cm_json_str(m, "Type", ""), "bind"))
			continue;
		struct json_object *b = json_object_new_object();
		cm_json_set_str(b, "source", cm_json_str(m, "Source", ""));
		cm_json_set_str(b, "destination", cm_json_str(m, "Destination", ""));
		cm_json_set_bool(b, "rw", cm_json_bool(m, "RW", true));
		json_object_array_add(list, b);
	}
	return list;
}

struct json_object *cm_spec_networks(struct json_object *inspect)
{
	struct json_object *list = json_object_new_array();
	struct json_object *nets = cm_json_obj(cm_json_obj(inspect, "NetworkSettings"), "Networks");
	const char *mode = cm_json_str_at(inspect, "HostConfig.NetworkMode", "");

	if (nets != NULL) {
		json_object_object_foreach(nets, name, value)
		{
			(void)value;
			if (!cm_network_is_default(name))
				cm_json_add_str(list, name);
		}
	}
	/* A container that never ran may name its network here only; create wants it to exist. An id is not a name. */
	if (mode[0] != '\0' && !cm_network_is_default(mode) && !cm_str_has_prefix(mode, "container:") &&
	    !spec_is_long_id(mode) && !spec_list_has(list, mode))
		cm_json_add_str(list, mode);
	return list;
}

static void reference_add(struct json_object *list, const char *ref, const char *kind)
{
	struct json_object *o = json_object_new_object();
	cm_json_set_str(o, "ref", ref);
	cm_json_set_str(o, "kind", kind);
	json_object_array_add(list, o);
}

/* The part of "/db:/web/alias" or "db:ro" before the colon, without the slash. */
static void reference_add_head(struct json_object *list, const char *text, const char *kind)
{
	char head[256];
	size_t n;

	text += text[0] == '/';
	n = strcspn(text, ":");
	if (n == 0 || n >= sizeof(head))
		return;
	memcpy(head, text, n);
	head[n] = '\0';
	reference_add(list, head, kind);
}

struct json_object *cm_spec_references(struct json_object *inspect)
{
	static const struct {
		const char *key, *kind;
	} modes[] = { { "NetworkMode", "network" }, { "IpcMode", "ipc" }, { "PidMode", "pid" } };
	static const struct {
		const char *key, *kind;
	} lists[] = { { "VolumesFrom", "volumes_from" }, { "Links", "link" } };
	struct json_object *list = json_object_new_array(), *host = cm_json_obj(inspect, "HostConfig");

	for (size_t i = 0; i < CM_COUNT(modes); i++) {
		const char *v = cm_json_str(host, modes[i].key, "");
		if (cm_str_has_prefix(v, "container:"))
			reference_add(list, v + strlen("container:"), modes[i].kind);
	}
	for (size_t i = 0; i < CM_COUNT(lists); i++) {
		struct json_object *a = cm_json_arr(host, lists[i].key);
		for (size_t n = 0; n < cm_json_len(a) && n < SPEC_MAX_ITEMS; n++) {
			const char *text = json_object_get_string(json_object_array_get_idx(a, n));
			if (text != NULL)
				reference_add_head(list, text, lists[i].kind);
		}
	}
	return list;
}

struct json_object *cm_spec_masked(struct json_object *inspect)
{
	struct json_object *copy = cm_json_copy(inspect);
	struct json_object *config = cm_json_obj(copy, "Config"), *env = cm_json_arr(config, "Env");

	if (env != NULL)
		cm_json_set(config, "Env", spec_own_env(copy, NULL, CM_SPEC_MASK_ENV));
	return copy;
}
