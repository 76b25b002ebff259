/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * multipart/form-data, piece by piece: push the body in chunks of any size, get callbacks. Memory stays constant: at
 * most one header block (8 KiB) and one boundary are held. One thread at a time; blocks only as the callbacks do.
 */
#ifndef CM_WEB_MULTIPART_H
#define CM_WEB_MULTIPART_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

enum { CM_MULTIPART_MAX_PARTS = 512, CM_MULTIPART_MAX_HEAD = 8192 };

struct cm_part {
	const char *name;	  /* of the field; not checked for UTF-8 */
	const char *filename;	  /* NULL: an ordinary field. As sent: never use it as a path */
	const char *content_type; /* "" when missing */
};

/* Each returns 0, or a negative code (err set) that ends the parsing. Strings are valid during the call only. */
struct cm_multipart_ops {
	int (*begin)(void *ctx, const struct cm_part *part, struct cm_err *err);
	int (*data)(void *ctx, const void *data, size_t len, struct cm_err *err); /* len > 0 */
	int (*end)(void *ctx, struct cm_err *err);
};

struct cm_multipart;

/* content_type is the header with its boundary. Errors: CM_EINVAL (none or a bad one). */
int cm_multipart_new(const char *content_type, const struct cm_multipart_ops *ops, void *ctx, struct cm_multipart **ret,
		     struct cm_err *err);
void cm_multipart_free(struct cm_multipart *mp);
/* In begin(): how many bytes of the body came before the part's data. Its pieces follow each other there. */
uint64_t cm_multipart_offset(const struct cm_multipart *mp);
/* Errors: CM_EINVAL (malformed), CM_ETOOBIG (head, parts), and those of the callbacks. After an error: only free. */
int cm_multipart_push(struct cm_multipart *mp, const void *data, size_t len, struct cm_err *err);
/* The body is over. CM_EINVAL when its closing boundary did not come. */
int cm_multipart_finish(struct cm_multipart *mp, struct cm_err *err);

#endif
