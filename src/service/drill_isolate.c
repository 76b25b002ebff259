/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/drill_isolate.h"

#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/container_spec.h"
#include "service/drill_isolate_int.h"
#include "service/engine.h"

enum { MOUNTS_MAX = 1024 };

struct isolation {
	struct cm_restore_source *s;
	const struct cm_drill_place *place;
	struct json_object *notes;
	char *name;		     /* of container and network */
	struct json_object *volumes; /* the new list */
	struct json_object *known;   /* {"v:name" or "b:source": entry of volumes}; borrowed references */
	struct json_object *binds;   /* HostConfig.Binds to be */
	struct json_object *mounts;  /* HostConfig.Mounts to be */
};

static struct json_object *find(struct json_object *list, const char *key, const char *value)
{
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		if (cm_str_eq(cm_json_str(o, key, NULL), value))
			return o;
	}
	return NULL;
}

static struct json_object *own_label(const struct isolation *c)
{
	struct json_object *labels = json_object_new_object();

	cm_json_set_str(labels, CM_DRILL_LABEL, c->place->tag);
	return labels;
}

/* A volume of the drill that gets the content of this entry (NULL: none); the same for the same key. Borrowed. */
static struct json_object *scratch(struct isolation *c, const char *kind, const char *id, struct json_object *entry,
				   const char *destination)
{
	cm_autofree char *key = cm_asprintf("%s:%s", kind, id), *name = NULL;
	struct json_object *o = cm_json_obj(c->known, key);

	if (o != NULL)
		return o;
	o = entry ? cm_json_copy(entry) : json_object_new_object();
	name = cm_asprintf("%s-%zu", c->name, cm_json_len(c->volumes));
	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "destination", destination);
	cm_json_set_str(o, "driver", "local");
	cm_json_set(o, "options", NULL);
	cm_json_set(o, "labels", own_label(c));
	cm_json_set_bool(o, "anonymous", false);
	cm_json_set_bool(o, "from_other", false);
	cm_json_set_bool(o, "no_copy", strcmp(kind, "b") == 0);
	if (entry == NULL)
		cm_json_set_str(o, "state", "missing");
	json_object_array_add(c->volumes, o);
	json_object_object_add(c->known, key, json_object_get(o));
	return o;
}

static bool is_saved(struct json_object *entry)
{
	return cm_str_eq(cm_json_str(entry, "state", ""), "saved");
}

static void bind_add(struct isolation *c, const char *volume, struct json_object *mount, bool no_copy)
{
	cm_autofree char *text = cm_asprintf("%s:%s:%s%s", volume, cm_json_str(mount, "Destination", ""),
					     cm_json_bool(mount, "RW", true) ? "rw" : "ro", no_copy ? ",nocopy" : "");

	cm_json_add_str(c->binds, text);
}

/* Something inside a volume of ours, by its path on the host. The engine makes no folder for a mount of this kind: a
 * path that is wrong is an error. */
static void inside_add(struct isolation *c, const char *volume, const char *inside, struct json_object *mount)
{
	cm_autofree char *path = cm_asprintf("%s/volumes/%s/_data/%s", c->place->root, volume, inside);
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "Type", "bind");
	cm_json_set_str(o, "Source", path);
	cm_json_set_str(o, "Target", cm_json_str(mount, "Destination", ""));
	cm_json_set_bool(o, "ReadOnly", !cm_json_bool(mount, "RW", true));
	json_object_array_add(c->mounts, o);
}

/* The folder of the volume that was mounted in its place, or "". */
static const char *subpath(const struct isolation *c, const char *destination)
{
	struct json_object *mounts = cm_json_at(c->s->inspect, "HostConfig.Mounts");
	struct json_object *m = find(mounts, "Target", destination);

	return cm_json_str_at(m, "VolumeOptions.Subpath", "");
}

static void volume_mount(struct isolation *c, struct json_object *mount)
{
	const char *name = cm_json_str(mount, "Name", ""), *destination = cm_json_str(mount, "Destination", "");
	struct json_object *entry = find(c->s->volumes, "name", name);
	const char *inside = subpath(c, destination);
	struct json_object *o = scratch(c, "v", name, entry, destination);

	if (!is_saved(entry))
		cm_drill_note(c->notes, "The volume %s is not in the backup: %s is empty here.", name, destination);
	if (inside[0] != '\0' && is_saved(entry) && strstr(inside, "..") == NULL)
		inside_add(c, cm_json_str(o, "name", ""), inside + strspn(inside, "/"), mount);
	else
		bind_add(c, cm_json_str(o, "name", ""), mount, false);
}

static bool in_system_folder(const char *path)
{
	static const char *const folders[] = { "/dev", "/proc", "/sys" };

	for (size_t i = 0; i < CM_COUNT(folders); i++) {
		size_t n = strlen(folders[i]);
		if (strncmp(path, folders[i], n) == 0 && (path[n] == '/' || path[n] == '\0'))
			return true;
	}
	return false;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void bind_mount(struct isolation *c, struct json_object *mount)
{
	const char *source = cm_json_str(mount, "Source", ""), *destination = cm_json_str(mount, "Destination", "");
	struct json_object *entry = find(c->s->binds, "source", source), *o;
	bool is_folder = cm_str_eq(cm_json_str(entry, "kind", ""), "folder");

	if (in_system_folder(destination) || (!is_folder && !is_saved(entry))) {
		cm_drill_note(c->notes, "%s of the host is not given to it: %s is left out.", source, destination);
		return;
	}
	if (!is_saved(entry))
		cm_drill_note(c->notes, "%s of the host is not in the backup: %s is empty here.", source, destination);
	o = scratch(c, "b", source, entry, destination);
	if (is_folder)
		bind_add(c, cm_json_str(o, "name", ""), mount, true);
	else
		inside_add(c, cm_json_str(o, "name", ""), base_name(source), mount);
}

/* tmpfs that were given as mounts: nothing of the host. */
static void tmpfs_mounts(struct isolation *c)
{
	struct json_object *mounts = cm_json_at(c->s->inspect, "HostConfig.Mounts");

	for (size_t i = 0; i < cm_json_len(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		if (cm_str_eq(cm_json_str(m, "Type", ""), "tmpfs"))
			json_object_array_add(c->mounts, cm_json_copy(m));
	}
}

static int all_mounts(struct isolation *c, struct cm_err *err)
{
	struct json_object *list = cm_json_arr(c->s->inspect, "Mounts");

	if (cm_json_len(list) > MOUNTS_MAX)
		return cm_err_set(err, CM_EUNSUPPORTED, "The container has more mounts than any drill can have.");
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *m = json_object_array_get_idx(list, i);
		const char *type = cm_json_str(m, "Type", ""), *destination = cm_json_str(m, "Destination", "");
		if (destination[0] != '/' || strchr(destination, ':') != NULL)
			return cm_err_set(err, CM_EUNSUPPORTED, "The container has a mount that cannot be read.");
		if (strcmp(type, "volume") == 0)
			volume_mount(c, m);
		else if (strcmp(type, "bind") == 0)
			bind_mount(c, m);
		else if (strcmp(type, "tmpfs") != 0)
			cm_drill_note(c->notes, "The mount at %s (%s) is left out.", destination, type);
	}
	tmpfs_mounts(c);
	return 0;
}

static struct json_object *network_make(const struct isolation *c)
{
	static const char *const options[][2] = {
		/* The bridge has no address: by the first word for engines up to 27, by the others from then on. */
		{ "com.docker.network.bridge.inhibit_ipv4", "true" },
		{ "com.docker.network.bridge.gateway_mode_ipv4", "isolated" },
		{ "com.docker.network.bridge.gateway_mode_ipv6", "isolated" },
	};
	struct json_object *n = json_object_new_object(), *o = json_object_new_object();

	for (size_t i = 0; i < CM_COUNT(options); i++)
		cm_json_set_str(o, options[i][0], options[i][1]);
	cm_json_set_str(n, "Name", c->name);
	cm_json_set_str(n, "Driver", "bridge");
	cm_json_set_bool(n, "Internal", true);
	cm_json_set_bool(n, "EnableIPv6", false);
	cm_json_set(n, "Options", o);
	cm_json_set(n, "Labels", own_label(c));
	return n;
}

/* It may call itself by the names it had. */
static struct json_object *own_names(struct json_object *inspect)
{
	struct json_object *names = json_object_new_array(), *nets = cm_json_at(inspect, "NetworkSettings.Networks");
	const char *own = cm_spec_name(inspect), *id = cm_json_str(inspect, "Id", "");

	if (cm_name_valid(own))
		cm_json_add_str(names, own);
	if (!json_object_is_type(nets, json_type_object))
		return names;
	json_object_object_foreach(nets, network, endpoint)
	{
		struct json_object *aliases = cm_json_arr(endpoint, "Aliases");
		(void)network;
		for (size_t i = 0; i < cm_json_len(aliases) && i < MOUNTS_MAX; i++) {
			const char *alias = json_object_get_string(json_object_array_get_idx(aliases, i));
			if (alias != NULL && !cm_str_has_prefix(id, alias) && !cm_str_eq(alias, own))
				cm_json_add_str(names, alias);
		}
	}
	return names;
}

static void network_isolate(struct isolation *c, struct json_object *inspect, struct json_object *host)
{
	const char *mode = cm_json_str(cm_json_obj(inspect, "HostConfig"), "NetworkMode", "");
	bool none = strcmp(mode, "none") == 0 || cm_json_bool(cm_json_obj(inspect, "Config"), "NetworkDisabled", false);
	struct json_object *settings = json_object_new_object(), *nets = json_object_new_object(), *endpoint;
	struct json_object *networks = json_object_new_array(), *dns = json_object_new_array();

	if (strcmp(mode, "host") == 0 || cm_str_has_prefix(mode, "container:"))
		cm_drill_note(c->notes, "It used the network of %s: here it has one of its own.",
			      strcmp(mode, "host") == 0 ? "the host" : "another container");
	cm_json_set_str(host, "NetworkMode", none ? "none" : c->name);
	if (!none) {
		endpoint = json_object_new_object();
		cm_json_set(endpoint, "Aliases", own_names(inspect));
		cm_json_set(nets, c->name, endpoint);
		json_object_array_add(networks, network_make(c));
		/* Questions for other names would leave through the engine; nobody answers here. */
		cm_json_add_str(dns, "127.0.0.1");
		cm_json_set(host, "Dns", json_object_get(dns));
	}
	json_object_put(dns);
	cm_json_set(settings, "Networks", nets);
	cm_json_set(inspect, "NetworkSettings", settings);
	json_object_put(c->s->networks);
	c->s->networks = networks;
}

static void inspect_isolate(struct isolation *c)
{
	struct json_object *inspect = cm_json_copy(c->s->inspect), *config = cm_json_obj(inspect, "Config"), *host;
	cm_autofree char *named = cm_asprintf("/%s", c->name);

	host = cm_drill_host(cm_json_obj(inspect, "HostConfig"), c->place, c->notes);
	network_isolate(c, inspect, host);
	cm_json_set(host, "Binds", json_object_get(c->binds));
	cm_json_set(host, "Mounts", json_object_get(c->mounts));
	cm_json_set(inspect, "HostConfig", host);
	cm_json_set(inspect, "Mounts", json_object_new_array());
	cm_json_set_str(inspect, "Name", named);
	cm_json_set(config, "Labels", own_label(c));
	json_object_object_del(config, "MacAddress");
	json_object_object_del(config, "Volumes");
	json_object_put(c->s->inspect);
	c->s->inspect = inspect;
}

int cm_drill_isolate(struct cm_restore_source *s, const struct cm_drill_place *place, struct json_object *notes,
		     struct cm_err *err)
{
	struct isolation c = { .s = s, .place = place, .notes = notes };
	int rc;

	if (cm_json_obj(s->inspect, "Config") == NULL || cm_json_obj(s->inspect, "HostConfig") == NULL)
		return cm_err_set(err, CM_EUNSUPPORTED, "The recorded configuration is not that of a container.");
	c.name = cm_asprintf("cm-drill-%s", place->tag);
	c.volumes = json_object_new_array();
	c.known = json_object_new_object();
	c.binds = json_object_new_array();
	c.mounts = json_object_new_array();
	rc = all_mounts(&c, err);
	if (rc == 0) {
		inspect_isolate(&c);
		json_object_put(s->volumes);
		s->volumes = json_object_get(c.volumes);
		json_object_put(s->binds);
		s->binds = json_object_new_array();
	}
	json_object_put(c.volumes);
	json_object_put(c.known);
	json_object_put(c.binds);
	json_object_put(c.mounts);
	free(c.name);
	return rc;
}
