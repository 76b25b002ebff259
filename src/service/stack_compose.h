/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A Compose file made from what runs: as near to the one that made the stack as the engine still knows.
 */
#ifndef CM_SERVICE_STACK_COMPOSE_H
#define CM_SERVICE_STACK_COMPOSE_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/err.h"
#include "service/app.h"

/* Appends valid YAML for `docker-compose -p <name> -f`. values: with the values of environment variables, which may be
 * secrets. Blocks; task threads only. Errors: CM_ENOTFOUND, CM_EUNSUPPORTED (of a swarm), CM_ETOOBIG, those of the
 * engine. */
int cm_stack_compose(const struct cm_app *app, const char *name, bool values, struct cm_buf *out, struct cm_err *err);

#endif
