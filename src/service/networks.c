/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/networks.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/network.h"
#include "service/containers.h"
#include "service/engine.h"
#include "service/network_restore.h"
#include "service/networks_int.h"
#include "service/own.h"

enum { ASK_MS = 10000, NAMED = 3 };

void cm_networks_audit(const char *operation, const char *network, const char *container, const struct cm_actor *actor,
		       const struct cm_err *why, struct json_object *details)
{
	cm_autojson struct json_object *all = details ? cm_json_copy(details) : json_object_new_object();
	struct cm_audit_event event = { .operation = operation,
					.status = why != NULL ? "error" : "completed",
					.container_name = container,
					.backup_filename = cm_json_str(details, "filename", NULL),
					.error = why != NULL ? why->text : NULL,
					.user = actor->user,
					.address = actor->address,
					.details = all };

	cm_json_set_str(all, "network", network);
	(void)cm_audit(&event, NULL);
}

/* The endpoint of a listed container in this network; NULL: none. A stopped one may know the name alone. */
static struct json_object *endpoint_of(struct json_object *container, const char *id, const char *name)
{
	struct json_object *all = cm_json_at(container, "NetworkSettings.Networks");

	if (!json_object_is_type(all, json_type_object))
		return NULL;
	json_object_object_foreach(all, key, endpoint)
	{
		const char *network = cm_json_str(endpoint, "NetworkID", "");

		if (network[0] != '\0' ? cm_str_eq(network, id) : cm_str_eq(key, name))
			return endpoint;
	}
	return NULL;
}

static struct json_object *users_of(struct json_object *containers, struct json_object *network)
{
	const char *id = cm_json_str(network, "Id", ""), *name = cm_json_str(network, "Name", "");
	struct json_object *users = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(containers); i++) {
		struct json_object *c = json_object_array_get_idx(containers, i), *e = endpoint_of(c, id, name), *o;
		const char *state = cm_json_str(c, "State", "");

		if (e == NULL)
			continue;
		o = json_object_new_object();
		cm_json_set_str(o, "id", cm_json_str(c, "Id", ""));
		cm_json_set_str(o, "name", cm_containers_entry_name(c));
		cm_json_set_str(o, "ipv4", cm_json_str(e, "IPAddress", ""));
		cm_json_set_str(o, "ipv6", cm_json_str(e, "GlobalIPv6Address", ""));
		cm_json_set_bool(o, "running",
				 cm_str_eq(state, "running") || cm_str_eq(state, "paused") ||
				     cm_str_eq(state, "restarting"));
		json_object_array_add(users, o);
	}
	return users;
}

static void complete(struct json_object *network, struct json_object *containers)
{
	cm_json_set(network, "Users", users_of(containers, network));
	cm_json_set_int(network, "Own", cm_own_network(network));
	cm_json_set_bool(network, "IsDefault", cm_network_is_default(cm_json_str(network, "Name", "")));
}

/* The engine, which is given a moment, and its containers. Caller puts *ret_containers. */
static int ask_begin(const struct cm_app *app, struct cm_docker **ret, struct json_object **ret_containers,
		     struct cm_err *err)
{
	int rc = cm_engine_containers(app, ret_containers, err);

	rc = rc < 0 ? rc : cm_engine_get(app, ret, err);
	if (rc == 0)
		cm_docker_set_timeout(*ret, ASK_MS);
	return rc;
}

int cm_networks_list(const struct cm_app *app, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *containers = NULL;
	struct json_object *list;
	struct cm_docker *d;
	int rc = ask_begin(app, &d, &containers, err);

	rc = rc < 0 ? rc : cm_network_list(d, NULL, &list, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < cm_json_len(list); i++)
		complete(json_object_array_get_idx(list, i), containers);
	*ret = list;
	return 0;
}

int cm_networks_look(const struct cm_app *app, const char *id, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *containers = NULL;
	struct json_object *network;
	struct cm_docker *d;
	int rc = ask_begin(app, &d, &containers, err);

	rc = rc < 0 ? rc : cm_network_inspect(d, id, &network, err);
	if (rc < 0)
		return rc;
	complete(network, containers);
	*ret = network;
	return 0;
}

const char *cm_networks_stays(struct json_object *network, char why[300])
{
	struct json_object *users = cm_json_arr(network, "Users");
	size_t count = cm_json_len(users), len = 0;

	if (cm_json_bool(network, "IsDefault", false)) {
		snprintf(why, 300, "is Docker's own network");
		return why;
	}
	if (cm_json_int(network, "Own", CM_OWN_NOT) != CM_OWN_NOT) {
		snprintf(why, 300, "belongs to this program");
		return why;
	}
	if (count == 0)
		return NULL;
	len = (size_t)snprintf(why, 300, "is used by ");
	for (size_t i = 0; i < count && i < NAMED; i++)
		len += (size_t)snprintf(why + len, 300 - len, "%s%.70s", i == 0 ? "" : ", ",
					cm_json_str(json_object_array_get_idx(users, i), "name", ""));
	if (count > NAMED)
		snprintf(why + len, 300 - len, " and %zu more", count - NAMED);
	return why;
}

/* Caller puts *ret. */
static int look_changeable(const struct cm_app *app, const char *id, struct json_object **ret, struct cm_err *err)
{
	struct json_object *network;
	int rc = cm_networks_look(app, id, &network, err);

	if (rc < 0)
		return rc;
	rc = cm_own_refuse(cm_own_network(network), "network", cm_json_str(network, "Name", id), err);
	if (rc < 0)
		json_object_put(network);
	else
		*ret = network;
	return rc;
}

int cm_networks_create(const struct cm_app *app, struct json_object *config, const struct cm_actor *actor,
		       char **ret_id, struct cm_err *err)
{
	const char *name = cm_json_str(config, "Name", "");
	cm_autojson struct json_object *existing = NULL;
	struct cm_err why = { 0 };
	struct cm_docker *d;
	int rc = cm_engine_get(app, &d, err);

	if (rc < 0)
		return rc;
	/* Newer engines let two networks have one name. */
	if (cm_network_inspect(d, name, &existing, NULL) == 0 && cm_str_eq(cm_json_str(existing, "Name", ""), name))
		rc = cm_err_set(&why, CM_EEXIST, "Network %s already exists", name);
	rc = rc < 0 ? rc : cm_network_create(d, config, ret_id, &why);
	if (rc == CM_EUPSTREAM) /* addresses and options that make no sense come back so */
		rc = why.code = CM_EINVAL;
	cm_engine_changed();
	cm_networks_audit("network_create", name, NULL, actor, rc < 0 ? &why : NULL, NULL);
	if (rc < 0 && err != NULL)
		*err = why;
	return rc;
}

int cm_networks_remove(const struct cm_app *app, const char *id, const struct cm_actor *actor, char **ret_name,
		       struct cm_err *err)
{
	cm_autojson struct json_object *network = NULL;
	struct cm_err why = { 0 };
	struct cm_docker *d;
	const char *name;
	char stays[300];
	int rc = look_changeable(app, id, &network, err);

	rc = rc < 0 ? rc : cm_engine_get(app, &d, err);
	if (rc < 0)
		return rc;
	name = cm_json_str(network, "Name", id);
	if (ret_name != NULL)
		*ret_name = cm_strdup(name);
	if (cm_networks_stays(network, stays) != NULL)
		rc = cm_err_set(&why, cm_json_bool(network, "IsDefault", false) ? CM_EUNSUPPORTED : CM_EINUSE,
				"%s %s: it cannot be deleted.%s", name, stays,
				cm_json_bool(network, "IsDefault", false) ? "" : " Disconnect its containers first.");
	rc = rc < 0 ? rc : cm_network_remove(d, cm_json_str(network, "Id", id), &why);
	cm_engine_changed();
	cm_networks_audit("network_delete", name, NULL, actor, rc < 0 ? &why : NULL, NULL);
	if (rc < 0 && err != NULL)
		*err = why;
	return rc;
}

static struct json_object *endpoint_make(const char *ipv4, const char *ipv6, struct json_object *aliases)
{
	struct json_object *o = json_object_new_object(), *ipam = json_object_new_object();

	if (ipv4 != NULL && ipv4[0] != '\0')
		cm_json_set_str(ipam, "IPv4Address", ipv4);
	if (ipv6 != NULL && ipv6[0] != '\0')
		cm_json_set_str(ipam, "IPv6Address", ipv6);
	cm_json_set(o, "IPAMConfig", ipam);
	if (cm_json_len(aliases) > 0)
		cm_json_set(o, "Aliases", json_object_get(aliases));
	return o;
}

int cm_networks_connect(const struct cm_app *app, const char *id, const char *container, const char *ipv4,
			const char *ipv6, struct json_object *aliases, const struct cm_actor *actor, struct cm_err *err)
{
	cm_autojson struct json_object *network = NULL, *inspect = NULL, *endpoint = NULL;
	struct cm_err why = { 0 };
	struct cm_docker *d;
	int rc = look_changeable(app, id, &network, err);

	rc = rc < 0 ? rc : cm_containers_look(app, container, &inspect, err);
	rc = rc < 0 ? rc : cm_engine_get(app, &d, err);
	if (rc < 0)
		return rc;
	endpoint = endpoint_make(ipv4, ipv6, aliases);
	rc = cm_network_connect(d, cm_json_str(network, "Id", id), cm_json_str(inspect, "Id", container), endpoint,
				&why);
	if (rc == CM_EUPSTREAM)
		rc = why.code = CM_EINVAL;
	cm_engine_changed();
	cm_networks_audit("network_connect", cm_json_str(network, "Name", id), container, actor, rc < 0 ? &why : NULL,
			  NULL);
	if (rc < 0 && err != NULL)
		*err = why;
	return rc;
}

int cm_networks_disconnect(const struct cm_app *app, const char *id, const char *container, bool force,
			   const struct cm_actor *actor, struct cm_err *err)
{
	cm_autojson struct json_object *network = NULL, *inspect = NULL;
	struct cm_err why = { 0 };
	struct cm_docker *d;
	int rc = look_changeable(app, id, &network, err);

	rc = rc < 0 ? rc : cm_containers_look(app, container, &inspect, err);
	rc = rc < 0 ? rc : cm_engine_get(app, &d, err);
	if (rc < 0)
		return rc;
	rc = cm_network_disconnect(d, cm_json_str(network, "Id", id), cm_json_str(inspect, "Id", container), force,
				   &why);
	cm_engine_changed();
	cm_networks_audit("network_disconnect", cm_json_str(network, "Name", id), container, actor,
			  rc < 0 ? &why : NULL, NULL);
	if (rc < 0 && err != NULL)
		*err = why;
	return rc;
}
