/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/network_restore.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/str.h"

enum { NETWORK_MAX_CONFIGS = 64 };

bool cm_network_is_default(const char *name)
{
	static const char *const names[] = { "bridge", "host", "none", "default", "ingress", "docker_gwbridge", "nat" };

	for (size_t i = 0; i < CM_COUNT(names); i++)
		if (cm_str_eq(name, names[i]))
			return true;
	return false;
}

/* Copies the member when it says something. */
static void body_copy(struct json_object *from, const char *key, struct json_object *to)
{
	struct json_object *v = cm_json_get(from, key);

	if (v == NULL || (json_object_is_type(v, json_type_object) && json_object_object_length(v) == 0) ||
	    (json_object_is_type(v, json_type_array) && json_object_array_length(v) == 0) ||
	    (json_object_is_type(v, json_type_string) && json_object_get_string_len(v) == 0))
		return;
	json_object_object_add(to, key, cm_json_copy(v));
}

/* Inspect shows the gateway of an IPv6 network with a prefix length on some engines; create refuses that. */
static void config_gateway(struct json_object *config)
{
	const char *gateway = cm_json_str(config, "Gateway", "");
	const char *slash = strchr(gateway, '/');

	if (slash != NULL) {
		cm_autofree char *plain = cm_strndup(gateway, (size_t)(slash - gateway));
		cm_json_set_str(config, "Gateway", plain);
	}
}

static struct json_object *ipam_body(struct json_object *recorded, bool without_subnets)
{
	struct json_object *ipam = json_object_new_object(), *configs = cm_json_arr(recorded, "Config"), *list;

	body_copy(recorded, "Driver", ipam);
	/* An empty one is not the same as none: the engine shows what it was given. */
	if (cm_json_obj(recorded, "Options") != NULL)
		json_object_object_add(ipam, "Options", cm_json_copy(cm_json_obj(recorded, "Options")));
	if (without_subnets || cm_json_len(configs) == 0)
		return ipam;
	list = json_object_new_array();
	for (size_t i = 0; i < cm_json_len(configs) && i < NETWORK_MAX_CONFIGS; i++) {
		static const char *const keys[] = { "Subnet", "IPRange", "Gateway" };
		struct json_object *c = json_object_array_get_idx(configs, i), *o = json_object_new_object();
		for (size_t k = 0; k < CM_COUNT(keys); k++)
			body_copy(c, keys[k], o);
		/* Inspect says AuxiliaryAddresses, and so does create, though the engine's own name is another. */
		body_copy(c, "AuxiliaryAddresses", o);
		body_copy(c, "AuxAddress", o);
		config_gateway(o);
		json_object_array_add(list, o);
	}
	json_object_object_add(ipam, "Config", list);
	return ipam;
}

int cm_network_body(struct json_object *inspect, bool without_subnets, struct json_object **ret, struct cm_err *err)
{
	const char *name = cm_json_str(inspect, "Name", "");
	struct json_object *body;

	if (!cm_ref_valid(name))
		return cm_err_set(err, CM_EINVAL, "Invalid network backup: missing network name.");
	if (cm_network_is_default(name))
		return cm_err_set(err, CM_EINVAL, "\"%s\" is a default network of Docker and cannot be restored.",
				  name);
	body = json_object_new_object();
	cm_json_set_str(body, "Name", name);
	cm_json_set_bool(body, "CheckDuplicate", true);
	cm_json_set_str(body, "Driver", cm_json_str(inspect, "Driver", "bridge"));
	cm_json_set_bool(body, "Internal", cm_json_bool(inspect, "Internal", false));
	cm_json_set_bool(body, "Attachable", cm_json_bool(inspect, "Attachable", false));
	cm_json_set_bool(body, "Ingress", cm_json_bool(inspect, "Ingress", false));
	cm_json_set_bool(body, "ConfigOnly", cm_json_bool(inspect, "ConfigOnly", false));
	cm_json_set_bool(body, "EnableIPv6", cm_json_bool(inspect, "EnableIPv6", false));
	if (cm_json_get(inspect, "EnableIPv4") != NULL)
		cm_json_set_bool(body, "EnableIPv4", cm_json_bool(inspect, "EnableIPv4", true));
	if (cm_json_str_at(inspect, "ConfigFrom.Network", "")[0] != '\0')
		body_copy(inspect, "ConfigFrom", body);
	if (cm_str_eq(cm_json_str(inspect, "Scope", "local"), "swarm"))
		cm_json_set_str(body, "Scope", "swarm");
	json_object_object_add(body, "IPAM", ipam_body(cm_json_obj(inspect, "IPAM"), without_subnets));
	body_copy(inspect, "Options", body);
	body_copy(inspect, "Labels", body);
	*ret = body;
	return 0;
}

/* An address range: family, bytes, length of the prefix. */
struct subnet {
	int family;
	unsigned char addr[16];
	unsigned bits;
};

static bool subnet_parse(const char *text, struct subnet *ret)
{
	const char *slash = strchr(text, '/');
	char addr[INET6_ADDRSTRLEN];
	uint64_t bits;
	size_t n = slash ? (size_t)(slash - text) : strlen(text);

	memset(ret, 0, sizeof(*ret));
	if (n >= sizeof(addr))
		return false;
	memcpy(addr, text, n);
	addr[n] = '\0';
	ret->family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	bits = ret->family == AF_INET ? 32 : 128;
	if (slash != NULL && !cm_str_u64(slash + 1, 0, bits, &bits))
		return false;
	ret->bits = (unsigned)bits;
	return inet_pton(ret->family, addr, ret->addr) == 1;
}

static bool bits_equal(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool subnet_overlaps(const struct subnet *a, const struct subnet *b)
{
	return a->family == b->family && bits_equal(a->addr, b->addr, a->bits < b->bits ? a->bits : b->bits);
}

static struct json_object *ipam_configs(struct json_object *network)
{
	return cm_json_arr(cm_json_obj(network, "IPAM"), "Config");
}

static bool config_subnet(struct json_object *configs, size_t i, struct subnet *ret)
{
	return subnet_parse(cm_json_str(json_object_array_get_idx(configs, i), "Subnet", ""), ret);
}

bool cm_network_overlaps(struct json_object *a, struct json_object *b)
{
	struct json_object *ca = ipam_configs(a), *cb = ipam_configs(b);
	struct subnet sa, sb;

	for (size_t i = 0; i < cm_json_len(ca) && i < NETWORK_MAX_CONFIGS; i++)
		for (size_t k = 0; k < cm_json_len(cb) && k < NETWORK_MAX_CONFIGS; k++)
			if (config_subnet(ca, i, &sa) && config_subnet(cb, k, &sb) && subnet_overlaps(&sa, &sb))
				return true;
	return false;
}

static bool has_subnet(struct json_object *configs, const struct subnet *wanted)
{
	struct subnet s;

	for (size_t i = 0; i < cm_json_len(configs) && i < NETWORK_MAX_CONFIGS; i++)
		if (config_subnet(configs, i, &s) && s.family == wanted->family && s.bits == wanted->bits &&
		    bits_equal(s.addr, wanted->addr, s.bits))
			return true;
	return false;
}

bool cm_network_same(struct json_object *recorded, struct json_object *existing)
{
	struct json_object *a = ipam_configs(recorded), *b = ipam_configs(existing);
	struct subnet s;

	if (!cm_str_eq(cm_json_str(recorded, "Driver", "bridge"), cm_json_str(existing, "Driver", "bridge")))
		return false;
	for (size_t i = 0; i < cm_json_len(a) && i < NETWORK_MAX_CONFIGS; i++)
		if (config_subnet(a, i, &s) && !has_subnet(b, &s))
			return false;
	return true;
}

bool cm_network_holds(struct json_object *network, const char *address)
{
	struct json_object *configs = ipam_configs(network);
	struct subnet net, one;

	if (!subnet_parse(address, &one))
		return false;
	for (size_t i = 0; i < cm_json_len(configs) && i < NETWORK_MAX_CONFIGS; i++)
		if (config_subnet(configs, i, &net) && net.family == one.family &&
		    bits_equal(net.addr, one.addr, net.bits))
			return true;
	return false;
}

static void range_text(char dst[64], const struct subnet *s)
{
	unsigned char masked[16] = { 0 };
	char addr[INET6_ADDRSTRLEN] = "";

	memcpy(masked, s->addr, (s->bits + 7) / 8);
	if (s->bits % 8 != 0)
		masked[s->bits / 8] &= (unsigned char)(0xff << (8 - s->bits % 8));
	inet_ntop(s->family, masked, addr, sizeof(addr));
	snprintf(dst, 64, "%s/%u", addr, s->bits);
}

static void guess_config(struct json_object *configs, const char *gateway, int64_t bits)
{
	struct json_object *c;
	struct subnet s;
	char text[64];

	if (gateway[0] == '\0' || bits <= 0 || bits > 128)
		return;
	snprintf(text, sizeof(text), "%.45s/%d", gateway, (int)bits);
	if (!subnet_parse(text, &s))
		return;
	range_text(text, &s);
	c = json_object_new_object();
	cm_json_set_str(c, "Subnet", text);
	cm_json_set_str(c, "Gateway", gateway);
	json_object_array_add(configs, c);
}

struct json_object *cm_network_guess(const char *name, struct json_object *endpoint)
{
	struct json_object *net = json_object_new_object(), *ipam = json_object_new_object();
	struct json_object *configs = json_object_new_array();
	const char *gateway6 = cm_json_str(endpoint, "IPv6Gateway", "");

	guess_config(configs, cm_json_str(endpoint, "Gateway", ""), cm_json_int(endpoint, "IPPrefixLen", 0));
	guess_config(configs, gateway6, cm_json_int(endpoint, "GlobalIPv6PrefixLen", 0));
	cm_json_set_str(net, "Name", name);
	cm_json_set_str(net, "Driver", "bridge");
	cm_json_set_bool(net, "EnableIPv6", gateway6[0] != '\0');
	json_object_object_add(ipam, "Config", configs);
	json_object_object_add(net, "IPAM", ipam);
	return net;
}
