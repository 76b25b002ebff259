/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files about networks share; nobody else includes it.
 */
#ifndef CM_SERVICE_NETWORKS_INT_H
#define CM_SERVICE_NETWORKS_INT_H

#include "service/networks.h"

/* A line of the audit; why NULL: it is done. container and details may be NULL; details may have a "filename". */
void cm_networks_audit(const char *operation, const char *network, const char *container, const struct cm_actor *actor,
		       const struct cm_err *why, struct json_object *details);

#endif
