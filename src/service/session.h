/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sessions: who is logged in, for 24 hours, through restarts. The database holds only the hash of a session's token,
 * so a stolen copy of it logs nobody in. Every login makes a new token, so one planted beforehand is worthless. Task
 * threads only; errors as in db/db.h besides those named.
 */
#ifndef CM_SERVICE_SESSION_H
#define CM_SERVICE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/secret.h"
#include "service/role.h"

enum {
	CM_SESSION_SECONDS = 86400,
	CM_SESSION_CSRF_LEN = 32,
	CM_SESSIONS_PER_USER = 50, /* the oldest goes when one more comes */
	CM_FLASH_MAX = 20,	   /* messages of one session; the oldest goes */
	CM_FLASH_TEXT_MAX = 2000
};

struct cm_session {
	int64_t id;
	int64_t user_id;
	char user[257];
	enum cm_role role;
	bool is_default; /* the user still has the default password */
	uint8_t csrf[CM_SESSION_CSRF_LEN];
	int64_t created_ms, expires_ms, seen_ms;
	char address[46];
	char agent[201];
};

/* ret_token goes into the cookie and is kept nowhere. agent (User-Agent) may be NULL; it is cut. */
int cm_session_open(int64_t user_id, const char *address, const char *agent, char ret_token[CM_TOKEN_LEN + 1],
		    struct cm_session *ret, struct cm_err *err);
/* CM_EAUTH: unknown or over. Notes at most once a minute that it was seen. */
int cm_session_find(const char *token, struct cm_session *ret, struct cm_err *err);
/* Logout. Unknown ones are fine. */
int cm_session_close(int64_t id, struct cm_err *err);
/* All of a user but one (0: all). */
int cm_session_close_others(int64_t user_id, int64_t keep_id, struct cm_err *err);
/* Newest first; caller frees *ret. csrf is zeroed. */
int cm_session_list(int64_t user_id, struct cm_session **ret, size_t *ret_count, struct cm_err *err);
/* Removes those that are over. cm_session_open does it too. */
int cm_session_sweep(struct cm_err *err);

/* Flash messages: stored with the session, shown once by the next page. */
struct cm_flash {
	char kind[16]; /* "success" | "info" | "warning" | "error" */
	char *text;
};
int cm_flash_add(int64_t session_id, const char *kind, const char *text, struct cm_err *err);
/* Oldest first, and forgets them. Caller frees with cm_flash_free. None: *ret NULL, count 0, without a write. */
int cm_flash_take(int64_t session_id, struct cm_flash **ret, size_t *ret_count, struct cm_err *err);
void cm_flash_free(struct cm_flash *list, size_t count);

#endif
