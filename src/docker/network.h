/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Networks of an engine. "id" is an id or a name. JSON is the engine's own. All block: task threads only. Errors: see
 * docker.h; an id that cannot be one is CM_EINVAL.
 */
#ifndef CM_DOCKER_NETWORK_H
#define CM_DOCKER_NETWORK_H

#include "docker/docker.h"

/* An array. filters: {"driver": ["bridge"]}, NULL for none. Caller puts *ret. */
int cm_network_list(struct cm_docker *d, struct json_object *filters, struct json_object **ret, struct cm_err *err);
int cm_network_inspect(struct cm_docker *d, const char *id, struct json_object **ret, struct cm_err *err);
/* config: as the engine's create takes it. A second network of that name is CM_EEXIST. Caller frees *ret_id. */
int cm_network_create(struct cm_docker *d, struct json_object *config, char **ret_id, struct cm_err *err);
/* endpoint: EndpointSettings or NULL. Already connected is CM_EEXIST. */
int cm_network_connect(struct cm_docker *d, const char *id, const char *container, struct json_object *endpoint,
		       struct cm_err *err);
int cm_network_disconnect(struct cm_docker *d, const char *id, const char *container, bool force, struct cm_err *err);
/* Errors: CM_EINUSE. */
int cm_network_remove(struct cm_docker *d, const char *id, struct cm_err *err);
int cm_network_prune(struct cm_docker *d, struct json_object *filters, struct json_object **ret, struct cm_err *err);

#endif
