/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the handlers of one volume's pages.
 */
#ifndef CM_WEB_PAGE_VOLUME_H
#define CM_WEB_PAGE_VOLUME_H

#include "service/volumes.h"
#include "web/http.h"

/* Who asks; borrowed from the request. */
struct cm_volume_actor cm_volume_actor_of(const struct cm_request *rq);
/* "volume", "volume_url", and of a path's folder "folder_url". */
void cm_volume_head(struct json_object *data, const char *volume, const char *path);
/* The encoded URL of the page of the folder that path is in. Caller frees. */
char *cm_volume_folder_url(const char *volume, const char *path);

#endif
