/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The collector: looks at all containers every CM_STATS_EVERY_MS and writes what it found on the board
 * (service/stats_board.h). In the process that runs the jobs, in threads of its own, until *stop. Both block.
 */
#ifndef CM_SERVICE_STATS_COLLECT_H
#define CM_SERVICE_STATS_COLLECT_H

#include <stdatomic.h>

#include "service/app.h"

/* Processors, memory, network, block devices, and the machine's own load. */
void cm_stats_collect(const struct cm_app *app, const atomic_bool *stop);
/* What lies on the engine's disk: it takes the engine long, so now and then, and when it is asked for. */
void cm_stats_collect_disk(const struct cm_app *app, const atomic_bool *stop);

#endif
