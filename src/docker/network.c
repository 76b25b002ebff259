/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/network.h"

#include <string.h>

#include "core/mem.h"
#include "docker/transport.h"

enum { SLOW_MS = 60000, PATH_LEN = 16384 };

int cm_network_list(struct cm_docker *d, struct json_object *filters, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	cm_docker_path(&path, "/networks");
	cm_docker_path_filters(&path, '?', filters);
	return cm_docker_call_array(d, "GET", path.data, ret, err);
}

int cm_network_inspect(struct cm_docker *d, const char *id, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	int r = cm_docker_ref_check("network", id, err);
	if (r < 0)
		return r;
	cm_docker_path(&path, "/networks/%s", id);
	return cm_docker_call(d, "GET", path.data, NULL, ret, err);
}

int cm_network_create(struct cm_docker *d, struct json_object *config, char **ret_id, struct cm_err *err)
{
	cm_autojson struct json_object *answer = NULL;
	/* Old engines let two networks have one name unless asked not to. */
	cm_autojson struct json_object *body = cm_json_copy(config);

	cm_json_set_bool(body, "CheckDuplicate", true);
	int r = cm_docker_call_slow(d, "POST", "/networks/create", body, SLOW_MS, &answer, err);
	if (r < 0)
		return r;
	const char *id = cm_json_str(answer, "Id", NULL);
	if (id == NULL)
		return cm_err_set(err, CM_EUPSTREAM, "The Docker Engine made a network but did not name it.");
	*ret_id = cm_strdup(id);
	return 0;
}

/* POST /networks/<id>/<verb> with {"Container": …} and one more member, which is taken. */
static int endpoint_act(struct cm_docker *d, const char *id, const char *verb, const char *container, const char *key,
			struct json_object *value, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);
	cm_autojson struct json_object *body = json_object_new_object();

	if (value != NULL)
		cm_json_set(body, key, value);
	int r = cm_docker_ref_check("network", id, err);
	if (r == 0)
		r = cm_docker_ref_check("container", container, err);
	if (r < 0)
		return r;
	cm_json_set_str(body, "Container", container);
	cm_docker_path(&path, "/networks/%s/%s", id, verb);
	return cm_docker_call_slow(d, "POST", path.data, body, SLOW_MS, NULL, err);
}

int cm_network_connect(struct cm_docker *d, const char *id, const char *container, struct json_object *endpoint,
		       struct cm_err *err)
{
	return endpoint_act(d, id, "connect", container, "EndpointConfig", endpoint ? json_object_get(endpoint) : NULL,
			    err);
}

int cm_network_disconnect(struct cm_docker *d, const char *id, const char *container, bool force, struct cm_err *err)
{
	return endpoint_act(d, id, "disconnect", container, "Force", json_object_new_boolean(force), err);
}

int cm_network_remove(struct cm_docker *d, const char *id, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	int r = cm_docker_ref_check("network", id, err);
	if (r < 0)
		return r;
	cm_docker_path(&path, "/networks/%s", id);
	return cm_docker_call_slow(d, "DELETE", path.data, NULL, SLOW_MS, NULL, err);
}

int cm_network_prune(struct cm_docker *d, struct json_object *filters, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	cm_docker_path(&path, "/networks/prune");
	cm_docker_path_filters(&path, '?', filters);
	return cm_docker_call_slow(d, "POST", path.data, NULL, SLOW_MS, ret, err);
}
