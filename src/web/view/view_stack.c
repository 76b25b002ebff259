/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_stack.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/containers.h"
#include "web/view.h"
#include "web/view/view_container.h"

/* Of a swarm its services count: their containers may run on other nodes. */
static void counts(const struct cm_stack *s, int64_t *ret_running, int64_t *ret_all)
{
	*ret_running = s->running;
	*ret_all = s->running + s->stopped;
	if (!s->swarm || cm_json_len(s->services) == 0)
		return;
	*ret_running = 0;
	*ret_all = 0;
	for (size_t i = 0; i < cm_json_len(s->services); i++) {
		struct json_object *o = json_object_array_get_idx(s->services, i);

		*ret_running += cm_json_int(o, "running", 0);
		*ret_all += cm_json_int(o, "replicas", 0);
	}
}

void cm_stack_state_text(char dst[96], const struct cm_stack *s)
{
	int64_t running, all;

	counts(s, &running, &all);
	if (running == 0)
		snprintf(dst, 96, "Stopped");
	else if (running >= all)
		snprintf(dst, 96, "Running");
	else
		snprintf(dst, 96, "%lld of %lld running", (long long)running, (long long)all);
}

static void state_add(struct json_object *o, const struct cm_stack *s)
{
	int64_t running, all;
	char text[96];

	counts(s, &running, &all);
	cm_stack_state_text(text, s);
	cm_json_set_str(o, "state_text", text);
	cm_json_set_bool(o, "is_running", running > 0 && running >= all);
	cm_json_set_bool(o, "is_partial", running > 0 && running < all);
	cm_json_set_bool(o, "is_stopped", running == 0);
}

static void urls_add(struct json_object *o, const struct cm_stack *s, const struct cm_stack_ctx *ctx)
{
	bool may = ctx->role >= CM_ROLE_DEVELOPER, admin = ctx->role >= CM_ROLE_ADMIN;
	int64_t running, all;

	counts(s, &running, &all);
	const struct {
		const char *word;
		bool can;
	} all_words[] = { { "start", may && (running < all || all == 0) },
			  { "stop", may && running > 0 },
			  { "restart", may && running > 0 },
			  { "backup", may && !s->swarm },
			  { "clone", admin && !s->swarm },
			  { "delete", admin } };

	for (size_t i = 0; i < CM_COUNT(all_words); i++) {
		char key[16];

		snprintf(key, sizeof(key), "%s_url", all_words[i].word);
		if (all_words[i].can)
			cm_view_url(o, key, "/stack/%s/%s", s->name, all_words[i].word);
		else
			cm_json_set(o, key, NULL);
	}
	cm_view_url(o, "url", "/stack/%s", s->name);
	cm_json_set(o, "compose_url", NULL);
	if (!s->swarm && may)
		cm_view_url(o, "compose_url", admin ? "/api/stack/%s/compose?values=true" : "/api/stack/%s/compose",
			    s->name);
	cm_view_url(o, "containers_url", "/containers?stack=%s", s->name);
	if (cm_json_len(s->containers) > 0)
		cm_view_url(o, "logs_url", "/logs?stack=%s", s->name);
	else
		cm_json_set(o, "logs_url", NULL);
}

static struct json_object *names_of(struct json_object *list)
{
	struct json_object *names = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(list); i++)
		cm_json_add_str(names, cm_json_str(json_object_array_get_idx(list, i), "name", ""));
	return names;
}

/* "web, db, cache and 3 more"; NULL for none. */
static void names_text(struct json_object *o, const char *key, struct json_object *names)
{
	size_t count = cm_json_len(names);
	cm_autobuf struct cm_buf b = CM_BUF_INIT(4096);

	for (size_t i = 0; i < count && i < 5; i++)
		cm_buf_printf(&b, "%s%.128s", i > 0 ? ", " : "",
			      json_object_get_string(json_object_array_get_idx(names, i)));
	if (count > 5)
		cm_buf_printf(&b, " and %zu more", count - 5);
	cm_json_set_str(o, key, count > 0 ? b.data : NULL);
}

struct json_object *cm_view_stack(const struct cm_stack *s, const struct cm_stack_ctx *ctx)
{
	struct json_object *o = json_object_new_object(), *services = names_of(s->services);
	int64_t containers = (int64_t)cm_json_len(s->containers);
	char text[96];

	cm_json_set_str(o, "name", s->name);
	cm_json_set_str(o, "type", s->swarm ? "swarm" : "compose");
	cm_json_set_str(o, "type_text", s->swarm ? "Swarm" : "Compose");
	state_add(o, s);
	names_text(o, "services_text", services);
	cm_json_set_int(o, "services_count", (int64_t)cm_json_len(services));
	cm_json_set(o, "services", services);
	cm_json_set_int(o, "containers_count", containers);
	cm_count_text(text, containers, "container", "containers");
	cm_json_set_str(o, "containers_text", text);
	cm_json_set_int(o, "running_count", s->running);
	names_text(o, "networks_text", s->networks);
	cm_json_set(o, "networks", cm_json_copy(s->networks));
	names_text(o, "volumes_text", s->volumes);
	cm_json_set(o, "volumes", cm_json_copy(s->volumes));
	urls_add(o, s, ctx);
	return o;
}

static struct json_object *containers_view(const struct cm_stack *s, const struct cm_stack_ctx *ctx)
{
	struct cm_container_ctx c = { .now_ms = ctx->now_ms, .role = ctx->role, .job_percent = -1 };
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(s->containers); i++)
		json_object_array_add(list, cm_view_container(json_object_array_get_idx(s->containers, i), &c));
	return list;
}

/* "8080 → 80" of a swarm's published port. */
static void ports_text(struct json_object *o, struct json_object *ports)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(4096);

	for (size_t i = 0; i < cm_json_len(ports); i++) {
		struct json_object *p = json_object_array_get_idx(ports, i);
		const char *protocol = cm_json_str(p, "Protocol", "tcp");

		cm_buf_printf(&b, "%s%lld → %lld%s%s", b.len > 0 ? ", " : "",
			      (long long)cm_json_int(p, "PublishedPort", 0), (long long)cm_json_int(p, "TargetPort", 0),
			      cm_str_eq(protocol, "tcp") ? "" : "/", cm_str_eq(protocol, "tcp") ? "" : protocol);
	}
	cm_json_set_str(o, "ports_text", b.len > 0 ? b.data : NULL);
}

static struct json_object *services_view(const struct cm_stack *s)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(s->services); i++) {
		struct json_object *from = json_object_array_get_idx(s->services, i), *o = json_object_new_object();
		int64_t running = cm_json_int(from, "running", 0), replicas = cm_json_int(from, "replicas", 0);
		const char *mode = cm_json_str(from, "mode", NULL);

		cm_json_set_str(o, "name", cm_json_str(from, "name", ""));
		cm_json_set_str(o, "image", cm_json_str(from, "image", ""));
		cm_json_set_str(o, "mode", mode);
		cm_json_set_int(o, "replicas", replicas);
		cm_json_set_int(o, "running", running);
		cm_view_text(o, "state_text", "%lld of %lld running%s", (long long)running, (long long)replicas,
			     cm_str_eq(mode, "global") ? ", on each node" : "");
		cm_json_set_bool(o, "is_running", running > 0 && running >= replicas);
		cm_json_set_bool(o, "is_partial", running > 0 && running < replicas);
		cm_json_set_bool(o, "is_stopped", running == 0);
		ports_text(o, cm_json_arr(from, "ports"));
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *networks_view(struct json_object *networks)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(networks); i++) {
		struct json_object *o = cm_json_copy(json_object_array_get_idx(networks, i));

		cm_view_text(o, "note", "%s%s%s", cm_json_str(o, "driver", ""),
			     cm_json_bool(o, "internal", false) ? ", internal" : "",
			     cm_json_bool(o, "own", false) ? "" : ", not of this stack alone");
		cm_view_url(o, "url", "/containers?network=%s", cm_json_str(o, "name", ""));
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *volumes_view(struct json_object *volumes)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(volumes); i++) {
		struct json_object *o = cm_json_copy(json_object_array_get_idx(volumes, i));
		struct json_object *users = cm_json_arr(o, "used_by");

		names_text(o, "used_text", users);
		cm_view_url(o, "url", "/volume/%s", cm_json_str(o, "name", ""));
		cm_view_text(o, "note", "%s%s%s%s", cm_json_str(o, "driver", ""),
			     cm_json_len(users) > 0 ? ", used by " : ", not used",
			     cm_json_len(users) > 0 ? cm_json_str(o, "used_text", "") : "",
			     cm_json_bool(o, "own", false) ? "" : ", not of this stack alone");
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *images_view(struct json_object *images, int64_t now_ms)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(images); i++) {
		struct json_object *o = cm_json_copy(json_object_array_get_idx(images, i));
		const char *id = cm_json_str(o, "id", ""), *made = cm_json_str(o, "created", NULL);
		int64_t ms = 0;

		if (made == NULL || !cm_time_parse(made, &ms))
			ms = 0;
		json_object_object_del(o, "created");
		cm_view_time(o, "created", ms, now_ms);
		cm_view_text(o, "id_text", "%.12s", cm_str_has_prefix(id, "sha256:") ? id + 7 : id);
		cm_view_text(o, "note",
			     cm_json_bool(o, "gone", false)    ? "this image is not on the engine any more"
			     : cm_json_bool(o, "newer", false) ? "the engine has a newer image of this name"
							       : NULL);
		json_object_array_add(list, o);
	}
	return list;
}

void cm_view_stack_details(struct json_object *data, const struct cm_stack *s, struct json_object *belongings,
			   const struct cm_stack_ctx *ctx)
{
	cm_json_set_bool(data, "is_swarm", s->swarm);
	cm_json_set(data, "backup", NULL);
	cm_json_set(data, "containers", containers_view(s, ctx));
	cm_json_set(data, "service_list", services_view(s));
	cm_json_set(data, "network_list", networks_view(cm_json_arr(belongings, "networks")));
	cm_json_set(data, "volume_list", volumes_view(cm_json_arr(belongings, "volumes")));
	cm_json_set(data, "images", images_view(cm_json_arr(belongings, "images"), ctx->now_ms));
}
