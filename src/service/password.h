/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules a password must keep, as a table: the server checks them, the page shows them, and its script checks the
 * same ones while the user types (by id). And the slow hash. The rules are pure; hashing blocks for tens of
 * milliseconds and needs 19 MiB, so each process hashes one password at a time (with W workers at most W at once);
 * who has to wait longer than 10 s gets CM_EBUSY. Task threads only.
 */
#ifndef CM_SERVICE_PASSWORD_H
#define CM_SERVICE_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

enum { CM_PASSWORD_MIN = 12, CM_PASSWORD_MAX = 1024, CM_PASSWORD_HASH_SIZE = 128 };

struct cm_password_rule {
	const char *id;	      /* "length", "upper", "lower", "digit", "special": for the page's script */
	const char *sentence; /* "At least 12 characters" */
	const char *missing;  /* the part of the error sentence: "uppercase letter" */
	bool (*holds)(const char *password);
};

extern const struct cm_password_rule cm_password_rules[];
extern const size_t cm_password_rule_count;

/* 0, or CM_EINVAL with "Password must be at least 12 characters long" or "Password must contain at least one uppercase
 * letter, digit, special character" (those that are missing). */
int cm_password_check(const char *password, struct cm_err *err);

/* argon2id, 2 passes over 19 MiB. */
int cm_password_hash(const char *password, char dst[CM_PASSWORD_HASH_SIZE], struct cm_err *err);
/* 0 when it fits, CM_EAUTH when not. hash NULL (no such user): takes as long, then CM_EAUTH. */
int cm_password_verify(const char *hash, const char *password, struct cm_err *err);

#endif
