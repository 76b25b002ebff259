/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the dashboard's view. Pure. */
#ifndef CM_WEB_VIEW_DASHBOARD_INT_H
#define CM_WEB_VIEW_DASHBOARD_INT_H

#include "web/view/view_dashboard.h"

/* What the list of containers says. */
struct cm_census {
	int64_t all, running, paused, stopped, unhealthy;
	int64_t ours, good; /* that can be protected; that are */
	struct json_object *stacks;
	char first_stack[192], unprotected[256];
};

void cm_dashboard_tiles(struct json_object *tiles, const struct cm_dashboard *d, const struct cm_census *c);
/* "load": processors, memory, the disk of our data, with lines of the last hour. */
void cm_dashboard_load(struct json_object *data, const struct cm_dashboard *d);
void cm_dashboard_events(struct json_object *data, const struct cm_dashboard *d);
/* Each layer once when it was measured, else as the engine lists them; negative: unknown. */
int64_t cm_dashboard_image_bytes(const struct cm_dashboard *d);

#endif
