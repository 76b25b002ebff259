/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small pieces of work by a helper container, one helper each. All block: task threads only. The handle d has no cancel
 * function afterwards: set it again.
 */
#ifndef CM_SERVICE_RESTORE_HELPER_H
#define CM_SERVICE_RESTORE_HELPER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "archive/peer.h"
#include "core/err.h"
#include "docker/helper.h"
#include "service/app.h"
#include "service/restore_plan.h"

/* Runs one plan of archive/proto.h with these mounts. watch, ret_result may be NULL. */
int cm_restore_helper_run(const struct cm_app *app, struct cm_docker *d, const struct cm_helper_mount *mounts,
			  size_t count, enum cm_helper_privileges privileges, struct json_object *plan,
			  const struct cm_archive_watch *watch, struct json_object **ret_result, struct cm_err *err);

/* Does the path of the engine's host exist, and is there something in it? A file counts as present. */
int cm_restore_path_state(const struct cm_app *app, struct cm_docker *d, const char *path, enum cm_path_state *ret,
			  struct cm_err *err);

/* All of from (a volume) into to (a volume that is empty), attributes and all, then on disk. */
int cm_restore_volume_copy(const struct cm_app *app, struct cm_docker *d, const char *from, const char *to,
			   const struct cm_archive_watch *watch, struct cm_err *err);
/* Removes everything inside the volume. */
int cm_restore_volume_empty(const struct cm_app *app, struct cm_docker *d, const char *volume, struct cm_err *err);
/* Is there nothing in the volume? */
int cm_restore_volume_is_empty(const struct cm_app *app, struct cm_docker *d, const char *volume, bool *ret,
			       struct cm_err *err);

/* The two volumes' data folders change places, atomically. Both must be local ones without options:
 * cm_restore_volume_swappable. Errors: CM_EUNSUPPORTED (the file system cannot; nothing was changed). */
int cm_restore_volume_swap(const struct cm_app *app, struct cm_docker *d, struct json_object *a, struct json_object *b,
			   struct cm_err *err);
/* A marker file tells volumes apart after a crash: three folders that were about to change places, by which of them has
 * it; a copy that was copied back from one that was not. It is put into a volume of ours, beside what is there. */
int cm_restore_volume_mark(const struct cm_app *app, struct cm_docker *d, const char *volume, struct cm_err *err);
int cm_restore_volume_marked(const struct cm_app *app, struct cm_docker *d, const char *volume, bool *ret,
			     struct cm_err *err);
/* Can this volume (the engine's object) change places with another such? Does not block. */
bool cm_restore_volume_swappable(struct json_object *volume);

#endif
