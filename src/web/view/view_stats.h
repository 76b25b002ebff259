/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statistics of containers, as the board has them. Pure, but that charts are read from the board. */
#ifndef CM_WEB_VIEW_STATS_H
#define CM_WEB_VIEW_STATS_H

#include "service/stats_board.h"
#include "web/view.h"

/* Older than this is said to be old. */
enum { CM_STATS_OLD_MS = 20 * 1000 };

/* One row: the predecessor's fields and ours. charts: with the lines of the last hour. */
struct json_object *cm_view_stats_row(const struct cm_stats_now *c, const struct cm_stats_head *head, bool charts,
				      int64_t now_ms);
/* "age": when it was measured, and whether that is old and why; "measure": "is_none", "is_ok", "is_old". */
void cm_view_stats_age(struct json_object *data, const struct cm_stats_head *head, int64_t now_ms);
/* The predecessor's "totals". */
void cm_view_stats_totals(struct json_object *data, const struct cm_stats_head *head, const struct cm_stats_now *list,
			  size_t count);
/* For the partial stats_charts, the charts of one container (ref: id or name) over an hour and a day: "stats": null
 * when nothing is known of it, else {"cpu_text",…,"spans":[{"title","charts":[…]}]}. */
void cm_view_stats_charts(struct json_object *data, const char *ref, int64_t now_ms);

/* "12.3 %", "0.05 %", "unknown" when negative. */
void cm_percent_text(char dst[32], double percent);
/* "1.2 KB/s"; "unknown" when negative. */
void cm_rate_text(char dst[40], double bytes_per_second);

#endif
