/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Settings that are changed in the browser. Two groups: those of the page (anyone who is logged in may read them, the
 * API's /api/ui/settings) and the program's own (storage, schedules; read by services only). Task threads only;
 * errors as in db/db.h besides those named.
 */
#ifndef CM_SERVICE_SETTINGS_H
#define CM_SERVICE_SETTINGS_H

#include <json-c/json.h>

#include "core/err.h"

#define CM_SETTING_SERVER_NAME "server_name"
#define CM_SETTING_VERIFY_PERCENT "verify_percent"
#define CM_SETTING_CONSOLE_IDLE "console_idle_seconds"
enum {
	CM_SETTINGS_VALUE_MAX = 4096,
	CM_SETTINGS_KEYS_MAX = 200,
	CM_SERVER_NAME_MAX = 64,
	CM_VERIFY_PERCENT_DEFAULT = 5,
	CM_CONSOLE_IDLE_DEFAULT = 1800,
	CM_CONSOLE_IDLE_MIN = 3,
	CM_CONSOLE_IDLE_MAX = 86400
};

/* Page settings that have a meaning and a check; other keys are taken as they are. */
struct cm_setting_rule {
	const char *key;
	const char *label; /* for people */
	int (*check)(const char *value, struct cm_err *err);
};
extern const struct cm_setting_rule cm_setting_rules[]; /* ends with key NULL */

/* The name of this server as people see it: the setting, else the host name. Caller frees; never NULL, even when the
 * database does not answer. */
char *cm_settings_server_name(void);

/* How many per cent of the vault are verified a day, 0 to 100; 0: none. */
int cm_settings_verify_percent(int *ret, struct cm_err *err);

/* Seconds without a key after which a console is closed; 0: never. The default when it cannot be read. */
int cm_settings_console_idle(void);

/* *ret NULL when it is not set; caller frees. CM_EINVAL "Setting key contains invalid characters" (letters, digits and
 * _.- up to 64). */
int cm_settings_get(const char *key, char **ret, struct cm_err *err);
/* CM_EINVAL: also "Value is required" (NULL or blank) and what the key's rule says; CM_ETOOBIG. The stored value is
 * without blanks around it. */
int cm_settings_set(const char *key, const char *value, struct cm_err *err);
/* All of the page as a flat object; caller puts. */
int cm_settings_all(struct json_object **ret, struct cm_err *err);

/* The program's own: JSON documents under a name ("storage", "schedule"), secrets in them sealed by their owner.
 * *ret NULL when missing; caller puts. */
int cm_settings_load(const char *name, struct json_object **ret, struct cm_err *err);
int cm_settings_store(const char *name, struct json_object *value, struct cm_err *err);

#endif
