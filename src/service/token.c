/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/token.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"

enum { USED_EVERY_MS = 60000, NAME_MAX_CHARS = 50, LIST_MAX = 10000 };

#define PREFIX "cm_"
#define COLUMNS "t.id, t.user_id, u.name, t.name, t.hint, t.role, u.role, t.created_ms, t.expires_ms, t.used_ms"
#define FROM " FROM tokens t JOIN users u ON u.id = t.user_id"

static void token_read(struct cm_stmt *st, struct cm_token *t)
{
	enum cm_role own = CM_ROLE_NONE, users = CM_ROLE_NONE;

	*t = (struct cm_token){ .id = cm_stmt_int(st, 0),
				.user_id = cm_stmt_int(st, 1),
				.created_ms = cm_stmt_int(st, 7),
				.expires_ms = cm_stmt_int(st, 8),
				.used_ms = cm_stmt_int(st, 9) };
	cm_str_copy(t->user, sizeof(t->user), cm_stmt_str(st, 2));
	cm_str_copy(t->name, sizeof(t->name), cm_stmt_str(st, 3));
	cm_str_copy(t->hint, sizeof(t->hint), cm_stmt_str(st, 4));
	cm_role_parse(cm_stmt_str(st, 5), &own);
	cm_role_parse(cm_stmt_str(st, 6), &users);
	t->role = own < users ? own : users;
}

static int load(struct cm_db *db, const char *condition, struct cm_value value, struct cm_token *ret,
		struct cm_err *err)
{
	cm_autofree char *sql = cm_asprintf("SELECT " COLUMNS FROM " WHERE %s", condition);
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_query(db, &st, err, sql, value);

	if (rc != 0 || (rc = cm_stmt_step(st, err)) < 0)
		return rc;
	if (rc == 0)
		return cm_err_set(err, CM_EAUTH, "The API token is unknown, revoked or expired.");
	token_read(st, ret);
	return 0;
}

static int name_check(const char *name, struct cm_err *err)
{
	size_t chars = 0;

	for (const char *p = name ? name : ""; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return cm_err_set(err, CM_EINVAL, "The name of the token contains invalid characters.");
		chars += ((unsigned char)*p & 0xc0) != 0x80;
	}
	if (chars < 1 || chars > NAME_MAX_CHARS || !cm_utf8_valid(name, strlen(name)))
		return cm_err_set(err, CM_EINVAL,
				  "Give the token a name of 1 to %d characters that says what it is for.",
				  NAME_MAX_CHARS);
	return 0;
}

static int may_have(struct cm_db *db, int64_t user_id, enum cm_role role, struct cm_err *err)
{
	enum cm_role users = CM_ROLE_NONE;
	int64_t count;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_query(db, &st, err, "SELECT role FROM users WHERE id = ?", cm_v_int(user_id));

	if (rc != 0 || (rc = cm_stmt_step(st, err)) < 0)
		return rc;
	if (rc == 0)
		return cm_err_set(err, CM_ENOTFOUND, "There is no such user.");
	cm_role_parse(cm_stmt_str(st, 0), &users);
	if (role > users)
		return cm_err_set(err, CM_EDENIED, "A token may not be allowed more than you are.");
	rc = cm_db_int(db, &count, err, "SELECT count(*) FROM tokens WHERE user_id = ?", cm_v_int(user_id));
	if (rc == 0 && count >= CM_API_TOKENS_PER_USER)
		return cm_err_set(err, CM_ETOOBIG, "There are %d tokens already. Revoke those you do not use.",
				  CM_API_TOKENS_PER_USER);
	return rc;
}

static int insert(struct cm_db *db, int64_t user_id, const char *name, enum cm_role role, int64_t days,
		  const char *token, struct cm_token *ret, struct cm_err *err)
{
	uint8_t hash[CM_SHA256_LEN];
	int64_t now = cm_now_ms();
	int rc = may_have(db, user_id, role, err);

	if (rc != 0)
		return rc;
	cm_sha256(hash, token, strlen(token));
	rc = cm_db_exec(db, err,
			"INSERT INTO tokens (hash, user_id, name, hint, role, created_ms, expires_ms)"
			" VALUES (?, ?, ?, ?, ?, ?, ?)",
			cm_v_blob(hash, sizeof(hash)), cm_v_int(user_id), cm_v_text(name),
			cm_v_text(token + strlen(token) - 4), cm_v_text(cm_role_name(role)), cm_v_int(now),
			cm_v_int(days ? now + days * 86400 * INT64_C(1000) : 0));
	return rc != 0 ? rc : load(db, "t.id = ?", cm_v_int(cm_db_last_id(db)), ret, err);
}

int cm_token_create(int64_t user_id, const char *name, enum cm_role role, int64_t days,
		    char ret_token[CM_API_TOKEN_LEN + 1], struct cm_token *ret, struct cm_err *err)
{
	struct cm_db *db;
	struct cm_token made = { 0 };
	char token[CM_API_TOKEN_LEN + 1] = PREFIX;
	int rc = cm_secret_init(err);

	if (rc != 0 || (rc = name_check(name, err)) != 0)
		return rc;
	if (cm_role_name(role)[0] == '\0')
		return cm_err_set(err, CM_EINVAL, "The role of a token is viewer, developer or admin.");
	if (days < 0 || days > CM_API_TOKEN_MAX_DAYS)
		return cm_err_set(err, CM_EINVAL, "A token expires after 1 to %d days, or never.",
				  CM_API_TOKEN_MAX_DAYS);
	cm_random_token(token + strlen(PREFIX));
	if ((rc = cm_db_get(&db, err)) != 0 || (rc = cm_db_begin_durable(db, err)) != 0)
		return rc;
	rc = cm_db_end(db, insert(db, user_id, name, role, days, token, &made, err), err);
	if (rc == 0) {
		memcpy(ret_token, token, sizeof(token));
		*ret = made;
	}
	cm_secret_wipe(token, sizeof(token));
	return rc;
}

int cm_token_find(const char *token, struct cm_token *ret, struct cm_err *err)
{
	struct cm_db *db;
	struct cm_token found = { 0 };
	uint8_t hash[CM_SHA256_LEN];
	int64_t now = cm_now_ms();

	if (token == NULL || strlen(token) != CM_API_TOKEN_LEN || !cm_str_has_prefix(token, PREFIX))
		return cm_err_set(err, CM_EAUTH, "The API token is unknown, revoked or expired.");
	cm_sha256(hash, token, CM_API_TOKEN_LEN);
	int rc = cm_db_get(&db, err);
	if (rc == 0)
		rc = load(db, "t.hash = ?", cm_v_blob(hash, sizeof(hash)), &found, err);
	if (rc != 0)
		return rc;
	if (found.expires_ms != 0 && found.expires_ms <= now)
		return cm_err_set(err, CM_EAUTH, "The API token is unknown, revoked or expired.");
	if (now - found.used_ms >= USED_EVERY_MS || now < found.used_ms)
		cm_db_exec(db, NULL, "UPDATE tokens SET used_ms = ? WHERE id = ?", cm_v_int(now), cm_v_int(found.id));
	*ret = found;
	return 0;
}

int cm_token_list(int64_t user_id, struct cm_token **ret, size_t *ret_count, struct cm_err *err)
{
	struct cm_db *db;
	struct cm_token *list = NULL;
	size_t count = 0, room = 0;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_query(db, &st, err,
				 "SELECT " COLUMNS FROM " WHERE ?1 = 0 OR t.user_id = ?1 ORDER BY t.id DESC LIMIT ?2",
				 cm_v_int(user_id), cm_v_int(LIST_MAX));
	if (rc != 0)
		return rc;
	while ((rc = cm_stmt_step(st, err)) > 0) {
		if (count == room) {
			room = room ? room * 2 : 8;
			list = cm_realloc(list, room, sizeof(*list));
		}
		token_read(st, &list[count++]);
	}
	if (rc < 0) {
		free(list);
		return rc;
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

int cm_token_revoke(int64_t id, int64_t user_id, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc != 0 || (rc = cm_db_begin_durable(db, err)) != 0)
		return rc;
	rc = cm_db_exec(db, err, "DELETE FROM tokens WHERE id = ?1 AND (?2 = 0 OR user_id = ?2)", cm_v_int(id),
			cm_v_int(user_id));
	if (rc == 0 && cm_db_changes(db) == 0)
		rc = cm_err_set(err, CM_ENOTFOUND, "There is no such token.");
	return cm_db_end(db, rc, err);
}
