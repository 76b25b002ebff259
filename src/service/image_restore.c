/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The image comes back by its id: loaded from the backup or pulled by its digest, checked, and named again unless the
 * name means something else by now.
 */
#include <stdio.h>
#include <string.h>

#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/image.h"
#include "service/preflight.h"
#include "service/restore_pipe.h"
#include "service/restore_run.h"

/* "repo:tag" of a reference; the tag is "latest" when there is none. Caller frees both. */
static void ref_split(const char *ref, char **ret_repo, char **ret_tag)
{
	const char *slash = strrchr(ref, '/'), *colon = strchr(slash ? slash : ref, ':');

	*ret_repo = colon ? cm_strndup(ref, (size_t)(colon - ref)) : cm_strdup(ref);
	*ret_tag = cm_strdup(colon ? colon + 1 : "latest");
}

static int tag_as(struct cm_restore_run *r, const char *id, const char *ref, struct cm_err *err)
{
	cm_autofree char *repo = NULL, *tag = NULL;

	ref_split(ref, &repo, &tag);
	return cm_image_tag(cm_restore_docker(r), id, repo, tag, err);
}

/* What the name means now goes into the state, so that it can mean the same again. */
static int note_image(struct cm_restore_run *r, bool load, struct cm_err *err)
{
	struct json_object *image = json_object_new_object(), *tags = json_object_new_array(), *t;
	const char *ref = cm_json_str(r->plan->source->image, "ref", "");

	cm_json_set_str(image, "id", cm_json_str(r->plan->source->image, "id", ""));
	cm_json_set_bool(image, "load", load);
	if (ref[0] != '\0' && strchr(ref, '@') == NULL && !cm_str_has_prefix(ref, "sha256:")) {
		t = json_object_new_object();
		cm_json_set_str(t, "ref", ref);
		cm_json_set_str(t, "was", cm_json_str(r->plan->image_of_ref, "Id", NULL));
		json_object_array_add(tags, t);
	}
	cm_json_set(image, "tags", tags);
	cm_json_set(r->state, "image", image);
	return cm_restore_save(r, err);
}

static int pump_image(void *ctx, cm_archive_write_fn write, void *write_ctx, struct cm_err *err)
{
	return cm_restore_source_image(ctx, write, write_ctx, err);
}

static int image_load(struct cm_restore_run *r, struct cm_err *err)
{
	cm_autojson struct json_object *names = NULL;
	struct cm_restore_pipe *pipe;
	int rc = cm_restore_pipe_begin(pump_image, r->plan->source, &pipe, err);

	if (rc != 0)
		return rc;
	rc = cm_image_load(cm_restore_docker(r), cm_restore_pipe_read, pipe, &names, err);
	cm_restore_pipe_end(pipe);
	if (rc != 0)
		cm_err_prefix(err, "The image could not be loaded");
	return rc;
}

static int pull_progress(void *ctx, const char *status, const char *layer, int64_t done, int64_t total)
{
	(void)status;
	(void)layer;
	(void)done;
	(void)total;
	return cm_progress_cancelled(((struct cm_restore_run *)ctx)->progress) ? CM_ECANCELLED : 0;
}

static int image_pull(struct cm_restore_run *r, const char *ref, struct cm_err *err)
{
	int rc = cm_image_pull(cm_restore_docker(r), ref, NULL, NULL, pull_progress, r, err);

	if (rc != 0 && rc != CM_ECANCELLED)
		cm_err_prefix(err, "The image %s could not be pulled", ref);
	return rc;
}

/* Is what came really the recorded image, and for this processor? */
static int image_verify(struct cm_restore_run *r, const char *id, struct cm_err *err)
{
	struct json_object *now = NULL;
	const char *arch, *engine = cm_json_str(r->plan->info, "Architecture", NULL);
	int rc = cm_image_inspect(cm_restore_docker(r), id, &now, err);

	if (rc == CM_ENOTFOUND)
		return cm_err_set(err, CM_ECORRUPT,
				  "The image that came is not the one the container was made from: the backup or the "
				  "registry is not what it says it is.");
	if (rc != 0)
		return rc;
	json_object_put(r->plan->image_now);
	r->plan->image_now = now;
	arch = cm_json_str(now, "Architecture", "");
	if (!r->plan->options.other_architecture && !cm_preflight_architecture_fits(arch, engine))
		return cm_err_set(err, CM_EUNSUPPORTED, "The image is for %s, this host is %s.", arch, engine);
	return 0;
}

/* An archive of the predecessor carries the name, and loading it takes the name away from the image that has it. */
static int image_names(struct cm_restore_run *r, const char *id, const char *ref, struct cm_err *err)
{
	const char *was = cm_json_str(r->plan->image_of_ref, "Id", NULL);
	cm_autojson struct json_object *now = NULL;
	int rc;

	if (r->plan->image_tag)
		return tag_as(r, id, ref, err);
	if (was == NULL)
		return 0;
	rc = cm_image_inspect(cm_restore_docker(r), ref, &now, err);
	if (rc == CM_ENOTFOUND || (rc == 0 && !cm_str_eq(cm_json_str(now, "Id", ""), was)))
		return tag_as(r, was, ref, err);
	return rc;
}

int cm_restore_image(struct cm_restore_run *r, struct cm_err *err)
{
	struct json_object *image = r->plan->source->image;
	const char *id = cm_json_str(image, "id", ""), *ref = cm_json_str(image, "ref", "");
	enum cm_image_action action = r->plan->image_action;
	int rc;

	if (action == CM_RI_PRESENT && !r->plan->image_tag)
		return 0;
	if (action == CM_RI_OTHER) {
		r->plan->image_now = json_object_get(r->plan->image_of_ref);
		return 0;
	}
	cm_restore_step(r, action == CM_RI_LOAD ? "Loading image %s" : "Fetching image %s", ref);
	rc = note_image(r, action != CM_RI_PRESENT, err);
	if (rc == 0 && action == CM_RI_LOAD)
		rc = image_load(r, err);
	else if (rc == 0 && action == CM_RI_PULL)
		rc = image_pull(r, cm_json_str(image, "digest", ref), err);
	else if (rc == 0 && action == CM_RI_PULL_REF)
		rc = image_pull(r, ref, err);
	if (rc != 0)
		return rc;
	CM_FAULT_POINT("restore_image_loaded");
	if (action == CM_RI_PULL_REF)
		return image_verify(r, ref, err);
	rc = image_verify(r, id, err);
	return rc ? rc : image_names(r, id, ref, err);
}
