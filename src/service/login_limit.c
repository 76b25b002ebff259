/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/login_limit.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/secret.h"
#include "core/str.h"
#include "db/db.h"

enum {
	WINDOW_MS = 60 * 1000,
	ADDRESS_DELAY_MAX_MS = 3600 * 1000,
	USER_DELAY_MAX_MS = 5 * 60 * 1000,
	FORGET_MS = 24 * 3600 * 1000,
	ROWS_MAX = 20000, /* many addresses at once must not fill the disk */
	KEY_SIZE = 80
};

/* One household or server is a /64, not an address. */
static void address_key(char dst[KEY_SIZE], const char *address)
{
	struct in6_addr six;
	char hex[17];

	if (address != NULL && inet_pton(AF_INET6, address, &six) == 1 && !IN6_IS_ADDR_V4MAPPED(&six)) {
		cm_hex(hex, six.s6_addr, 8);
		snprintf(dst, KEY_SIZE, "a6:%s", hex);
		return;
	}
	if (address != NULL && cm_str_has_prefix(address, "::ffff:"))
		address += strlen("::ffff:");
	snprintf(dst, KEY_SIZE, "a:%.48s", address ? address : "");
}

static void user_key(char dst[KEY_SIZE], const char *user)
{
	uint8_t hash[CM_SHA256_LEN];
	char lower[1024], hex[2 * CM_SHA256_LEN + 1];
	size_t n = 0;

	for (; user != NULL && user[n] != '\0' && n < sizeof(lower); n++)
		lower[n] = (char)tolower((unsigned char)user[n]);
	cm_sha256(hash, lower, n);
	cm_hex(hex, hash, sizeof(hash));
	snprintf(dst, KEY_SIZE, "u:%s", hex);
}

struct record {
	int64_t window_ms, tries, strikes, blocked_ms;
};

static int record_load(struct cm_db *db, const char *key, struct record *r, struct cm_err *err)
{
	cm_autostmt struct cm_stmt *st = NULL;
	int rc =
	    cm_db_query(db, &st, err, "SELECT window_ms, tries, strikes, blocked_ms FROM login_limits WHERE key = ?",
			cm_v_text(key));

	*r = (struct record){ 0 };
	if (rc != 0 || (rc = cm_stmt_step(st, err)) <= 0)
		return rc;
	*r = (struct record){ cm_stmt_int(st, 0), cm_stmt_int(st, 1), cm_stmt_int(st, 2), cm_stmt_int(st, 3) };
	return 0;
}

/* One more try of this key. *ret_wait_ms: how long it is refused, 0 when it is not. */
static int count_try(struct cm_db *db, const char *key, int64_t now, unsigned limit, int64_t delay_max,
		     int64_t *ret_wait_ms, struct cm_err *err)
{
	struct record r;
	int rc = record_load(db, key, &r, err);

	if (rc != 0)
		return rc;
	/* Longer than a delay can be: the clock was set back. That must not lock anybody out. */
	if (r.blocked_ms > now + delay_max)
		r.blocked_ms = 0;
	if (r.blocked_ms > now) {
		*ret_wait_ms = r.blocked_ms - now;
		return 0;
	}
	if (now - r.window_ms >= WINDOW_MS || now < r.window_ms) {
		r.window_ms = now;
		r.tries = 0;
	}
	r.tries++;
	*ret_wait_ms = 0;
	if (r.tries > limit) {
		int64_t delay = WINDOW_MS << (r.strikes < 10 ? r.strikes : 10);
		*ret_wait_ms = delay < delay_max ? delay : delay_max;
		r.blocked_ms = now + *ret_wait_ms;
		r.strikes++;
		r.tries = 0;
	}
	return cm_db_exec(db, err,
			  "INSERT INTO login_limits (key, window_ms, tries, strikes, blocked_ms, seen_ms)"
			  " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET window_ms = excluded.window_ms,"
			  " tries = excluded.tries, strikes = excluded.strikes, blocked_ms = excluded.blocked_ms,"
			  " seen_ms = excluded.seen_ms",
			  cm_v_text(key), cm_v_int(r.window_ms), cm_v_int(r.tries), cm_v_int(r.strikes),
			  cm_v_int(r.blocked_ms), cm_v_int(now));
}

static int forget_old(struct cm_db *db, int64_t now, struct cm_err *err)
{
	int64_t rows;
	int rc = cm_db_exec(db, err, "DELETE FROM login_limits WHERE seen_ms < ? OR seen_ms > ?",
			    cm_v_int(now - FORGET_MS), cm_v_int(now + FORGET_MS));

	if (rc != 0 || (rc = cm_db_int(db, &rows, err, "SELECT count(*) FROM login_limits")) != 0 || rows <= ROWS_MAX)
		return rc;
	return cm_db_exec(db, err,
			  "DELETE FROM login_limits WHERE key IN"
			  " (SELECT key FROM login_limits ORDER BY seen_ms LIMIT ?)",
			  cm_v_int(rows - ROWS_MAX));
}

static int allow(struct cm_db *db, int64_t now, unsigned limit, const char *address, const char *user,
		 int64_t *ret_wait_ms, struct cm_err *err)
{
	char by_address[KEY_SIZE], by_user[KEY_SIZE];
	int64_t wait_address = 0, wait_user = 0;

	address_key(by_address, address);
	user_key(by_user, user);
	int rc = forget_old(db, now, err);
	if (rc == 0)
		rc = count_try(db, by_address, now, limit, ADDRESS_DELAY_MAX_MS, &wait_address, err);
	/* Who is refused by address cannot use up the tries of a user. */
	if (rc == 0 && wait_address == 0)
		rc = count_try(db, by_user, now, limit, USER_DELAY_MAX_MS, &wait_user, err);
	*ret_wait_ms = wait_address > wait_user ? wait_address : wait_user;
	return rc;
}

int cm_login_allow_at(int64_t now_ms, unsigned limit, const char *address, const char *user, unsigned *ret_retry_after,
		      struct cm_err *err)
{
	struct cm_db *db;
	int64_t wait_ms = 0;

	if (ret_retry_after != NULL)
		*ret_retry_after = 0;
	if (limit == 0)
		return 0;
	int rc = cm_secret_init(err);
	if (rc != 0 || (rc = cm_db_get(&db, err)) != 0 || (rc = cm_db_begin(db, err)) != 0)
		return rc;
	/* A refusal is committed too: it is what counts the strikes. */
	rc = cm_db_end(db, allow(db, now_ms, limit, address, user, &wait_ms, err), err);
	if (rc != 0 || wait_ms == 0)
		return rc;
	unsigned seconds = (unsigned)((wait_ms + 999) / 1000);
	if (ret_retry_after != NULL)
		*ret_retry_after = seconds;
	char text[32];
	cm_duration_text(text, seconds);
	return cm_err_set(err, CM_ELIMIT, "Too many login attempts. Try again in %s.", text);
}

int cm_login_allow(unsigned limit, const char *address, const char *user, unsigned *ret_retry_after, struct cm_err *err)
{
	return cm_login_allow_at(cm_now_ms(), limit, address, user, ret_retry_after, err);
}

int cm_login_succeeded(const char *address, const char *user, struct cm_err *err)
{
	char by_address[KEY_SIZE], by_user[KEY_SIZE];
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc != 0)
		return rc;
	address_key(by_address, address);
	user_key(by_user, user);
	return cm_db_exec(db, err, "UPDATE login_limits SET strikes = 0 WHERE key IN (?, ?) AND strikes > 0",
			  cm_v_text(by_address), cm_v_text(by_user));
}
