/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where an engine listens: the forms of DOCKER_HOST. Pure. Internal to docker/. */
#ifndef CM_DOCKER_ADDRESS_H
#define CM_DOCKER_ADDRESS_H

#include <stdbool.h>

#include "core/err.h"

struct cm_docker_address {
	char socket[108];    /* path of the unix socket, "" for tcp */
	char base[512];	     /* "http://docker", "https://10.0.0.5:2376/prefix": what a path is added to */
	char authority[320]; /* for the Host header of a hijack: "docker", "10.0.0.5:2376" */
	char prefix[160];    /* "" or "/prefix" */
	char text[512];	     /* for people */
	bool tls;
};

/* host NULL or "" is the default socket; tls turns tcp:// into TLS. Errors: CM_EINVAL, CM_EUNSUPPORTED. */
int cm_docker_address_parse(const char *host, bool tls, struct cm_docker_address *ret, struct cm_err *err);

#endif
