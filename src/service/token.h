/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * API tokens ("Authorization: Bearer cm_…"): shown once when made, stored as their hash. A token never may more than
 * its user may now. Task threads only; errors as in db/db.h besides those named.
 */
#ifndef CM_SERVICE_TOKEN_H
#define CM_SERVICE_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/secret.h"
#include "service/role.h"

enum {
	CM_API_TOKEN_LEN = CM_TOKEN_LEN + 3, /* "cm_" and a token */
	CM_API_TOKENS_PER_USER = 50,
	CM_API_TOKEN_MAX_DAYS = 3650
};

struct cm_token {
	int64_t id;
	int64_t user_id;
	char user[257];
	char name[201];	   /* what it is for */
	char hint[8];	   /* its last 4 characters */
	enum cm_role role; /* the lower of its own and its user's */
	int64_t created_ms;
	int64_t expires_ms; /* 0: never */
	int64_t used_ms;    /* 0: never; written at most once a minute */
};

/* days 0: never expires. CM_EINVAL (name 1 to 50 characters, role, days), CM_EDENIED (role above the user's),
 * CM_ETOOBIG (too many). */
int cm_token_create(int64_t user_id, const char *name, enum cm_role role, int64_t days,
		    char ret_token[CM_API_TOKEN_LEN + 1], struct cm_token *ret, struct cm_err *err);
/* CM_EAUTH: unknown, revoked or expired. */
int cm_token_find(const char *token, struct cm_token *ret, struct cm_err *err);
/* user_id 0: of all users. Newest first; caller frees *ret. */
int cm_token_list(int64_t user_id, struct cm_token **ret, size_t *ret_count, struct cm_err *err);
/* user_id 0: whoever's. CM_ENOTFOUND. */
int cm_token_revoke(int64_t id, int64_t user_id, struct cm_err *err);

#endif
