/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/session.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"

enum { SEEN_EVERY_MS = 60000 };

#define COLUMNS                                                                                                    \
	"s.id, s.user_id, u.name, u.role, u.is_default, s.csrf, s.created_ms, s.expires_ms, s.seen_ms, s.address," \
	" s.agent"

static void session_read(struct cm_stmt *st, struct cm_session *s)
{
	size_t len;

	*s = (struct cm_session){ .id = cm_stmt_int(st, 0),
				  .user_id = cm_stmt_int(st, 1),
				  .is_default = cm_stmt_int(st, 4) != 0,
				  .created_ms = cm_stmt_int(st, 6),
				  .expires_ms = cm_stmt_int(st, 7),
				  .seen_ms = cm_stmt_int(st, 8) };
	cm_str_copy(s->user, sizeof(s->user), cm_stmt_str(st, 2));
	cm_role_parse(cm_stmt_str(st, 3), &s->role);
	const void *csrf = cm_stmt_blob(st, 5, &len);
	if (len == sizeof(s->csrf))
		memcpy(s->csrf, csrf, len);
	cm_str_copy(s->address, sizeof(s->address), cm_stmt_str(st, 9));
	cm_str_copy(s->agent, sizeof(s->agent), cm_stmt_str(st, 10));
}

static int load(struct cm_db *db, const char *condition, struct cm_value value, struct cm_session *ret,
		struct cm_err *err)
{
	cm_autofree char *sql =
	    cm_asprintf("SELECT " COLUMNS " FROM sessions s JOIN users u ON u.id = s.user_id WHERE %s", condition);
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_query(db, &st, err, sql, value);

	if (rc != 0 || (rc = cm_stmt_step(st, err)) < 0)
		return rc;
	if (rc == 0)
		return cm_err_set(err, CM_EAUTH, "Authentication required");
	session_read(st, ret);
	return 0;
}

static int insert(struct cm_db *db, int64_t user_id, const char *token, const char *address, const char *agent,
		  struct cm_session *ret, struct cm_err *err)
{
	uint8_t hash[CM_SHA256_LEN], csrf[CM_SESSION_CSRF_LEN];
	char short_agent[sizeof(ret->agent)], short_address[sizeof(ret->address)];
	int64_t now = cm_now_ms();

	cm_sha256(hash, token, strlen(token));
	cm_random(csrf, sizeof(csrf));
	cm_str_copy(short_agent, sizeof(short_agent), agent ? agent : "");
	cm_str_copy(short_address, sizeof(short_address), address ? address : "");
	int rc = cm_db_exec(db, err, "DELETE FROM sessions WHERE expires_ms <= ?", cm_v_int(now));
	if (rc == 0)
		rc = cm_db_exec(db, err,
				"DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE user_id = ?"
				" ORDER BY id DESC LIMIT -1 OFFSET ?)",
				cm_v_int(user_id), cm_v_int(CM_SESSIONS_PER_USER - 1));
	if (rc == 0)
		rc = cm_db_exec(db, err,
				"INSERT INTO sessions (hash, user_id, csrf, created_ms, expires_ms, seen_ms, address,"
				" agent) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
				cm_v_blob(hash, sizeof(hash)), cm_v_int(user_id), cm_v_blob(csrf, sizeof(csrf)),
				cm_v_int(now), cm_v_int(now + CM_SESSION_SECONDS * INT64_C(1000)), cm_v_int(now),
				cm_v_text(short_address), cm_v_text(short_agent));
	if (rc == CM_EINVAL)
		return cm_err_set(err, CM_ENOTFOUND, "There is no such user.");
	return rc != 0 ? rc : load(db, "s.id = ?", cm_v_int(cm_db_last_id(db)), ret, err);
}

int cm_session_open(int64_t user_id, const char *address, const char *agent, char ret_token[CM_TOKEN_LEN + 1],
		    struct cm_session *ret, struct cm_err *err)
{
	struct cm_db *db;
	struct cm_session session = { 0 };
	char token[CM_TOKEN_LEN + 1];
	int rc = cm_secret_init(err);

	if (rc != 0 || (rc = cm_db_get(&db, err)) != 0 || (rc = cm_db_begin(db, err)) != 0)
		return rc;
	cm_random_token(token);
	rc = cm_db_end(db, insert(db, user_id, token, address, agent, &session, err), err);
	if (rc == 0) {
		memcpy(ret_token, token, sizeof(token));
		*ret = session;
	}
	cm_secret_wipe(token, sizeof(token));
	return rc;
}

int cm_session_find(const char *token, struct cm_session *ret, struct cm_err *err)
{
	struct cm_db *db;
	struct cm_session session = { 0 };
	uint8_t hash[CM_SHA256_LEN];
	int64_t now = cm_now_ms();

	if (token == NULL || strlen(token) != CM_TOKEN_LEN)
		return cm_err_set(err, CM_EAUTH, "Authentication required");
	cm_sha256(hash, token, CM_TOKEN_LEN);
	int rc = cm_db_get(&db, err);
	if (rc == 0)
		rc = load(db, "s.hash = ?", cm_v_blob(hash, sizeof(hash)), &session, err);
	if (rc != 0)
		return rc;
	if (session.expires_ms <= now)
		return cm_err_set(err, CM_EAUTH, "Authentication required");
	/* Also when the clock was set back. That it cannot be noted (full disk) locks nobody out. */
	if (now - session.seen_ms >= SEEN_EVERY_MS || now < session.seen_ms)
		cm_db_exec(db, NULL, "UPDATE sessions SET seen_ms = ? WHERE id = ?", cm_v_int(now),
			   cm_v_int(session.id));
	*ret = session;
	return 0;
}

int cm_session_close(int64_t id, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	return rc != 0 ? rc : cm_db_exec(db, err, "DELETE FROM sessions WHERE id = ?", cm_v_int(id));
}

int cm_session_close_others(int64_t user_id, int64_t keep_id, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	return rc != 0 ? rc
		       : cm_db_exec(db, err, "DELETE FROM sessions WHERE user_id = ? AND id <> ?", cm_v_int(user_id),
				    cm_v_int(keep_id));
}

int cm_session_list(int64_t user_id, struct cm_session **ret, size_t *ret_count, struct cm_err *err)
{
	struct cm_db *db;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_query(db, &st, err,
				 "SELECT " COLUMNS " FROM sessions s JOIN users u ON u.id = s.user_id"
				 " WHERE s.user_id = ? AND s.expires_ms > ? ORDER BY s.id DESC LIMIT ?",
				 cm_v_int(user_id), cm_v_int(cm_now_ms()), cm_v_int(CM_SESSIONS_PER_USER));
	if (rc != 0)
		return rc;
	struct cm_session *list = cm_alloc_array(CM_SESSIONS_PER_USER, sizeof(*list));
	size_t count = 0;
	while (count < CM_SESSIONS_PER_USER && (rc = cm_stmt_step(st, err)) > 0) {
		session_read(st, &list[count]);
		cm_secret_wipe(list[count].csrf, sizeof(list[count].csrf));
		count++;
	}
	if (rc < 0) {
		free(list);
		return rc;
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

int cm_session_sweep(struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	return rc != 0 ? rc : cm_db_exec(db, err, "DELETE FROM sessions WHERE expires_ms <= ?", cm_v_int(cm_now_ms()));
}
