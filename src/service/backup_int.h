/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One run of a backup, for the files backup*.c only.
 */
#ifndef CM_SERVICE_BACKUP_INT_H
#define CM_SERVICE_BACKUP_INT_H

#include <stdint.h>

#include "archive/follow.h"
#include "archive/verify.h"
#include "archive/writer.h"
#include "core/secret.h"
#include "docker/helper.h"
#include "service/app.h"
#include "service/backup_hold.h"
#include "service/backup_options.h"
#include "service/backup_plan.h"
#include "service/engine.h"
#include "service/progress.h"
#include "service/vaults.h"

enum { CM_BACKUP_STEPS = 6 };

struct cm_backup_run {
	const struct cm_app *app;
	struct json_object *params;
	struct cm_progress *progress;
	struct cm_docker *d;
	struct cm_engine_overview engine;
	struct cm_backup_options options;
	struct cm_backup_plan plan;
	struct cm_backup_hold hold;
	char id[CM_UUID_LEN + 1];
	char filename[256];
	char *server_name;
	int64_t created_ms;
	int64_t began_ms; /* monotonic */
	/* Of a backup of a whole stack: {"id", "stack", "index", "count", "ids": of its containers}; NULL: of one
	 * alone. */
	struct json_object *set;

	struct cm_helper *helper; /* waits for its plan, or NULL */
	struct cm_helper *ending; /* has read everything and ends by itself meanwhile, or NULL */
	struct cm_vaults_writer out;
	struct cm_vaults_file sofar; /* what is written of it, for the follower */
	struct cm_follow *follow;    /* or NULL */
	struct cm_archive_writer *writer;
	struct cm_archive_totals totals;
	struct cm_verify_result verified;
	int64_t verified_ms;

	/* For the progress: the image's bytes, then those of the data too; what is expected in all, 0: unknown. */
	uint64_t image_bytes;
	uint64_t bytes_read;
	uint64_t bytes_expected;
	int64_t data_ms; /* monotonic: when reading the data began */
	struct cm_backup_sizer *sizer;
};

/*
 * backup.c: the run in its phases, so that several can be held together. Between prepare and read the caller runs
 * hold's pre and begin, after it hold's end. A failed run is freed; nothing of it remains.
 */
/* *ret is set in every case; the caller frees. params and progress are borrowed until then. */
int cm_backup_new(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		  struct cm_backup_run **ret, struct cm_err *err);
void cm_backup_free(struct cm_backup_run *r);
/* Everything that can be done while the container still does what it did. Writes the audit's "started". */
int cm_backup_prepare(struct cm_backup_run *r, struct cm_err *err);
int cm_backup_read(struct cm_backup_run *r, struct cm_err *err);
/* The archive's end, and its verification. */
int cm_backup_complete(struct cm_backup_run *r, struct cm_err *err);
/* It takes its name. Writes the audit's "completed". Caller puts *ret_result. */
int cm_backup_publish(struct cm_backup_run *r, struct json_object **ret_result, struct cm_err *err);
/* The audit's line about a failure. */
void cm_backup_failed(const struct cm_backup_run *r, const struct cm_err *why);

/* backup_pack.c: what goes into the archive, in order. Errors name the part. */
int cm_backup_write_members(struct cm_backup_run *r, struct cm_err *err);
int cm_backup_write_image(struct cm_backup_run *r, struct cm_err *err);
/* Starts the helper on everything that is going to be read (nothing: *ret NULL): what is missing is found here, before
 * the container is touched. */
int cm_backup_helper_start(struct cm_backup_run *r, struct cm_helper **ret, struct cm_err *err);
/* Reads all parts. r->helper becomes r->ending, or is ended when something failed. */
int cm_backup_write_parts(struct cm_backup_run *r, struct cm_err *err);
/* Hears how r->ending ended, when there is one, and removes its container. What the engine needs for that passes while
 * the backup is verified. */
int cm_backup_helper_end(struct cm_backup_run *r, struct cm_err *err);
/* True once the user asked to stop; for cm_docker_set_cancel and the archive's watch. */
bool cm_backup_cancelled(void *run);
void cm_backup_watch(struct cm_backup_run *r, struct cm_archive_watch *watch);

/* backup_layer.c: the writable layer through the engine, where no folder of it can be mounted. */
int cm_backup_write_layer(struct cm_backup_run *r, const struct cm_backup_part *part, struct cm_err *err);

/* backup_json.c: the JSON members and the companion. Callers put. */
struct json_object *cm_backup_json(const struct cm_backup_run *r);
struct json_object *cm_backup_companion(const struct cm_backup_run *r);

/* backup_size.c: how many bytes will come, from the last backup of the same container; and what of the work is done. A
 * byte is done when it was read and verified, which happens side by side: reading it counts two thirds, which is about
 * its share of the time. */
void cm_backup_size_guess(struct cm_backup_run *r);
void cm_backup_show_read(struct cm_backup_run *r, uint64_t bytes);
void cm_backup_show_verified(struct cm_backup_run *r, uint64_t bytes);

/* backup_sizer.c: measures the data meanwhile. start may give NULL, which the others take. stop waits for its end. */
struct cm_backup_sizer *cm_backup_sizer_start(const struct cm_backup_run *r);
uint64_t cm_backup_sizer_bytes(struct cm_backup_sizer *s);
void cm_backup_sizer_stop(struct cm_backup_sizer *s);

#endif
