/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random values, hashes, and secrets at rest. The master key is made from the bytes of config/encryption.key; a
 * file that is there is never overwritten (the predecessor's secrets hang on its 43 characters, and now ours do too).
 * Any thread, once cm_secret_init() has run. Only the key functions block.
 */
#ifndef CM_CORE_SECRET_H
#define CM_CORE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

/* Before anything else here; any number of times, any thread. */
int cm_secret_init(struct cm_err *err);

enum { CM_TOKEN_LEN = 43, CM_UUID_LEN = 36, CM_SHA256_LEN = 32 };

void cm_random(void *dst, size_t len);
void cm_random_hex(char *dst, size_t bytes);	  /* dst has 2 * bytes + 1 */
void cm_random_token(char dst[CM_TOKEN_LEN + 1]); /* 256 bits in base64url */
void cm_uuid4(char dst[CM_UUID_LEN + 1]);	  /* "1b4e28ba-2fa1-41d2-883f-0016d3cca427" */

/* Takes as long whether they differ early or late; NULL equals nothing. */
bool cm_secret_equal(const void *a, const void *b, size_t len);
bool cm_secret_equal_text(const char *a, const char *b);
void cm_secret_wipe(void *p, size_t len);

void cm_sha256(uint8_t dst[CM_SHA256_LEN], const void *data, size_t len);
void cm_hmac_sha256(uint8_t dst[CM_SHA256_LEN], const void *key, size_t key_len, const void *data, size_t len);

/* base64url without padding. Decoding is strict; *ret_len is at most size, else false. */
void cm_base64url(struct cm_buf *out, const void *data, size_t len);
bool cm_unbase64url(void *dst, size_t size, size_t *ret_len, const char *text);

/* Reads the key file, making it (0600, random text; run as root, of its folder's owner) when it is missing. Once, in
 * the parent before workers start: the key then stays in this process and its children. Errors: CM_ECORRUPT (too short
 * to be a key), CM_EIO. */
int cm_master_key_load(const char *path, struct cm_err *err);
/* 32 bytes for one purpose ("flash-cookie", "download-link", …); always the same for the same key file. CM_EINTERNAL
 * when no key is loaded. */
int cm_master_key_derive(const char *purpose, uint8_t dst[32], struct cm_err *err);

/* Encrypts and authenticates a secret for storing: appends text ("cm1:…", base64url). purpose names the place where it
 * is stored, so that a text cannot be moved to another place. */
int cm_seal(const char *purpose, const void *data, size_t len, struct cm_buf *out, struct cm_err *err);
/* CM_ECORRUPT: sealed with another key, for another purpose, or damaged. */
int cm_unseal(const char *purpose, const char *text, struct cm_buf *out, struct cm_err *err);

#endif
