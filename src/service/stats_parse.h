/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine's statistics of one container as a sample. Pure; any thread. */
#ifndef CM_SERVICE_STATS_PARSE_H
#define CM_SERVICE_STATS_PARSE_H

#include <json-c/json.h>

#include "service/stats_board.h"

/* What an answer does not have is negative. Errors: CM_EUPSTREAM (no processor time in it: it does not run). */
int cm_stats_parse(struct json_object *stats, struct cm_stats_raw *ret, struct cm_err *err);

/* Between two samples of one container: ret_rate as in cm_stats_now. */
void cm_stats_rates(const struct cm_stats_raw *before, const struct cm_stats_raw *now,
		    double ret_rate[CM_STATS_METRICS]);

#endif
