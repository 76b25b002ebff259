/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Entries of the audit log. Pure. */
#ifndef CM_WEB_VIEW_AUDIT_H
#define CM_WEB_VIEW_AUDIT_H

#include "service/audit.h"
#include "web/view.h"

/* "Backup, by hand" for "backup_manual"; its words when there is no text for it (one answer a thread). */
const char *cm_audit_operation_text(const char *operation);
bool cm_audit_operation_known(const char *operation); /* has a text of its own */
const char *cm_audit_status_text(const char *status);
/* One entry: the predecessor's fields and what the page shows. exists: its backup is still in the vault. Caller puts.
 */
struct json_object *cm_view_audit_row(const struct cm_audit_row *row, bool exists, int64_t now_ms);

/* One entry of an export: what the API sends, without what only the page shows. Caller puts. */
struct json_object *cm_view_audit_export(const struct cm_audit_row *row);

#endif
