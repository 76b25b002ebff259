/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Environment variables and labels as they may be shown: which of them look like a secret, by their name or by what is
 * in the value. Better one too many: who may can ask for the value. Pure; any thread.
 */
#ifndef CM_SERVICE_ENV_MASK_H
#define CM_SERVICE_ENV_MASK_H

#include <json-c/json.h>
#include <stdbool.h>

#define CM_MASK "***"

enum cm_mask_show {
	CM_MASK_VALUES,	 /* names only: every value is masked */
	CM_MASK_SECRETS, /* values, but for secrets */
	CM_MASK_NOTHING, /* everything */
};

/* "DB_PASSWORD", "api.token"; or a URL with a password, a private key. value may be NULL. */
bool cm_mask_is_secret(const char *name, const char *value);

/* env: the engine's array of "NAME=value". Caller puts both. */
/* [{"name","value","is_masked"}], sorted by name; a variable without '=' has the value "". */
struct json_object *cm_mask_env(struct json_object *env, enum cm_mask_show show);
/* "NAME=value" as they came, masked ones as "NAME=***". */
struct json_object *cm_mask_env_texts(struct json_object *env, enum cm_mask_show show);
/* A copy of the labels in which secrets are masked. CM_MASK_VALUES is the same as CM_MASK_SECRETS: labels are no values
 * of the program inside. */
struct json_object *cm_mask_labels(struct json_object *labels, enum cm_mask_show show);

#endif
