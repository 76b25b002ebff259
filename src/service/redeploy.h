/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A container made anew from the newest image of its name, with every setting that somebody gave it, by the machinery
 * of a restore: the old one steps aside, the new one must run (and be healthy), and on any failure, cancel or crash the
 * old one is back as it was. Its volumes, also those without a name, are the same ones; what it wrote outside of them
 * goes with the old one. What came with the old image (command, variables, ports, labels …) comes with the new one.
 *
 * params:
 *	container	its id or name
 *	port_overrides	{"8080/tcp": "18095"}: host ports to use instead
 *	pull		"try" (default: what the registry has, else what is on the host) | "always" | "never"
 *	user		who asked, for the audit log
 */
#ifndef CM_SERVICE_REDEPLOY_H
#define CM_SERVICE_REDEPLOY_H

#include <json-c/json.h>

#include "core/err.h"
#include "service/app.h"
#include "service/progress.h"

/* *ret_result: {"success","message","id" (64 hex),"container_id" (12),"container_name","image","image_id",
 * "old_image_id","image_changed","command","started","warnings"}; caller puts. Blocks; task threads only. Errors:
 * CM_EINVAL, CM_ENOTFOUND, CM_EUNSUPPORTED (ours, or started with --rm), CM_EINUSE (a port), CM_ECANCELLED,
 * CM_EUPSTREAM (the new one does not run), those of the engine. After an error everything is as before. */
int cm_redeploy_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		    struct json_object **ret_result, struct cm_err *err);

/* An inspect object as if the container had been made from another image: what it has from the old image's Config is
 * replaced by the new one's. Caller puts. Pure. */
struct json_object *cm_redeploy_rebase(struct json_object *inspect, struct json_object *old_config,
				       struct json_object *new_config);

#endif
