/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backing up one container: one pass from the engine into a vault, verified before it is published. What the
 * backup stopped or paused is in the journal first and is put back on every way out; after an error or a cancel
 * nothing of the backup remains.
 *
 * params (all but "container" may be missing, unknown members are refused):
 *	container    name or id
 *	volume       instead of a container: a volume alone, by its name, whoever uses it meanwhile
 *	consistency  "live" | "pause" | "stop"; missing: the label monkey.consistency, else "live"
 *	image        "embed" (default) | "reference" (only the digest; refused when the image has none)
 *	compression  "gzip" (default) | "zstd"
 *	exec_pre     command (a string, split like a shell splits words, never given to one; or an array); run inside
 *	             before anything is read; missing: the label monkey.exec.pre. A failing one fails the backup
 *	exec_post    the same afterwards, in every case (label monkey.exec.post); a failing one is a warning
 *	stop_sharers true: with "stop" (or "pause"), also every other running container that mounts one of our volumes
 *	             or folders writable; false (default): they are named in a warning
 *	remote_volumes "save" (default) | "skip": content of volumes that lie on another machine (NFS, CIFS, plugins);
 *	             their configuration is always kept
 *	drill        true: a drill of it afterwards; false: none; missing: as the settings say
 *	vault        "local" (default)
 *	note         a text for people, at most 500 bytes
 *	export       true: the whole filesystem through the engine instead of volumes and image (service/export.h, whose
 *	             job alone sets it)
 *	path         a label of an export
 *	scheduled    true when a schedule asked (companion: is_scheduled)
 *	user         who asked, for the audit
 * result: {"filename","container","size","sha256","parts","duration_ms","warnings":[…]}
 */
#ifndef CM_SERVICE_BACKUP_H
#define CM_SERVICE_BACKUP_H

#include <json-c/json.h>

#include "core/err.h"
#include "service/app.h"
#include "service/progress.h"

/* Is params what cm_backup_run takes? Does not ask the engine; does not block. Errors: CM_EINVAL, CM_EUNSUPPORTED. */
int cm_backup_params_check(struct json_object *params, struct cm_err *err);

/* Blocks for as long as it takes; task threads only. params is borrowed; caller puts *ret_result. Errors:
 * CM_ENOTFOUND (no such container), CM_EUNSUPPORTED (our own container, --rm with stop, no digest), CM_ECANCELLED,
 * and those of engine and vault; the sentence names the part that failed. */
int cm_backup_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		  struct json_object **ret_result, struct cm_err *err);

#endif
