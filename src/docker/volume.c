/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/volume.h"

#include <string.h>

#include "core/mem.h"
#include "core/str.h"
#include "docker/transport.h"

enum { SLOW_MS = 240000, SIZES_MS = 600000, PATH_LEN = 16384, API_DF_TYPE = 42 };

int cm_volume_list(struct cm_docker *d, struct json_object *filters, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);
	cm_autojson struct json_object *o = NULL;

	cm_docker_path(&path, "/volumes");
	cm_docker_path_filters(&path, '?', filters);
	int r = cm_docker_call(d, "GET", path.data, NULL, &o, err);
	if (r < 0)
		return r;
	struct json_object *list = cm_json_arr(o, "Volumes");
	*ret = list ? json_object_get(list) : json_object_new_array();
	return 0;
}

int cm_volume_inspect(struct cm_docker *d, const char *name, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	int r = cm_docker_ref_check("volume", name, err);
	if (r < 0)
		return r;
	cm_docker_path(&path, "/volumes/%s", name);
	return cm_docker_call(d, "GET", path.data, NULL, ret, err);
}

int cm_volume_create(struct cm_docker *d, struct json_object *config, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *there = NULL;
	const char *name = cm_json_str(config, "Name", NULL);

	if (name != NULL && name[0] != '\0') {
		if (!cm_name_valid(name))
			return cm_err_set(err, CM_EINVAL,
					  "This is not a valid name of a volume: use letters, digits, dot, dash and "
					  "underscore.");
		int r = cm_volume_inspect(d, name, &there, err);
		if (r == 0)
			return cm_err_set(err, CM_EEXIST, "A volume named %s exists already.", name);
		if (r != CM_ENOTFOUND)
			return r;
	}
	return cm_docker_call_slow(d, "POST", "/volumes/create", config, SLOW_MS, ret, err);
}

int cm_volume_remove(struct cm_docker *d, const char *name, bool force, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	int r = cm_docker_ref_check("volume", name, err);
	if (r < 0)
		return r;
	cm_docker_path(&path, "/volumes/%s?force=%b", name, force);
	return cm_docker_call_slow(d, "DELETE", path.data, NULL, SLOW_MS, NULL, err);
}

int cm_volume_sizes(struct cm_docker *d, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;
	struct json_object *list, *sizes;
	int minor = 0, r = cm_docker_api(d, &minor, err);

	/* Older ones measure images and containers too. */
	if (r == 0)
		r = cm_docker_call_slow(d, "GET", minor >= API_DF_TYPE ? "/system/df?type=volume" : "/system/df", NULL,
					SIZES_MS, &o, err);
	if (r < 0)
		return r;
	list = cm_json_arr(o, "Volumes");
	sizes = json_object_new_object();
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *v = json_object_array_get_idx(list, i);
		int64_t size = cm_json_int(cm_json_obj(v, "UsageData"), "Size", -1);

		if (size >= 0)
			cm_json_set_int(sizes, cm_json_str(v, "Name", ""), size);
	}
	*ret = sizes;
	return 0;
}

int cm_volume_prune(struct cm_docker *d, struct json_object *filters, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	cm_docker_path(&path, "/volumes/prune");
	cm_docker_path_filters(&path, '?', filters);
	return cm_docker_call_slow(d, "POST", path.data, NULL, SLOW_MS, ret, err);
}
