/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Restoring parts of one of our archives through a helper: makes the plan from the manifest, sends the compressed
 * blocks of the chosen parts as they are, and waits until the helper has written and verified everything. Blocks: task
 * threads only; one thread per archive handle and peer.
 */
#ifndef CM_ARCHIVE_UNPACK_H
#define CM_ARCHIVE_UNPACK_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "archive/peer.h"
#include "archive/reader.h"
#include "core/err.h"

struct cm_unpack_part {
	const char *prefix; /* as in the manifest: "volumes/data", "binds/1", "rootfs" */
	const char *target; /* absolute path inside the helper */
	bool merge;	    /* the target may hold something: existing folders stay, other things are replaced */
};

/* Parts are written in the archive's order. sync: data is on disk before success. *ret_result (may be NULL, caller
 * puts): {"files","bytes","warnings"}. Errors: CM_ENOTFOUND (no such part), CM_ECORRUPT (names the damaged file),
 * CM_ENOSPACE and others as the helper reports them, CM_EUPSTREAM, CM_ETIMEDOUT, CM_ECANCELLED. After an error the
 * targets hold parts of the content: throw them away. */
int cm_archive_unpack(struct cm_archive *a, const struct cm_unpack_part *parts, size_t count, bool sync,
		      struct cm_peer *peer, const struct cm_archive_watch *watch, struct json_object **ret_result,
		      struct cm_err *err);

#endif
