/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/swarm.h"

#include "core/mem.h"
#include "docker/transport.h"

enum { PATH_LEN = 16384, STATUS_API = 41 };

int cm_swarm_services(struct cm_docker *d, struct json_object *filters, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);
	int api, rc = cm_docker_api(d, &api, err);

	if (rc < 0)
		return rc;
	cm_docker_path(&path, "/services");
	if (api >= STATUS_API)
		cm_buf_str(&path, "?status=true");
	cm_docker_path_filters(&path, api >= STATUS_API ? '&' : '?', filters);
	return cm_docker_call_array(d, "GET", path.data, ret, err);
}

int cm_swarm_service_inspect(struct cm_docker *d, const char *id, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);
	int rc = cm_docker_ref_check("service", id, err);

	cm_docker_path(&path, "/services/%s", id);
	return rc < 0 ? rc : cm_docker_call(d, "GET", path.data, NULL, ret, err);
}

int cm_swarm_service_update(struct cm_docker *d, const char *id, int64_t version, struct json_object *spec,
			    struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);
	int rc = cm_docker_ref_check("service", id, err);

	cm_docker_path(&path, "/services/%s/update?version=%l", id, version);
	return rc < 0 ? rc : cm_docker_call(d, "POST", path.data, spec, NULL, err);
}

int cm_swarm_service_remove(struct cm_docker *d, const char *id, struct cm_err *err)
{
	return cm_swarm_thing_remove(d, "services", id, err);
}

int cm_swarm_things(struct cm_docker *d, const char *kind, struct json_object *filters, struct json_object **ret,
		    struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	cm_docker_path(&path, "/%s", kind);
	cm_docker_path_filters(&path, '?', filters);
	return cm_docker_call_array(d, "GET", path.data, ret, err);
}

int cm_swarm_thing_remove(struct cm_docker *d, const char *kind, const char *id, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);
	int rc = cm_docker_ref_check(kind, id, err);

	cm_docker_path(&path, "/%s/%s", kind, id);
	return rc < 0 ? rc : cm_docker_call(d, "DELETE", path.data, NULL, NULL, err);
}
