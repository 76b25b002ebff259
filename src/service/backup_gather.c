/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The half of the plan that asks the engine.
 */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/image.h"
#include "docker/network.h"
#include "docker/self.h"
#include "docker/volume.h"
#include "service/backup_plan.h"
#include "service/container_spec.h"
#include "service/network_restore.h"

/* Go's FileMode, as the engine sends it. */
enum { GO_DIR = 1U << 31, GO_OTHER = 1U << 26 | 1U << 25 | 1U << 24 | 1U << 21 | 1U << 19 };

static int container_look(struct cm_docker *d, const struct cm_engine_overview *engine,
			  struct cm_backup_options *options, struct cm_backup_plan *plan, struct cm_err *err)
{
	int rc = cm_container_inspect(d, options->container, false, &plan->inspect, err);
	struct json_object *labels;
	const char *status;

	if (rc < 0)
		return rc;
	labels = cm_json_at(plan->inspect, "Config.Labels");
	status = cm_json_str_at(plan->inspect, "State.Status", "");
	cm_str_copy(plan->id, sizeof(plan->id), cm_json_str(plan->inspect, "Id", ""));
	cm_str_copy(plan->name, sizeof(plan->name), cm_spec_name(plan->inspect));
	cm_str_copy(
	    plan->stack, sizeof(plan->stack),
	    cm_json_str(labels, "com.docker.compose.project", cm_json_str(labels, "com.docker.stack.namespace", "")));
	plan->auto_remove = json_object_get_boolean(cm_json_at(plan->inspect, "HostConfig.AutoRemove"));
	if (cm_str_eq(status, "paused"))
		plan->status = "paused";
	else if (cm_str_eq(status, "running") || cm_str_eq(status, "restarting"))
		plan->status = "running";
	else
		plan->status = "stopped";
	if (plan->id[0] == '\0' || plan->name[0] == '\0')
		return cm_err_set(err, CM_EUPSTREAM, "The Docker Engine's answer about the container makes no sense.");
	if (cm_self_is(engine->self_id, plan->id))
		return cm_err_set(
		    err, CM_EUNSUPPORTED,
		    "%s is this program's own container. Its data is the vault itself: keep a copy of the "
		    "data folder elsewhere instead.",
		    plan->name);
	if (cm_json_get(labels, CM_HELPER_LABEL) != NULL)
		return cm_err_set(err, CM_EUNSUPPORTED, "%s is a helper of this program and will be gone in a moment.",
				  plan->name);
	return cm_backup_options_labels(options, labels, err);
}

static int image_look(struct cm_docker *d, const struct cm_backup_options *options, struct cm_backup_plan *plan,
		      struct cm_err *err)
{
	int rc;

	plan->image_ref = cm_strdup(cm_json_str_at(plan->inspect, "Config.Image", ""));
	plan->image_id = cm_strdup(cm_json_str(plan->inspect, "Image", ""));
	rc = cm_image_inspect(d, plan->image_id, &plan->image, err);
	/* An export needs nothing of it. */
	if (options->whole && (rc == 0 || rc == CM_ENOTFOUND)) {
		plan->image_digest = cm_strdup(cm_backup_digest(plan->image, plan->image_ref));
		return 0;
	}
	if (rc == CM_ENOTFOUND)
		return cm_err_set(
		    err, CM_ENOTFOUND,
		    "The image %s of the container is no longer on the Docker host, so it cannot be saved. "
		    "Pull or load it again, then repeat the backup.",
		    plan->image_ref);
	if (rc < 0)
		return rc;
	plan->image_digest = cm_strdup(cm_backup_digest(plan->image, plan->image_ref));
	plan->image_expected = options->reference ? 0 : cm_json_int(plan->image, "Size", 0);
	if (options->reference && plan->image_digest == NULL)
		return cm_err_set(err, CM_EUNSUPPORTED,
				  "The image %s was never pulled from or pushed to a registry, so it has no digest to "
				  "refer to: keep the image inside the backup instead.",
				  plan->image_ref);
	return 0;
}

static int networks_look(struct cm_docker *d, struct cm_backup_plan *plan, struct cm_err *err)
{
	struct json_object *all = cm_json_at(plan->inspect, "NetworkSettings.Networks");

	plan->networks = json_object_new_array();
	if (!json_object_is_type(all, json_type_object))
		return 0;
	json_object_object_foreach(all, name, endpoint)
	{
		const char *id = cm_json_str(endpoint, "NetworkID", "");
		struct json_object *network;
		int rc;

		if (cm_network_is_default(name))
			continue;
		rc = cm_network_inspect(d, id[0] != '\0' ? id : name, &network, err);
		if (rc == CM_ENOTFOUND) {
			cm_backup_plan_warn(plan, "Network %s no longer exists: its settings could not be kept.", name);
			continue;
		}
		if (rc < 0)
			return rc;
		json_object_array_add(plan->networks, network);
	}
	return 0;
}

static int volume_look(struct cm_docker *d, struct json_object *entry, struct cm_err *err)
{
	const char *name = cm_json_str(entry, "name", "");
	cm_autojson struct json_object *volume = NULL;
	struct json_object *options, *labels;
	int rc = cm_volume_inspect(d, name, &volume, err);

	if (rc == CM_ENOTFOUND)
		return cm_err_set(err, CM_ENOTFOUND, "Volume %s is not on the Docker host any more.", name);
	if (rc < 0)
		return rc;
	options = cm_json_copy(cm_json_obj(volume, "Options"));
	labels = cm_json_copy(cm_json_obj(volume, "Labels"));
	cm_json_set_str(entry, "driver", cm_json_str(volume, "Driver", "local"));
	/* None is not the same as an empty list: inspect shows what the volume was made with. */
	cm_json_set(entry, "options", options);
	cm_json_set(entry, "labels", labels ? labels : json_object_new_object());
	cm_json_set_str(entry, "scope", cm_json_str(volume, "Scope", "local"));
	return 0;
}

/* Folder, file or something without content? The host's path is not ours to look at, so the engine is asked what the
 * container sees there. */
static int bind_look(struct cm_docker *d, const struct cm_backup_plan *plan, struct json_object *entry,
		     struct cm_err *err)
{
	cm_autojson struct json_object *stat = NULL;
	int rc = cm_container_archive_stat(d, plan->id, cm_json_str(entry, "destination", ""), &stat, err);
	uint32_t mode = (uint32_t)cm_json_int(stat, "mode", 0);

	if (rc == 0)
		cm_json_set_str(entry, "kind", mode & GO_DIR ? "folder" : mode & GO_OTHER ? "other" : "file");
	else
		cm_err_prefix(err, "Looking at %s", cm_json_str(entry, "source", ""));
	return rc;
}

static int volumes_look(struct cm_docker *d, struct cm_backup_plan *plan, struct cm_err *err)
{
	int rc = 0;

	plan->mounts = cm_backup_mounts(plan->inspect);
	for (size_t i = 0; rc == 0 && i < cm_json_len(plan->mounts); i++) {
		struct json_object *entry = json_object_array_get_idx(plan->mounts, i);

		if (cm_str_eq(cm_json_str(entry, "type", ""), "volume"))
			rc = volume_look(d, entry, err);
	}
	return rc;
}

static int binds_look(struct cm_docker *d, struct cm_backup_plan *plan, struct cm_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < cm_json_len(plan->mounts); i++) {
		struct json_object *entry = json_object_array_get_idx(plan->mounts, i);

		if (cm_str_eq(cm_json_str(entry, "type", ""), "bind") && cm_backup_mount_read(plan->mounts, i))
			rc = bind_look(d, plan, entry, err);
	}
	return rc;
}

/* Takes "/tmp" off the end of a path, which leaves where our data folder is. */
static bool parent_of_tmp(char *path)
{
	size_t len = strlen(path);

	if (!cm_str_eq(path, "tmp") && !cm_str_has_suffix(path, "/tmp"))
		return false;
	path[len == 3 ? 0 : len - 4] = '\0';
	return true;
}

/* Where the engine's host sees our data folder: known from where it sees the folder for temporary files in it. */
static void own_look(const struct cm_app *app, struct cm_helper_shared *storage, struct cm_backup_host *host)
{
	if (cm_engine_shared(app, storage, NULL) < 0)
		return;
	if (storage->kind == CM_HELPER_SHARED_PATH && parent_of_tmp(storage->source)) {
		host->own_data = storage->source;
	} else if (storage->kind == CM_HELPER_SHARED_VOLUME && parent_of_tmp(storage->subpath)) {
		host->own_volume = storage->source;
		host->own_subpath = storage->subpath;
	}
}

/* The writable layer: overlay2's own folder when there is one, so that the helper reads it with every attribute. */
static int layer_look(struct cm_docker *d, struct cm_backup_plan *plan, struct cm_err *err)
{
	const char *upper = cm_json_str_at(plan->inspect, "GraphDriver.Data.UpperDir", "");
	int rc = cm_container_changes(d, plan->id, &plan->changes, err);

	if (rc == 0 && cm_str_eq(cm_json_str_at(plan->inspect, "GraphDriver.Name", ""), "overlay2") && upper[0] == '/')
		plan->upper = cm_strdup(upper);
	return rc;
}

static void host_make(const struct cm_engine_overview *engine, struct cm_backup_host *host)
{
	*host = (struct cm_backup_host){
		.engine_root = engine->root_dir, .own_data = "", .own_volume = "", .own_subpath = ""
	};
}

/* A volume alone: no container, no image, nothing that is held still. */
static int volume_only_look(struct cm_docker *d, struct cm_backup_options *options, struct cm_backup_plan *plan,
			    struct cm_err *err)
{
	struct json_object *entry = json_object_new_object();

	cm_str_copy(plan->name, sizeof(plan->name), options->volume);
	plan->networks = json_object_new_array();
	plan->mounts = json_object_new_array();
	json_object_array_add(plan->mounts, entry);
	cm_json_set_str(entry, "type", "volume");
	cm_json_set_str(entry, "name", options->volume);
	cm_json_set_str(entry, "destination", "");
	cm_json_set_bool(entry, "rw", true);
	options->consistency = CM_CONSISTENCY_LIVE;
	return volume_look(d, entry, err);
}

static int container_all_look(struct cm_docker *d, const struct cm_engine_overview *engine,
			      struct cm_backup_options *options, struct cm_backup_plan *plan, struct cm_err *err)
{
	int rc = container_look(d, engine, options, plan, err);

	rc = rc < 0 ? rc : image_look(d, options, plan, err);
	rc = rc < 0 ? rc : networks_look(d, plan, err);
	rc = rc < 0 ? rc : volumes_look(d, plan, err);
	return rc < 0 ? rc : layer_look(d, plan, err);
}

/* Volumes and folders of the host are no part of the engine's export: they are noted, so that a restore can make them.
 */
static int export_look(struct cm_docker *d, const struct cm_engine_overview *engine, struct cm_backup_options *options,
		       struct cm_backup_plan *plan, struct cm_err *err)
{
	int rc = container_look(d, engine, options, plan, err);

	options->reference = true;
	plan->whole = true;
	rc = rc < 0 ? rc : image_look(d, options, plan, err);
	rc = rc < 0 ? rc : networks_look(d, plan, err);
	rc = rc < 0 ? rc : volumes_look(d, plan, err);
	for (size_t i = 0; rc == 0 && i < cm_json_len(plan->mounts); i++) {
		struct json_object *entry = json_object_array_get_idx(plan->mounts, i);

		cm_json_set_str(entry, "prefix", NULL);
		cm_json_set_str(entry, "state", "skipped");
		cm_json_set_str(entry, "reason", "Not part of an export.");
	}
	return rc;
}

int cm_backup_plan_look(struct cm_docker *d, const struct cm_engine_overview *engine, struct cm_backup_options *options,
			struct cm_backup_plan *plan, struct cm_err *err)
{
	struct cm_backup_host host;
	int rc;

	*plan = (struct cm_backup_plan){ .status = "stopped", .warnings = json_object_new_array() };
	if (options->whole)
		return export_look(d, engine, options, plan, err);
	rc = options->volume != NULL ? volume_only_look(d, options, plan, err)
				     : container_all_look(d, engine, options, plan, err);
	if (rc < 0)
		return rc;
	host_make(engine, &host);
	cm_backup_plan_skip(plan, &host, options->skip_remote);
	return 0;
}

int cm_backup_plan_finish(const struct cm_app *app, struct cm_docker *d, const struct cm_engine_overview *engine,
			  struct cm_backup_plan *plan, struct cm_err *err)
{
	struct cm_helper_shared shared;
	struct cm_backup_host host;
	int rc = binds_look(d, plan, err);

	if (rc < 0)
		return rc;
	host_make(engine, &host);
	own_look(app, &shared, &host);
	return cm_backup_plan_parts(plan, &host, err);
}
