/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The params of a restore (service/restore.h) as a struct. Pure; one thread.
 */
#ifndef CM_SERVICE_RESTORE_OPTIONS_H
#define CM_SERVICE_RESTORE_OPTIONS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

enum cm_volume_choice { CM_VOLUME_UNSET, CM_VOLUME_KEEP, CM_VOLUME_REPLACE, CM_VOLUME_NEW };
enum cm_bind_choice { CM_BIND_MISSING, CM_BIND_REPLACE, CM_BIND_SKIP };
enum cm_start_choice { CM_START_AS_IT_WAS, CM_START_YES, CM_START_NO };

struct cm_restore_options {
	char *file;
	char *vault;			    /* NULL: the default one */
	char *new_name;			    /* NULL: the recorded name */
	char *user;			    /* NULL: unknown */
	struct json_object *port_overrides; /* object or NULL */
	enum cm_volume_choice volumes;
	struct json_object *volumes_each; /* {"volume": "keep"|…} or NULL */
	enum cm_bind_choice binds;
	struct json_object *binds_each; /* {"/source" or "#number": "missing"|"keep"|"replace"|"skip"} or NULL */
	enum cm_start_choice start;
	bool replace;
	bool keep_old;
	bool other_architecture;
};

/* Caller releases ret. Errors: CM_EINVAL (names the member and what would be right), CM_EUNSUPPORTED (another host). */
int cm_restore_options_parse(struct json_object *params, struct cm_restore_options *ret, struct cm_err *err);
void cm_restore_options_release(struct cm_restore_options *o);

/* The choice for one volume or bind mount: its own, else the one for all. A bind mount can also be named by its number
 * in the backup: "#0". */
enum cm_volume_choice cm_restore_volume_choice(const struct cm_restore_options *o, const char *volume);
enum cm_bind_choice cm_restore_bind_choice(const struct cm_restore_options *o, const char *source, size_t number);

#endif
