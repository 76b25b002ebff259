/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a restore would do, as JSON: the predecessor's members, and what the page and callers of preflight need.
 */
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/preflight.h"
#include "service/restore.h"
#include "service/restore_plan.h"

enum { PREVIEW_TEXT_MAX = 1 << 20 };

static void preview_volumes(const struct cm_restore_plan *p, struct json_object *list, struct json_object *existing)
{
	static const char *const actions[] = { "create", "replace", "keep", "anonymous", "other", "blocked" };
	static const char *const choices[] = { "", "keep", "replace", "new" };

	for (size_t i = 0; i < p->volume_count; i++) {
		const struct cm_restore_volume *v = &p->volumes[i];
		struct json_object *o = json_object_new_object();
		cm_json_set_str(o, "type", "volume");
		cm_json_set_str(o, "name", v->recorded);
		cm_json_set_str(o, "destination", v->destination);
		cm_json_set_str(o, "driver", cm_json_str(v->entry, "driver", "local"));
		cm_json_set_bool(o, "anonymous", v->anonymous);
		cm_json_set_bool(o, "exists", v->exists);
		cm_json_set_bool(o, "has_data", v->has_data);
		cm_json_set(o, "bytes", cm_json_copy(cm_json_get(v->entry, "bytes")));
		cm_json_set_str(o, "reason", cm_json_str(v->entry, "reason", NULL));
		cm_json_set_str(o, "action", actions[v->action]);
		cm_json_set_str(o, "choice", choices[v->choice][0] ? choices[v->choice] : NULL);
		cm_json_set_str(o, "target", v->name);
		cm_json_set_str(o, "fresh", v->fresh);
		cm_json_set_str(o, "keepable", v->keepable);
		cm_json_set(o, "users", v->users ? json_object_get(v->users) : json_object_new_array());
		json_object_array_add(list, o);
		if (v->exists)
			cm_json_add_str(existing, v->name);
	}
}

static void preview_binds(const struct cm_restore_plan *p, struct json_object *list)
{
	static const char *const states[] = { "unknown", "missing", "empty", "present" };
	static const char *const choices[] = { "missing", "replace", "skip" };

	for (size_t i = 0; i < p->bind_count; i++) {
		const struct cm_restore_bind *b = &p->binds[i];
		struct json_object *o = json_object_new_object();
		cm_json_set_str(o, "type", "bind");
		cm_json_set_str(o, "source", b->source);
		cm_json_set_str(o, "destination", cm_json_str(b->entry, "destination", ""));
		cm_json_set_str(o, "kind", b->is_file ? "file" : "folder");
		cm_json_set_str(o, "state", states[b->state]);
		cm_json_set_str(o, "choice", choices[b->choice]);
		cm_json_set_bool(o, "has_data", b->has_data);
		cm_json_set_bool(o, "write", b->write);
		cm_json_set(o, "bytes", cm_json_copy(cm_json_get(b->entry, "bytes")));
		cm_json_set_str(o, "reason", cm_json_str(b->entry, "reason", NULL));
		json_object_array_add(list, o);
	}
}

static struct json_object *preview_ports(const struct cm_restore_plan *p)
{
	cm_autojson struct json_object *recorded = cm_spec_ports(p->source->inspect, NULL);
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(recorded); i++) {
		struct json_object *r = json_object_array_get_idx(recorded, i), *o = json_object_new_object();
		struct json_object *wish = cm_json_get(p->options.port_overrides, cm_json_str(r, "container", ""));
		cm_json_set_str(o, "container_port", cm_json_str(r, "container", ""));
		cm_json_set_str(o, "host_port", cm_json_str(r, "host", ""));
		cm_json_set_str(o, "host_ip", cm_json_str(r, "ip", ""));
		cm_json_set_str(o, "value", wish ? json_object_get_string(wish) : cm_json_str(r, "host", ""));
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *preview_networks(const struct cm_restore_plan *p)
{
	static const char *const actions[] = { "exists", "create", "create_anywhere", "unknown" };
	struct json_object *nets = cm_json_obj(cm_json_obj(p->source->inspect, "NetworkSettings"), "Networks");
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < p->network_count; i++) {
		const struct cm_restore_network *n = &p->networks[i];
		struct json_object *o = json_object_new_object(), *shown = n->existing ? n->existing : n->recorded;
		struct json_object *configs = cm_json_arr(cm_json_obj(shown, "IPAM"), "Config");
		struct json_object *ipam = cm_json_obj(cm_json_obj(nets, n->name), "IPAMConfig");
		cm_json_set_str(o, "name", n->name);
		cm_json_set_str(o, "driver", cm_json_str(shown, "Driver", NULL));
		cm_json_set_str(
		    o, "subnet",
		    cm_json_len(configs) ? cm_json_str(json_object_array_get_idx(configs, 0), "Subnet", NULL) : NULL);
		cm_json_set_str(o, "address", cm_json_str(ipam, "IPv4Address", cm_json_str(ipam, "IPv6Address", NULL)));
		cm_json_set_bool(o, "exists", n->existing != NULL);
		cm_json_set_bool(o, "guessed", n->guessed && n->existing == NULL);
		cm_json_set_str(o, "action", actions[n->action]);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *preview_image(const struct cm_restore_plan *p)
{
	static const char *const actions[] = { "present", "load", "pull", "other", "pull", "missing" };
	struct json_object *o = cm_json_copy(p->source->image);

	cm_json_set_bool(o, "present", p->image_now != NULL);
	cm_json_set_bool(
	    o, "name_taken",
	    p->image_of_ref != NULL && p->image_action != CM_RI_OTHER &&
		!cm_str_eq(cm_json_str(p->image_of_ref, "Id", ""), cm_json_str(p->source->image, "id", "")));
	cm_json_set_str(o, "action", actions[p->image_action]);
	return o;
}

static void preview_texts(const struct cm_restore_plan *p, struct json_object *o)
{
	cm_autobuf struct cm_buf run = CM_BUF_INIT(PREVIEW_TEXT_MAX), compose = CM_BUF_INIT(PREVIEW_TEXT_MAX);
	struct json_object *image = p->image_now ? cm_json_obj(p->image_now, "Config") : p->source->image_config;

	cm_spec_run_text(p->source->inspect, image, CM_SPEC_MASK_ENV, &run);
	cm_spec_compose_text(p->source->inspect, image, CM_SPEC_MASK_ENV, &compose);
	cm_json_set_str(o, "docker_run_command", cm_buf_failed(&run) ? NULL : run.data);
	cm_json_set_str(o, "docker_compose", cm_buf_failed(&compose) ? NULL : compose.data);
	cm_json_set(o, "config", cm_spec_masked(p->source->inspect));
}

static struct json_object *preview_old(const struct cm_restore_plan *p)
{
	struct json_object *o;

	if (p->old == NULL)
		return NULL;
	o = json_object_new_object();
	cm_json_set_str(o, "name", p->name);
	cm_json_set_str(o, "id", cm_json_str(p->old, "Id", ""));
	cm_json_set_str(o, "state", cm_json_str_at(p->old, "State.Status", "unknown"));
	return o;
}

static struct json_object *preview_json(const struct cm_restore_plan *p)
{
	struct json_object *o = json_object_new_object(), *volumes = json_object_new_array();
	struct json_object *existing = json_object_new_array();
	const struct cm_restore_source *s = p->source;
	char date[32];

	cm_time_rfc3339(date, s->created_ms);
	cm_json_set_bool(o, "success", true);
	cm_json_set_str(o, "filename", p->options.file);
	cm_json_set_str(o, "container_name", p->recorded);
	cm_json_set_str(o, "new_name", p->name);
	cm_json_set_str(o, "image", cm_json_str(s->image, "ref", NULL));
	cm_json_set_bool(o, "image_backed_up", cm_str_eq(cm_json_str(s->image, "mode", ""), "embed"));
	cm_json_set_str(o, "status", strcmp(s->status, "paused") == 0 ? "running" : s->status);
	cm_json_set_str(o, "backup_date", date[0] ? date : NULL);
	cm_json_set_int(o, "created_ms", s->created_ms);
	cm_json_set_int(o, "size", s->size);
	cm_json_set_str(o, "server_name", s->server_name);
	cm_json_set_str(o, "format", cm_restore_source_format(s));
	preview_volumes(p, volumes, existing);
	preview_binds(p, volumes);
	cm_json_set(o, "volumes", volumes);
	cm_json_set(o, "existing_volumes", existing);
	cm_json_set(o, "port_mappings", preview_ports(p));
	cm_json_set(o, "networks", preview_networks(p));
	cm_json_set(o, "image_info", preview_image(p));
	cm_json_set(o, "missing", json_object_get(s->missing));
	cm_json_set(o, "existing_container", preview_old(p));
	cm_json_set_str(o, "engine_name", cm_json_str(p->info, "Name", NULL));
	cm_json_set_bool(o, "start", p->start);
	cm_json_set_bool(o, "replace", p->options.replace);
	cm_json_set_bool(o, "keep_old", p->options.keep_old);
	cm_json_set_bool(o, "can_restore", cm_findings_worst(p->findings) != CM_FINDING_BLOCK);
	cm_json_set_bool(o, "conflict", cm_findings_conflict(p->findings));
	cm_json_set(o, "findings", json_object_get(p->findings));
	preview_texts(p, o);
	return o;
}

int cm_restore_preview(const struct cm_app *app, const char *file, struct json_object *options,
		       struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *params = options ? cm_json_copy(options) : json_object_new_object();
	struct cm_restore_plan *plan;
	int rc;

	cm_json_set_str(params, "file", file);
	rc = cm_restore_plan_make(app, params, &plan, err);
	if (rc != 0)
		return rc;
	rc = cm_preflight_run(plan, err);
	if (rc == 0)
		*ret = preview_json(plan);
	cm_restore_plan_free(plan);
	return rc;
}
