/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POSIX ACLs: the kernel's binary attribute and the text that tar programs understand ("user::rw-,user:1000:r--"). */
#ifndef CM_ARCHIVE_POSIX_ACL_H
#define CM_ARCHIVE_POSIX_ACL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"

/* Appends the text; false when value is not an ACL of version 2. */
bool cm_acl_text(struct cm_buf *out, const void *value, size_t len);
/* Appends the binary form of such a text (numeric ids only); false when it is malformed. */
bool cm_acl_parse(struct cm_buf *out, const char *text, size_t len);

#endif
