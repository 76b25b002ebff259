/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Volumes, with the rules of the product around them: ours are not touched, what is used is not removed, and every
 * change is in the audit. All block; task threads only. Errors: those of docker/volume.h besides the named ones.
 */
#ifndef CM_SERVICE_VOLUMES_H
#define CM_SERVICE_VOLUMES_H

#include <json-c/json.h>
#include <stdbool.h>

#include "core/err.h"
#include "service/app.h"

/* Who asks for a change, for the audit. Borrowed. */
struct cm_volume_actor {
	const char *user, *address;
};

/* The engine's volumes, each with "Users": [{"id","name","destination","running"}] (containers in any state) and
 * "Own": what it is to us (enum cm_own_kind, service/own.h). Never waits for longer than some seconds. Caller puts
 * *ret. */
int cm_volumes_list(const struct cm_app *app, struct json_object **ret, struct cm_err *err);
/* One of them. Errors: CM_EINVAL (no name of a volume), CM_ENOTFOUND. Caller puts *ret. */
int cm_volumes_look(const struct cm_app *app, const char *name, struct json_object **ret, struct cm_err *err);
/* CM_EUNSUPPORTED with a sentence when the volume, as listed, is ours. Does not block. */
int cm_volumes_may_change(struct json_object *volume, struct cm_err *err);
/* The name of its stack, or NULL. Borrowed; does not block. */
const char *cm_volumes_stack(struct json_object *volume);

/* config as for cm_volume_create. Caller puts *ret, the new volume. Errors: CM_EEXIST, CM_EINVAL. */
int cm_volumes_create(const struct cm_app *app, struct json_object *config, const struct cm_volume_actor *actor,
		      struct json_object **ret, struct cm_err *err);
/* Errors: CM_EINUSE (names who uses it), CM_EUNSUPPORTED (ours), CM_ENOTFOUND. */
int cm_volumes_remove(const struct cm_app *app, const char *name, const struct cm_volume_actor *actor,
		      struct cm_err *err);
/* An entry of the audit about one; why NULL: it is done. details may be NULL (borrowed). */
void cm_volumes_audit(const char *operation, const char *name, const struct cm_volume_actor *actor,
		      const struct cm_err *why, struct json_object *details);

#endif
