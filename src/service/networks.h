/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Networks, with the rules of the product around them: the engine's own and those of drills are not changed, one with
 * containers is not removed, and every change is in the audit. "id" is an id or a name. All block; task threads only.
 * Errors: those of docker/network.h besides the named ones.
 */
#ifndef CM_SERVICE_NETWORKS_H
#define CM_SERVICE_NETWORKS_H

#include <json-c/json.h>
#include <stdbool.h>

#include "core/err.h"
#include "service/app.h"
#include "service/audit.h"

/* The engine's networks, each with "Users": [{"id","name","running","ipv4","ipv6"}] (containers in any state), "Own"
 * (enum cm_own_kind, service/own.h) and "IsDefault": made by the engine itself. Never waits for longer than some
 * seconds. Caller puts *ret. */
int cm_networks_list(const struct cm_app *app, struct json_object **ret, struct cm_err *err);
/* One inspected, with the same members. Caller puts *ret. Errors: CM_ENOTFOUND. */
int cm_networks_look(const struct cm_app *app, const char *id, struct json_object **ret, struct cm_err *err);
/* Why this one, as listed, cannot be removed; NULL: it can. why has 300 bytes. Does not block. */
const char *cm_networks_stays(struct json_object *network, char why[300]);

/* config: as the engine's create takes it. *ret_id: caller frees. Errors: CM_EEXIST, CM_EINUSE (addresses overlap). */
int cm_networks_create(const struct cm_app *app, struct json_object *config, const struct cm_actor *actor,
		       char **ret_id, struct cm_err *err);
/* *ret_name (may be NULL; caller frees, also set after some errors). Errors: CM_EINUSE (names who is attached),
 * CM_EUNSUPPORTED (the engine's own, ours). */
int cm_networks_remove(const struct cm_app *app, const char *id, const struct cm_actor *actor, char **ret_name,
		       struct cm_err *err);
/* ipv4, ipv6: fixed addresses, or NULL. aliases: array or NULL. Errors: CM_EEXIST (is connected). */
int cm_networks_connect(const struct cm_app *app, const char *id, const char *container, const char *ipv4,
			const char *ipv6, struct json_object *aliases, const struct cm_actor *actor,
			struct cm_err *err);
/* Errors: CM_ENOTFOUND (is not connected). */
int cm_networks_disconnect(const struct cm_app *app, const char *id, const char *container, bool force,
			   const struct cm_actor *actor, struct cm_err *err);

/* Writes all that inspect says of it into the default vault as network_*.json. *ret_file, *ret_name: caller frees.
 * Errors: CM_EINVAL (the engine's own). */
int cm_networks_backup(const struct cm_app *app, const char *id, const struct cm_actor *actor, char **ret_file,
		       char **ret_name, struct cm_err *err);

#endif
