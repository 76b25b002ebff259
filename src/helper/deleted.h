/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rootfs_deleted.json: what a container deleted from its image: {"deleted": [paths], "opaque": [folders whose content
 * in the image is hidden]}. A path that is not UTF-8 stands as {"p64": base64}. One thread. Does not block.
 */
#ifndef CM_HELPER_DELETED_H
#define CM_HELPER_DELETED_H

#include <stdbool.h>
#include <stddef.h>

#include "archive/part_reader.h"
#include "core/buf.h"
#include "core/err.h"

struct cm_deleted;

struct cm_deleted *cm_deleted_new(void);
void cm_deleted_free(struct cm_deleted *d);
/* Errors: CM_ETOOBIG over CM_DELETED_MAX bytes. */
int cm_deleted_add(struct cm_deleted *d, const char *path, size_t len, bool opaque, struct cm_err *err);
int cm_deleted_text(const struct cm_deleted *d, struct cm_buf *out, struct cm_err *err);

/* Can this process see the attributes that mark opaque folders? */
bool cm_deleted_visible(void);

typedef int (*cm_deleted_fn)(void *ctx, const char *path, size_t len, bool opaque, struct cm_err *err);
/* Reads such a text; every path is checked. Errors: CM_ECORRUPT, what fn returns. */
int cm_deleted_read(const char *text, size_t len, cm_deleted_fn fn, void *ctx, struct cm_err *err);

#endif
