/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sections of the settings page, shared by page_settings.c and the handlers that save one of them.
 */
#ifndef CM_WEB_PAGE_SETTINGS_H
#define CM_WEB_PAGE_SETTINGS_H

#include <json-c/json.h>

#include "web/form.h"
#include "web/http.h"

/* The whole page, as stored. */
void cm_settings_view(const struct cm_request *rq, struct cm_reply *rp);
/* The section "drills": as stored, or as typed with what is wrong about it (both may be NULL). */
void cm_settings_view_drills(struct json_object *data, const struct cm_form *typed, const char *error);

#endif
