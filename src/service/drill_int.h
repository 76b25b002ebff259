/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by drill*.c only: one drill at work.
 */
#ifndef CM_SERVICE_DRILL_INT_H
#define CM_SERVICE_DRILL_INT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "db/catalog.h"
#include "service/drill.h"
#include "service/drill_check.h"
#include "service/drill_settings.h"
#include "service/restore_run.h"

enum { CM_DRILL_LOG_MAX = 16 * 1024 };

struct cm_drill {
	const struct cm_app *app;
	struct cm_progress *outer; /* of the job */
	struct cm_progress within; /* for the restore's steps: also stops at the end of the time */
	struct cm_restore_run run;
	struct cm_catalog_row row;
	struct cm_drill_settings settings;
	const char *filename, *user;
	struct cm_drill_check check;
	bool scheduled, skipped;
	struct json_object *notes; /* array of sentences */
	struct cm_buf log;	   /* the last of what the container said */
	int64_t began_ms, limit_s; /* monotonic */
	bool about_backup;	   /* a failure from here on says something about the backup */
	bool ran_out;		   /* of time */
};

/* drill_watch.c: waits until the check passes. Errors: CM_EUPSTREAM (the reason), CM_ECANCELLED (also at the end of the
 * time), those of the engine. */
int cm_drill_watch(struct cm_drill *d, struct cm_err *err);
/* The end of the container's log into d->log; what cannot be read is left out. */
void cm_drill_log_read(struct cm_drill *d);
/* Adds the last lines of the log to the reason. */
void cm_drill_log_append(struct cm_drill *d, struct cm_err *err);

/* drill_record.c: how it went, to the companion and the catalog. why NULL: well. */
int cm_drill_record(struct cm_drill *d, const struct cm_err *why, struct cm_err *err);

#endif
