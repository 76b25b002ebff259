/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/stacks.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/swarm.h"
#include "service/container_spec.h"
#include "service/containers.h"
#include "service/engine.h"
#include "service/stack_order.h"

enum { SWARM_ASK_MS = 3000, ORDER = 100000 };

const char *cm_stack_of(struct json_object *labels)
{
	return cm_json_str(labels, CM_COMPOSE_PROJECT, cm_json_str(labels, CM_SWARM_STACK, ""));
}

static const char *service_of(struct json_object *labels)
{
	return cm_json_str(labels, CM_COMPOSE_SERVICE, cm_json_str(labels, CM_SWARM_SERVICE, ""));
}

static void stack_release(struct cm_stack *s)
{
	free(s->name);
	json_object_put(s->containers);
	json_object_put(s->services);
	json_object_put(s->networks);
	json_object_put(s->volumes);
}

void cm_stack_list_release(struct cm_stack_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		stack_release(&list->stacks[i]);
	free(list->stacks);
	json_object_put(list->source);
	*list = (struct cm_stack_list){ 0 };
}

static struct cm_stack *stack_take(struct cm_stack_list *list, const char *name, bool swarm)
{
	struct cm_stack *s;

	for (size_t i = 0; i < list->count; i++) {
		if (cm_str_eq(list->stacks[i].name, name) && list->stacks[i].swarm == swarm)
			return &list->stacks[i];
	}
	list->stacks = cm_realloc(list->stacks, list->count + 1, sizeof(*list->stacks));
	s = &list->stacks[list->count++];
	*s = (struct cm_stack){ .name = cm_strdup(name),
				.swarm = swarm,
				.containers = json_object_new_array(),
				.services = json_object_new_array(),
				.networks = json_object_new_array(),
				.volumes = json_object_new_array() };
	return s;
}

static int by_text(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;

	return strcmp(json_object_get_string(*x), json_object_get_string(*y));
}

static int by_name(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;

	return strcmp(cm_json_str(*x, "name", ""), cm_json_str(*y, "name", ""));
}

static void text_add(struct json_object *list, const char *text)
{
	for (size_t i = 0; i < cm_json_len(list); i++) {
		if (cm_str_eq(json_object_get_string(json_object_array_get_idx(list, i)), text))
			return;
	}
	cm_json_add_str(list, text);
}

static struct json_object *service_find(struct json_object *services, const char *name)
{
	for (size_t i = 0; i < cm_json_len(services); i++) {
		struct json_object *o = json_object_array_get_idx(services, i);

		if (cm_str_eq(cm_json_str(o, "name", ""), name))
			return o;
	}
	return NULL;
}

static struct json_object *service_make(struct cm_stack *s, const char *name, const char *image)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "image", image);
	cm_json_set_str(o, "mode", NULL);
	cm_json_set_int(o, "replicas", 0);
	cm_json_set_int(o, "running", 0);
	cm_json_set_str(o, "id", NULL);
	cm_json_set(o, "ports", json_object_new_array());
	json_object_array_add(s->services, o);
	return o;
}

static bool runs(struct json_object *entry)
{
	const char *state = cm_json_str(entry, "State", "");

	return cm_str_eq(state, "running") || cm_str_eq(state, "paused") || cm_str_eq(state, "restarting");
}

static bool is_anonymous(const char *volume)
{
	return strlen(volume) == 64 && strspn(volume, "0123456789abcdef") == 64;
}

static void container_add(struct cm_stack *s, struct json_object *entry)
{
	struct json_object *labels = cm_json_obj(entry, "Labels"), *mounts = cm_json_arr(entry, "Mounts");
	struct json_object *nets = cm_json_at(entry, "NetworkSettings.Networks"), *service;
	const char *name = service_of(labels);

	json_object_array_add(s->containers, json_object_get(entry));
	s->running += runs(entry);
	s->stopped += !runs(entry);
	if (!s->swarm && name[0] != '\0') {
		service = service_find(s->services, name);
		if (service == NULL)
			service = service_make(s, name, cm_json_str(entry, "Image", ""));
		cm_json_set_int(service, "replicas", cm_json_int(service, "replicas", 0) + 1);
		cm_json_set_int(service, "running", cm_json_int(service, "running", 0) + runs(entry));
	}
	for (size_t i = 0; i < cm_json_len(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		const char *volume = cm_json_str(m, "Name", "");

		if (cm_str_eq(cm_json_str(m, "Type", ""), "volume") && volume[0] != '\0' && !is_anonymous(volume))
			text_add(s->volumes, volume);
	}
	if (json_object_is_type(nets, json_type_object)) {
		json_object_object_foreach(nets, net, endpoint)
		{
			(void)endpoint;
			text_add(s->networks, net);
		}
	}
}

/* "nginx:1.25" of "nginx:1.25@sha256:…". */
static char *without_digest(const char *image)
{
	const char *at = strchr(image, '@');

	return at != NULL && at != image ? cm_strndup(image, (size_t)(at - image)) : cm_strdup(image);
}

static void swarm_service_add(struct cm_stack_list *list, struct json_object *service)
{
	struct json_object *spec = cm_json_obj(service, "Spec"), *status = cm_json_obj(service, "ServiceStatus"), *o;
	struct json_object *replicated = cm_json_at(spec, "Mode.Replicated"), *ports;
	cm_autofree char *image = without_digest(cm_json_str_at(spec, "TaskTemplate.ContainerSpec.Image", ""));
	const char *stack = cm_json_str(cm_json_obj(spec, "Labels"), CM_SWARM_STACK, "");
	const char *name = cm_json_str(spec, "Name", "");
	size_t len = strlen(stack);
	struct cm_stack *s;

	if (stack[0] == '\0')
		return;
	s = stack_take(list, stack, true);
	/* "shop_web" is web of shop. */
	if (strncmp(name, stack, len) == 0 && name[len] == '_')
		name += len + 1;
	o = service_make(s, name, image);
	cm_json_set_str(o, "id", cm_json_str(service, "ID", ""));
	cm_json_set_str(o, "mode", replicated != NULL ? "replicated" : "global");
	cm_json_set_int(o, "replicas",
			replicated != NULL ? cm_json_int(replicated, "Replicas", 1)
					   : cm_json_int(status, "DesiredTasks", 0));
	cm_json_set_int(o, "running", cm_json_int(status, "RunningTasks", 0));
	ports = cm_json_at(service, "Endpoint.Ports");
	cm_json_set(o, "ports", ports != NULL ? cm_json_copy(ports) : json_object_new_array());
}

static void swarm_add(const struct cm_app *app, struct cm_stack_list *list)
{
	cm_autojson struct json_object *services = NULL, *filters = json_object_new_object();
	struct json_object *labels = json_object_new_array();
	struct cm_docker *d;

	cm_json_add_str(labels, CM_SWARM_STACK);
	cm_json_set(filters, "label", labels);
	if (cm_engine_get(app, &d, NULL) < 0)
		return;
	cm_docker_set_timeout(d, SWARM_ASK_MS);
	if (cm_swarm_services(d, filters, &services, NULL) < 0)
		return;
	for (size_t i = 0; i < cm_json_len(services); i++)
		swarm_service_add(list, json_object_array_get_idx(services, i));
}

/* By what the labels say; who else refers to whom only an inspect tells. */
static void containers_sort(struct cm_stack *s)
{
	size_t count = cm_json_len(s->containers);
	struct cm_stack_node *nodes = cm_alloc_array(count + 1, sizeof(*nodes));
	struct json_object *sorted = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		struct json_object *entry = json_object_array_get_idx(s->containers, i);
		struct json_object *labels = cm_json_obj(entry, "Labels");

		nodes[i] = (struct cm_stack_node){ .id = cm_json_str(entry, "Id", ""),
						   .name = cm_containers_entry_name(entry),
						   .service = service_of(labels),
						   .depends_on = cm_json_str(labels, CM_COMPOSE_DEPENDS, NULL),
						   /* In seconds; the engine lists the newest first. */
						   .created = cm_json_int(entry, "Created", 0) * ORDER - (int64_t)i };
	}
	cm_stack_order(nodes, count);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < count; k++) {
			struct json_object *entry = json_object_array_get_idx(s->containers, k);

			if (cm_str_eq(cm_json_str(entry, "Id", ""), nodes[i].id))
				json_object_array_add(sorted, json_object_get(entry));
		}
	}
	free(nodes);
	json_object_put(s->containers);
	s->containers = sorted;
}

static int stack_by_name(const void *a, const void *b)
{
	const struct cm_stack *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (int)x->swarm - (int)y->swarm;
}

int cm_stacks_list(const struct cm_app *app, struct cm_stack_list *ret, struct cm_err *err)
{
	struct cm_stack_list list = { 0 };
	struct cm_engine_overview engine;
	int rc = cm_engine_containers(app, &list.source, err);

	if (rc < 0)
		return rc;
	cm_engine_known(app, &engine);
	swarm_add(app, &list);
	for (size_t i = 0; i < cm_json_len(list.source); i++) {
		struct json_object *entry = json_object_array_get_idx(list.source, i);
		struct json_object *labels = cm_json_obj(entry, "Labels");
		const char *name = cm_stack_of(labels);

		if (name[0] != '\0' && !cm_containers_is_self(engine.self_id, cm_json_str(entry, "Id", "")))
			container_add(stack_take(&list, name, cm_json_str(labels, CM_COMPOSE_PROJECT, "")[0] == '\0'),
				      entry);
	}
	for (size_t i = 0; i < list.count; i++) {
		json_object_array_sort(list.stacks[i].services, by_name);
		json_object_array_sort(list.stacks[i].networks, by_text);
		json_object_array_sort(list.stacks[i].volumes, by_text);
		containers_sort(&list.stacks[i]);
	}
	if (list.count > 0)
		qsort(list.stacks, list.count, sizeof(*list.stacks), stack_by_name);
	*ret = list;
	return 0;
}

int cm_stack_find(const struct cm_stack_list *list, const char *name, const struct cm_stack **ret, struct cm_err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		if (cm_str_eq(list->stacks[i].name, name)) {
			*ret = &list->stacks[i];
			return 0;
		}
	}
	return cm_err_set(err, CM_ENOTFOUND, "There is no stack %.200s on this Docker host.", name);
}

void cm_stack_members_release(struct cm_stack_members *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->all[i].name);
		free(m->all[i].service);
		json_object_put(m->all[i].inspect);
	}
	free(m->all);
	*m = (struct cm_stack_members){ 0 };
}

static int inspect_all(struct cm_docker *d, const struct cm_stack *stack, struct cm_stack_members *m,
		       struct cm_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < cm_json_len(stack->containers); i++) {
		struct json_object *entry = json_object_array_get_idx(stack->containers, i);
		struct cm_stack_member *one = &m->all[m->count];

		rc = cm_container_inspect(d, cm_json_str(entry, "Id", ""), false, &one->inspect, err);
		if (rc == CM_ENOTFOUND) {
			rc = 0;
			continue;
		}
		if (rc < 0)
			break;
		cm_str_copy(one->id, sizeof(one->id), cm_json_str(one->inspect, "Id", ""));
		one->name = cm_strdup(cm_spec_name(one->inspect));
		one->service = cm_strdup(service_of(cm_json_at(one->inspect, "Config.Labels")));
		m->count++;
	}
	return rc;
}

static void members_sort(struct cm_stack_members *m)
{
	struct cm_stack_node *nodes = cm_alloc_array(m->count + 1, sizeof(*nodes));
	struct cm_stack_member *sorted = cm_alloc_array(m->count + 1, sizeof(*sorted));

	for (size_t i = 0; i < m->count; i++) {
		const struct cm_stack_member *one = &m->all[i];
		struct json_object *labels = cm_json_at(one->inspect, "Config.Labels");

		nodes[i] = (struct cm_stack_node){ .id = one->id,
						   .name = one->name,
						   .service = one->service,
						   .depends_on = cm_json_str(labels, CM_COMPOSE_DEPENDS, NULL),
						   .refs = cm_spec_references(one->inspect) };
		(void)cm_time_parse(cm_json_str(one->inspect, "Created", ""), &nodes[i].created);
	}
	cm_stack_order(nodes, m->count);
	for (size_t i = 0; i < m->count; i++) {
		for (size_t k = 0; k < m->count; k++) {
			if (cm_str_eq(m->all[k].id, nodes[i].id)) {
				sorted[i] = m->all[k];
				sorted[i].level = nodes[i].level;
			}
		}
	}
	for (size_t i = 0; i < m->count; i++)
		json_object_put(nodes[i].refs);
	free(nodes);
	free(m->all);
	m->all = sorted;
}

int cm_stack_members(const struct cm_app *app, const struct cm_stack *stack, struct cm_stack_members *ret,
		     struct cm_err *err)
{
	struct cm_stack_members m = { .all = cm_alloc_array(cm_json_len(stack->containers) + 1, sizeof(*m.all)) };
	struct cm_docker *d;
	int rc = cm_engine_get(app, &d, err);

	if (rc == 0 && cm_json_len(stack->containers) > CM_STACK_MEMBERS)
		rc = cm_err_set(err, CM_ETOOBIG, "The stack %.100s has more than %d containers.", stack->name,
				CM_STACK_MEMBERS);
	rc = rc < 0 ? rc : inspect_all(d, stack, &m, err);
	if (rc < 0) {
		cm_stack_members_release(&m);
		return rc;
	}
	members_sort(&m);
	*ret = m;
	return 0;
}
