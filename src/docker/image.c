/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/image.h"

#include <ctype.h>
#include <string.h>

#include "core/str.h"
#include "docker/transport.h"

enum { SLOW_MS = 240000, PATH_LEN = 16384, REF_MAX = 512 };

bool cm_image_ref_valid(const char *ref)
{
	if (ref == NULL || *ref == '\0' || strlen(ref) > REF_MAX || !isalnum((unsigned char)*ref))
		return false;
	for (const char *p = ref; *p; p++)
		if (!isalnum((unsigned char)*p) && strchr("/._-:@+", *p) == NULL)
			return false;
	return strstr(ref, "..") == NULL && strstr(ref, "//") == NULL && strstr(ref, "/./") == NULL &&
	       ref[strlen(ref) - 1] != '/';
}

static int ref_check(const char *ref, struct cm_err *err)
{
	return cm_image_ref_valid(ref) ? 0 : cm_err_set(err, CM_EINVAL, "This is not a valid name or id of an image.");
}

int cm_image_list(struct cm_docker *d, bool all, struct json_object *filters, struct json_object **ret,
		  struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	cm_docker_path(&path, "/images/json?all=%b", all);
	cm_docker_path_filters(&path, '&', filters);
	return cm_docker_call_array(d, "GET", path.data, ret, err);
}

int cm_image_inspect(struct cm_docker *d, const char *ref, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	int r = ref_check(ref, err);
	if (r < 0)
		return r;
	cm_docker_path(&path, "/images/%r/json", ref);
	return cm_docker_call(d, "GET", path.data, NULL, ret, err);
}

int cm_image_history(struct cm_docker *d, const char *ref, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	int r = ref_check(ref, err);
	if (r < 0)
		return r;
	cm_docker_path(&path, "/images/%r/history", ref);
	return cm_docker_call_array(d, "GET", path.data, ret, err);
}

int cm_image_tag(struct cm_docker *d, const char *ref, const char *repo, const char *tag, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	int r = ref_check(ref, err);
	if (r == 0)
		r = ref_check(repo, err);
	if (r < 0)
		return r;
	cm_docker_path(&path, "/images/%r/tag?repo=%s", ref, repo);
	if (tag != NULL)
		cm_docker_path(&path, "&tag=%s", tag);
	return cm_docker_call(d, "POST", path.data, NULL, NULL, err);
}

int cm_image_remove(struct cm_docker *d, const char *ref, bool force, bool noprune, struct json_object **ret,
		    struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	int r = ref_check(ref, err);
	if (r < 0)
		return r;
	cm_docker_path(&path, "/images/%r?force=%b&noprune=%b", ref, force, noprune);
	return cm_docker_call_slow(d, "DELETE", path.data, NULL, SLOW_MS, ret, err);
}

int cm_image_prune(struct cm_docker *d, struct json_object *filters, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	cm_docker_path(&path, "/images/prune");
	cm_docker_path_filters(&path, '?', filters);
	return cm_docker_call_slow(d, "POST", path.data, NULL, SLOW_MS, ret, err);
}

int cm_image_save(struct cm_docker *d, const char *ref, cm_docker_sink sink, void *ctx, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	int r = ref_check(ref, err);
	if (r < 0)
		return r;
	cm_docker_path(&path, "/images/%r/get", ref);
	/* The engine writes all layers to its disk before the first byte. */
	return cm_docker_stream_get(d, path.data, sink, ctx, 600000, err);
}
