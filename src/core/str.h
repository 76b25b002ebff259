/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Strings and numbers in texts. Pure functions; no allocation unless said.
 */
#ifndef CM_CORE_STR_H
#define CM_CORE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

bool cm_str_eq(const char *a, const char *b); /* NULL equals NULL only */
bool cm_str_has_prefix(const char *s, const char *prefix);
bool cm_str_has_suffix(const char *s, const char *suffix);
/* Copies what fits, always terminates; false when it was cut. */
bool cm_str_copy(char *dst, size_t size, const char *src);

/* Whole decimal number without sign, blanks or other characters; false when malformed or outside. */
bool cm_str_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret);
bool cm_str_i64(const char *s, int64_t min, int64_t max, int64_t *ret); /* a leading '-' is allowed */

/* Valid UTF-8 by RFC 3629 (no surrogates, no overlong forms). */
bool cm_utf8_valid(const char *s, size_t len);
/* Appends s as valid UTF-8 without control characters; bad bytes become U+FFFD. For showing foreign names. */
void cm_utf8_clean(struct cm_buf *out, const char *s, size_t len);

/* Lower-case hex; dst has 2 * len + 1 bytes. */
void cm_hex(char *dst, const void *src, size_t len);
bool cm_unhex(void *dst, size_t len, const char *hex); /* exactly 2 * len digits */

/* "4.2 GB" (powers of 1024, one decimal from KB on); dst has 32 bytes. Negative gives "unknown". */
void cm_size_text(char dst[32], int64_t bytes);
/* "3 min 20 s"; negative gives "unknown". */
void cm_duration_text(char dst[32], int64_t seconds);

/* RFC 3986: everything but A-Za-z0-9-._~ becomes %XX; '/' is kept when keep_slash. */
void cm_url_encode(struct cm_buf *out, const char *s, bool keep_slash);

/* Docker's rule for container and volume names: [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 255. */
bool cm_name_valid(const char *s);
/* A name or id that may be passed to the engine in a path: no control, space, '/', '%', '?', '#', "..", 1 to 255. */
bool cm_ref_valid(const char *s);

#endif
