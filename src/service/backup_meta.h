/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON members of a backup and its companion: made here, and nowhere else. Readers (restore, pages, catalog) take
 * every member as optional.
 *
 * backup.json
 *	{"format": "container-monkey-backup", "version": 1, "program": "1.0.0", "id": uuid,
 *	 "server_name", "created_at" (RFC 3339), "created_ms", "type": "manual"|"scheduled", "note", "user",
 *	 "container_id" (64 hex), "container_name", "status": "running"|"paused"|"stopped" (as it was found), "stack",
 *	 "image": {"ref" (as the container names it), "id", "digest" ("repo@sha256:…" or null), "tags": […],
 *		   "mode": "embed"|"reference", "os", "architecture", "variant", "size"},
 *	 "engine": {"version", "api", "os", "architecture", "storage"},
 *	 "consistency": "live"|"pause"|"stop", "options": the params of cm_backup_run without "user",
 *	 "parts": […]}	as in volumes_info.json, with the writable layer: {"type": "rootfs", "prefix": "rootfs"}
 *
 * container_config.json	GET /containers/<id>/json, unchanged
 * networks.json		array of GET /networks/<id>, one for each user network
 * volumes_info.json		array in mount order; the predecessor's members first:
 *	{"type": "volume", "name", "destination", "driver", "options": {…}, "labels": {…}, "scope", "anonymous": bool,
 *	 "rw": bool, "prefix": "volumes/<name>" | null, "state": "saved" | "skipped", "reason": sentence | null}
 *	{"type": "bind", "source", "destination", "rw": bool, "propagation", "kind": "folder" | "file" | "other",
 *	 "prefix": "binds/<n>" | null, "state", "reason"}
 *	A volume or source that is mounted twice has two entries and one prefix. A folder that lies in another saved
 *	one has a prefix of its own and is left out there. tmpfs stands in container_config.json only.
 * image.json			GET /images/<id>/json, unchanged
 *
 * companion: {"server_name", "is_scheduled",	what the predecessor reads
 *	"format": "cm1", "version": 1, "id", "type": "container"|"volume"|"export", "filename", "created_at",
 *"created_ms", "container": name, "container_id", "status", "stack", "image", "image_id", "image_digest", "image_mode",
 *	"compression", "consistency", "held_ms" (how long it was paused or stopped), "note", "path" (of an
 *export), "user", "size" (of the file), "content_size", "files", "sha256", "duration_ms", "verified": true,
 *"verified_at", "parts": [{"kind": "config"|"networks"|"image"|"volume"|"bind"|"bind_file"|"rootfs", "name",
 *"destination", "prefix" | null, "files", "bytes", "deleted", "warnings": n, "state": "saved"|"reference"|"skipped",
 *"reason"}], "warnings": ["sentence", …] (at most 100), "warning_count", "set": {"id", "stack", "index", "count"}: only
 *of a member of a stack backup (also in backup.json), "verify_error", "verify_problems": what a later verification
 *found (service/verify.h), "drill": {"state": "ok"|"failed", "at", "duration_ms", "check", "error", "notes": […],
 *"log"}: how its last drill went (service/drill.h)}
 */
#ifndef CM_SERVICE_BACKUP_META_H
#define CM_SERVICE_BACKUP_META_H

#include <json-c/json.h>
#include <stdint.h>

#include "core/err.h"
#include "db/catalog.h"
#include "vault/vault.h"

enum { CM_BACKUP_META_VERSION = 1, CM_COMPANION_MAX = 4 << 20, CM_COMPANION_WARNINGS = 100 };

/* Fills a catalog row from a companion (ours, or the predecessor's small one; NULL: none) and what the vault's listing
 * says. Everything is copied; release it
 * with cm_catalog_row_release. Pure. */
void cm_backup_row(const char *vault, const struct cm_vault_entry *entry, struct json_object *companion,
		   struct cm_catalog_row *ret);

#endif
