/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small charts, drawn on the server as paths of inline SVG. Points that are negative are unknown: the line has a gap
 * there. Pure; any thread.
 */
#ifndef CM_WEB_VIEW_CHART_H
#define CM_WEB_VIEW_CHART_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CM_CHART_BUCKETS = 60, /* points drawn: of an hour one a minute, of a day one each 24 minutes */
	CM_CHART_STEP = 2,     /* from one to the next, in the chart's units */
	CM_CHART_WIDTH = (CM_CHART_BUCKETS - 1) * CM_CHART_STEP,
	CM_CHART_HEIGHT = 24,
};

struct cm_chart_stats {
	double now, mean, top; /* of the known points; negative: there is none (now: the last is unknown) */
};

/* "key": {"line","area","view_box"}: paths of the mean of each bucket. The scale begins at 0 and ends at the greatest
 * value, but not below least_top. null when no point is known. fine: four times the buckets, and the height of a chart
 * of its own. ret may be NULL. */
void cm_view_chart(struct json_object *o, const char *key, const float *v, size_t count, double least_top, bool fine,
		   struct cm_chart_stats *ret);

#endif
