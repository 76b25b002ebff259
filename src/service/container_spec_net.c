/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/container_spec_int.h"

#include <string.h>

#include "core/mem.h"
#include "core/str.h"
#include "service/network_restore.h"

enum { API_SEVERAL_ENDPOINTS = 44 };

/* Engines before 1.44 append the short id, and then a host name that is not the container's name, to the aliases. */
struct json_object *spec_own_aliases(struct json_object *inspect, struct json_object *endpoint)
{
	struct json_object *all = cm_json_arr(endpoint, "Aliases"), *own;
	const char *hostname = cm_json_str_at(inspect, "Config.Hostname", "");
	char short_id[SPEC_SHORT_ID + 1];
	bool after_id = false;

	if (cm_json_len(all) == 0)
		return NULL;
	spec_short_id(inspect, short_id);
	own = json_object_new_array();
	for (size_t i = 0; i < cm_json_len(all) && i < SPEC_MAX_ITEMS; i++) {
		const char *alias = json_object_get_string(json_object_array_get_idx(all, i));
		bool is_id = cm_str_eq(alias, short_id);
		if (!is_id && !(after_id && cm_str_eq(alias, hostname)))
			cm_json_add_str(own, alias);
		after_id = is_id;
	}
	if (json_object_array_length(own) == 0) {
		json_object_put(own);
		return NULL;
	}
	return own;
}

static struct json_object *endpoint_links(struct json_object *links, struct json_object *refs)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(links) && i < SPEC_MAX_ITEMS; i++) {
		cm_autofree char *text = cm_strdup(json_object_get_string(json_object_array_get_idx(links, i)));
		char *alias = text ? strchr(text, ':') : NULL;
		if (text == NULL)
			continue;
		if (alias != NULL)
			*alias++ = '\0';
		const char *name = cm_json_str(refs, text, text);
		cm_autofree char *out = alias ? cm_asprintf("%s:%s", name, alias) : cm_strdup(name);
		cm_json_add_str(list, out);
	}
	return list;
}

/* Only what a user can have asked for: the addresses an endpoint had are the engine's business. */
static struct json_object *endpoint_config(struct json_object *inspect, struct json_object *recorded,
					   const struct cm_spec_options *opt)
{
	static const char *const kept[] = { "DriverOpts", "GwPriority" };
	struct json_object *e = json_object_new_object(), *ipam = cm_json_obj(recorded, "IPAMConfig");
	struct json_object *aliases = opt->drop_aliases ? NULL : spec_own_aliases(inspect, recorded);
	const char *mac = cm_json_str(recorded, "MacAddress", "");

	if (ipam != NULL && !opt->drop_addresses)
		json_object_object_add(e, "IPAMConfig", cm_json_copy(ipam));
	if (aliases != NULL)
		json_object_object_add(e, "Aliases", aliases);
	if (cm_json_len(cm_json_arr(recorded, "Links")) > 0)
		json_object_object_add(e, "Links", endpoint_links(cm_json_arr(recorded, "Links"), opt->container_refs));
	for (size_t i = 0; i < CM_COUNT(kept); i++) {
		struct json_object *v = cm_json_get(recorded, kept[i]);
		if (v != NULL)
			json_object_object_add(e, kept[i], cm_json_copy(v));
	}
	if (opt->keep_mac && mac[0] != '\0')
		cm_json_set_str(e, "MacAddress", mac);
	return e;
}

static const char *network_name(const struct cm_spec_options *opt, const char *recorded)
{
	return opt->network_names ? cm_json_str(opt->network_names, recorded, recorded) : recorded;
}

/* Which of the recorded networks the network mode means; NULL when it is none of them. */
static const char *first_network(struct json_object *inspect, struct json_object *nets)
{
	const char *mode = cm_json_str_at(inspect, "HostConfig.NetworkMode", "");
	const char *wanted = strcmp(mode, "default") == 0 || mode[0] == '\0' ? "bridge" : mode;

	json_object_object_foreach(nets, name, value)
	{
		const char *id = cm_json_str(value, "NetworkID", "");
		if (strcmp(name, wanted) == 0 || (strlen(mode) >= SPEC_SHORT_ID && cm_str_has_prefix(id, mode)))
			return name;
	}
	return NULL;
}

static void connect_add(struct cm_spec *spec, const char *network, struct json_object *endpoint)
{
	struct json_object *c = json_object_new_object();
	cm_json_set_str(c, "network", network);
	cm_json_set(c, "endpoint", endpoint);
	json_object_array_add(spec->connects, c);
}

/* The request joins the network of the mode; if the user had left that one, we leave it again. */
static void network_left(const struct cm_spec_options *opt, struct cm_spec *spec)
{
	const char *mode = cm_json_str_at(spec->body, "HostConfig.NetworkMode", "");

	(void)opt;
	if (mode[0] == '\0' || strcmp(mode, "default") == 0)
		mode = "bridge";
	cm_json_add_str(spec->disconnects, mode);
}

void spec_network(struct json_object *inspect, const struct cm_spec_options *opt, struct cm_spec *spec)
{
	struct json_object *nets = cm_json_obj(cm_json_obj(inspect, "NetworkSettings"), "Networks");
	const char *mode = cm_json_str_at(inspect, "HostConfig.NetworkMode", "");
	struct json_object *endpoints = json_object_new_object(), *networking;
	const char *first;

	if (nets == NULL || cm_str_has_prefix(mode, "container:") || strcmp(mode, "host") == 0 ||
	    strcmp(mode, "none") == 0 || cm_json_bool(cm_json_obj(inspect, "Config"), "NetworkDisabled", false)) {
		json_object_put(endpoints);
		return;
	}
	first = first_network(inspect, nets);
	if (first == NULL)
		network_left(opt, spec);
	json_object_object_foreach(nets, name, value)
	{
		struct json_object *e = endpoint_config(inspect, value, opt);
		const char *target = network_name(opt, name);
		bool is_first = first != NULL && strcmp(name, first) == 0;
		if (is_first && cm_network_is_default(name) && json_object_object_length(e) == 0)
			json_object_put(e);
		else if (is_first || (opt->api_minor >= API_SEVERAL_ENDPOINTS && first != NULL))
			json_object_object_add(endpoints, target, e);
		else
			connect_add(spec, target, e);
	}
	if (json_object_object_length(endpoints) == 0) {
		json_object_put(endpoints);
		return;
	}
	networking = json_object_new_object();
	json_object_object_add(networking, "EndpointsConfig", endpoints);
	cm_json_set(spec->body, "NetworkingConfig", networking);
}
