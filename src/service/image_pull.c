/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/image_pull.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "docker/image.h"
#include "service/engine.h"
#include "service/images_int.h"
#include "service/registries.h"

enum { LAYERS_MAX = 1000 };

struct layer {
	char id[80];
	int64_t done, total; /* bytes that are downloaded */
	bool known, here, ready;
};

struct pull {
	struct cm_progress *progress;
	struct layer layers[LAYERS_MAX];
	size_t count;
	bool newer;
	char step[128];
};

int cm_image_pull_ref(const char *text, char **ret, struct cm_err *err)
{
	size_t len;

	if (!cm_image_ref_valid(text) || cm_str_has_prefix(text, "sha256:"))
		return cm_err_set(err, CM_EINVAL,
				  "Name the image like nginx:1.27 or registry.example:5000/team/web:2.");
	len = cm_image_name_len(text);
	*ret = text[len] != '\0' ? cm_strdup(text) : cm_asprintf("%s:latest", text);
	return 0;
}

int cm_image_pull_platform_check(const char *platform, struct cm_err *err)
{
	size_t len = strlen(platform);

	if (len == 0)
		return 0;
	if (len > 100 || strchr(platform, '/') == NULL || platform[0] == '/' || platform[len - 1] == '/' ||
	    platform[strspn(platform, "abcdefghijklmnopqrstuvwxyz0123456789_./-")] != '\0')
		return cm_err_set(err, CM_EINVAL, "A platform is written like linux/amd64 or linux/arm64/v8.");
	return 0;
}

static struct layer *layer_of(struct pull *p, const char *id)
{
	for (size_t i = 0; i < p->count; i++)
		if (cm_str_eq(p->layers[i].id, id))
			return &p->layers[i];
	if (p->count == LAYERS_MAX)
		return NULL;
	cm_str_copy(p->layers[p->count].id, sizeof(p->layers[0].id), id);
	return &p->layers[p->count++];
}

static void layer_note(struct layer *l, const char *status, int64_t done, int64_t total)
{
	if (cm_str_eq(status, "Already exists") || cm_str_eq(status, "Pull complete")) {
		l->here = l->ready = true;
		l->done = l->total;
	} else if (cm_str_eq(status, "Download complete") || cm_str_eq(status, "Verifying Checksum")) {
		l->here = true;
		l->done = l->total;
	} else if (cm_str_eq(status, "Downloading")) {
		l->known = total > 0;
		l->done = done;
		l->total = total > 0 ? total : l->total;
	}
}

/* Of the layers that are not here yet every size must be known, or the end would move away. */
static void tell(struct pull *p)
{
	size_t here = 0, ready = 0, unknown = 0;
	int64_t done = 0, total = 0;
	char text[sizeof(p->step)];

	for (size_t i = 0; i < p->count; i++) {
		const struct layer *l = &p->layers[i];

		here += l->here;
		ready += l->ready;
		unknown += !l->here && !l->known;
		done += l->done;
		total += l->total;
	}
	if (p->count == 0)
		return;
	if (here < p->count)
		snprintf(text, sizeof(text), "Downloading: %zu of %zu layers are here", here, p->count);
	else
		snprintf(text, sizeof(text), "Unpacking: %zu of %zu layers are ready", ready, p->count);
	if (!cm_str_eq(text, p->step)) {
		cm_str_copy(p->step, sizeof(p->step), text);
		cm_progress_step(p->progress, here < p->count ? 2 : 3, 3, text);
	}
	cm_progress_bytes(p->progress, (uint64_t)done, unknown > 0 ? 0 : (uint64_t)total);
}

static int on_line(void *ctx, const char *status, const char *id, int64_t done, int64_t total)
{
	struct pull *p = ctx;
	struct layer *l;

	if (strstr(status, "Downloaded newer image") != NULL)
		p->newer = true;
	if (id == NULL || cm_str_has_prefix(status, "Pulling from"))
		return 0;
	l = layer_of(p, id);
	if (l != NULL)
		layer_note(l, status, done, total);
	tell(p);
	return 0;
}

static bool on_cancelled(void *ctx)
{
	return cm_progress_cancelled(ctx);
}

static bool wants_login(const char *text)
{
	return strcasestr(text, "unauthorized") != NULL || strcasestr(text, "no basic auth credentials") != NULL;
}

static int pull(const struct cm_app *app, struct pull *p, const char *ref, const char *platform,
		struct json_object **ret, struct cm_err *err)
{
	struct cm_docker *d;
	char *auth = NULL;
	bool has_login;
	int rc = cm_engine_get(app, &d, err);

	rc = rc < 0 ? rc : cm_registries_auth(ref, &auth, err);
	if (rc < 0)
		return rc;
	has_login = auth != NULL;
	cm_docker_set_cancel(d, on_cancelled, p->progress);
	rc = cm_image_pull(d, ref, platform[0] != '\0' ? platform : NULL, auth, on_line, p, err);
	cm_docker_set_cancel(d, NULL, NULL);
	if (auth != NULL)
		cm_secret_wipe(auth, strlen(auth));
	free(auth);
	cm_engine_changed();
	if (rc == CM_ENOTFOUND || (rc == CM_EUPSTREAM && wants_login(err->text)))
		rc = cm_err_set(err, CM_ENOTFOUND,
				has_login
				    ? "There is no image %.200s, or the stored login may not read it."
				    : "There is no image %.200s, or its registry wants a login: add it below Images, "
				      "Add an image.",
				ref);
	return rc < 0 ? rc : cm_image_inspect(d, ref, ret, err);
}

int cm_image_pull_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		      struct json_object **ret_result, struct cm_err *err)
{
	const struct cm_actor actor = { cm_json_str(params, "user", NULL), cm_json_str(params, "address", NULL) };
	const char *ref = cm_json_str(params, "image", "");
	struct pull *p = cm_alloc(sizeof(*p));
	cm_autojson struct json_object *image = NULL;
	struct json_object *result;
	struct cm_err why = { 0 };
	int64_t bytes = 0;
	int rc;

	p->progress = progress;
	cm_progress_step(progress, 1, 3, "Asking the registry");
	rc = pull(app, p, ref, cm_json_str(params, "platform", ""), &image, &why);
	for (size_t i = 0; i < p->count; i++)
		bytes += p->layers[i].total;
	result = json_object_new_object();
	cm_json_set_str(result, "image", ref);
	cm_json_set_str(result, "id", cm_json_str(image, "Id", NULL));
	cm_json_set_str(result, "status", p->newer ? "downloaded" : "current");
	cm_json_set_int(result, "bytes", bytes);
	free(p);
	cm_images_audit("image_pull", ref, &actor, rc < 0 ? &why : NULL, rc < 0 ? NULL : result);
	if (rc < 0) {
		json_object_put(result);
		if (err != NULL)
			*err = why;
		return rc;
	}
	*ret_result = result;
	return 0;
}
