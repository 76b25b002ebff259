/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backups of the predecessor: a tar.gz with members prefixed "./", whose volumes are tar.gz files inside. Opened by
 * one pass from the start; everything is read with libarchive. One thread per handle. All block: task threads only.
 */
#ifndef CM_ARCHIVE_LEGACY_H
#define CM_ARCHIVE_LEGACY_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "archive/peer.h"
#include "archive/sink.h"
#include "core/buf.h"
#include "core/err.h"

struct cm_legacy;

/* Reads the file once from start to end. Errors: CM_EUNSUPPORTED (no tar, or not a backup: the sentence says what is
 * missing), CM_ECORRUPT (cut off or damaged), those of the source. */
int cm_legacy_open(const struct cm_source *source, struct cm_legacy **ret, struct cm_err *err);
void cm_legacy_free(struct cm_legacy *l);

/* What it holds, borrowed:
 * {"metadata": backup_metadata.json, "companion": companion.json or null, "config": container_config.json,
 *  "volumes_info": [...] (empty when the member is missing), "run_command": text or null,
 *  "image": {"state": "present"|"failed"|"missing", "member", "size", "error"?},
 *  "parts": [{"kind": "volume"|"bind", "name" (volume) | "source" (bind), "destination", "driver"?, "options"?,
 *	       "state": "present"|"failed"|"missing", "member"?, "size"?, "strip": n, "error"?}],
 *  "missing": ["sentence a person can read", …], "files", "bytes"} */
struct json_object *cm_legacy_info(const struct cm_legacy *l);

/* One member's bytes in pieces (name without "./"): image.tar for the engine. Reads from the start. Errors:
 * CM_ENOTFOUND, CM_ECORRUPT, what write returns. */
int cm_legacy_stream(struct cm_legacy *l, const char *name, cm_archive_write_fn write, void *ctx, struct cm_err *err);

/* Sends a nested tar ("member" of a part) to a helper, which unpacks it into target (absolute path in the helper;
 * an empty folder unless merge). Everything else as cm_archive_unpack(). */
int cm_legacy_unpack(struct cm_legacy *l, const char *name, unsigned strip, const char *target, bool merge, bool sync,
		     struct cm_peer *peer, const struct cm_archive_watch *watch, struct json_object **ret_result,
		     struct cm_err *err);

#endif
