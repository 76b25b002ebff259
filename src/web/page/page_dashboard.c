/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <sys/statvfs.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "service/vaults.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view/view_dashboard.h"

enum { RECENT = 5, EVENTS = 5, DAMAGED = 5, FAILED_MAX = 1000, DAY_MS = 86400000 };

static void load_vault(const struct cm_app *app, struct cm_dashboard *d)
{
	struct cm_catalog_query recent = { .sort = "-created", .limit = RECENT };
	struct cm_catalog_query damaged = { .verify_state = "damaged", .limit = DAMAGED };
	struct cm_vault *vault = NULL;

	d->free_bytes = -1;
	if (cm_vaults_open(app, NULL, &vault, NULL) == 0)
		d->free_bytes = vault->ops->free_bytes(vault);
	cm_vault_free(vault);
	cm_catalog_newest(&d->good, NULL);
	cm_catalog_list(&recent, &d->recent, NULL);
	cm_catalog_list(&damaged, &d->damaged, NULL);
}

static void load_measures(const struct cm_app *app, struct cm_dashboard *d)
{
	struct cm_event_query newest = { .without_exec = true, .limit = EVENTS };
	struct cm_catalog_query drilled = { .drill_state = "ok", .sort = "-drilled", .limit = 1 };
	struct cm_catalog_list list = { 0 };
	struct statvfs fs;

	cm_host_sample(&d->host);
	cm_stats_head(&d->stats);
	d->load = cm_alloc(sizeof(*d->load));
	if (!cm_stats_host(CM_STATS_HOUR, d->load)) {
		free(d->load);
		d->load = NULL;
	}
	cm_events_list(&newest, &d->events, NULL);
	if (statvfs(app->data_dir, &fs) == 0) {
		d->disk_total = (int64_t)fs.f_blocks * (int64_t)fs.f_frsize;
		d->disk_free = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	}
	if (cm_catalog_list(&drilled, &list, NULL) == 0 && list.count > 0) {
		d->drilled = list.total;
		d->drilled_ms = list.rows[0].drilled_ms;
	}
	cm_catalog_list_release(&list);
}

static void count_jobs(struct cm_dashboard *d)
{
	struct cm_job_query unfinished = { .only_unfinished = true, .limit = 1000 };
	struct cm_job_query failed = { .state = "error", .limit = FAILED_MAX };
	struct cm_job_query recent = { .limit = RECENT };
	struct cm_job_list list = { 0 };

	cm_queue_list(&recent, &d->jobs, NULL);
	if (cm_queue_list(&unfinished, &list, NULL) == 0) {
		for (size_t i = 0; i < list.count; i++)
			if (list.jobs[i].state == CM_JOB_RUNNING || list.jobs[i].state == CM_JOB_STARTING)
				d->jobs_running++;
			else
				d->jobs_waiting++;
		cm_job_list_release(&list);
	}
	if (cm_queue_list(&failed, &list, NULL) == 0) {
		for (size_t i = 0; i < list.count; i++)
			d->jobs_failed += list.jobs[i].finished_ms > d->now_ms - DAY_MS;
		cm_job_list_release(&list);
	}
}

int cm_page_dashboard(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_dashboard d = { .role = rq->role, .now_ms = cm_now_ms(), .docker_host = rq->app->docker_host };
	struct cm_inventory inventory;
	int rc = cm_catalog_totals(&d.totals, err);

	if (rc != 0)
		return rc;
	load_measures(rq->app, &d);
	cm_engine_overview(rq->app, &d.engine);
	if (d.engine.reachable && cm_engine_containers(rq->app, &d.containers, NULL) != 0)
		d.containers = NULL;
	if (d.containers != NULL && cm_inventory_get(rq->app, &inventory, NULL) == 0)
		d.inventory = &inventory;
	load_vault(rq->app, &d);
	count_jobs(&d);
	cm_view_dashboard(cm_view_data(rp), &d);
	json_object_put(d.containers);
	free(d.load);
	cm_event_list_release(&d.events);
	cm_catalog_list_release(&d.good);
	cm_catalog_list_release(&d.recent);
	cm_catalog_list_release(&d.damaged);
	cm_job_list_release(&d.jobs);
	return 0;
}
