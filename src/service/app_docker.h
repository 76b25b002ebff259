/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which engine, as the docker command would choose it. Part of service/app.c. */
#ifndef CM_SERVICE_APP_DOCKER_H
#define CM_SERVICE_APP_DOCKER_H

#include "service/app.h"

/* Fills docker_host, docker_tls and docker_cert_path: DOCKER_HOST, else DOCKER_API_URL, else the context chosen by
 * DOCKER_CONTEXT or in the docker command's config.json, else the local socket. Blocks shortly (small files). */
int cm_app_docker_init(struct cm_app *app, struct cm_err *err);

#endif
