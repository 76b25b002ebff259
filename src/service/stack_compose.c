/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/stack_compose.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/image.h"
#include "docker/network.h"
#include "docker/volume.h"
#include "service/container_spec.h"
#include "service/container_spec_yaml.h"
#include "service/engine.h"
#include "service/network_restore.h"
#include "service/stacks.h"

#define NETWORK_LABEL "com.docker.compose.network"
#define VOLUME_LABEL "com.docker.compose.volume"

/* What the services refer to by a short name: {"shop_data": "data"}, and what the engine says about it. */
struct outside {
	struct json_object *names, *things;
};

struct file {
	const struct cm_stack *stack;
	struct cm_docker *d;
	struct outside networks, volumes;
	int flags;
	struct cm_buf *out;
};

/* Things of the stack are known by their short names, others by their own. */
static void outside_add(struct outside *o, const struct cm_stack *s, struct json_object *thing, const char *label)
{
	struct json_object *labels = cm_json_obj(thing, "Labels");
	const char *name = cm_json_str(thing, "Name", ""), *key = name;

	if (cm_str_eq(cm_json_str(labels, CM_COMPOSE_PROJECT, ""), s->name))
		key = cm_json_str(labels, label, name);
	cm_json_set_str(o->names, name, key);
	json_object_array_add(o->things, json_object_get(thing));
}

static int outsides_find(struct file *f, struct cm_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < cm_json_len(f->stack->networks); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(f->stack->networks, i));
		cm_autojson struct json_object *n = NULL;

		if (cm_network_is_default(name))
			continue;
		rc = cm_network_inspect(f->d, name, &n, err);
		if (rc == 0)
			outside_add(&f->networks, f->stack, n, NETWORK_LABEL);
	}
	for (size_t i = 0; rc == 0 && i < cm_json_len(f->stack->volumes); i++) {
		cm_autojson struct json_object *v = NULL;

		rc = cm_volume_inspect(f->d, json_object_get_string(json_object_array_get_idx(f->stack->volumes, i)),
				       &v, err);
		if (rc == 0)
			outside_add(&f->volumes, f->stack, v, VOLUME_LABEL);
	}
	return rc;
}

/* "shop_data:/data:rw" becomes "data:/data:rw". Caller puts. */
static struct json_object *binds_renamed(struct json_object *binds, struct json_object *names)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(binds); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(binds, i));
		cm_autofree char *source = cm_strndup(text, strcspn(text, ":"));
		const char *key = cm_json_str(names, source, NULL);
		cm_autofree char *line = cm_asprintf("%s%s", key ? key : source, text + strlen(source));

		/* Compose hands an anonymous volume on by its name when it makes a container anew. */
		if (strlen(source) == 64 && strspn(source, "0123456789abcdef") == 64 && text[64] == ':') {
			free(line);
			line = cm_strndup(text + 65, strcspn(text + 65, ":"));
		}
		cm_json_add_str(list, line);
	}
	return list;
}

/* The container as it would be with short names. Caller puts. */
static struct json_object *renamed(const struct file *f, struct json_object *inspect)
{
	struct json_object *copy = cm_json_copy(inspect), *host = cm_json_obj(copy, "HostConfig");
	struct json_object *settings = cm_json_obj(copy, "NetworkSettings"), *nets = cm_json_obj(settings, "Networks");
	struct json_object *mounts = cm_json_arr(host, "Mounts"), *fresh = json_object_new_object();
	const char *mode;

	/* The engine's own choice, as a rule; Compose before 2 has no word for it. */
	if (host != NULL)
		json_object_object_del(host, "CgroupnsMode");
	if (cm_json_len(cm_json_arr(host, "Binds")) > 0)
		cm_json_set(host, "Binds", binds_renamed(cm_json_arr(host, "Binds"), f->volumes.names));
	for (size_t i = 0; i < cm_json_len(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		const char *key = cm_json_str(f->volumes.names, cm_json_str(m, "Source", ""), NULL);

		if (key != NULL && cm_str_eq(cm_json_str(m, "Type", ""), "volume"))
			cm_json_set_str(m, "Source", key);
	}
	if (nets != NULL) {
		json_object_object_foreach(nets, name, endpoint)
		    cm_json_set(fresh, cm_json_str(f->networks.names, name, name), json_object_get(endpoint));
	}
	cm_json_set(settings, "Networks", fresh);
	mode = cm_json_str(f->networks.names, cm_json_str(host, "NetworkMode", ""), NULL);
	if (mode != NULL)
		cm_json_set_str(host, "NetworkMode", mode);
	return copy;
}

/* Compose named it itself: "shop_web_1", "shop-web-1". */
static bool named_by_compose(const struct cm_stack *s, const struct cm_stack_member *m)
{
	size_t a = strlen(s->name), b = strlen(m->service);
	const char *n = m->name;

	return strncmp(n, s->name, a) == 0 && (n[a] == '_' || n[a] == '-') && strncmp(n + a + 1, m->service, b) == 0 &&
	       (n[a + 1 + b] == '_' || n[a + 1 + b] == '-');
}

/* From "db:service_healthy:true,cache:service_started". */
static void depends_write(struct cm_buf *out, const char *label)
{
	if (label == NULL || label[0] == '\0')
		return;
	yaml_line(out, 2, "depends_on");
	while (*label != '\0') {
		size_t len = strcspn(label, ","), name = strcspn(label, ":,");
		cm_autofree char *service = cm_strndup(label, name);
		const char *condition = "service_started";

		if (strncmp(label + name, ":service_healthy", 16) == 0)
			condition = "service_healthy";
		else if (strncmp(label + name, ":service_completed_successfully", 31) == 0)
			condition = "service_completed_successfully";
		yaml_indent(out, 3);
		yaml_quoted(out, service, false);
		cm_buf_str(out, ":\n");
		yaml_text(out, 4, "condition", condition);
		label += len + (label[len] == ',');
	}
}

static int service_write(struct file *f, const struct cm_stack_members *all, size_t i, struct cm_err *err)
{
	const struct cm_stack_member *m = &all->all[i];
	cm_autojson struct json_object *inspect = renamed(f, m->inspect), *image = NULL;
	struct json_object *labels = cm_json_at(m->inspect, "Config.Labels");
	int64_t same = 0;
	int rc = cm_image_inspect(f->d, cm_json_str(m->inspect, "Image", ""), &image, err);

	if (rc < 0 && rc != CM_ENOTFOUND)
		return rc;
	for (size_t k = 0; k < all->count; k++)
		same += cm_str_eq(all->all[k].service, m->service);
	yaml_indent(f->out, 1);
	yaml_quoted(f->out, m->service[0] != '\0' ? m->service : m->name, false);
	cm_buf_str(f->out, ":\n");
	cm_spec_compose_service(inspect, cm_json_obj(image, "Config"), f->flags,
				m->service[0] != '\0' && (same > 1 || named_by_compose(f->stack, m)), f->out);
	if (same > 1 && m->service[0] != '\0')
		yaml_int(f->out, 2, "scale", same);
	depends_write(f->out, cm_json_str(labels, CM_COMPOSE_DEPENDS, NULL));
	return 0;
}

/* Containers of one service stand in the file once. */
static bool written_before(const struct cm_stack_members *all, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (all->all[i].service[0] != '\0' && cm_str_eq(all->all[k].service, all->all[i].service))
			return true;
	}
	return false;
}

static bool is_own(const struct file *f, struct json_object *thing)
{
	return cm_str_eq(cm_json_str(cm_json_obj(thing, "Labels"), CM_COMPOSE_PROJECT, ""), f->stack->name);
}

/* What was made for the stack is made again; what was there before it must be there. */
static bool head_write(struct file *f, const struct outside *o, struct json_object *thing)
{
	const char *name = cm_json_str(thing, "Name", "");

	yaml_indent(f->out, 1);
	yaml_quoted(f->out, cm_json_str(o->names, name, name), false);
	cm_buf_str(f->out, ":\n");
	yaml_text(f->out, 2, "name", name);
	if (is_own(f, thing))
		return true;
	yaml_indent(f->out, 2);
	cm_buf_str(f->out, "external: true\n");
	return false;
}

static void ipam_write(struct file *f, struct json_object *ipam)
{
	struct json_object *config = cm_json_arr(ipam, "Config");
	const char *driver = cm_json_str(ipam, "Driver", "default");

	if (cm_json_len(config) == 0)
		return;
	yaml_line(f->out, 2, "ipam");
	yaml_text(f->out, 3, "driver", driver);
	yaml_line(f->out, 3, "config");
	for (size_t i = 0; i < cm_json_len(config); i++) {
		struct json_object *c = json_object_array_get_idx(config, i);

		yaml_indent(f->out, 4);
		cm_buf_str(f->out, "- subnet: ");
		yaml_quoted(f->out, cm_json_str(c, "Subnet", ""), true);
		cm_buf_char(f->out, '\n');
		yaml_text(f->out, 5, "gateway", cm_json_str(c, "Gateway", ""));
		yaml_text(f->out, 5, "ip_range", cm_json_str(c, "IPRange", ""));
		if (cm_json_obj(c, "AuxiliaryAddresses") != NULL) {
			yaml_line(f->out, 5, "aux_addresses");
			json_object_object_foreach(cm_json_obj(c, "AuxiliaryAddresses"), host, address)
			    yaml_text(f->out, 6, host, json_object_get_string(address));
		}
	}
}

static void user_labels_write(struct file *f, struct json_object *labels)
{
	cm_autojson struct json_object *own = json_object_new_object();

	if (labels == NULL)
		return;
	json_object_object_foreach(labels, key, value)
	{
		if (!cm_str_has_prefix(key, "com.docker.compose."))
			cm_json_set(own, key, json_object_get(value));
	}
	if (json_object_object_length(own) > 0)
		yaml_map(f->out, 2, "labels", own);
}

static void networks_write(struct file *f)
{
	if (cm_json_len(f->networks.things) > 0)
		cm_buf_str(f->out, "networks:\n");
	for (size_t i = 0; i < cm_json_len(f->networks.things); i++) {
		struct json_object *n = json_object_array_get_idx(f->networks.things, i);

		if (!head_write(f, &f->networks, n))
			continue;
		yaml_text(f->out, 2, "driver", cm_json_str(n, "Driver", ""));
		if (cm_json_obj(n, "Options") != NULL && json_object_object_length(cm_json_obj(n, "Options")) > 0)
			yaml_map(f->out, 2, "driver_opts", cm_json_obj(n, "Options"));
		if (cm_json_bool(n, "Internal", false))
			cm_buf_str(f->out, "    internal: true\n");
		if (cm_json_bool(n, "EnableIPv6", false))
			cm_buf_str(f->out, "    enable_ipv6: true\n");
		ipam_write(f, cm_json_obj(n, "IPAM"));
		user_labels_write(f, cm_json_obj(n, "Labels"));
	}
}

static void volumes_write(struct file *f)
{
	if (cm_json_len(f->volumes.things) > 0)
		cm_buf_str(f->out, "volumes:\n");
	for (size_t i = 0; i < cm_json_len(f->volumes.things); i++) {
		struct json_object *v = json_object_array_get_idx(f->volumes.things, i);

		if (!head_write(f, &f->volumes, v))
			continue;
		yaml_text(f->out, 2, "driver", cm_json_str(v, "Driver", ""));
		if (cm_json_obj(v, "Options") != NULL && json_object_object_length(cm_json_obj(v, "Options")) > 0)
			yaml_map(f->out, 2, "driver_opts", cm_json_obj(v, "Options"));
		user_labels_write(f, cm_json_obj(v, "Labels"));
	}
}

static int file_write(struct file *f, const struct cm_stack_members *all, struct cm_err *err)
{
	int rc = outsides_find(f, err);

	cm_buf_str(f->out, "# Made from what runs. Start it with: docker-compose -p PROJECT -f FILE up -d\n");
	if (f->flags & CM_SPEC_MASK_ENV)
		cm_buf_str(f->out, "# Values of environment variables were left out: fill in what says ***.\n");
	cm_buf_str(f->out, "services:\n");
	for (size_t i = 0; rc == 0 && i < all->count; i++) {
		if (!written_before(all, i))
			rc = service_write(f, all, i, err);
	}
	if (rc < 0)
		return rc;
	networks_write(f);
	volumes_write(f);
	return cm_buf_failed(f->out) ? cm_err_set(err, CM_ETOOBIG, "The Compose file would be too large.") : 0;
}

int cm_stack_compose(const struct cm_app *app, const char *name, bool values, struct cm_buf *out, struct cm_err *err)
{
	struct file f = { .out = out, .flags = values ? 0 : CM_SPEC_MASK_ENV };
	struct cm_stack_members all = { 0 };
	struct cm_stack_list list;
	int rc = cm_stacks_list(app, &list, err);

	if (rc < 0)
		return rc;
	f.networks = (struct outside){ json_object_new_object(), json_object_new_array() };
	f.volumes = (struct outside){ json_object_new_object(), json_object_new_array() };
	rc = cm_stack_find(&list, name, &f.stack, err);
	if (rc == 0 && f.stack->swarm)
		rc = cm_err_set(err, CM_EUNSUPPORTED,
				"%.100s is a stack of a swarm: no Compose file is made of its services.", name);
	rc = rc < 0 ? rc : cm_engine_get(app, &f.d, err);
	rc = rc < 0 ? rc : cm_stack_members(app, f.stack, &all, err);
	rc = rc < 0 ? rc : file_write(&f, &all, err);
	cm_stack_members_release(&all);
	cm_stack_list_release(&list);
	json_object_put(f.networks.names);
	json_object_put(f.networks.things);
	json_object_put(f.volumes.names);
	json_object_put(f.volumes.things);
	return rc;
}
