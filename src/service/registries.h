/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logins at image registries. Passwords are stored encrypted and never come out of here but to the engine. A server is
 * what stands before the first slash of a reference: "registry.example:5000", or "docker.io". All block; task threads
 * only; errors as in db/db.h besides those named.
 */
#ifndef CM_SERVICE_REGISTRIES_H
#define CM_SERVICE_REGISTRIES_H

#include <json-c/json.h>

#include "core/err.h"
#include "service/app.h"
#include "service/audit.h"

/* [{"server","username","added_ms"}] by server. Caller puts *ret. */
int cm_registries_list(struct json_object **ret, struct cm_err *err);
/* Tries the login by the engine and stores it; one that is there is replaced. Errors: CM_EINVAL, CM_EUNSUPPORTED (the
 * registry does not take it), those of docker/docker.h. */
int cm_registries_add(const struct cm_app *app, const char *server, const char *username, const char *password,
		      const struct cm_actor *actor, struct cm_err *err);
/* CM_ENOTFOUND. */
int cm_registries_remove(const char *server, const struct cm_actor *actor, struct cm_err *err);
/* The login for a reference as the engine takes it (X-Registry-Auth), or NULL when there is none. Caller wipes and
 * frees. CM_ECORRUPT: the key is another one than when it was stored. */
int cm_registries_auth(const char *ref, char **ret, struct cm_err *err);

#endif
