/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the pages of images share.
 */
#ifndef CM_WEB_PAGE_IMAGES_H
#define CM_WEB_PAGE_IMAGES_H

#include "service/audit.h"
#include "web/http.h"

static inline struct cm_actor cm_images_actor(const struct cm_request *rq)
{
	return (struct cm_actor){ rq->user, rq->client };
}

/* No name and no container: what a prune removes. Does not block. */
bool cm_images_is_loose(struct json_object *image);
/* No container uses it, and it is not ours. Does not block. */
bool cm_images_is_unused(struct json_object *image);

#endif
