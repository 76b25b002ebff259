/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Users. Names are unique whatever their case. Task threads only (they block; those that check or set a password for
 * tens of milliseconds, see service/password.h); errors as in db/db.h besides those named.
 */
#ifndef CM_SERVICE_USER_H
#define CM_SERVICE_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "service/role.h"

#define CM_USER_DEFAULT_NAME "admin"
#define CM_USER_DEFAULT_PASSWORD "c0Nta!nerM0nK3y#Q92x"
enum { CM_USER_NAME_MIN = 3, CM_USER_NAME_MAX = 64 };

struct cm_user {
	int64_t id;
	char name[CM_USER_NAME_MAX * 4 + 1];
	enum cm_role role;
	bool is_default; /* still has the default password: the page warns */
	int64_t created_ms;
	int64_t password_ms; /* when the password was last set */
	int64_t login_ms;    /* last login; 0: never */
};

/* When there is no user yet, makes "admin" with this password (NULL or "": the default one). *ret_made says so. Called
 * by the parent before workers start. CM_EINVAL: the password breaks the rules, and how. */
int cm_user_first(const char *password, bool *ret_made, struct cm_err *err);

/* CM_EINVAL (name or password against the rules), CM_EEXIST "Username already exists". */
int cm_user_create(const char *name, enum cm_role role, const char *password, int64_t *ret_id, struct cm_err *err);
/* CM_ENOTFOUND. */
int cm_user_get(int64_t id, struct cm_user *ret, struct cm_err *err);
int cm_user_find(const char *name, struct cm_user *ret, struct cm_err *err);
/* By name; caller frees *ret. */
int cm_user_list(struct cm_user **ret, size_t *ret_count, struct cm_err *err);

/* Who is it? CM_EAUTH "Invalid username or password", after the same work whether the name exists or not. The caller
 * asks cm_login_allow() first and opens the session. */
int cm_user_login(const char *name, const char *password, struct cm_user *ret, struct cm_err *err);

struct cm_user_change {
	const char *current_password; /* required */
	const char *new_password;     /* NULL or "": unchanged */
	const char *new_name;	      /* NULL, "" or the present one: unchanged */
	int64_t keep_session;	      /* the session that asks; it alone survives a new password. 0: none does */
};

/* Changes name, password or both, all or nothing. A new password ends the user's other sessions and all API tokens.
 * ret_message (size at least 128): "Username changed successfully and Password changed successfully". Errors, with
 * the predecessor's sentences: CM_EINVAL "Current password is required", "No changes provided", "New username must be
 * at least 3 characters long", those of cm_password_check; CM_EEXIST "Username already exists"; CM_EAUTH "Current
 * password is incorrect". The caller asks cm_login_allow() first. */
int cm_user_change(int64_t id, const struct cm_user_change *change, struct cm_user *ret, char *ret_message,
		   size_t message_size, struct cm_err *err);

#endif
