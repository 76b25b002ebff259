/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small pieces of work by helper containers, in a shift: those that need the same follow one another in one container.
 * All block: task threads only.
 */
#ifndef CM_SERVICE_RESTORE_HELPER_H
#define CM_SERVICE_RESTORE_HELPER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "archive/peer.h"
#include "core/err.h"
#include "service/helper_shift.h"
#include "service/restore_plan.h"

/* Does the path of the engine's host exist, and is there something in it? A file counts as present. */
int cm_restore_path_state(struct cm_shift *s, const char *path, enum cm_path_state *ret, struct cm_err *err);

/* All of from (a volume or folder) into to (one that is empty), attributes and all, then on disk. */
int cm_restore_volume_copy(struct cm_shift *s, const char *from, const char *to, const struct cm_archive_watch *watch,
			   struct cm_err *err);
/* Removes everything inside the volume or folder. */
int cm_restore_volume_empty(struct cm_shift *s, const char *volume, struct cm_err *err);
/* Is there nothing in the volume? */
int cm_restore_volume_is_empty(struct cm_shift *s, const char *volume, bool *ret, struct cm_err *err);

/* The two volumes' data folders change places, atomically. Both must be local ones without options:
 * cm_restore_volume_swappable. Errors: CM_EUNSUPPORTED (the file system cannot; nothing was changed). */
int cm_restore_volume_swap(struct cm_shift *s, struct json_object *a, struct json_object *b, struct cm_err *err);
/* A marker file tells volumes apart after a crash: three folders that were about to change places, by which of them has
 * it; a copy that was copied back from one that was not. It is put into a volume of ours (the engine's object), beside
 * what is there. */
int cm_restore_volume_mark(struct cm_shift *s, struct json_object *volume, struct cm_err *err);
int cm_restore_volume_marked(struct cm_shift *s, struct json_object *volume, bool *ret, struct cm_err *err);
/* Can this volume (the engine's object) change places with another such? Does not block. */
bool cm_restore_volume_swappable(struct json_object *volume);

#endif
