/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images as tar files: out to a client, in from an upload. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/image.h"
#include "service/engine.h"
#include "service/images.h"
#include "service/images_int.h"

static bool is_stopped(void *ctx)
{
	return atomic_load((const atomic_bool *)ctx);
}

static int to_fd(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	if (cm_fd_write_all(*(const int *)ctx, data, len) == 0)
		return 0;
	return cm_err_set(err, CM_ECANCELLED, "The other side left.");
}

int cm_images_save(const struct cm_app *app, const char *ref, int fd, const atomic_bool *stop, struct cm_err *err)
{
	cm_autojson struct json_object *image = NULL;
	struct json_object *tags;
	struct cm_docker *d;
	bool by_id;
	int rc = cm_engine_get(app, &d, err);

	rc = rc < 0 ? rc : cm_image_inspect(d, ref, &image, err);
	if (rc < 0)
		return rc;
	tags = cm_json_arr(image, "RepoTags");
	by_id = strstr(cm_json_str(image, "Id", ""), ref) != NULL;
	cm_docker_set_cancel(d, is_stopped, (void *)(uintptr_t)stop);
	if (by_id && cm_json_len(tags) > 0)
		rc = cm_image_save_several(d, tags, to_fd, &fd, err);
	else
		rc = cm_image_save(d, ref, to_fd, &fd, err);
	cm_docker_set_cancel(d, NULL, NULL);
	return rc;
}

struct range {
	int fd;
	off_t off;
	int64_t left;
};

static int from_range(void *ctx, void *data, size_t cap, size_t *ret_len, struct cm_err *err)
{
	struct range *r = ctx;
	ssize_t n;

	if (r->left == 0) {
		*ret_len = 0;
		return 0;
	}
	do
		n = pread(r->fd, data, r->left < (int64_t)cap ? (size_t)r->left : cap, r->off);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return cm_err_errno(err, n < 0 ? errno : EIO, "reading the uploaded file");
	r->off += n;
	r->left -= n;
	*ret_len = (size_t)n;
	return 0;
}

/* The engine answers what is no archive of images in many ways; people need one. */
static int load_refused(int rc, struct cm_err *why)
{
	if (rc != CM_EUPSTREAM && rc != CM_ENOTFOUND)
		return rc;
	cm_err_prefix(why, "This file was not loaded; it must be an archive that docker save wrote");
	return why->code = CM_EINVAL;
}

int cm_images_load(const struct cm_app *app, int fd, off_t off, int64_t len, const struct cm_actor *actor,
		   struct json_object **ret_names, struct cm_err *err)
{
	struct range range = { fd, off, len };
	cm_autojson struct json_object *names = NULL, *details = json_object_new_object();
	struct cm_err why = { 0 };
	struct cm_docker *d;
	int rc = cm_engine_get(app, &d, err);

	if (rc < 0)
		return rc;
	rc = cm_image_load(d, from_range, &range, &names, &why);
	rc = load_refused(rc, &why);
	cm_engine_changed();
	cm_json_set_int(details, "bytes", len);
	cm_json_set(details, "images", names ? json_object_get(names) : NULL);
	cm_images_audit("image_load", NULL, actor, rc < 0 ? &why : NULL, details);
	if (rc < 0 && err != NULL)
		*err = why;
	if (rc == 0)
		*ret_names = cm_move(&names);
	return rc;
}
