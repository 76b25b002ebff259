/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Follows the engine's events and keeps them (service/engine_events.h), in the process that runs the jobs, in a thread
 * of its own until *stop. After the engine was away it asks for what it missed, as far as the engine remembers it. What
 * changes a list makes the lists that are remembered void (cm_engine_changed). Blocks.
 */
#ifndef CM_SERVICE_ENGINE_EVENTS_FOLLOW_H
#define CM_SERVICE_ENGINE_EVENTS_FOLLOW_H

#include <stdatomic.h>

#include "service/app.h"

void cm_events_follow(const struct cm_app *app, const atomic_bool *stop);

#endif
