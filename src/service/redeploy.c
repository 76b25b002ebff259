/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/redeploy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/image.h"
#include "service/container_spec.h"
#include "service/containers.h"
#include "service/engine.h"
#include "service/image_pull.h"
#include "service/preflight.h"
#include "service/registries.h"
#include "service/restore_run.h"

enum { OWN_STEPS = 4, RUN_TEXT_MAX = 1 << 20 };

struct redeploy {
	struct cm_restore_run run;
	struct json_object *inspect;	/* of the old one */
	struct json_object *old_config; /* of its image, or NULL when that is gone */
	struct json_object *image;	/* the new one, as the engine inspects it */
	char *ref;			/* what the container is made from: a name, or an id */
	char *tag_was;			/* what the name meant before it was pulled; NULL: it was not */
};

static struct cm_docker *engine(struct redeploy *r)
{
	return cm_restore_docker(&r->run);
}

/* An id, or a name with a digest, never means anything newer. */
static bool is_fixed(const char *ref, const char *id)
{
	return strchr(ref, '@') != NULL || cm_str_has_prefix(ref, "sha256:") ||
	       (cm_str_has_prefix(id, "sha256:") && strlen(ref) >= 12 &&
		cm_str_has_prefix(id + strlen("sha256:"), ref));
}

static int on_pull(void *ctx, const char *status, const char *layer, int64_t done, int64_t total)
{
	struct redeploy *r = ctx;

	(void)status;
	if (layer != NULL && total > 0)
		cm_progress_bytes(r->run.progress, (uint64_t)done, (uint64_t)total);
	return cm_progress_cancelled(r->run.progress) ? CM_ECANCELLED : 0;
}

static int pull(struct redeploy *r, const char *ref, struct cm_err *err)
{
	cm_autojson struct json_object *before = NULL, *after = NULL;
	cm_autofree char *full = NULL;
	char *auth = NULL;
	int rc = cm_image_pull_ref(ref, &full, err);

	if (rc == 0 && cm_image_inspect(engine(r), full, &before, NULL) < 0)
		before = NULL;
	rc = rc < 0 ? rc : cm_registries_auth(full, &auth, err);
	if (rc < 0)
		return rc;
	cm_restore_step(&r->run, "Fetching image %s", full);
	rc = cm_image_pull(engine(r), full, NULL, auth, on_pull, r, err);
	if (auth != NULL)
		cm_secret_wipe(auth, strlen(auth));
	free(auth);
	if (rc == 0 && before != NULL && cm_image_inspect(engine(r), full, &after, NULL) == 0 &&
	    !cm_str_eq(cm_json_str(before, "Id", ""), cm_json_str(after, "Id", "")))
		r->tag_was = cm_strdup(cm_json_str(before, "Id", ""));
	return rc;
}

/* The newest image of the name: what the registry has, else what is here, else what it runs from now. */
static int image_choose(struct redeploy *r, const char *how, struct cm_err *err)
{
	const char *ref = cm_json_str_at(r->inspect, "Config.Image", ""), *id = cm_json_str(r->inspect, "Image", "");
	struct json_object *old = NULL;
	struct cm_err why = { 0 };
	bool fixed = is_fixed(ref, id);
	int rc = fixed || cm_str_eq(how, "never") ? 0 : pull(r, ref, &why);

	if (rc == CM_ECANCELLED || (rc < 0 && cm_str_eq(how, "always"))) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	if (rc < 0)
		cm_restore_warn(&r->run, "The newest image could not be fetched, the one on this host is used: %.300s",
				why.text);
	r->ref = cm_strdup(ref);
	rc = cm_image_inspect(engine(r), ref, &r->image, err);
	if (rc == CM_ENOTFOUND) {
		cm_restore_warn(&r->run, "The name %s means no image on this host: the present image is used.", ref);
		free(r->ref);
		r->ref = cm_strdup(id);
		rc = cm_image_inspect(engine(r), id, &r->image, err);
	}
	if (rc < 0)
		return rc;
	/* What it has from its image can then not be told from what somebody gave it: all of it is kept. */
	if (cm_image_inspect(engine(r), id, &old, NULL) == 0)
		r->old_config = json_object_get(cm_json_obj(old, "Config"));
	json_object_put(old);
	return 0;
}

static struct json_object *volumes_make(struct json_object *inspect)
{
	cm_autojson struct json_object *volumes = cm_spec_volumes(inspect);
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(volumes); i++) {
		struct json_object *v = cm_json_copy(json_object_array_get_idx(volumes, i));

		cm_json_set_str(v, "state", "skipped");
		json_object_array_add(list, v);
	}
	return list;
}

/* The container as it is, in the shape of a backup that holds nothing but its settings. */
static struct cm_restore_source *source_make(const struct redeploy *r)
{
	struct cm_restore_source *s = cm_alloc(sizeof(*s));
	struct json_object *state = cm_json_obj(r->inspect, "State");

	s->file = cm_strdup("");
	s->inspect = cm_redeploy_rebase(r->inspect, r->old_config, cm_json_obj(r->image, "Config"));
	s->networks = json_object_new_array();
	s->volumes = volumes_make(r->inspect);
	s->binds = json_object_new_array();
	s->missing = json_object_new_array();
	s->image = json_object_new_object();
	cm_json_set_str(s->image, "ref", r->ref);
	cm_json_set_str(s->image, "id", cm_json_str(r->image, "Id", ""));
	cm_json_set_str(s->image, "mode", "reference");
	cm_json_set_str(s->image, "os", cm_json_str(r->image, "Os", NULL));
	cm_json_set_str(s->image, "architecture", cm_json_str(r->image, "Architecture", NULL));
	cm_str_copy(s->status, sizeof(s->status),
		    cm_json_bool(state, "Paused", false)    ? "paused"
		    : cm_json_bool(state, "Running", false) ? "running"
							    : "stopped");
	return s;
}

static int plan_make(struct redeploy *r, struct json_object *params, struct cm_err *err)
{
	struct cm_restore_plan *p = cm_alloc(sizeof(*p));
	int rc;

	r->run.plan = p;
	p->app = r->run.app;
	p->free_bytes = -1;
	p->findings = json_object_new_array();
	p->options.file = cm_strdup("");
	p->options.replace = true;
	p->options.volumes = CM_VOLUME_KEEP;
	p->options.binds = CM_BIND_SKIP;
	p->options.start = CM_START_AS_IT_WAS;
	p->options.port_overrides = json_object_get(cm_json_obj(params, "port_overrides"));
	p->source = source_make(r);
	rc = cm_restore_plan_fill(p, err);
	rc = rc ? rc : cm_preflight_run(p, err);
	return rc ? rc : cm_restore_findings(p, err);
}

/* The name means again what it meant: by the way back, when there is one already. */
static void tag_note(struct redeploy *r)
{
	struct json_object *image = json_object_new_object(), *tags = json_object_new_array(), *t;

	cm_json_set_str(image, "id", "");
	cm_json_set_bool(image, "load", false);
	t = json_object_new_object();
	cm_json_set_str(t, "ref", r->ref);
	cm_json_set_str(t, "was", r->tag_was);
	json_object_array_add(tags, t);
	cm_json_set(image, "tags", tags);
	cm_json_set(r->run.state, "image", image);
}

static void tag_back(struct redeploy *r)
{
	const char *slash = strrchr(r->ref, '/'), *colon = strchr(slash ? slash : r->ref, ':');
	cm_autofree char *repo = colon ? cm_strndup(r->ref, (size_t)(colon - r->ref)) : cm_strdup(r->ref);

	(void)cm_image_tag(engine(r), r->tag_was, repo, colon ? colon + 1 : "latest", NULL);
}

static int redeploy(struct redeploy *r, struct json_object *params, struct cm_err *err)
{
	int rc;

	cm_restore_step(&r->run, "Checking");
	rc = cm_containers_look(r->run.app, cm_json_str(params, "container", ""), &r->inspect, err);
	rc = rc ? rc : cm_engine_get(r->run.app, &r->run.d, err);
	rc = rc ? rc : image_choose(r, cm_json_str(params, "pull", "try"), err);
	rc = rc ? rc : plan_make(r, params, err);
	if (rc != 0) {
		if (r->tag_was != NULL && r->ref != NULL)
			tag_back(r);
		return rc;
	}
	cm_restore_begin(&r->run);
	r->run.steps += OWN_STEPS;
	cm_json_set_str(r->run.state, "what", "redeploy");
	if (r->tag_was != NULL)
		tag_note(r);
	return cm_restore_go(&r->run, err);
}

static struct json_object *result_make(struct redeploy *r)
{
	struct json_object *o = json_object_new_object();
	const char *name = cm_spec_name(r->inspect), *was = cm_json_str(r->inspect, "Image", "");
	const char *now = cm_json_str(r->image, "Id", "");
	cm_autobuf struct cm_buf command = CM_BUF_INIT(RUN_TEXT_MAX);
	cm_autofree char *message = cm_asprintf("Container %s redeployed successfully", name);
	cm_autofree char *short_id = cm_strndup(r->run.new_id, 12);

	cm_spec_run_text(r->run.plan->source->inspect, cm_json_obj(r->image, "Config"), CM_SPEC_MASK_ENV, &command);
	cm_json_set_bool(o, "success", true);
	cm_json_set_str(o, "message", message);
	cm_json_set_str(o, "id", r->run.new_id);
	cm_json_set_str(o, "container_id", short_id);
	cm_json_set_str(o, "container_name", name);
	cm_json_set_str(o, "image", r->ref);
	cm_json_set_str(o, "image_id", now);
	cm_json_set_str(o, "old_image_id", was);
	cm_json_set_bool(o, "image_changed", !cm_str_eq(was, now));
	cm_json_set_str(o, "command", command.data);
	cm_json_set_bool(o, "started", r->run.started);
	cm_json_set(o, "warnings", json_object_get(r->run.warnings));
	return o;
}

/* The sentences of the restore speak of a restored container. back: nothing is left to be put back. */
static void reword(struct cm_err *err, bool back)
{
	static const char from[] = "The restored container", to[] = "The new container";
	char text[sizeof(err->text)];

	if (!cm_str_has_prefix(err->text, from))
		return;
	snprintf(text, sizeof(text), "%s%.400s%s", to, err->text + strlen(from),
		 back ? " The old one is back as it was." : "");
	cm_str_copy(err->text, sizeof(err->text), text);
}

static void release(struct redeploy *r)
{
	if (r->run.d != NULL)
		cm_docker_set_cancel(r->run.d, NULL, NULL);
	cm_restore_plan_free(r->run.plan);
	json_object_put(r->run.state);
	json_object_put(r->run.warnings);
	free(r->run.new_id);
	json_object_put(r->inspect);
	json_object_put(r->old_config);
	json_object_put(r->image);
	free(r->ref);
	free(r->tag_was);
}

int cm_redeploy_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		    struct json_object **ret_result, struct cm_err *err)
{
	struct redeploy r = { .run = { .app = app, .progress = progress, .kind = "restore", .steps = OWN_STEPS } };
	const char *user = cm_json_str(params, "user", NULL);
	struct json_object *result = NULL;
	struct cm_err why = { 0 };
	int rc;

	r.run.warnings = json_object_new_array();
	rc = redeploy(&r, params, &why);
	if (rc == 0)
		result = result_make(&r);
	else if (r.run.journal != 0)
		reword(&why, r.run.back);
	if (r.inspect != NULL)
		cm_containers_audit("redeploy", r.inspect, user, rc < 0 ? &why : NULL, NULL);
	if (rc == 0 && ret_result != NULL)
		*ret_result = result;
	else
		json_object_put(result);
	if (rc < 0 && err != NULL)
		*err = why;
	release(&r);
	return rc;
}
