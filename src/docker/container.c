/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/container.h"

#include <string.h>

#include "core/mem.h"
#include "core/str.h"
#include "docker/transport.h"

enum { SLOW_MS = 240000, STOP_SPARE_MS = 60000, STATS_MS = 15000, PATH_MAX_LEN = 16384 };

/* /containers/<id> and what follows it, with the same conversions as cm_docker_path but at most two values. */
#define container_path(out, id, ...)                            \
	do {                                                    \
		cm_docker_path(&(out), "/containers/%s", (id)); \
		cm_docker_path(&(out), __VA_ARGS__);            \
	} while (0)

static int id_check(const char *id, struct cm_err *err)
{
	return cm_docker_ref_check("container", id, err);
}

int cm_container_list(struct cm_docker *d, bool all, struct json_object *filters, struct json_object **ret,
		      struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_MAX_LEN);

	cm_docker_path(&path, "/containers/json?all=%b", all);
	cm_docker_path_filters(&path, '&', filters);
	return cm_docker_call_array(d, "GET", path.data, ret, err);
}

int cm_container_inspect(struct cm_docker *d, const char *id, bool size, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_MAX_LEN);

	int r = id_check(id, err);
	if (r < 0)
		return r;
	container_path(path, id, "/json?size=%b", size);
	return cm_docker_call_slow(d, "GET", path.data, NULL, size ? SLOW_MS : 0, ret, err);
}

int cm_container_create(struct cm_docker *d, const char *name, struct json_object *config, char **ret_id,
			struct json_object **ret_warnings, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_MAX_LEN);
	cm_autojson struct json_object *answer = NULL;

	cm_docker_path(&path, "/containers/create");
	if (name != NULL) {
		if (!cm_name_valid(name))
			return cm_err_set(err, CM_EINVAL,
					  "This is not a valid name of a container: use letters, digits, dot, dash and "
					  "underscore.");
		cm_docker_path(&path, "?name=%s", name);
	}
	int r = cm_docker_call_slow(d, "POST", path.data, config, SLOW_MS, &answer, err);
	if (r < 0)
		return r;
	const char *id = cm_json_str(answer, "Id", NULL);
	if (id == NULL)
		return cm_err_set(err, CM_EUPSTREAM, "The Docker Engine made a container but did not name it.");
	if (ret_warnings != NULL) {
		struct json_object *w = cm_json_arr(answer, "Warnings");
		*ret_warnings = w ? json_object_get(w) : json_object_new_array();
	}
	*ret_id = cm_strdup(id);
	return 0;
}

/* POST /containers/<id>/<verb>, with nothing in and nothing out. */
static int act(struct cm_docker *d, const char *id, const char *verb, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_MAX_LEN);

	int r = id_check(id, err);
	if (r < 0)
		return r;
	container_path(path, id, "/%r", verb);
	return cm_docker_call(d, "POST", path.data, NULL, NULL, err);
}

/* What an engine starts while it ends, it loses: that container cannot be started again (20.10, "task already exists").
 */
int cm_container_start(struct cm_docker *d, const char *id, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_MAX_LEN);

	int r = id_check(id, err);
	if (r < 0)
		return r;
	container_path(path, id, "/start");
	return cm_docker_call_fresh(d, "POST", path.data, SLOW_MS, err);
}

static int stop_like(struct cm_docker *d, const char *id, const char *verb, int timeout_s, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_MAX_LEN);

	int r = id_check(id, err);
	if (r < 0)
		return r;
	if (timeout_s > 86400)
		return cm_err_set(err, CM_EINVAL, "A container may take at most a day to stop.");
	container_path(path, id, "/%r", verb);
	/* The container's own setting is not known here: at most ten minutes then. */
	int extra = 600000;
	if (timeout_s >= 0) {
		cm_docker_path(&path, "?t=%d", timeout_s);
		extra = timeout_s * 1000 + STOP_SPARE_MS;
	}
	return cm_docker_call_slow(d, "POST", path.data, NULL, extra, NULL, err);
}

int cm_container_stop(struct cm_docker *d, const char *id, int timeout_s, struct cm_err *err)
{
	return stop_like(d, id, "stop", timeout_s, err);
}

int cm_container_restart(struct cm_docker *d, const char *id, int timeout_s, struct cm_err *err)
{
	return stop_like(d, id, "restart", timeout_s, err);
}

int cm_container_kill(struct cm_docker *d, const char *id, const char *signal, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_MAX_LEN);

	int r = id_check(id, err);
	if (r < 0)
		return r;
	container_path(path, id, "/kill?signal=%s", signal ? signal : "KILL");
	return cm_docker_call(d, "POST", path.data, NULL, NULL, err);
}

int cm_container_pause(struct cm_docker *d, const char *id, struct cm_err *err)
{
	return act(d, id, "pause", err);
}

int cm_container_unpause(struct cm_docker *d, const char *id, struct cm_err *err)
{
	return act(d, id, "unpause", err);
}

int cm_container_rename(struct cm_docker *d, const char *id, const char *name, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_MAX_LEN);

	int r = id_check(id, err);
	if (r < 0)
		return r;
	if (name == NULL || !cm_name_valid(name))
		return cm_err_set(
		    err, CM_EINVAL,
		    "This is not a valid name of a container: use letters, digits, dot, dash and underscore.");
	container_path(path, id, "/rename?name=%s", name);
	return cm_docker_call(d, "POST", path.data, NULL, NULL, err);
}

int cm_container_remove(struct cm_docker *d, const char *id, bool force, bool volumes, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_MAX_LEN);

	int r = id_check(id, err);
	if (r < 0)
		return r;
	container_path(path, id, "?force=%b&v=%b", force, volumes);
	return cm_docker_call_slow(d, "DELETE", path.data, NULL, SLOW_MS, NULL, err);
}

int cm_container_update(struct cm_docker *d, const char *id, struct json_object *config, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_MAX_LEN);

	int r = id_check(id, err);
	if (r < 0)
		return r;
	container_path(path, id, "/update");
	return cm_docker_call(d, "POST", path.data, config, NULL, err);
}

int cm_container_changes(struct cm_docker *d, const char *id, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_MAX_LEN);

	int r = id_check(id, err);
	if (r < 0)
		return r;
	container_path(path, id, "/changes");
	return cm_docker_call_array(d, "GET", path.data, ret, err);
}

int cm_container_top(struct cm_docker *d, const char *id, const char *ps_args, struct json_object **ret,
		     struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_MAX_LEN);

	int r = id_check(id, err);
	if (r < 0)
		return r;
	container_path(path, id, "/top");
	if (ps_args != NULL)
		cm_docker_path(&path, "?ps_args=%s", ps_args);
	return cm_docker_call(d, "GET", path.data, NULL, ret, err);
}

int cm_container_stats(struct cm_docker *d, const char *id, bool one_shot, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_MAX_LEN);
	int api = 0;

	int r = id_check(id, err);
	if (r == 0)
		r = cm_docker_api(d, &api, err);
	if (r < 0)
		return r;
	container_path(path, id, "/stats?stream=0");
	/* 1.40 does not know it and just takes its second. */
	if (one_shot && api >= 41)
		cm_docker_path(&path, "&one-shot=1");
	return cm_docker_call_slow(d, "GET", path.data, NULL, STATS_MS, ret, err);
}

int cm_container_prune(struct cm_docker *d, struct json_object *filters, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_MAX_LEN);

	cm_docker_path(&path, "/containers/prune");
	cm_docker_path_filters(&path, '?', filters);
	return cm_docker_call_slow(d, "POST", path.data, NULL, SLOW_MS, ret, err);
}
