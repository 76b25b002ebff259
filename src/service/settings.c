/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/settings.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"

enum { KEY_MAX = 64, DOCUMENT_MAX = 256 * 1024 };

#define AREA_UI "ui"
#define AREA_PROGRAM "program"

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static int server_name_check(const char *value, struct cm_err *err)
{
	if (characters(value) > CM_SERVER_NAME_MAX)
		return cm_err_set(err, CM_EINVAL, "The server name can have at most %d characters.",
				  CM_SERVER_NAME_MAX);
	return 0;
}

static int percent_check(const char *value, struct cm_err *err)
{
	uint64_t n;

	return cm_str_u64(value, 0, 100, &n) ? 0
					     : cm_err_set(err, CM_EINVAL,
							  "Give a whole number from 0 to 100: the share of the vault "
							  "that is verified each day. 0 turns it off.");
}

static int idle_check(const char *value, struct cm_err *err)
{
	uint64_t n;

	if (cm_str_u64(value, 0, CM_CONSOLE_IDLE_MAX, &n) && (n == 0 || n >= CM_CONSOLE_IDLE_MIN))
		return 0;
	return cm_err_set(err, CM_EINVAL,
			  "Give a whole number of seconds, %d to %d: a console where nothing is typed for so long is "
			  "closed. 0 turns it off.",
			  CM_CONSOLE_IDLE_MIN, CM_CONSOLE_IDLE_MAX);
}

const struct cm_setting_rule cm_setting_rules[] = {
	{ CM_SETTING_SERVER_NAME, "Server name", server_name_check },
	{ CM_SETTING_VERIFY_PERCENT, "Verify each day", percent_check },
	{ CM_SETTING_CONSOLE_IDLE, "Idle consoles", idle_check },
	{ NULL, NULL, NULL },
};

static int key_check(const char *key, struct cm_err *err)
{
	size_t n = 0;

	for (; key != NULL && key[n] != '\0' && n <= KEY_MAX; n++)
		if (!((key[n] >= 'a' && key[n] <= 'z') || (key[n] >= 'A' && key[n] <= 'Z') ||
		      (key[n] >= '0' && key[n] <= '9') || strchr("_.-", key[n]) != NULL))
			return cm_err_set(err, CM_EINVAL, "Setting key contains invalid characters");
	if (n == 0 || n > KEY_MAX)
		return cm_err_set(err, CM_EINVAL, "Setting key must have 1 to %d characters", KEY_MAX);
	return 0;
}

static int load(const char *area, const char *key, char **ret, struct cm_err *err)
{
	struct cm_db *db;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_query(db, &st, err, "SELECT value FROM settings WHERE area = ? AND key = ?", cm_v_text(area),
				 cm_v_text(key));
	if (rc != 0 || (rc = cm_stmt_step(st, err)) < 0)
		return rc;
	*ret = rc > 0 ? cm_strdup(cm_stmt_str(st, 0)) : NULL;
	return 0;
}

static int upsert(struct cm_db *db, const char *area, const char *key, const char *value, struct cm_err *err)
{
	int64_t others;
	int rc = cm_db_int(db, &others, err, "SELECT count(*) FROM settings WHERE area = ? AND key <> ?",
			   cm_v_text(area), cm_v_text(key));

	if (rc != 0)
		return rc;
	if (others >= CM_SETTINGS_KEYS_MAX)
		return cm_err_set(err, CM_ETOOBIG, "There are too many settings.");
	return cm_db_exec(db, err,
			  "INSERT INTO settings (area, key, value, updated_ms) VALUES (?, ?, ?, ?) ON CONFLICT"
			  " (area, key) DO UPDATE SET value = excluded.value, updated_ms = excluded.updated_ms",
			  cm_v_text(area), cm_v_text(key), cm_v_text(value), cm_v_int(cm_now_ms()));
}

static int store(const char *area, const char *key, const char *value, struct cm_err *err)
{
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	if (rc != 0 || (rc = cm_db_begin_durable(db, err)) != 0)
		return rc;
	return cm_db_end(db, upsert(db, area, key, value, err), err);
}

char *cm_settings_server_name(void)
{
	char host[HOST_NAME_MAX + 1];
	char *name = NULL;

	if (load(AREA_UI, CM_SETTING_SERVER_NAME, &name, NULL) == 0 && name != NULL && *name != '\0')
		return name;
	free(name);
	if (gethostname(host, sizeof(host)) != 0)
		return cm_strdup("server");
	host[sizeof(host) - 1] = '\0';
	return cm_strdup(host[0] ? host : "server");
}

int cm_settings_verify_percent(int *ret, struct cm_err *err)
{
	cm_autofree char *text = NULL;
	uint64_t n = CM_VERIFY_PERCENT_DEFAULT;
	int rc = load(AREA_UI, CM_SETTING_VERIFY_PERCENT, &text, err);

	if (rc != 0)
		return rc;
	if (text != NULL)
		(void)cm_str_u64(text, 0, 100, &n);
	*ret = (int)n;
	return 0;
}

int cm_settings_get(const char *key, char **ret, struct cm_err *err)
{
	int rc = key_check(key, err);

	return rc != 0 ? rc : load(AREA_UI, key, ret, err);
}

/* Caller frees. */
static char *trimmed(const char *value)
{
	size_t n;

	value += strspn(value, " \t\r\n");
	for (n = strlen(value); n > 0 && strchr(" \t\r\n", value[n - 1]) != NULL;)
		n--;
	return cm_strndup(value, n);
}

int cm_settings_set(const char *key, const char *value, struct cm_err *err)
{
	int rc = key_check(key, err);

	if (rc != 0)
		return rc;
	cm_autofree char *text = trimmed(value ? value : "");
	if (*text == '\0')
		return cm_err_set(err, CM_EINVAL, "Value is required");
	if (strlen(text) > CM_SETTINGS_VALUE_MAX)
		return cm_err_set(err, CM_ETOOBIG, "The value can have at most %d bytes.", CM_SETTINGS_VALUE_MAX);
	if (!cm_utf8_valid(text, strlen(text)))
		return cm_err_set(err, CM_EINVAL, "The value is not UTF-8 text.");
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return cm_err_set(err, CM_EINVAL, "The value contains invalid characters");
	for (const struct cm_setting_rule *r = cm_setting_rules; r->key != NULL; r++)
		if (cm_str_eq(r->key, key) && (rc = r->check(text, err)) != 0)
			return rc;
	return store(AREA_UI, key, text, err);
}

int cm_settings_all(struct json_object **ret, struct cm_err *err)
{
	struct cm_db *db;
	cm_autostmt struct cm_stmt *st = NULL;
	int rc = cm_db_get(&db, err);

	if (rc == 0)
		rc = cm_db_query(db, &st, err, "SELECT key, value FROM settings WHERE area = ? ORDER BY key",
				 cm_v_text(AREA_UI));
	if (rc != 0)
		return rc;
	cm_autojson struct json_object *all = json_object_new_object();
	while ((rc = cm_stmt_step(st, err)) > 0)
		cm_json_set_str(all, cm_stmt_str(st, 0), cm_stmt_str(st, 1));
	if (rc == 0)
		*ret = cm_move(&all);
	return rc;
}

int cm_settings_load(const char *name, struct json_object **ret, struct cm_err *err)
{
	cm_autofree char *text = NULL;
	int rc = key_check(name, err);

	if (rc != 0 || (rc = load(AREA_PROGRAM, name, &text, err)) != 0)
		return rc;
	if (text == NULL) {
		*ret = NULL;
		return 0;
	}
	if (cm_json_parse(text, strlen(text), ret, err) != 0)
		return cm_err_set(err, CM_ECORRUPT, "The stored settings \"%s\" are damaged. Save them again.", name);
	return 0;
}

int cm_settings_store(const char *name, struct json_object *value, struct cm_err *err)
{
	int rc = key_check(name, err);

	if (rc != 0)
		return rc;
	cm_autofree char *text = cm_json_text(value);
	if (strlen(text) > DOCUMENT_MAX)
		return cm_err_set(err, CM_ETOOBIG, "The settings are too long.");
	return store(AREA_PROGRAM, name, text, err);
}

int cm_settings_console_idle(void)
{
	cm_autofree char *value = NULL;
	uint64_t n = CM_CONSOLE_IDLE_DEFAULT;

	if (cm_settings_get(CM_SETTING_CONSOLE_IDLE, &value, NULL) == 0 && value != NULL)
		(void)cm_str_u64(value, 0, CM_CONSOLE_IDLE_MAX, &n);
	return (int)n;
}
