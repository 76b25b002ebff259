/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Entries of the audit log. Pure. */
#ifndef CM_WEB_VIEW_AUDIT_H
#define CM_WEB_VIEW_AUDIT_H

#include "service/audit.h"
#include "web/view.h"

/* "Backup, by hand" for "backup_manual"; the word itself when there is no text for it. */
const char *cm_audit_operation_text(const char *operation);
const char *cm_audit_status_text(const char *status);
/* One entry: the predecessor's fields and what the page shows. exists: its backup is still in the vault. Caller puts.
 */
struct json_object *cm_view_audit_row(const struct cm_audit_row *row, bool exists, int64_t now_ms);

#endif
