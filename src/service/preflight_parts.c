/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Preflight of what others may have: ports, volumes, bind mounts, networks.
 */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/network.h"
#include "service/network_restore.h"
#include "service/preflight.h"
#include "service/restore_plan.h"

static bool any_address(const char *ip)
{
	return ip[0] == '\0' || strcmp(ip, "0.0.0.0") == 0 || strcmp(ip, "::") == 0;
}

bool cm_preflight_ports_clash(const char *ip_a, const char *ip_b)
{
	bool six_a = strchr(ip_a, ':') != NULL, six_b = strchr(ip_b, ':') != NULL;

	/* "" is both families. */
	if (ip_a[0] != '\0' && ip_b[0] != '\0' && six_a != six_b)
		return false;
	return any_address(ip_a) || any_address(ip_b) || strcmp(ip_a, ip_b) == 0;
}

static const char *first_name(struct json_object *container)
{
	struct json_object *names = cm_json_arr(container, "Names");
	const char *name = cm_json_len(names) ? json_object_get_string(json_object_array_get_idx(names, 0)) : NULL;

	return name == NULL ? "another container" : name + (name[0] == '/');
}

/* Who publishes this port now; NULL: nobody that the engine knows. */
static const char *port_owner(const struct cm_restore_plan *p, const char *ip, int64_t port, const char *proto)
{
	for (size_t i = 0; i < cm_json_len(p->containers); i++) {
		struct json_object *c = json_object_array_get_idx(p->containers, i), *ports = cm_json_arr(c, "Ports");
		/* What the container of that name has is free once it is replaced; if it is not, its name is in the
		 * way. */
		if (cm_restore_plan_is_old(p, cm_json_str(c, "Id", NULL)))
			continue;
		for (size_t k = 0; k < cm_json_len(ports); k++) {
			struct json_object *o = json_object_array_get_idx(ports, k);
			if (cm_json_int(o, "PublicPort", 0) == port &&
			    cm_str_eq(cm_json_str(o, "Type", "tcp"), proto) &&
			    cm_preflight_ports_clash(cm_json_str(o, "IP", ""), ip))
				return first_name(c);
		}
	}
	return NULL;
}

void cm_preflight_ports(struct cm_restore_plan *p)
{
	cm_autojson struct json_object *ports = cm_spec_ports(p->source->inspect, p->options.port_overrides);

	for (size_t i = 0; i < cm_json_len(ports); i++) {
		struct json_object *o = json_object_array_get_idx(ports, i);
		const char *container = cm_json_str(o, "container", ""), *ip = cm_json_str(o, "ip", "");
		const char *slash = strchr(container, '/'), *owner;
		cm_autofree char *field = cm_asprintf("port:%s", container);
		uint64_t port;
		/* None, or a range: the engine picks a free one. */
		if (!cm_str_u64(cm_json_str(o, "host", ""), 1, 65535, &port))
			continue;
		owner = port_owner(p, ip, (int64_t)port, slash ? slash + 1 : "tcp");
		if (owner == NULL) {
			cm_finding_add(p->findings, CM_FINDING_OK, "PORT_FREE", field, NULL, "Port %s%s%llu is free",
				       ip, ip[0] ? ":" : "", (unsigned long long)port);
			continue;
		}
		cm_autofree char *hint = cm_asprintf("By the container %s. Choose another port.", owner);
		cm_finding_add(p->findings, p->start ? CM_FINDING_BLOCK : CM_FINDING_WARN, "PORT_TAKEN", field, hint,
			       "Port %s%s%llu is taken", ip, ip[0] ? ":" : "", (unsigned long long)port);
	}
}

/* "a, b and 2 others", of those that run. */
static void running_users(const struct cm_restore_volume *v, struct cm_buf *out)
{
	size_t shown = 0, more = 0;

	for (size_t i = 0; i < cm_json_len(v->users); i++) {
		struct json_object *u = json_object_array_get_idx(v->users, i);
		if (!cm_json_bool(u, "running", false))
			continue;
		if (shown < 3)
			cm_buf_printf(out, "%s%s", shown++ ? ", " : "", cm_json_str(u, "name", ""));
		else
			more++;
	}
	if (more > 0)
		cm_buf_printf(out, " and %zu more", more);
}

static void volume_replace(struct cm_restore_plan *p, const struct cm_restore_volume *v, const char *field)
{
	cm_autobuf struct cm_buf users = CM_BUF_INIT(4096);

	running_users(v, &users);
	if (users.len > 0) {
		cm_autofree char *hint = cm_asprintf("Stop it first: %s.", users.data);
		cm_finding_add(p->findings, CM_FINDING_BLOCK, "VOLUME_IN_USE", field, hint,
			       "Volume %s is in use by another running container", v->name);
		return;
	}
	cm_finding_add(p->findings, CM_FINDING_WARN, "VOLUME_REPLACED", field,
		       p->options.keep_old && p->old != NULL
			   ? "What is there now is kept in another volume."
			   : "What is there now is kept aside until the restored container runs, then removed.",
		       "Volume %s exists and will be replaced", v->name);
}

void cm_preflight_volumes(struct cm_restore_plan *p)
{
	for (size_t i = 0; i < p->volume_count; i++) {
		const struct cm_restore_volume *v = &p->volumes[i];
		cm_autofree char *field = cm_asprintf("volume:%s", v->recorded);
		switch (v->action) {
		case CM_RV_CREATE:
			cm_finding_add(p->findings, CM_FINDING_OK, "VOLUME_CREATED", field, NULL,
				       "Volume %s will be made", v->name);
			break;
		case CM_RV_REPLACE:
			volume_replace(p, v, field);
			break;
		case CM_RV_KEEP:
			cm_finding_add(p->findings, CM_FINDING_WARN, "VOLUME_KEPT", field,
				       "The container starts with the data that is there now, not with the data of the "
				       "backup.",
				       "Volume %s exists and will be kept", v->name);
			break;
		case CM_RV_BLOCKED:
			cm_finding_add(p->findings, CM_FINDING_BLOCK, "VOLUME_EXISTS", field,
				       "Say whether to keep it, to replace it, or to make a new one.",
				       "Volume %s already exists", v->name);
			break;
		case CM_RV_ANONYMOUS:
			cm_finding_add(p->findings, CM_FINDING_OK, "VOLUME_CREATED", field, NULL,
				       "The anonymous volume at %s will be made", v->destination);
			break;
		case CM_RV_OTHER:
			break;
		}
	}
}

/* Is path the folder itself or something in it? */
static bool path_within(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	while (n > 1 && folder[n - 1] == '/')
		n--;
	return strncmp(path, folder, n) == 0 && (path[n] == '\0' || path[n] == '/' || n == 1);
}

/* A running container, not the one that is replaced, that has this folder or a part of it. */
static const char *folder_user(const struct cm_restore_plan *p, const char *folder)
{
	for (size_t i = 0; i < cm_json_len(p->containers); i++) {
		struct json_object *c = json_object_array_get_idx(p->containers, i), *mounts = cm_json_arr(c, "Mounts");
		if (cm_restore_plan_is_old(p, cm_json_str(c, "Id", NULL)) ||
		    !cm_str_eq(cm_json_str(c, "State", ""), "running"))
			continue;
		for (size_t k = 0; k < cm_json_len(mounts); k++) {
			struct json_object *m = json_object_array_get_idx(mounts, k);
			const char *source = cm_json_str(m, "Source", "");
			if (cm_str_eq(cm_json_str(m, "Type", ""), "bind") &&
			    (path_within(source, folder) || path_within(folder, source)))
				return first_name(c);
		}
	}
	return NULL;
}

/* Another bind mount in this folder that shall stay as it is. */
static const char *kept_inside(const struct cm_restore_plan *p, const struct cm_restore_bind *b)
{
	for (size_t i = 0; i < p->bind_count; i++) {
		const struct cm_restore_bind *o = &p->binds[i];
		if (o != b && !o->write && o->state != CM_PATH_MISSING && path_within(o->source, b->source))
			return o->source;
	}
	return NULL;
}

static void bind_replaced(struct cm_restore_plan *p, const struct cm_restore_bind *b, const char *field)
{
	const char *user = folder_user(p, b->source), *inside = kept_inside(p, b);
	cm_autofree char *hint = NULL;

	if (user != NULL) {
		hint = cm_asprintf("Stop it first: %s.", user);
		cm_finding_add(p->findings, CM_FINDING_BLOCK, "BIND_IN_USE", field, hint,
			       "%s is in use by another running container", b->source);
	} else if (inside != NULL) {
		hint = cm_asprintf("%s lies in it and is to stay: replace both or none.", inside);
		cm_finding_add(p->findings, CM_FINDING_BLOCK, "BIND_NESTED", field, hint, "%s cannot be replaced alone",
			       b->source);
	} else {
		cm_finding_add(p->findings, CM_FINDING_WARN, "BIND_REPLACED", field,
			       "What is there now is kept aside until the restored container runs, then removed.",
			       "%s will be replaced", b->source);
	}
}

void cm_preflight_binds(struct cm_restore_plan *p)
{
	for (size_t i = 0; i < p->bind_count; i++) {
		const struct cm_restore_bind *b = &p->binds[i];
		cm_autofree char *field = cm_asprintf("bind:%s", b->source);
		bool missing = b->state == CM_PATH_MISSING;

		if (b->write && b->state == CM_PATH_PRESENT && !b->is_file)
			bind_replaced(p, b, field);
		else if (b->write)
			cm_finding_add(p->findings, CM_FINDING_OK, "BIND_RESTORED", field, NULL, "%s will be restored",
				       b->source);
		else if (missing)
			cm_finding_add(p->findings, CM_FINDING_WARN, "BIND_MISSING", field,
				       b->has_data ? "The container gets an empty folder there."
						   : "The backup does not hold it. The container gets an empty folder "
						     "there.",
				       "%s is not on this host", b->source);
		else if (b->state == CM_PATH_UNKNOWN)
			cm_finding_add(p->findings, CM_FINDING_WARN, "BIND_UNKNOWN", field, NULL,
				       "Whether %s is on this host was not looked at", b->source);
		else if (b->is_file && b->choice == CM_BIND_REPLACE && b->has_data)
			cm_finding_add(
			    p->findings, CM_FINDING_WARN, "BIND_FILE_KEPT", field,
			    "A single file that exists is never overwritten. Remove it first if it shall come "
			    "from the backup.",
			    "%s stays as it is", b->source);
		else
			cm_finding_add(p->findings, CM_FINDING_OK, "BIND_KEPT", field,
				       b->has_data ? "The content of the backup is not used." : NULL,
				       "%s is on this host and stays as it is", b->source);
	}
}

static const char *subnet_text(struct json_object *network)
{
	struct json_object *configs = cm_json_arr(cm_json_obj(network, "IPAM"), "Config");
	return cm_json_len(configs) ? cm_json_str(json_object_array_get_idx(configs, 0), "Subnet", "no addresses")
				    : "no addresses";
}

/* The static addresses of our container must lie in the existing network, and be free there. */
static void check_addresses(struct cm_restore_plan *p, const struct cm_restore_network *n)
{
	static const struct {
		const char *ipam, *endpoint;
	} families[] = { { "IPv4Address", "IPv4Address" }, { "IPv6Address", "IPv6Address" } };
	struct json_object *nets = cm_json_obj(cm_json_obj(p->source->inspect, "NetworkSettings"), "Networks");
	struct json_object *ipam = cm_json_obj(cm_json_obj(nets, n->name), "IPAMConfig");
	cm_autojson struct json_object *full = NULL;
	struct json_object *members;

	if (p->beside || ipam == NULL || cm_network_inspect(p->d, n->name, &full, NULL) != 0)
		return;
	members = cm_json_obj(full, "Containers");
	for (size_t f = 0; f < CM_COUNT(families); f++) {
		const char *wanted = cm_json_str(ipam, families[f].ipam, "");
		size_t len = strlen(wanted);
		if (len == 0)
			continue;
		if (!cm_network_holds(full, wanted)) {
			cm_finding_add(p->findings, CM_FINDING_BLOCK, "SUBNET_DIFFERS", NULL,
				       "Remove or rename that network, so that it can be made as recorded.",
				       "Network %s exists with other addresses (%s): %s does not fit in", n->name,
				       subnet_text(full), wanted);
			continue;
		}
		if (members == NULL)
			continue;
		json_object_object_foreach(members, id, member)
		{
			const char *has = cm_json_str(member, families[f].endpoint, "");
			if (strncmp(has, wanted, len) == 0 && (has[len] == '/' || has[len] == '\0') &&
			    !cm_restore_plan_is_old(p, id))
				cm_finding_add(p->findings, CM_FINDING_BLOCK, "ADDRESS_TAKEN", NULL,
					       "Stop or move that container first.",
					       "The address %s in network %s belongs to %s now", wanted, n->name,
					       cm_json_str(member, "Name", "another container"));
		}
	}
}

static void network_exists(struct cm_restore_plan *p, const struct cm_restore_network *n)
{
	if (n->recorded != NULL && !n->guessed && !cm_network_same(n->recorded, n->existing))
		cm_finding_add(p->findings, CM_FINDING_WARN, "NETWORK_DIFFERS", NULL, "It is used as it is.",
			       "Network %s exists with other addresses (%s) than recorded", n->name,
			       subnet_text(n->existing));
	else
		cm_finding_add(p->findings, CM_FINDING_OK, "NETWORK_EXISTS", NULL, NULL, "Network %s exists", n->name);
	check_addresses(p, n);
}

static bool is_swarm(struct json_object *network)
{
	return cm_str_eq(cm_json_str(network, "Scope", "local"), "swarm") ||
	       cm_str_eq(cm_json_str(network, "Driver", ""), "overlay");
}

void cm_preflight_networks(struct cm_restore_plan *p)
{
	for (size_t i = 0; i < p->network_count; i++) {
		const struct cm_restore_network *n = &p->networks[i];
		if (n->action == CM_RN_EXISTS) {
			network_exists(p, n);
		} else if (n->action == CM_RN_UNKNOWN) {
			cm_finding_add(p->findings, CM_FINDING_BLOCK, "NETWORK_MISSING", NULL,
				       "Make the network first.",
				       "Network %s is not on this host, and the backup does not describe it", n->name);
		} else if (is_swarm(n->recorded) &&
			   !cm_str_eq(cm_json_str_at(p->info, "Swarm.LocalNodeState", ""), "active")) {
			cm_finding_add(p->findings, CM_FINDING_BLOCK, "NETWORK_MISSING", NULL,
				       "It belongs to a swarm: join this host to one, or make a network of that name.",
				       "Network %s is not on this host", n->name);
		} else if (n->overlaps != NULL && n->action == CM_RN_CREATE) {
			cm_finding_add(p->findings, CM_FINDING_BLOCK, "SUBNET_TAKEN", NULL,
				       "The container asks for a fixed address there. Remove or change that network.",
				       "Network %s cannot be made: %s has its addresses (%s)", n->name, n->overlaps,
				       subnet_text(n->recorded));
		} else if (n->overlaps != NULL) {
			cm_finding_add(p->findings, CM_FINDING_WARN, "SUBNET_TAKEN_OTHER", NULL,
				       "The engine chooses other addresses.",
				       "Network %s will be made with other addresses: %s has the recorded ones",
				       n->name, n->overlaps);
		} else if (n->guessed) {
			cm_finding_add(p->findings, CM_FINDING_WARN, "NETWORK_GUESSED", NULL,
				       "The backup knows only the container's side of it: labels and options are not "
				       "recorded.",
				       "Network %s will be made as a bridge with %s", n->name,
				       subnet_text(n->recorded));
		} else {
			cm_finding_add(p->findings, CM_FINDING_OK, "NETWORK_CREATED", NULL, NULL,
				       "Network %s will be made again", n->name);
		}
	}
}
