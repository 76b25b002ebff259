/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Roles: who may what. A higher value may everything a lower one may. Pure functions.
 */
#ifndef CM_SERVICE_ROLE_H
#define CM_SERVICE_ROLE_H

#include <stdbool.h>

enum cm_role { CM_ROLE_NONE, CM_ROLE_VIEWER, CM_ROLE_DEVELOPER, CM_ROLE_ADMIN }; /* NONE: without login */

/* "viewer", "developer", "admin"; "" for NONE and anything else. */
const char *cm_role_name(enum cm_role role);
/* False for every other word, NULL too. */
bool cm_role_parse(const char *name, enum cm_role *ret);

#endif
