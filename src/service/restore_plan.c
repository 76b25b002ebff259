/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/restore_plan.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/image.h"
#include "docker/network.h"
#include "docker/self.h"
#include "docker/volume.h"
#include "service/engine.h"

void cm_restore_plan_free(struct cm_restore_plan *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->volume_count; i++) {
		free(p->volumes[i].name);
		free(p->volumes[i].fresh);
		free(p->volumes[i].keepable);
		free(p->volumes[i].scratch);
		json_object_put(p->volumes[i].existing);
		json_object_put(p->volumes[i].users);
	}
	for (size_t i = 0; i < p->network_count; i++) {
		free(p->networks[i].name);
		json_object_put(p->networks[i].recorded);
		json_object_put(p->networks[i].existing);
	}
	free(p->volumes);
	free(p->networks);
	free(p->binds);
	json_object_put(p->info);
	json_object_put(p->containers);
	json_object_put(p->volumes_now);
	json_object_put(p->networks_now);
	json_object_put(p->old);
	json_object_put(p->image_now);
	json_object_put(p->image_of_ref);
	json_object_put(p->refs);
	json_object_put(p->refs_now);
	json_object_put(p->findings);
	cm_restore_source_close(p->source);
	cm_restore_options_release(&p->options);
	free(p);
}

bool cm_restore_plan_is_old(const struct cm_restore_plan *p, const char *id)
{
	return p->old != NULL && id != NULL && strcmp(cm_json_str(p->old, "Id", ""), id) == 0;
}

static bool container_exists(const struct cm_restore_plan *p, const char *name)
{
	for (size_t i = 0; i < cm_json_len(p->containers); i++) {
		struct json_object *names = cm_json_arr(json_object_array_get_idx(p->containers, i), "Names");
		for (size_t n = 0; n < cm_json_len(names); n++) {
			const char *s = json_object_get_string(json_object_array_get_idx(names, n));
			/* "/other/alias" is a link, not a name. */
			if (s != NULL && s[0] == '/' && strcmp(s + 1, name) == 0)
				return true;
		}
	}
	return false;
}

/* An image that is not there is an answer, not an error. */
static int image_look(struct cm_docker *d, const char *ref, struct json_object **ret, struct cm_err *err)
{
	int rc;

	if (ref == NULL || !cm_image_ref_valid(ref))
		return 0;
	rc = cm_image_inspect(d, ref, ret, err);
	return rc == CM_ENOTFOUND ? 0 : rc;
}

static int64_t disk_free(const struct cm_restore_plan *p)
{
	struct statvfs s;
	const char *root = cm_json_str(p->info, "DockerRootDir", "");

	/* Only where the engine's disk is certainly ours to see. */
	if (!cm_docker_is_local(p->d) || p->self_id[0] != '\0' || root[0] != '/' || statvfs(root, &s) != 0)
		return -1;
	return (int64_t)((uint64_t)s.f_bavail * s.f_frsize);
}

static int plan_facts(struct cm_restore_plan *p, struct cm_err *err)
{
	int rc = cm_engine_get(p->app, &p->d, err);

	rc = rc ? rc : cm_docker_api(p->d, &p->api_minor, err);
	rc = rc ? rc : cm_docker_info(p->d, &p->info, err);
	rc = rc ? rc : cm_container_list(p->d, true, NULL, &p->containers, err);
	rc = rc ? rc : cm_volume_list(p->d, NULL, &p->volumes_now, err);
	rc = rc ? rc : cm_network_list(p->d, NULL, &p->networks_now, err);
	rc = rc ? rc : cm_self_id(p->d, p->self_id, err);
	if (rc != 0)
		return rc;
	p->free_bytes = disk_free(p);
	if (!container_exists(p, p->name))
		return 0;
	rc = cm_container_inspect(p->d, p->name, false, &p->old, err);
	return rc == CM_ENOTFOUND ? 0 : rc;
}

static int plan_names(struct cm_restore_plan *p, struct cm_err *err)
{
	p->recorded = cm_spec_name(p->source->inspect);
	p->name = p->options.new_name ? p->options.new_name : p->recorded;
	if (!cm_name_valid(p->name))
		return cm_err_set(err, CM_EUNSUPPORTED,
				  "The recorded name of the container is not one the engine takes: give a new name.");
	p->start = p->options.start == CM_START_YES ||
		   (p->options.start == CM_START_AS_IT_WAS && strcmp(p->source->status, "stopped") != 0);
	return 0;
}

int cm_restore_plan_image_find(struct cm_restore_plan *p, struct cm_err *err)
{
	struct json_object *image = p->source->image;
	const char *id = cm_json_str(image, "id", ""), *ref = cm_json_str(image, "ref", "");
	const char *mode = cm_json_str(image, "mode", "missing");
	int rc = image_look(p->d, id, &p->image_now, err);

	rc = rc ? rc : image_look(p->d, ref, &p->image_of_ref, err);
	if (rc != 0)
		return rc;
	p->image_tag = p->image_of_ref == NULL && ref[0] != '\0' && strchr(ref, '@') == NULL &&
		       !cm_str_has_prefix(id, ref) && !cm_str_has_prefix(ref, "sha256:") &&
		       !(cm_str_has_prefix(id, "sha256:") && cm_str_has_prefix(id + strlen("sha256:"), ref));
	if (p->image_now != NULL)
		p->image_action = CM_RI_PRESENT;
	else if (strcmp(mode, "embed") == 0)
		p->image_action = CM_RI_LOAD;
	else if (cm_json_str(image, "digest", NULL) != NULL)
		p->image_action = CM_RI_PULL;
	else if (p->image_of_ref != NULL)
		p->image_action = CM_RI_OTHER;
	else
		p->image_action = p->image_tag ? CM_RI_PULL_REF : CM_RI_NONE;
	return 0;
}

const char *cm_restore_plan_image(const struct cm_restore_plan *p)
{
	struct json_object *image = p->source->image;
	const char *id = cm_json_str(image, "id", ""), *ref = cm_json_str(image, "ref", "");

	if (p->image_action == CM_RI_OTHER || p->image_action == CM_RI_PULL_REF || p->image_tag)
		return ref;
	if (p->image_of_ref != NULL && strcmp(cm_json_str(p->image_of_ref, "Id", ""), id) == 0)
		return ref;
	return id;
}

int cm_restore_plan_open(const struct cm_app *app, struct json_object *params, struct cm_restore_plan **ret,
			 struct cm_err *err)
{
	struct cm_restore_plan *p = cm_alloc(sizeof(*p));
	int rc;

	p->app = app;
	p->free_bytes = -1;
	p->findings = json_object_new_array();
	rc = cm_restore_options_parse(params, &p->options, err);
	rc = rc ? rc : cm_restore_source_open(app, p->options.file, &p->source, err);
	if (rc != 0) {
		cm_restore_plan_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

int cm_restore_plan_fill(struct cm_restore_plan *p, struct cm_err *err)
{
	int rc = plan_names(p, err);

	rc = rc ? rc : plan_facts(p, err);
	if (rc == 0)
		p->beside = strcmp(p->name, p->recorded) != 0 && container_exists(p, p->recorded);
	rc = rc ? rc : cm_restore_plan_image_find(p, err);
	rc = rc ? rc : cm_restore_plan_volumes(p, err);
	rc = rc ? rc : cm_restore_plan_networks(p, err);
	rc = rc ? rc : cm_restore_plan_binds(p, err);
	return rc ? rc : cm_restore_plan_refs(p, err);
}

int cm_restore_plan_make(const struct cm_app *app, struct json_object *params, struct cm_restore_plan **ret,
			 struct cm_err *err)
{
	struct cm_restore_plan *p = NULL;
	int rc = cm_restore_plan_open(app, params, &p, err);

	rc = rc ? rc : cm_restore_plan_fill(p, err);
	if (rc != 0) {
		cm_restore_plan_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

/* A copy that runs beside the original must not pass for a part of its stack: Compose would count it as one more
 * instance of the service, and might remove the wrong one. */
static void drop_compose_labels(struct json_object *body)
{
	struct json_object *labels = cm_json_obj(body, "Labels"), *kept;

	if (labels == NULL)
		return;
	kept = json_object_new_object();
	json_object_object_foreach(labels, key, value)
	{
		if (!cm_str_has_prefix(key, "com.docker.compose."))
			json_object_object_add(kept, key, json_object_get(value));
	}
	cm_json_set(body, "Labels", kept);
}

int cm_restore_plan_spec(struct cm_restore_plan *p, const char *image, struct json_object *image_config,
			 struct cm_spec **ret, struct cm_err *err)
{
	cm_autojson struct json_object *names = json_object_new_object(), *anon = json_object_new_object();
	struct cm_spec_options o = {
		.api_minor = p->api_minor,
		.new_name = p->name,
		.image = image,
		.image_config = image_config,
		.port_overrides = p->options.port_overrides,
		.volume_names = names,
		.container_refs = p->refs,
		.anon_binds = anon,
		.engine_name = cm_json_str(p->info, "Name", NULL),
		.drop_addresses = p->beside,
		.drop_aliases = p->beside,
	};
	int rc;

	for (size_t i = 0; i < p->volume_count; i++) {
		const struct cm_restore_volume *v = &p->volumes[i];
		if (v->name == NULL || v->action == CM_RV_OTHER)
			continue;
		if (v->anonymous)
			cm_json_set_str(anon, v->destination, v->name);
		else if (strcmp(v->name, v->recorded) != 0)
			cm_json_set_str(names, v->recorded, v->name);
	}
	rc = cm_spec_from_inspect(p->source->inspect, &o, ret, err);
	if (rc == 0 && p->beside)
		drop_compose_labels((*ret)->body);
	return rc;
}
