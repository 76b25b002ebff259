/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A backup as restore sees it, whoever wrote it: ours or the predecessor's. Opened from a vault; one thread. All
 * block: task threads only.
 */
#ifndef CM_SERVICE_RESTORE_SOURCE_H
#define CM_SERVICE_RESTORE_SOURCE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "archive/legacy.h"
#include "archive/reader.h"
#include "core/err.h"
#include "service/app.h"
#include "service/vaults.h"

struct cm_restore_source {
	char *file;
	struct cm_vaults_file opened;
	struct cm_archive *ours;  /* or NULL */
	struct cm_legacy *legacy; /* or NULL */

	struct json_object *inspect;  /* the container's recorded inspect object */
	struct json_object *networks; /* array of recorded network inspect objects */
	/* One for each volume name, in mount order: {"name","destination","driver","options","labels","anonymous",
	 * "from_other","rw","state": "saved"|"skipped"|"failed"|"missing","reason"|null,"prefix"?|"member"?,"strip"?,
	 * "bytes": n|null,"stored"?: n,"files": n|null,"no_copy"?: bool (the engine copies nothing of the image into
	 * it)} */
	struct json_object *volumes;
	/* One for each source: {"source","destination","rw","kind": "folder"|"file","state","reason"|null,"prefix"?|
	 * "member"?,"strip"?,"bytes","files"} */
	struct json_object *binds;
	/* {"ref","id","digest"|null,"tags","mode":
	 * "embed"|"reference"|"missing","os","architecture","size","reason"|null}
	 */
	struct json_object *image;
	struct json_object *image_config; /* the image's Config, or NULL when it is not recorded */
	struct json_object *rootfs;  /* {"prefix","bytes","files"}, or NULL: nothing was changed, or not recorded */
	struct json_object *missing; /* array of {"text","detail"|null}: what this backup does not hold */

	char status[16]; /* "running" | "paused" | "stopped" */
	char server_name[256];
	char engine_version[64]; /* "" when unknown */
	int64_t created_ms;
	int64_t size; /* of the file */
};

/* Caller closes *ret. Errors: CM_EINVAL (no name of a backup), CM_ENOTFOUND, CM_EUNSUPPORTED (a network file, or no
 * backup at all), CM_ECORRUPT. */
int cm_restore_source_open(const struct cm_app *app, const char *file, struct cm_restore_source **ret,
			   struct cm_err *err);
/* The same for a backup of a volume alone: of the members only volumes, which has one, networks (empty), created_ms and
 * size are there. Errors: CM_EUNSUPPORTED too when it is no such backup. */
int cm_restore_source_open_volume(const struct cm_app *app, const char *file, struct cm_restore_source **ret,
				  struct cm_err *err);
/* The same for an export (service/export.h): rootfs is there, and is the whole filesystem. Errors: CM_EUNSUPPORTED too
 * when it is no export; cm_restore_source_open() refuses one likewise. */
int cm_restore_source_open_export(const struct cm_app *app, const char *file, struct cm_restore_source **ret,
				  struct cm_err *err);
void cm_restore_source_close(struct cm_restore_source *s);

/* "cm1" or "predecessor". */
const char *cm_restore_source_format(const struct cm_restore_source *s);

/* The bytes of image.tar. Errors: CM_ENOTFOUND (it holds none), CM_ECORRUPT, what write returns. */
int cm_restore_source_image(struct cm_restore_source *s, cm_archive_write_fn write, void *ctx, struct cm_err *err);

/* Writes one entry of volumes or binds (its state must be "saved"), or rootfs, through a helper. target is a path in
 * the helper. Everything is verified and on disk on success. Errors: those of cm_archive_unpack. */
int cm_restore_source_unpack(struct cm_restore_source *s, struct json_object *entry, const char *target, bool merge,
			     struct cm_peer *peer, const struct cm_archive_watch *watch,
			     struct json_object **ret_result, struct cm_err *err);

/* Bytes of content that would be written: all saved parts. */
int64_t cm_restore_source_bytes(const struct cm_restore_source *s);
/* The same without the holes of sparse files: what it takes on the disk. */
int64_t cm_restore_source_stored(const struct cm_restore_source *s);

/* For restore_source*.c only: what the predecessor's file tells, into s. */
int cm_restore_source_from_legacy(struct cm_restore_source *s, struct cm_err *err);
void cm_restore_source_add_missing(struct cm_restore_source *s, const char *detail, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
