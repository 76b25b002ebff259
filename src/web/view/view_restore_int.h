/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by view_restore*.c only.
 */
#ifndef CM_WEB_VIEW_RESTORE_INT_H
#define CM_WEB_VIEW_RESTORE_INT_H

#include "web/view/view_restore.h"

/* The sentence that belongs to a field, or NULL. */
const char *cm_view_restore_error(const struct cm_restore_page *p, const char *field);
/* The finding of this code about this field, or NULL. */
struct json_object *cm_view_restore_finding(const struct cm_restore_page *p, const char *field, const char *code);

/* "ports"; "volumes" and "binds". */
void cm_view_restore_ports(struct json_object *data, const struct cm_restore_page *p);
void cm_view_restore_mounts(struct json_object *data, const struct cm_restore_page *p);

#endif
