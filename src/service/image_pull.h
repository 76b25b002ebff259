/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pulling an image, as a job.
 *
 * params: "image" (a reference as cm_image_pull_ref makes it), "platform" ("linux/arm64") or none, "user", "address"
 * result: {"image","id","status": "downloaded" | "current","bytes"}
 */
#ifndef CM_SERVICE_IMAGE_PULL_H
#define CM_SERVICE_IMAGE_PULL_H

#include <json-c/json.h>

#include "core/err.h"
#include "service/app.h"
#include "service/progress.h"

/* The reference as it is pulled: one without a tag and digest gets ":latest". Caller frees. Pure. Errors: CM_EINVAL. */
int cm_image_pull_ref(const char *text, char **ret, struct cm_err *err);
/* "os/architecture[/variant]", or "" for the engine's own. Pure. Errors: CM_EINVAL. */
int cm_image_pull_platform_check(const char *platform, struct cm_err *err);

/* Blocks; task threads only. Uses the stored login of the registry. Errors: CM_ENOTFOUND (no such image, or it needs a
 * login), CM_EUPSTREAM (the registry's or the engine's reason), CM_ECANCELLED. */
int cm_image_pull_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		      struct json_object **ret_result, struct cm_err *err);

#endif
