/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The console page: what the container is, and what a command gave. Pure.
 */
#ifndef CM_WEB_VIEW_CONSOLE_H
#define CM_WEB_VIEW_CONSOLE_H

#include <json-c/json.h>

#include "service/command.h"

struct cm_form;

/* Fills data for the page of an inspected container. form: what was typed or asked for; may be NULL. */
void cm_view_console(struct json_object *data, struct json_object *inspect, const struct cm_form *form);
/* What the page shows of a command that has ended. Caller puts. */
struct json_object *cm_view_command(const char *text, const struct cm_command_result *r);
/* What the API says about it. Caller puts. */
struct json_object *cm_view_command_answer(const struct cm_command_result *r);

#endif
