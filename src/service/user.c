/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/user.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "db/db.h"
#include "service/password.h"

enum { USERS_MAX = 10000 };

#define COLUMNS "id, name, role, is_default, created_ms, password_ms, login_ms"

static void user_read(struct cm_stmt *st, struct cm_user *u)
{
	*u = (struct cm_user){ .id = cm_stmt_int(st, 0),
			       .is_default = cm_stmt_int(st, 3) != 0,
			       .created_ms = cm_stmt_int(st, 4),
			       .password_ms = cm_stmt_int(st, 5),
			       .login_ms = cm_stmt_int(st, 6) };
	cm_str_copy(u->name, sizeof(u->name), cm_stmt_str(st, 1));
	cm_role_parse(cm_stmt_str(st, 2), &u->role);
}

/* The user of one row and, when asked for, a copy of the hash (which the caller wipes and frees). */
static int user_load(struct cm_db *db, const char *condition, struct cm_value value, struct cm_user *ret,
		     char **ret_hash, struct cm_err *err)
{
	cm_autostmt struct cm_stmt *st = NULL;
	cm_autofree char *sql = cm_asprintf("SELECT " COLUMNS ", password FROM users WHERE %s", condition);
	int rc = cm_db_query(db, &st, err, sql, value);

	if (rc != 0 || (rc = cm_stmt_step(st, err)) < 0)
		return rc;
	if (rc == 0)
		return cm_err_set(err, CM_ENOTFOUND, "There is no such user.");
	user_read(st, ret);
	if (ret_hash != NULL)
		*ret_hash = cm_strdup(cm_stmt_str(st, 7));
	return 0;
}

/* Characters, not bytes; no control characters, no blanks at the ends. */
static int name_check(const char *name, struct cm_err *err)
{
	size_t bytes = strlen(name), n = 0;

	for (const char *p = name; *p; p++)
		n += ((unsigned char)*p & 0xc0) != 0x80;
	if (n < CM_USER_NAME_MIN)
		return cm_err_set(err, CM_EINVAL, "New username must be at least %d characters long", CM_USER_NAME_MIN);
	if (n > CM_USER_NAME_MAX)
		return cm_err_set(err, CM_EINVAL, "New username must be at most %d characters long", CM_USER_NAME_MAX);
	if (!cm_utf8_valid(name, bytes) || name[0] == ' ' || name[bytes - 1] == ' ')
		return cm_err_set(err, CM_EINVAL, "New username contains invalid characters");
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return cm_err_set(err, CM_EINVAL, "New username contains invalid characters");
	return 0;
}

static int user_insert(struct cm_db *db, const char *name, enum cm_role role, const char *hash, bool is_default,
		       int64_t *ret_id, struct cm_err *err)
{
	int64_t now = cm_now_ms();
	int rc = cm_db_exec(db, err,
			    "INSERT INTO users (name, role, password, is_default, created_ms, password_ms)"
			    " VALUES (?, ?, ?, ?, ?, ?)",
			    cm_v_text(name), cm_v_text(cm_role_name(role)), cm_v_text(hash), cm_v_int(is_default),
			    cm_v_int(now), cm_v_int(now));
	if (rc == CM_EEXIST)
		return cm_err_set(err, CM_EEXIST, "Username already exists");
	if (rc == 0 && ret_id != NULL)
		*ret_id = cm_db_last_id(db);
	return rc;
}

int cm_user_first(const char *password, bool *ret_made, struct cm_err *err)
{
	struct cm_db *db;
	char hash[CM_PASSWORD_HASH_SIZE];
	int64_t count;
	bool given = password != NULL && *password != '\0';
	int rc = cm_db_get(&db, err);

	*ret_made = false;
	if (rc != 0 || (rc = cm_db_int(db, &count, err, "SELECT count(*) FROM users")) != 0 || count > 0)
		return rc;
	if (given && cm_password_check(password, err) != 0)
		return cm_err_prefix(err, "CM_ADMIN_PASSWORD cannot be used");
	rc = cm_password_hash(given ? password : CM_USER_DEFAULT_PASSWORD, hash, err);
	if (rc != 0 || (rc = cm_db_begin_durable(db, err)) != 0)
		return rc;
	/* Again, now under the lock: another program may have been quicker. */
	rc = cm_db_int(db, &count, err, "SELECT count(*) FROM users");
	if (rc == 0 && count == 0)
		rc = user_insert(db, CM_USER_DEFAULT_NAME, CM_ROLE_ADMIN, hash,
				 !given || cm_str_eq(password, CM_USER_DEFAULT_PASSWORD), NULL, err);
	rc = cm_db_end(db, rc, err);
	if (rc == 0)
		*ret_made = count == 0;
	return rc;
}

int cm_user_create(const char *name, enum cm_role role, const char *password, int64_t *ret_id, struct cm_err *err)
{
	struct cm_db *db;
	char hash[CM_PASSWORD_HASH_SIZE];
	int64_t id = 0;
	int rc;

	if (name == NULL || cm_role_name(role)[0] == '\0')
		return cm_err_set(err, CM_EINVAL, "A user needs a name and a role.");
	if ((rc = name_check(name, err)) != 0 || (rc = cm_password_check(password, err)) != 0 ||
	    (rc = cm_password_hash(password, hash, err)) != 0 || (rc = cm_db_get(&db, err)) != 0 ||
	    (rc = cm_db_begin_durable(db, err)) != 0)
		return rc;
	rc = cm_db_end(db, user_insert(db, name, role, hash, false, &id, err), err);
	if (rc == 0 && ret_id != NULL)
		*ret_id = id;
	return rc;
}

int cm_user_get(int64_t id, struct cm_user *ret, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	return rc != 0 ? rc : user_load(db, "id = ?", cm_v_int(id), ret, NULL, err);
}

int cm_user_find(const char *name, struct cm_user *ret, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	return rc != 0 ? rc : user_load(db, "name = ?", cm_v_text(name), ret, NULL, err);
}

int cm_user_list(struct cm_user **ret, size_t *ret_count, struct cm_err *err)
{
	struct cm_db *db;
	struct cm_user *list = NULL;
	size_t count = 0, room = 0;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_query(db, &st, err, "SELECT " COLUMNS " FROM users ORDER BY name LIMIT ?",
				 cm_v_int(USERS_MAX));
	if (rc != 0)
		return rc;
	while ((rc = cm_stmt_step(st, err)) > 0) {
		if (count == room) {
			room = room ? room * 2 : 8;
			list = cm_realloc(list, room, sizeof(*list));
		}
		user_read(st, &list[count++]);
	}
	if (rc < 0) {
		free(list);
		return rc;
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

static void hash_free(char **hash)
{
	if (*hash != NULL)
		cm_secret_wipe(*hash, strlen(*hash));
	free(*hash);
}

int cm_user_login(const char *name, const char *password, struct cm_user *ret, struct cm_err *err)
{
	struct cm_db *db;
	struct cm_user user = { 0 };
	__attribute__((cleanup(hash_free))) char *hash = NULL;
	int rc = cm_db_get(&db, err);

	if (rc != 0)
		return rc;
	if (name == NULL || *name == '\0' || password == NULL || *password == '\0')
		return cm_err_set(err, CM_EINVAL, "Username and password are required");
	rc = user_load(db, "name = ?", cm_v_text(name), &user, &hash, err);
	if (rc != 0 && rc != CM_ENOTFOUND)
		return rc;
	rc = cm_password_verify(hash, password, err);
	if (rc != 0)
		return rc;
	user.login_ms = cm_now_ms();
	rc = cm_db_exec(db, err, "UPDATE users SET login_ms = ? WHERE id = ?", cm_v_int(user.login_ms),
			cm_v_int(user.id));
	if (rc == 0)
		*ret = user;
	return rc;
}

/* What of the change is left to do, once checked. */
struct plan {
	const char *name;     /* NULL: stays */
	const char *password; /* NULL: stays */
	char hash[CM_PASSWORD_HASH_SIZE];
};

static int plan_make(struct cm_db *db, const struct cm_user *user, const struct cm_user_change *change,
		     struct plan *plan, struct cm_err *err)
{
	int64_t taken = 0;
	int rc;

	*plan = (struct plan){ 0 };
	if (change->new_name != NULL && *change->new_name != '\0' && !cm_str_eq(change->new_name, user->name))
		plan->name = change->new_name;
	if (change->new_password != NULL && *change->new_password != '\0')
		plan->password = change->new_password;
	if (plan->name == NULL && plan->password == NULL)
		return cm_err_set(err, CM_EINVAL, "No changes provided");
	if (plan->name != NULL) {
		if ((rc = name_check(plan->name, err)) != 0 ||
		    (rc = cm_db_int(db, &taken, err, "SELECT count(*) FROM users WHERE name = ? AND id <> ?",
				    cm_v_text(plan->name), cm_v_int(user->id))) != 0)
			return rc;
		if (taken > 0)
			return cm_err_set(err, CM_EEXIST, "Username already exists");
	}
	if (plan->password == NULL)
		return 0;
	if ((rc = cm_password_check(plan->password, err)) != 0)
		return rc;
	return cm_password_hash(plan->password, plan->hash, err);
}

static int plan_apply(struct cm_db *db, const struct cm_user *user, const struct plan *plan, const char *old_hash,
		      int64_t keep_session, struct cm_err *err)
{
	int rc = 0;

	if (plan->name != NULL)
		rc = cm_db_exec(db, err, "UPDATE users SET name = ? WHERE id = ?", cm_v_text(plan->name),
				cm_v_int(user->id));
	if (rc == CM_EEXIST)
		return cm_err_set(err, CM_EEXIST, "Username already exists");
	if (rc != 0 || plan->password == NULL)
		return rc;
	/* Only while the password is still the one that was checked. */
	rc = cm_db_exec(db, err,
			"UPDATE users SET password = ?, is_default = ?, password_ms = ? WHERE id = ? AND password = ?",
			cm_v_text(plan->hash), cm_v_int(cm_str_eq(plan->password, CM_USER_DEFAULT_PASSWORD)),
			cm_v_int(cm_now_ms()), cm_v_int(user->id), cm_v_text(old_hash));
	if (rc == 0 && cm_db_changes(db) == 0)
		return cm_err_set(err, CM_EAUTH, "Current password is incorrect");
	if (rc == 0)
		rc = cm_db_exec(db, err, "DELETE FROM sessions WHERE user_id = ? AND id <> ?", cm_v_int(user->id),
				cm_v_int(keep_session));
	if (rc == 0)
		rc = cm_db_exec(db, err, "DELETE FROM tokens WHERE user_id = ?", cm_v_int(user->id));
	return rc;
}

int cm_user_change(int64_t id, const struct cm_user_change *change, struct cm_user *ret, char *ret_message,
		   size_t message_size, struct cm_err *err)
{
	struct cm_db *db;
	struct cm_user user = { 0 };
	struct plan plan;
	__attribute__((cleanup(hash_free))) char *hash = NULL;
	int rc = cm_db_get(&db, err);

	if (rc != 0)
		return rc;
	if (change->current_password == NULL || *change->current_password == '\0')
		return cm_err_set(err, CM_EINVAL, "Current password is required");
	if ((rc = user_load(db, "id = ?", cm_v_int(id), &user, &hash, err)) != 0)
		return rc;
	rc = cm_password_verify(hash, change->current_password, err);
	if (rc == CM_EAUTH)
		return cm_err_set(err, CM_EAUTH, "Current password is incorrect");
	if (rc != 0 || (rc = plan_make(db, &user, change, &plan, err)) != 0 || (rc = cm_db_begin_durable(db, err)) != 0)
		return rc;
	rc = cm_db_end(db, plan_apply(db, &user, &plan, hash, change->keep_session, err), err);
	cm_secret_wipe(plan.hash, sizeof(plan.hash));
	if (rc != 0 || (rc = cm_user_get(id, ret, err)) != 0)
		return rc;
	snprintf(ret_message, message_size, "%s%s%s", plan.name ? "Username changed successfully" : "",
		 plan.name && plan.password ? " and " : "", plan.password ? "Password changed successfully" : "");
	return 0;
}
