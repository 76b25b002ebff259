/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/image.h"

#include <ctype.h>
#include <string.h>

#include "core/mem.h"
#include "core/str.h"
#include "docker/transport.h"

enum { SLOW_MS = 240000, PATH_LEN = 16384, SAVE_PATH_LEN = 1 << 20, REF_MAX = 512, SHARED_SIZES_API = 42 };

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

size_t cm_image_name_len(const char *ref)
{
	const char *at = strchr(ref, '@'), *slash = strrchr(ref, '/');

	if (at != NULL)
		return (size_t)(at - ref);
	const char *colon = strchr(slash ? slash : ref, ':');
	return colon ? (size_t)(colon - ref) : strlen(ref);
}

char *cm_image_registry(const char *ref)
{
	const char *slash = strchr(ref, '/');
	cm_autofree char *first = slash ? cm_strndup(ref, (size_t)(slash - ref)) : NULL;

	if (first == NULL || (strpbrk(first, ".:") == NULL && !cm_str_eq(first, "localhost")))
		return cm_strdup("docker.io");
	return cm_move(&first);
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

int cm_image_save_several(struct cm_docker *d, struct json_object *refs, cm_docker_sink sink, void *ctx,
			  struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(SAVE_PATH_LEN);

	cm_docker_path(&path, "/images/get");
	for (size_t i = 0; i < cm_json_len(refs); i++) {
		const char *ref = json_object_get_string(json_object_array_get_idx(refs, i));
		int r = ref_check(ref, err);
		if (r < 0)
			return r;
		cm_docker_path(&path, i == 0 ? "?names=%s" : "&names=%s", ref);
	}
	return cm_docker_stream_get(d, path.data, sink, ctx, 600000, err);
}

int cm_image_shared_sizes(struct cm_docker *d, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *answer = NULL;
	struct json_object *images, *sizes;
	int minor = 0;

	int r = cm_docker_api(d, &minor, err);
	if (r == 0 && minor >= SHARED_SIZES_API)
		r = cm_docker_call_slow(d, "GET", "/system/df?type=image", NULL, SLOW_MS, &answer, err);
	else if (r == 0)
		r = cm_docker_df(d, &answer, err);
	if (r < 0)
		return r;
	images = cm_json_arr(answer, "Images");
	sizes = json_object_new_object();
	for (size_t i = 0; i < cm_json_len(images); i++) {
		struct json_object *image = json_object_array_get_idx(images, i);
		int64_t shared = cm_json_int(image, "SharedSize", -1);
		if (shared >= 0)
			cm_json_set_int(sizes, cm_json_str(image, "Id", ""), shared);
	}
	*ret = sizes;
	return 0;
}

int cm_image_registry_login(struct cm_docker *d, const char *server, const char *username, const char *password,
			    struct cm_err *err)
{
	cm_autojson struct json_object *body = json_object_new_object();
	struct cm_err why = { .code = 0 };

	cm_json_set_str(body, "username", username);
	cm_json_set_str(body, "password", password);
	cm_json_set_str(body, "serveraddress", cm_str_eq(server, "docker.io") ? "https://index.docker.io/v1/" : server);
	int r = cm_docker_call(d, "POST", "/auth", body, NULL, &why);
	if (r == CM_EUPSTREAM || r == CM_EBUSY || r == CM_ENOTFOUND) {
		bool wrong =
		    strcasestr(why.text, "unauthorized") != NULL || strcasestr(why.text, "incorrect username") != NULL;
		if (wrong)
			cm_err_set(&why, r, "Check user name and password.");
		cm_err_prefix(&why, "%s does not take this login", server);
		r = why.code = CM_EUNSUPPORTED;
	}
	if (r < 0 && err != NULL)
		*err = why;
	return r;
}
