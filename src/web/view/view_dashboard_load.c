/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "core/json.h"
#include "core/str.h"
#include "web/view/view_chart.h"
#include "web/view/view_dashboard_int.h"
#include "web/view/view_events.h"
#include "web/view/view_stats.h"

static struct json_object *gauge(struct json_object *list, const char *name, const char *value, double percent)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "value_text", value);
	cm_json_set_int(o, "percent", percent < 0 ? 0 : (int64_t)(percent + 0.5));
	cm_json_set(o, "chart", NULL);
	cm_json_set_str(o, "detail", NULL);
	cm_json_set_str(o, "label", NULL);
	cm_json_set_bool(o, "is_meter", false);
	cm_json_set_bool(o, "is_warn", false);
	json_object_array_add(list, o);
	return o;
}

static void cpu(struct json_object *list, const struct cm_dashboard *d)
{
	struct cm_chart_stats s = { -1, -1, -1 };
	struct json_object *o;
	char value[32], mean[32], top[32];

	cm_percent_text(value, d->host.cpu_percent);
	o = gauge(list, "CPU", value, d->host.cpu_percent);
	if (d->load != NULL)
		cm_view_chart(o, "chart", d->load->v[CM_STATS_CPU], CM_STATS_POINTS, 100, false, &s);
	cm_percent_text(mean, s.mean);
	cm_percent_text(top, s.top);
	cm_view_text(o, "detail", s.top >= 0 ? "up to %s" : NULL, top);
	cm_view_text(o, "label", "CPU in the last hour: %s on average, at most %s", mean, top);
}

static void memory(struct json_object *list, const struct cm_dashboard *d)
{
	double total = (double)d->host.memory_total;
	double percent = total > 0 ? 100.0 * (double)d->host.memory_used / total : -1;
	struct cm_chart_stats s = { -1, -1, -1 };
	struct json_object *o;
	char value[32], used[32], all[32], top[32];

	cm_percent_text(value, percent);
	cm_size_text(used, total > 0 ? d->host.memory_used : -1);
	cm_size_text(all, total > 0 ? d->host.memory_total : -1);
	o = gauge(list, "Memory", value, percent);
	if (d->load != NULL)
		cm_view_chart(o, "chart", d->load->v[CM_STATS_MEMORY], CM_STATS_POINTS, total, false, &s);
	cm_size_text(top, s.top < 0 ? -1 : (int64_t)s.top);
	cm_view_text(o, "detail", "%s of %s", used, all);
	cm_view_text(o, "label", "Memory in the last hour: at most %s of %s", top, all);
}

static void disk(struct json_object *list, const struct cm_dashboard *d)
{
	double percent =
	    d->disk_total > 0 ? 100.0 * (double)(d->disk_total - d->disk_free) / (double)d->disk_total : -1;
	struct json_object *o;
	char value[32], left[32], all[32];

	cm_percent_text(value, percent);
	cm_size_text(left, d->disk_total > 0 ? d->disk_free : -1);
	cm_size_text(all, d->disk_total > 0 ? d->disk_total : -1);
	o = gauge(list, "Data disk", value, percent);
	cm_json_set_bool(o, "is_meter", percent >= 0);
	cm_json_set_bool(o, "is_warn", percent >= 90);
	cm_view_text(o, "detail", "%s of %s free", left, all);
}

static void system_add(struct json_object *data, const struct cm_dashboard *d)
{
	struct json_object *o = json_object_new_object();
	char size[32];

	cm_size_text(size, d->host.memory_total > 0 ? d->host.memory_total : -1);
	cm_view_text(o, "machine_text", "%d %s, %s", d->host.cpu_count, d->host.cpu_count == 1 ? "core" : "cores",
		     size);
	cm_view_text(o, "engine_text", d->engine.reachable ? "Docker %s, API %s" : NULL, d->engine.version,
		     d->engine.api);
	cm_json_set_str(o, "name", d->engine.name[0] ? d->engine.name : NULL);
	cm_json_set_str(o, "os", d->engine.os[0] ? d->engine.os : NULL);
	cm_json_set(data, "system", o);
}

void cm_dashboard_load(struct json_object *data, const struct cm_dashboard *d)
{
	struct json_object *list = json_object_new_array();

	system_add(data, d);

	cpu(list, d);
	memory(list, d);
	disk(list, d);
	cm_json_set(data, "load", list);
}

void cm_dashboard_events(struct json_object *data, const struct cm_dashboard *d)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < d->events.count; i++)
		json_object_array_add(list, cm_view_event(&d->events.rows[i], NULL, d->now_ms));
	cm_json_set(data, "recent_events", list);
}
