/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of a plan: volumes, networks, bind mounts, other containers.
 */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "docker/docker.h"
#include "service/network_restore.h"
#include "service/restore_helper.h"
#include "service/restore_plan.h"
#include "service/vaults.h"

/* Far above what any container has; each costs a look at the vault or the catalog. */
enum {
	PLAN_MAX_NAMES = 99,
	PLAN_MAX_BIND_CHECKS = 32,
	PLAN_MAX_VOLUMES = 512,
	PLAN_MAX_NETWORKS = 256,
	PLAN_MAX_REFERENCES = 64
};

static int too_many(const char *what, struct cm_err *err)
{
	return cm_err_set(err, CM_EUNSUPPORTED, "The backup describes a container with more %s than can be.", what);
}

static struct json_object *by_name(struct json_object *list, const char *name)
{
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		if (cm_str_eq(cm_json_str(o, "Name", NULL), name))
			return o;
	}
	return NULL;
}

static const char *container_name(struct json_object *container)
{
	struct json_object *names = cm_json_arr(container, "Names");
	const char *name = cm_json_len(names) ? json_object_get_string(json_object_array_get_idx(names, 0)) : NULL;

	if (name == NULL)
		return cm_json_str(container, "Id", "");
	return name[0] == '/' ? name + 1 : name;
}

static bool mounts_volume(struct json_object *container, const char *volume)
{
	struct json_object *mounts = cm_json_arr(container, "Mounts");

	for (size_t i = 0; i < cm_json_len(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		if (cm_str_eq(cm_json_str(m, "Type", ""), "volume") && cm_str_eq(cm_json_str(m, "Name", ""), volume))
			return true;
	}
	return false;
}

static struct json_object *volume_users(const struct cm_restore_plan *p, const char *volume)
{
	struct json_object *users = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(p->containers); i++) {
		struct json_object *c = json_object_array_get_idx(p->containers, i), *u;
		if (cm_restore_plan_is_old(p, cm_json_str(c, "Id", NULL)) || !mounts_volume(c, volume))
			continue;
		u = json_object_new_object();
		cm_json_set_str(u, "name", container_name(c));
		cm_json_set_bool(u, "running",
				 cm_str_eq(cm_json_str(c, "State", ""), "running") ||
				     cm_str_eq(cm_json_str(c, "State", ""), "paused"));
		json_object_array_add(users, u);
	}
	return users;
}

/* A name for a volume that shall stand beside the recorded one. */
static char *new_volume_name(const struct cm_restore_plan *p, const char *recorded)
{
	char *name;

	if (p->options.new_name != NULL && strcmp(p->name, p->recorded) != 0)
		return cm_asprintf("%s_%s", p->name, recorded);
	name = cm_asprintf("%s-restored", recorded);
	for (int i = 2; i <= PLAN_MAX_NAMES && by_name(p->volumes_now, name) != NULL; i++) {
		free(name);
		name = cm_asprintf("%s-restored-%d", recorded, i);
	}
	return name;
}

/* The anonymous volume that the old container has at the same place. */
static const char *old_volume_at(const struct cm_restore_plan *p, const char *destination)
{
	struct json_object *mounts = cm_json_arr(p->old, "Mounts");

	for (size_t i = 0; i < cm_json_len(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		if (cm_str_eq(cm_json_str(m, "Type", ""), "volume") &&
		    cm_str_eq(cm_json_str(m, "Destination", ""), destination))
			return cm_json_str(m, "Name", NULL);
	}
	return NULL;
}

/* "keep" for all means the data of the container that is replaced. A volume that only was left lying around is kept
 * when it is named. */
static void plan_anonymous(const struct cm_restore_plan *p, struct cm_restore_volume *v)
{
	const char *of_old = old_volume_at(p, v->destination);
	bool lies_around = by_name(p->volumes_now, v->recorded) != NULL;
	bool named = cm_json_str(p->options.volumes_each, v->recorded, NULL) != NULL;

	v->action = CM_RV_ANONYMOUS;
	v->keepable = cm_strdup(of_old ? of_old : lies_around ? v->recorded : NULL);
	if (v->choice != CM_VOLUME_KEEP || v->keepable == NULL)
		return;
	if (of_old != NULL || named) {
		v->name = cm_strdup(v->keepable);
		v->action = CM_RV_KEEP;
	}
}

static void plan_named(const struct cm_restore_plan *p, struct cm_restore_volume *v)
{
	bool renamed = strcmp(p->name, p->recorded) != 0;
	bool exists = by_name(p->volumes_now, v->recorded) != NULL;

	v->fresh = new_volume_name(p, v->recorded);
	if (v->choice == CM_VOLUME_NEW || (renamed && v->choice == CM_VOLUME_UNSET))
		v->name = cm_strdup(v->fresh);
	else
		v->name = cm_strdup(v->recorded);
	if (strcmp(v->name, v->recorded) != 0)
		exists = by_name(p->volumes_now, v->name) != NULL;
	if (!exists)
		v->action = CM_RV_CREATE;
	else if (v->choice == CM_VOLUME_KEEP)
		v->action = CM_RV_KEEP;
	else if (v->choice == CM_VOLUME_REPLACE)
		v->action = CM_RV_REPLACE;
	else
		v->action = CM_RV_BLOCKED;
	/* There is nothing to replace it with. */
	if (v->action == CM_RV_REPLACE && !v->has_data)
		v->action = CM_RV_KEEP;
}

int cm_restore_plan_volumes(struct cm_restore_plan *p, struct cm_err *err)
{
	struct json_object *list = p->source->volumes;

	if (cm_json_len(list) > PLAN_MAX_VOLUMES)
		return too_many("volumes", err);
	p->volumes = cm_alloc_array(cm_json_len(list) + 1, sizeof(*p->volumes));
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct cm_restore_volume *v = &p->volumes[p->volume_count++];
		v->entry = json_object_array_get_idx(list, i);
		v->recorded = cm_json_str(v->entry, "name", "");
		v->destination = cm_json_str(v->entry, "destination", "");
		v->anonymous = cm_json_bool(v->entry, "anonymous", false);
		v->has_data = cm_str_eq(cm_json_str(v->entry, "state", ""), "saved");
		v->choice = cm_restore_volume_choice(&p->options, v->recorded);
		if (cm_json_bool(v->entry, "from_other", false)) {
			v->action = CM_RV_OTHER;
			v->name = cm_strdup(v->recorded);
		} else if (v->anonymous) {
			plan_anonymous(p, v);
		} else {
			plan_named(p, v);
		}
		if (v->name != NULL) {
			v->existing = json_object_get(by_name(p->volumes_now, v->name));
			v->users = volume_users(p, v->name);
		}
		v->exists = v->existing != NULL;
	}
	return 0;
}

static struct json_object *recorded_network(const struct cm_restore_plan *p, const char *name)
{
	return by_name(p->source->networks, name);
}

/* Does the container ask for an address in that network? */
static bool needs_address(const struct cm_restore_plan *p, const char *name)
{
	struct json_object *nets = cm_json_obj(cm_json_obj(p->source->inspect, "NetworkSettings"), "Networks");
	struct json_object *ipam = cm_json_obj(cm_json_obj(nets, name), "IPAMConfig");

	return !p->beside && (cm_json_str(ipam, "IPv4Address", "")[0] || cm_json_str(ipam, "IPv6Address", "")[0]);
}

static const char *overlapping(const struct cm_restore_plan *p, struct json_object *recorded)
{
	for (size_t i = 0; i < cm_json_len(p->networks_now); i++) {
		struct json_object *n = json_object_array_get_idx(p->networks_now, i);
		if (cm_network_overlaps(recorded, n))
			return cm_json_str(n, "Name", "");
	}
	return NULL;
}

/* The newest network_<name>_<stamp>.json of a vault: names sort by time. */
struct network_search {
	char *prefix;
	char found[256];
};

static int network_candidate(void *ctx, const struct cm_vault_entry *entry)
{
	static const char stamp[] = "00000000_000000";
	struct network_search *s = ctx;
	size_t n = strlen(s->prefix);
	const char *rest = entry->name + n;

	if (!cm_str_has_prefix(entry->name, s->prefix) || strlen(rest) != strlen(stamp) + strlen(".json") ||
	    strspn(rest, "0123456789_") != strlen(stamp) || !cm_str_has_suffix(rest, ".json"))
		return 0;
	if (strcmp(entry->name, s->found) > 0)
		cm_str_copy(s->found, sizeof(s->found), entry->name);
	return 0;
}

/* The predecessor's archives hold no networks, but its vault may hold a backup of this one. */
static struct json_object *network_from_vault(const struct cm_restore_plan *p, const char *name)
{
	struct network_search s = { .prefix = cm_asprintf("network_%s_", name) };
	struct json_object *o = NULL;
	struct cm_vault *vault;

	if (cm_vaults_open(p->app, NULL, &vault, NULL) == 0) {
		vault->ops->list(vault, network_candidate, &s, NULL);
		cm_vault_free(vault);
	}
	if (s.found[0] != '\0' && cm_network_file_read(p->app, s.found, &o, NULL) != 0)
		o = NULL;
	free(s.prefix);
	return o;
}

int cm_restore_plan_networks(struct cm_restore_plan *p, struct cm_err *err)
{
	cm_autojson struct json_object *names = cm_spec_networks(p->source->inspect);

	if (cm_json_len(names) > PLAN_MAX_NETWORKS)
		return too_many("networks", err);
	p->networks = cm_alloc_array(cm_json_len(names) + 1, sizeof(*p->networks));
	for (size_t i = 0; i < cm_json_len(names); i++) {
		struct cm_restore_network *n = &p->networks[p->network_count++];
		struct json_object *found;
		n->name = cm_strdup(json_object_get_string(json_object_array_get_idx(names, i)));
		n->recorded = json_object_get(recorded_network(p, n->name));
		n->guessed = n->recorded == NULL || cm_json_bool(n->recorded, "guessed", false);
		n->existing = json_object_get(by_name(p->networks_now, n->name));
		if (n->guessed && n->existing == NULL && (found = network_from_vault(p, n->name)) != NULL) {
			json_object_put(n->recorded);
			n->recorded = found;
			n->guessed = false;
		}
		if (n->existing != NULL) {
			n->action = CM_RN_EXISTS;
			continue;
		}
		if (n->recorded == NULL) {
			n->action = CM_RN_UNKNOWN;
			continue;
		}
		n->overlaps = overlapping(p, n->recorded);
		n->action = n->overlaps && !needs_address(p, n->name) ? CM_RN_CREATE_ANYWHERE : CM_RN_CREATE;
	}
	return 0;
}

int cm_restore_plan_binds(struct cm_restore_plan *p, struct cm_err *err)
{
	struct json_object *list = p->source->binds;
	struct cm_shift s = { .app = p->app, .d = p->d };
	int rc = 0;

	p->binds = cm_alloc_array(cm_json_len(list) + 1, sizeof(*p->binds));
	for (size_t i = 0; i < cm_json_len(list) && i < PLAN_MAX_BIND_CHECKS; i++)
		if (cm_json_str(json_object_array_get_idx(list, i), "source", "")[0] == '/')
			cm_shift_expect(&s, cm_json_str(json_object_array_get_idx(list, i), "source", ""), false);
	for (size_t i = 0; rc == 0 && i < cm_json_len(list); i++) {
		struct cm_restore_bind *b = &p->binds[p->bind_count++];
		b->entry = json_object_array_get_idx(list, i);
		b->source = cm_json_str(b->entry, "source", "");
		b->has_data = cm_str_eq(cm_json_str(b->entry, "state", ""), "saved");
		b->is_file = cm_str_eq(cm_json_str(b->entry, "kind", ""), "file");
		b->choice = cm_restore_bind_choice(&p->options, b->source, i);
		if (i >= PLAN_MAX_BIND_CHECKS)
			continue;
		rc = cm_restore_path_state(&s, b->source, &b->state, err);
		/* An existing file is never overwritten: there would be no way back. */
		b->write =
		    b->has_data && (b->state == CM_PATH_MISSING || !b->is_file) &&
		    (b->choice == CM_BIND_REPLACE || (b->choice == CM_BIND_MISSING && b->state != CM_PATH_PRESENT));
	}
	cm_shift_drop(&s);
	return rc;
}

/* The name under which the catalog knows a container that had this id. */
static char *name_from_catalog(const char *id)
{
	struct cm_catalog_query q = { .type = "container", .sort = "-created", .limit = 10000 };
	struct cm_catalog_list list = { 0 };
	char *name = NULL;

	if (cm_catalog_list(&q, &list, NULL) != 0)
		return NULL;
	for (size_t i = 0; i < list.count && name == NULL; i++)
		if (cm_str_eq(list.rows[i].container_id, id))
			name = cm_strdup(list.rows[i].container_name);
	cm_catalog_list_release(&list);
	return name;
}

static struct json_object *find_container(const struct cm_restore_plan *p, const char *ref)
{
	for (size_t i = 0; i < cm_json_len(p->containers); i++) {
		struct json_object *c = json_object_array_get_idx(p->containers, i);
		const char *id = cm_json_str(c, "Id", "");
		if (strcmp(container_name(c), ref) == 0 || (strlen(ref) >= 12 && strncmp(id, ref, strlen(ref)) == 0))
			return c;
	}
	return NULL;
}

int cm_restore_plan_refs(struct cm_restore_plan *p, struct cm_err *err)
{
	cm_autojson struct json_object *list = cm_spec_references(p->source->inspect);

	if (cm_json_len(list) > PLAN_MAX_REFERENCES)
		return too_many("other containers that it needs", err);
	p->refs = json_object_new_object();
	p->refs_now = json_object_new_array();
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *r = json_object_array_get_idx(list, i), *o = json_object_new_object();
		const char *ref = cm_json_str(r, "ref", "");
		struct json_object *c = find_container(p, ref);
		cm_autofree char *known = c ? NULL : name_from_catalog(ref);
		if (c == NULL && known != NULL)
			c = find_container(p, known);
		if (c != NULL)
			cm_json_set_str(p->refs, ref, container_name(c));
		cm_json_set_str(o, "ref", known ? known : ref);
		cm_json_set_str(o, "kind", cm_json_str(r, "kind", ""));
		cm_json_set_str(o, "name", c ? container_name(c) : NULL);
		json_object_array_add(p->refs_now, o);
	}
	return 0;
}
