/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/sha.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/mem.h"

struct cm_sha {
	EVP_MD_CTX *ctx;
};

static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Fetched once: looking the algorithm up for each of a million small files would cost more than hashing them. */
static void fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static void must(int ok)
{
	if (ok == 1)
		return;
	fputs("container-monkey: SHA-256 is not available\n", stderr);
	abort();
}

struct cm_sha *cm_sha_new(void)
{
	struct cm_sha *s = cm_alloc(sizeof(*s));

	pthread_once(&once, fetch);
	s->ctx = EVP_MD_CTX_new();
	must(s->ctx != NULL && sha256 != NULL);
	cm_sha_begin(s);
	return s;
}

void cm_sha_free(struct cm_sha *s)
{
	if (s == NULL)
		return;
	EVP_MD_CTX_free(s->ctx);
	free(s);
}

void cm_sha_begin(struct cm_sha *s)
{
	must(EVP_DigestInit_ex(s->ctx, sha256, NULL));
}

void cm_sha_add(struct cm_sha *s, const void *data, size_t len)
{
	must(EVP_DigestUpdate(s->ctx, data, len));
}

void cm_sha_end(struct cm_sha *s, uint8_t out[CM_SHA_LEN])
{
	must(EVP_DigestFinal_ex(s->ctx, out, NULL));
}

void cm_sha_of(const void *data, size_t len, uint8_t out[CM_SHA_LEN])
{
	struct cm_sha *s = cm_sha_new();

	cm_sha_add(s, data, len);
	cm_sha_end(s, out);
	cm_sha_free(s);
}
