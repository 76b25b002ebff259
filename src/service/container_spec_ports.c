/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Published ports: what was recorded, and what the user wants instead.
 */
#include "service/container_spec_int.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/str.h"

static bool port_number_valid(const char *s, size_t n)
{
	uint64_t a, b;
	char text[16], *dash;

	if (n == 0 || n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	dash = strchr(text, '-');
	if (dash == NULL)
		return cm_str_u64(text, 1, 65535, &a);
	*dash = '\0';
	return cm_str_u64(text, 1, 65535, &a) && cm_str_u64(dash + 1, 1, 65535, &b) && a <= b;
}

/* "18095", "127.0.0.1:18095", "[::1]:18095", "::1:18095" -> address and port. */
static bool port_split(const char *text, char ip[64], char port[16])
{
	const char *colon = strrchr(text, ':');
	const char *number = colon ? colon + 1 : text;
	size_t n = colon ? (size_t)(colon - text) : 0;

	ip[0] = '\0';
	if (!port_number_valid(number, strlen(number)))
		return false;
	snprintf(port, 16, "%s", number);
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	if (n >= 64 || (colon != NULL && n == 0))
		return false;
	memcpy(ip, text, n);
	ip[n] = '\0';
	return strspn(ip, "0123456789abcdefABCDEF.:") == n;
}

static bool port_value_text(struct json_object *value, char dst[96])
{
	if (json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_string))
		return cm_str_copy(dst, 96, json_object_get_string(value));
	return false;
}

static bool port_one_valid(struct json_object *value)
{
	char text[96], ip[64], port[16];

	return port_value_text(value, text) && (text[0] == '\0' || port_split(text, ip, port));
}

bool cm_spec_port_valid(struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return port_one_valid(value);
	for (size_t i = 0; i < cm_json_len(value); i++)
		if (i >= 64 || !port_one_valid(json_object_array_get_idx(value, i)))
			return false;
	return true;
}

static void bindings_add(struct json_object *list, struct json_object *value)
{
	char text[96], ip[64], port[16];
	struct json_object *b;

	if (!port_value_text(value, text) || text[0] == '\0' || !port_split(text, ip, port))
		return;
	b = json_object_new_object();
	cm_json_set_str(b, "HostIp", ip);
	cm_json_set_str(b, "HostPort", port);
	json_object_array_add(list, b);
}

static bool container_port_valid(const char *s)
{
	size_t n = strcspn(s, "/");
	const char *proto = s[n] == '/' ? s + n + 1 : "tcp";

	return port_number_valid(s, n) &&
	       (strcmp(proto, "tcp") == 0 || strcmp(proto, "udp") == 0 || strcmp(proto, "sctp") == 0);
}

static int port_bindings(const char *container_port, struct json_object *value, struct json_object **ret,
			 struct cm_err *err)
{
	struct json_object *list;

	if (!container_port_valid(container_port))
		return cm_err_set(err, CM_EINVAL,
				  "Invalid container port in the port overrides: write it like "
				  "\"8080/tcp\".");
	if (!cm_spec_port_valid(value))
		return cm_err_set(err, CM_EINVAL,
				  "Invalid host port for %s: write a number from 1 to 65535, or an address and a port "
				  "like 127.0.0.1:8080.",
				  container_port);
	list = json_object_new_array();
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < cm_json_len(value); i++)
			bindings_add(list, json_object_array_get_idx(value, i));
	} else {
		bindings_add(list, value);
	}
	*ret = list;
	return 0;
}

static const char *binding_ip(struct json_object *recorded, size_t i)
{
	return i < cm_json_len(recorded) ? cm_json_str(json_object_array_get_idx(recorded, i), "HostIp", "") : "";
}

/* A plain new number keeps the addresses of the recorded bindings: 127.0.0.1 must not become "everywhere". One number
 * stands for all of them; a list has one for each. */
static void bindings_keep_ips(struct json_object *list, struct json_object *recorded, bool one_for_all)
{
	size_t count = json_object_array_length(list);

	for (size_t i = 0; i < count; i++) {
		struct json_object *b = json_object_array_get_idx(list, i);
		if (cm_json_str(b, "HostIp", "")[0] != '\0')
			return;
		cm_json_set_str(b, "HostIp", binding_ip(recorded, i));
	}
	for (size_t i = 1; one_for_all && i < cm_json_len(recorded) && i < SPEC_MAX_ITEMS; i++) {
		struct json_object *b = json_object_new_object();
		cm_json_set_str(b, "HostIp", binding_ip(recorded, i));
		cm_json_set_str(b, "HostPort", cm_json_str(json_object_array_get_idx(list, 0), "HostPort", ""));
		json_object_array_add(list, b);
	}
}

/* A port that the engine chooses is recorded as "": saying "" again changes nothing. */
static bool engine_chooses(struct json_object *recorded)
{
	return cm_json_len(recorded) > 0 &&
	       cm_json_str(json_object_array_get_idx(recorded, 0), "HostPort", "")[0] == '\0';
}

int spec_host_ports(struct json_object *host, struct json_object *overrides, struct cm_err *err)
{
	struct json_object *bindings = cm_json_obj(host, "PortBindings"), *list = NULL;

	if (overrides == NULL || !json_object_is_type(overrides, json_type_object))
		return 0;
	if (bindings == NULL) {
		bindings = json_object_new_object();
		cm_json_set(host, "PortBindings", bindings);
	}
	json_object_object_foreach(overrides, key, value)
	{
		cm_autofree char *port = strchr(key, '/') ? cm_strdup(key) : cm_asprintf("%s/tcp", key);
		int rc = port_bindings(port, value, &list, err);
		if (rc != 0)
			return rc;
		if (json_object_array_length(list) == 0) {
			json_object_put(list);
			if (!engine_chooses(cm_json_arr(bindings, port)))
				json_object_object_del(bindings, port);
			continue;
		}
		bindings_keep_ips(list, cm_json_arr(bindings, port), !json_object_is_type(value, json_type_array));
		cm_json_set(bindings, port, list);
	}
	return 0;
}

struct json_object *cm_spec_ports(struct json_object *inspect, struct json_object *port_overrides)
{
	cm_autojson struct json_object *host = cm_json_copy(cm_json_obj(inspect, "HostConfig"));
	struct json_object *list = json_object_new_array(), *bindings;

	if (host == NULL || spec_host_ports(host, port_overrides, NULL) != 0)
		return list;
	bindings = cm_json_obj(host, "PortBindings");
	if (bindings == NULL)
		return list;
	json_object_object_foreach(bindings, port, value)
	{
		for (size_t i = 0; i < cm_json_len(value) && i < SPEC_MAX_ITEMS; i++) {
			struct json_object *b = json_object_array_get_idx(value, i), *o = json_object_new_object();
			cm_json_set_str(o, "container", port);
			cm_json_set_str(o, "ip", cm_json_str(b, "HostIp", ""));
			cm_json_set_str(o, "host", cm_json_str(b, "HostPort", ""));
			json_object_array_add(list, o);
		}
	}
	return list;
}
