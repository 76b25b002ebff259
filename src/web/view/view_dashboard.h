/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dashboard: must I act? Everything it shows comes with the argument. Pure. */
#ifndef CM_WEB_VIEW_DASHBOARD_H
#define CM_WEB_VIEW_DASHBOARD_H

#include "db/catalog.h"
#include "jobs/queue.h"
#include "service/engine.h"
#include "service/engine_events.h"
#include "service/host.h"
#include "service/inventory.h"
#include "service/stats_board.h"
#include "web/view.h"

struct cm_dashboard {
	enum cm_role role;
	int64_t now_ms;
	struct cm_host host;
	struct cm_engine_overview engine;
	const char *docker_host;
	struct json_object *containers;	      /* the engine's list; NULL: unknown */
	const struct cm_inventory *inventory; /* NULL: unknown */
	struct cm_catalog_totals totals;
	struct cm_catalog_list good;			 /* newest good backup of each container */
	struct cm_catalog_list recent;			 /* newest backups */
	struct cm_catalog_list damaged;			 /* at most a few */
	struct cm_job_list jobs;			 /* newest */
	int64_t jobs_running, jobs_waiting, jobs_failed; /* failed: in the last 24 hours */
	int64_t free_bytes;				 /* of the vault; negative: unknown */
	int64_t disk_total, disk_free;			 /* of the data folder's disk; 0: unknown */
	int64_t drilled, drilled_ms;			 /* backups that started in a drill; the last one */
	struct cm_stats_head stats;
	struct cm_stats_series *load; /* of the machine; NULL: not measured yet */
	struct cm_event_list events;  /* newest */
};

void cm_view_dashboard(struct json_object *data, const struct cm_dashboard *d);

#endif
