/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine's refusals and libcurl's failures as our errors. Internal to docker/; pure but for unreachable(). */
#ifndef CM_DOCKER_REFUSAL_H
#define CM_DOCKER_REFUSAL_H

#include <curl/curl.h>

#include "docker/address.h"

/* body: what the engine sent, {"message": …} or anything. path says what was asked for. Returns the code. */
int cm_docker_refusal(int status, const char *path, const char *body, size_t len, struct cm_err *err);
/* The same for an error inside a stream of JSON objects. */
int cm_docker_refusal_text(int status, const char *path, const char *message, struct cm_err *err);

/* curl_text: CURLOPT_ERRORBUFFER's content. Looks at the socket's file to say what to do. */
int cm_docker_unreachable(const struct cm_docker_address *a, CURLcode code, int os_errno, const char *curl_text,
			  struct cm_err *err);

#endif
