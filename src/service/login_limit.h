/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Holding off those who guess passwords: per address (IPv6: per /64) and per user name at most "limit" tries a
 * minute; who goes on is refused for a minute, then two, four, … up to an hour (for a user name 5 minutes, so that
 * nobody can lock somebody else out for long). Kept in the database: it holds for all workers and through restarts.
 * Names are stored as hashes: people type passwords into the wrong field. Task threads only; errors as in db/db.h.
 */
#ifndef CM_SERVICE_LOGIN_LIMIT_H
#define CM_SERVICE_LOGIN_LIMIT_H

#include <stdint.h>

#include "core/err.h"

/* Counts one try, before the password is looked at. limit 0: no limit. CM_ELIMIT: refused; *ret_retry_after (may be
 * NULL, always set) says for how many seconds. */
int cm_login_allow(unsigned limit, const char *address, const char *user, unsigned *ret_retry_after,
		   struct cm_err *err);
/* The password was right: the delays begin anew (the tries of this minute stay counted). */
int cm_login_succeeded(const char *address, const char *user, struct cm_err *err);

/* With the time given; for tests. */
int cm_login_allow_at(int64_t now_ms, unsigned limit, const char *address, const char *user, unsigned *ret_retry_after,
		      struct cm_err *err);

#endif
