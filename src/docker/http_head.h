/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the head of an HTTP/1.1 answer, and the small body of a refusal, from bytes as they came: for hijacked
 * connections, where libcurl hands over a bare stream. Pure; any input is safe.
 */
#ifndef CM_DOCKER_HTTP_HEAD_H
#define CM_DOCKER_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

enum { CM_HTTP_HEAD_MAX = 64 << 10, CM_HTTP_LINES_MAX = 200 };

struct cm_http_head {
	int status;
	size_t len;		/* bytes of the head with its empty line; the body begins there */
	int64_t content_length; /* -1: not said */
	bool chunked;
	char content_type[100]; /* "" when not said or too long */
};

/* 0: complete. CM_EBUSY: more bytes are needed (err is not filled). CM_EUPSTREAM: no HTTP answer, or over a limit. An
 * interim answer (100, 103) is returned like any other: skip it by its len. */
int cm_http_head_parse(const char *data, size_t len, struct cm_http_head *ret, struct cm_err *err);

/* The body that begins at data, appended to out as far as it is there. 0: complete; CM_EBUSY: more is needed, and a
 * connection that ends now ends the body if head says nothing about its length; CM_EUPSTREAM: malformed chunks. Call
 * it with an empty out and all bytes so far. */
int cm_http_body(const struct cm_http_head *head, const char *data, size_t len, struct cm_buf *out, struct cm_err *err);

#endif
