/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between the files view_backup*.c only.
 */
#ifndef CM_WEB_VIEW_BACKUP_INT_H
#define CM_WEB_VIEW_BACKUP_INT_H

#include "web/view/view_backup.h"

/* What stands around the content of the page: names, times, links, state. */
void cm_view_backup_frame(struct json_object *data, const struct cm_backup_page *p);
/* The table of parts. Caller puts. */
struct json_object *cm_view_backup_parts(const struct cm_backup_page *p);
/* {"has_commands","commands":[{"comment","command"}]}: how to get everything back with tar and docker. Caller puts. */
struct json_object *cm_view_by_hand(const struct cm_backup_page *p);

#endif
