/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files about images share; nobody else includes it.
 */
#ifndef CM_SERVICE_IMAGES_INT_H
#define CM_SERVICE_IMAGES_INT_H

#include "docker/docker.h"
#include "service/images.h"

/* A line of the audit; why NULL: it is done. image and details may be NULL (details are borrowed). */
void cm_images_audit(const char *operation, const char *image, const struct cm_actor *actor, const struct cm_err *why,
		     struct json_object *details);
/* Inspects one that may be changed. Caller puts *ret. Errors: CM_EUNSUPPORTED (ours), CM_ENOTFOUND. */
int cm_images_inspect(struct cm_docker *d, const struct cm_app *app, const char *ref, struct json_object **ret,
		      struct cm_err *err);

#endif
