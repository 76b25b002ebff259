/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A helper container as the peer of the archive code: joins docker/helper.h, which knows no protocol, and
 * archive/peer.h, which knows no Docker.
 */
#ifndef CM_SERVICE_HELPER_PEER_H
#define CM_SERVICE_HELPER_PEER_H

#include "archive/peer.h"
#include "docker/helper.h"
#include "service/app.h"
#include "service/progress.h"

/* The peer uses h until h is finished or aborted. */
void cm_helper_peer(struct cm_peer *ret, struct cm_helper *h);

/* Starts a helper of this installation with these mounts: image, instance, socket folder and the rest are filled in.
 * trusted.* attributes are included. Errors: as cm_helper_start. Blocks. */
int cm_helper_open(const struct cm_app *app, struct cm_docker *d, const struct cm_helper_mount *mounts, size_t count,
		   enum cm_helper_privileges privileges, struct cm_helper **ret, struct cm_err *err);
/* Starts one without any mount or right in the network of a running container. */
int cm_helper_open_beside(const struct cm_app *app, struct cm_docker *d, const char *container, struct cm_helper **ret,
			  struct cm_err *err);

#endif
