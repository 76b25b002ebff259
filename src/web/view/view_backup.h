/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backups as the vault, the page of one backup and the API show them. Pure: everything comes with the arguments.
 */
#ifndef CM_WEB_VIEW_BACKUP_H
#define CM_WEB_VIEW_BACKUP_H

#include <json-c/json.h>
#include <stdint.h>

#include "db/catalog.h"
#include "service/restore_source.h"
#include "web/http.h"

/* One row of the vault, with the predecessor's members and ours. Caller puts. */
struct json_object *cm_view_backup_row(const struct cm_catalog_row *row, enum cm_role role, int64_t now_ms);
/* A whole stack backup as one row: its members in their order, at least one. As a row of the vault; the state is that
 * of the worst member, and "is_whole" says whether all are there. Caller puts. */
struct json_object *cm_view_backup_set(const struct cm_catalog_list *set, enum cm_role role, int64_t now_ms);
/* "verified", "readable" (whole, without hashes), "unverified", "damaged" or "missing"; the same for people; and as
 * "is_verified"… of o. */
const char *cm_view_backup_word(const struct cm_catalog_row *row);
const char *cm_view_backup_state_text(const struct cm_catalog_row *row);
void cm_view_backup_is(struct json_object *o, const struct cm_catalog_row *row);
/* {"text","detail","sentence","at","is_verified"…}. Caller puts. */
struct json_object *cm_view_backup_state(const struct cm_catalog_row *row, int64_t now_ms);

/* How its last drill went: {"text","sentence","title","at","is_ok","is_failed"}; NULL: there was none. Caller puts. */
struct json_object *cm_view_drill(const struct cm_catalog_row *row);
/* The same for a list and the API: "drill" and "drill_state", "drilled_at", "drill_error", "drill_duration_ms". */
void cm_view_drill_fields(struct json_object *o, const struct cm_catalog_row *row);

/* What the page of one backup is made from; everything but row may be NULL. */
struct cm_backup_page {
	const struct cm_catalog_row *row;
	struct json_object *companion;
	const struct cm_restore_source *source; /* the archive's own story */
	struct json_object *network;		/* of a network file */
	const struct cm_catalog_list *others;	/* backups of the same container, newest first */
	const char *job_text, *job_id;		/* unfinished work on it */
	const char *container_state;		/* engine's state word of the container of that name */
	enum cm_role role;
	int64_t now_ms;
};
void cm_view_backup_page(struct json_object *data, const struct cm_backup_page *p);
/* The form for a drill of it, or NULL: not now, or not by this role. Caller puts. */
struct json_object *cm_view_drill_form(const struct cm_backup_page *p);

/* A warning or a finding of damage: "volumes/a/b: it changed" gives {"text","path"}. */
struct json_object *cm_view_sentences(struct json_object *texts);

/* "-rw-r--r--" for a type word of browse.h and a mode; dst has 11 bytes. */
void cm_view_permissions(char dst[11], const char *type, uint32_t mode);
/* One entry of a listing as browse.h describes it, without links. Caller puts. */
struct json_object *cm_view_file_entry(struct json_object *entry, int64_t now_ms);
/* The parts of a path as links: root leads to folder_url, a part to folder_url?path=…, the last one to
 * file_url?path=… when file_url is not NULL. Both are encoded paths. Caller puts. */
struct json_object *cm_view_path_links(const char *root, const char *folder_url, const char *file_url,
				       const char *path);
/* One entry of a listing inside a backup. may_read: the viewer may see content. Caller puts. */
struct json_object *cm_view_backup_entry(const char *filename, struct json_object *entry, bool may_read,
					 int64_t now_ms);
/* The parts of a path as links; is_file: the last is a file. Caller puts. */
struct json_object *cm_view_backup_breadcrumb(const char *filename, const char *path, bool is_file);

#endif
