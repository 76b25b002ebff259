/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_network.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/networks.h"
#include "service/own.h"
#include "web/view.h"

static struct json_object *pools_of(struct json_object *network)
{
	return cm_json_arr(cm_json_obj(network, "IPAM"), "Config");
}

void cm_view_network_subnets(char dst[600], struct json_object *network)
{
	struct json_object *pools = pools_of(network);
	size_t len = 0;

	dst[0] = '\0';
	for (size_t i = 0; i < cm_json_len(pools) && len < 500; i++)
		len += (size_t)snprintf(dst + len, 600 - len, "%s%.60s", len > 0 ? ", " : "",
					cm_json_str(json_object_array_get_idx(pools, i), "Subnet", ""));
}

/* The predecessor's three texts are of the first pool; ours are lists. */
static void pools_view(struct json_object *o, struct json_object *network)
{
	struct json_object *pools = pools_of(network), *list = json_object_new_array();
	struct json_object *first = cm_json_len(pools) > 0 ? json_object_array_get_idx(pools, 0) : NULL;

	cm_json_set_str(o, "subnet", cm_json_str(first, "Subnet", ""));
	cm_json_set_str(o, "gateway", cm_json_str(first, "Gateway", ""));
	cm_json_set_str(o, "ip_range", cm_json_str(first, "IPRange", ""));
	for (size_t i = 0; i < cm_json_len(pools); i++) {
		struct json_object *p = json_object_array_get_idx(pools, i), *l = json_object_new_object();
		const char *gateway = cm_json_str(p, "Gateway", ""), *range = cm_json_str(p, "IPRange", "");

		cm_json_set_str(l, "subnet", cm_json_str(p, "Subnet", ""));
		cm_json_set_str(l, "gateway", gateway[0] ? gateway : NULL);
		cm_json_set_str(l, "ip_range", range[0] ? range : NULL);
		json_object_array_add(list, l);
	}
	cm_json_set(o, "subnets", list);
	cm_json_set_bool(o, "has_subnets", cm_json_len(list) > 0);
}

static struct json_object *users_view(struct json_object *network, bool may)
{
	struct json_object *users = cm_json_arr(network, "Users"), *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(users); i++) {
		struct json_object *u = json_object_array_get_idx(users, i), *o = json_object_new_object();
		const char *four = cm_json_str(u, "ipv4", ""), *six = cm_json_str(u, "ipv6", "");

		cm_view_text(o, "id", "%.12s", cm_json_str(u, "id", ""));
		cm_json_set_str(o, "name", cm_json_str(u, "name", ""));
		cm_view_url(o, "url", "/container/%s", cm_json_str(o, "id", ""));
		cm_view_text(o, "address_text", "%s%s%s", four, four[0] && six[0] ? ", " : "", six);
		cm_json_set_bool(o, "is_running", cm_json_bool(u, "running", false));
		cm_json_set_bool(o, "can_disconnect", may);
		json_object_array_add(list, o);
	}
	return list;
}

static void urls_view(struct json_object *o, struct json_object *network, enum cm_role role, bool fixed, bool stays)
{
	const char *name = cm_json_str(network, "Name", ""), *id = cm_json_str(o, "id", "");
	bool admin = role >= CM_ROLE_ADMIN && !fixed;

	cm_view_url(o, "url", "/network/%s", id);
	cm_view_url(o, "containers_url", "/containers?network=%s", name);
	cm_json_set(o, "backup_url", NULL);
	cm_json_set(o, "delete_url", NULL);
	if (role >= CM_ROLE_DEVELOPER && !fixed)
		cm_view_url(o, "backup_url", "/network/%s/backup", id);
	if (admin && !stays)
		cm_view_url(o, "delete_url", "/networks/delete?network=%s", id);
	cm_json_set_bool(o, "can_select", admin);
	cm_json_set_bool(o, "can_remove", admin);
}

struct json_object *cm_view_network(struct json_object *network, enum cm_role role, int64_t now_ms)
{
	struct json_object *o = json_object_new_object();
	enum cm_own_kind own = (enum cm_own_kind)cm_json_int(network, "Own", CM_OWN_NOT);
	bool is_default = cm_json_bool(network, "IsDefault", false);
	size_t count = cm_json_len(cm_json_arr(network, "Users"));
	char stays[300], text[96];
	const char *why = cm_networks_stays(network, stays);
	int64_t created = 0;

	cm_json_set_str(o, "name", cm_json_str(network, "Name", ""));
	cm_view_text(o, "id", "%.12s", cm_json_str(network, "Id", ""));
	cm_json_set_str(o, "full_id", cm_json_str(network, "Id", ""));
	cm_json_set_str(o, "driver", cm_json_str(network, "Driver", ""));
	cm_json_set_str(o, "scope", cm_json_str(network, "Scope", ""));
	cm_json_set_bool(o, "internal", cm_json_bool(network, "Internal", false));
	cm_json_set_bool(o, "attachable", cm_json_bool(network, "Attachable", false));
	cm_json_set_bool(o, "ipv6", cm_json_bool(network, "EnableIPv6", false));
	cm_json_set_bool(o, "is_default", is_default);
	cm_json_set_bool(o, "is_self", own != CM_OWN_NOT);
	cm_json_set_str(o, "own_text", own != CM_OWN_NOT ? cm_own_word(own) : is_default ? "Docker's own" : NULL);
	pools_view(o, network);
	cm_json_set_int(o, "containers", (int64_t)count);
	cm_count_text(text, (int64_t)count, "container", "containers");
	cm_json_set_str(o, "containers_text", text);
	cm_json_set_bool(o, "in_use", count > 0);
	cm_json_set(o, "users", users_view(network, role >= CM_ROLE_ADMIN && own == CM_OWN_NOT && !is_default));
	cm_view_text(o, "stays_text", why ? "It %s" : NULL, why);
	if (!cm_time_parse(cm_json_str(network, "Created", ""), &created))
		created = 0;
	cm_view_time(o, "created", created, now_ms);
	urls_view(o, network, role, is_default || own != CM_OWN_NOT, why != NULL);
	return o;
}

static void pairs_terms(struct json_object *list, const char *prefix, struct json_object *pairs)
{
	if (!json_object_is_type(pairs, json_type_object))
		return;
	json_object_object_foreach(pairs, key, value)
	{
		cm_autofree char *term = cm_asprintf("%s %s", prefix, key);

		cm_view_term(list, term, value ? json_object_get_string(value) : "", true);
	}
}

void cm_view_network_page(struct json_object *data, struct json_object *network, enum cm_role role, int64_t now_ms)
{
	cm_autojson struct json_object *row = cm_view_network(network, role, now_ms);
	struct json_object *list = json_object_new_array(), *pools = pools_of(network);

	json_object_object_foreach(row, key, value) cm_json_set(data, key, json_object_get(value));
	cm_view_term(list, "Id", cm_json_str(network, "Id", ""), true);
	cm_view_term(list, "Driver", cm_json_str(network, "Driver", ""), true);
	cm_view_term(list, "Scope", cm_json_str(network, "Scope", ""), false);
	for (size_t i = 0; i < cm_json_len(pools); i++) {
		struct json_object *p = json_object_array_get_idx(pools, i);
		const char *gateway = cm_json_str(p, "Gateway", ""), *range = cm_json_str(p, "IPRange", "");

		cm_view_term(list, "Subnet", cm_json_str(p, "Subnet", ""), true);
		if (gateway[0] != '\0')
			cm_view_term(list, "Gateway", gateway, true);
		if (range[0] != '\0')
			cm_view_term(list, "Range for containers", range, true);
		pairs_terms(list, "Reserved for", cm_json_get(p, "AuxiliaryAddresses"));
	}
	cm_view_term(list, "IPv6", cm_json_bool(network, "EnableIPv6", false) ? "yes" : "no", false);
	cm_view_term(list, "Way out", cm_json_bool(network, "Internal", false) ? "none: it is internal" : "yes", false);
	cm_view_term(list, "Attachable", cm_json_bool(network, "Attachable", false) ? "yes" : "no", false);
	pairs_terms(list, "Option", cm_json_get(network, "Options"));
	pairs_terms(list, "Label", cm_json_get(network, "Labels"));
	cm_json_set(data, "about", list);
	cm_json_set(data, "connect_action", NULL);
	if (role >= CM_ROLE_ADMIN && !cm_json_bool(row, "is_default", false) && !cm_json_bool(row, "is_self", false))
		cm_view_url(data, "connect_action", "/network/%s/connect", cm_json_str(row, "id", ""));
	cm_view_url(data, "disconnect_action", "/network/%s/disconnect", cm_json_str(row, "id", ""));
}
