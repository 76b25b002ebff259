/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by view_container_page.c and view_container_parts.c only: the parts of the page of one container.
 */
#ifndef CM_WEB_VIEW_CONTAINER_INT_H
#define CM_WEB_VIEW_CONTAINER_INT_H

#include "web/view/view_container_page.h"

/* A term of a list, unless its text is empty. */
void cm_container_fact(struct json_object *list, const char *term, bool is_code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* "limits": what it may take and do. */
void cm_container_limits_add(struct json_object *data, const struct cm_container_page *p);
/* "mount_rows", "network_rows", "port_links". */
void cm_container_data_add(struct json_object *data, const struct cm_container_page *p);
/* "health_check": the check and what it said last; NULL: it has none. */
void cm_container_health_add(struct json_object *data, const struct cm_container_page *p);
/* "rename_form", "limits_form"; NULL: not by this role, or not of this one. */
void cm_container_forms_add(struct json_object *data, const struct cm_container_page *p);

#endif
