/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The params of a backup (service/backup.h) as a struct, completed by the container's labels. Pure; one thread.
 */
#ifndef CM_SERVICE_BACKUP_OPTIONS_H
#define CM_SERVICE_BACKUP_OPTIONS_H

#include <json-c/json.h>
#include <stdbool.h>

#include "archive/format.h"
#include "core/err.h"

enum cm_consistency { CM_CONSISTENCY_UNSET, CM_CONSISTENCY_LIVE, CM_CONSISTENCY_PAUSE, CM_CONSISTENCY_STOP };

struct cm_backup_options {
	char *container;	      /* NULL: a volume alone */
	char *volume;		      /* NULL: a container */
	char *vault;		      /* NULL: the default */
	char *note;		      /* or NULL */
	char *path;		      /* of an export: where the caller would have put it; a label. Or NULL */
	char *user;		      /* or NULL */
	char **exec_pre, **exec_post; /* words, ended by NULL; NULL: none */
	enum cm_consistency consistency;
	enum cm_codec codec;
	bool whole;	/* the whole filesystem through the engine: an export, see service/export.h */
	bool reference; /* of the image, instead of its layers */
	bool stop_sharers;
	bool skip_remote;
	bool scheduled;
	bool drill; /* afterwards; jobs/drill_due.h also asks whether it is named at all */
};

/* "live", "pause", "stop". */
const char *cm_consistency_name(enum cm_consistency c);

/* Caller releases ret. Errors: CM_EINVAL (names the member that is wrong), CM_EUNSUPPORTED. */
int cm_backup_options_parse(struct json_object *params, struct cm_backup_options *ret, struct cm_err *err);
/* What params left open, from the container's labels (an object or NULL); then from the defaults. Errors: CM_EINVAL
 * names the label. */
int cm_backup_options_labels(struct cm_backup_options *o, struct json_object *labels, struct cm_err *err);
void cm_backup_options_release(struct cm_backup_options *o);

#endif
