/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Services of an engine in swarm mode, and what a Swarm stack has beside them. JSON is the engine's own. All block:
 * task threads only. Errors: see docker.h; an engine that is no manager of a swarm is CM_EUNSUPPORTED.
 */
#ifndef CM_DOCKER_SWARM_H
#define CM_DOCKER_SWARM_H

#include "docker/docker.h"

/* An array; each with "ServiceStatus" {"RunningTasks", "DesiredTasks"} where the engine knows it (API 1.41). filters:
 * {"label": ["a=b"]}, NULL for none. Caller puts *ret. */
int cm_swarm_services(struct cm_docker *d, struct json_object *filters, struct json_object **ret, struct cm_err *err);
int cm_swarm_service_inspect(struct cm_docker *d, const char *id, struct json_object **ret, struct cm_err *err);
/* spec: the whole new one. version: of the service it was made from. Errors: CM_EBUSY (somebody was faster). */
int cm_swarm_service_update(struct cm_docker *d, const char *id, int64_t version, struct json_object *spec,
			    struct cm_err *err);
/* Its containers end a moment later. */
int cm_swarm_service_remove(struct cm_docker *d, const char *id, struct cm_err *err);

/* kind: "secrets" or "configs". */
int cm_swarm_things(struct cm_docker *d, const char *kind, struct json_object *filters, struct json_object **ret,
		    struct cm_err *err);
int cm_swarm_thing_remove(struct cm_docker *d, const char *kind, const char *id, struct cm_err *err);

#endif
