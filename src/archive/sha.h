/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SHA-256 in pieces. One object, one thread. Does not block; running out of memory ends the process. */
#ifndef CM_ARCHIVE_SHA_H
#define CM_ARCHIVE_SHA_H

#include <stddef.h>
#include <stdint.h>

enum { CM_SHA_LEN = 32 };

struct cm_sha;

struct cm_sha *cm_sha_new(void); /* begun */
void cm_sha_free(struct cm_sha *s);
void cm_sha_begin(struct cm_sha *s); /* starts anew */
void cm_sha_add(struct cm_sha *s, const void *data, size_t len);
void cm_sha_end(struct cm_sha *s, uint8_t out[CM_SHA_LEN]); /* begin again before the next use */
void cm_sha_of(const void *data, size_t len, uint8_t out[CM_SHA_LEN]);

#endif
