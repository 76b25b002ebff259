/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Volumes of an engine. JSON is the engine's own. All block: task threads only. Errors: see docker.h; a name that
 * cannot be one is CM_EINVAL.
 */
#ifndef CM_DOCKER_VOLUME_H
#define CM_DOCKER_VOLUME_H

#include "docker/docker.h"

/* An array (empty when there is none). filters: {"dangling": ["true"]}, NULL for none. Caller puts *ret. */
int cm_volume_list(struct cm_docker *d, struct json_object *filters, struct json_object **ret, struct cm_err *err);
int cm_volume_inspect(struct cm_docker *d, const char *name, struct json_object **ret, struct cm_err *err);
/* config: {"Name", "Driver", "DriverOpts", "Labels"}. The engine answers an existing name with that volume and no
 * error; here that is CM_EEXIST. ret may be NULL; caller puts *ret. */
int cm_volume_create(struct cm_docker *d, struct json_object *config, struct json_object **ret, struct cm_err *err);
/* Errors: CM_EINUSE. force: no error when there is none. */
int cm_volume_remove(struct cm_docker *d, const char *name, bool force, struct cm_err *err);
/* What each holds, by the engine's own counting: {"name": bytes}, without those it cannot measure. Slow: up to minutes.
 * Caller puts *ret. */
int cm_volume_sizes(struct cm_docker *d, struct json_object **ret, struct cm_err *err);
int cm_volume_prune(struct cm_docker *d, struct json_object *filters, struct json_object **ret, struct cm_err *err);

#endif
