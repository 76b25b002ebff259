/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine's events for people and for the API. Pure. */
#ifndef CM_WEB_VIEW_EVENTS_H
#define CM_WEB_VIEW_EVENTS_H

#include "service/engine_events.h"
#include "web/view.h"

/* One row: the predecessor's fields and ours. names: {id of a container: its name}, borrowed, may be NULL. */
struct json_object *cm_view_event(const struct cm_event *e, struct json_object *names, int64_t now_ms);
/* "Container", "Volume"; the word itself, with a capital, when there is no text. Into dst. */
void cm_event_type_text(char dst[64], const char *type);
/* "started", "ended"; the word itself when there is no text. */
const char *cm_event_action_text(const char *action);

#endif
