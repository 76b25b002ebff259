/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of logs for the page and for its events: what a container wrote is data, and reaches the browser as texts with
 * class names of ours. Pure.
 */
#ifndef CM_WEB_VIEW_LOGS_H
#define CM_WEB_VIEW_LOGS_H

#include "service/log_follow.h"
#include "web/view.h"

struct cm_view_logs_ctx {
	const struct cm_logs_source *sources;
	size_t count;
	const char *find; /* is marked; "" for nothing */
	bool times;
};

/* {"class","time_text","source":{"name","class"},"spans":[{"plain"} or {"plain":null,"text","class","is_hit"}]}.
 * Caller puts. */
struct json_object *cm_view_log_line(const struct cm_log_line *line, const struct cm_view_logs_ctx *ctx);
/* The batch as the data of an event: {"skipped","note","lines":[{"t","e","n","c","r":[[text,class,hit]…]}…]}: time,
 * whether it is stderr, name and class of its source, runs. */
void cm_view_log_event(struct cm_buf *out, const struct cm_log_batch *batch, const struct cm_view_logs_ctx *ctx);

#endif
