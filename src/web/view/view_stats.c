/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_stats.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/view/view_chart.h"
#include "web/view/view_container.h"

static const double mb = 1024.0 * 1024.0, cpu_least_top = 5;

void cm_percent_text(char dst[32], double percent)
{
	if (percent < 0)
		snprintf(dst, 32, "unknown");
	else
		snprintf(dst, 32, "%.*f %%", percent > 0 && percent < 0.095 ? 2 : percent < 99.95 ? 1 : 0, percent);
}

/* Shorter than a size: two of them share a cell. */
void cm_rate_text(char dst[40], double bytes_per_second)
{
	static const char *const units[] = { "B", "KB", "MB", "GB", "TB" };
	size_t unit = 0;

	if (bytes_per_second < 0) {
		snprintf(dst, 40, "unknown");
		return;
	}
	for (; bytes_per_second >= 1023.5 && unit + 1 < CM_COUNT(units); unit++)
		bytes_per_second /= 1024;
	snprintf(dst, 40, "%.*f %s/s", unit > 0 && bytes_per_second < 99.95 ? 1 : 0, bytes_per_second, units[unit]);
}

static void set_decimal(struct json_object *o, const char *key, double value)
{
	char text[48];

	if (value < 0) {
		cm_json_set(o, key, NULL);
		return;
	}
	snprintf(text, sizeof(text), "%.2f", value);
	cm_json_set(o, key, json_object_new_double_s(value, text));
}

static double memory_percent(const struct cm_stats_now *c)
{
	return c->known && c->raw.memory >= 0 && c->raw.memory_limit > 0
		   ? 100.0 * (double)c->raw.memory / (double)c->raw.memory_limit
		   : -1;
}

static bool is_limited(const struct cm_stats_now *c, const struct cm_stats_head *head)
{
	return c->known && c->raw.memory_limit > 0 && head->memory_total > 0 &&
	       c->raw.memory_limit < head->memory_total;
}

/* "1.2KB", as the docker command writes it and the predecessor passed it on. */
static void tight_size(char dst[32], int64_t bytes)
{
	char *blank;

	cm_size_text(dst, bytes);
	blank = strchr(dst, ' ');
	if (blank != NULL)
		memmove(blank, blank + 1, strlen(blank));
}

static void pair_text(struct json_object *o, const char *key, int64_t a, int64_t b)
{
	char first[32], second[32];

	tight_size(first, a);
	tight_size(second, b);
	cm_view_text(o, key, "%s / %s", first, second);
}

/* The predecessor's times have no zone; ours stand beside them. */
static void zoneless(struct json_object *o, const char *key, int64_t ms)
{
	char at[32];

	cm_time_rfc3339(at, ms);
	if (at[0] != '\0')
		at[strlen(at) - 1] = '\0';
	cm_json_set_str(o, key, ms != 0 ? at : NULL);
}

static void add_memory(struct json_object *o, const struct cm_stats_now *c, const struct cm_stats_head *head)
{
	int64_t used = c->known ? c->raw.memory : -1, limit = c->known ? c->raw.memory_limit : -1;
	bool limited = is_limited(c, head);
	double percent = memory_percent(c);
	char text[32];

	cm_view_size(o, "memory", used);
	cm_view_size(o, "memory_limit", limit);
	cm_json_set_bool(o, "is_limited", limited);
	set_decimal(o, "memory_percent", percent);
	cm_percent_text(text, percent);
	cm_json_set_str(o, "memory_percent_text", text);
	set_decimal(o, "memory_used_mb", used < 0 ? -1 : (double)used / mb);
	set_decimal(o, "memory_total_mb", limit < 0 ? -1 : (double)limit / mb);
	cm_view_text(o, "limit_text", limited ? "%.0f %% of %s" : NULL, percent,
		     cm_json_str(o, "memory_limit_text", ""));
	cm_json_set_bool(o, "is_memory_tight", limited && percent >= 90);
}

static void add_rate(struct json_object *o, const char *name, double rate, int64_t total)
{
	char key[64], text[40];

	cm_view_size(o, name, total);
	snprintf(key, sizeof(key), "%s_rate", name);
	if (rate < 0)
		cm_json_set(o, key, NULL);
	else
		cm_json_set_int(o, key, (int64_t)rate);
	cm_rate_text(text, rate);
	snprintf(key, sizeof(key), "%s_rate_text", name);
	cm_json_set_str(o, key, text);
}

static void add_rates(struct json_object *o, const struct cm_stats_now *c)
{
	const struct cm_stats_raw *r = &c->raw;

	add_rate(o, "network_in", c->rate[CM_STATS_NET_IN], c->known ? r->net_in : -1);
	add_rate(o, "network_out", c->rate[CM_STATS_NET_OUT], c->known ? r->net_out : -1);
	add_rate(o, "block_read", c->rate[CM_STATS_BLOCK_READ], c->known ? r->block_read : -1);
	add_rate(o, "block_write", c->rate[CM_STATS_BLOCK_WRITE], c->known ? r->block_write : -1);
	cm_json_set_bool(o, "has_network", c->known && r->net_in >= 0);
	pair_text(o, "network_io", c->known ? r->net_in : -1, c->known ? r->net_out : -1);
	pair_text(o, "block_io", c->known ? r->block_read : -1, c->known ? r->block_write : -1);
}

static void add_charts(struct json_object *o, const struct cm_stats_now *c)
{
	struct cm_stats_series s;
	double top = c->known && c->raw.memory > 0 ? (double)c->raw.memory * 1.25 : 1;

	cm_json_set(o, "cpu_chart", NULL);
	cm_json_set(o, "memory_chart", NULL);
	if (!c->running || !cm_stats_series(c->id, CM_STATS_HOUR, &s))
		return;
	cm_view_chart(o, "cpu_chart", s.v[CM_STATS_CPU], CM_STATS_POINTS, cpu_least_top, false, NULL);
	cm_view_chart(o, "memory_chart", s.v[CM_STATS_MEMORY], CM_STATS_POINTS, top, false, NULL);
}

static void add_state(struct json_object *o, const struct cm_stats_now *c)
{
	cm_view_container_state(o, c->state);
	cm_json_set_str(o, "status", strcmp(c->state, "paused") == 0 ? "paused" : c->running ? "running" : "stopped");
	cm_json_set_str(o, "status_text", c->status);
	cm_json_set_bool(o, "is_known", c->known);
	cm_json_set_str(o, "stack", c->stack[0] ? c->stack : NULL);
	cm_json_set_str(o, "error", c->error[0] ? c->error : NULL);
}

struct json_object *cm_view_stats_row(const struct cm_stats_now *c, const struct cm_stats_head *head, bool charts,
				      int64_t now_ms)
{
	struct json_object *o = json_object_new_object();
	double cpu = c->known ? c->rate[CM_STATS_CPU] : -1;
	char text[96];

	snprintf(text, sizeof(text), "%.12s", c->id);
	cm_json_set_str(o, "id", text);
	cm_json_set_str(o, "name", c->name);
	cm_view_url(o, "url", "/container/%s", text);
	cm_json_set_str(o, "image", c->image);
	add_state(o, c);
	set_decimal(o, "cpu_percent", cpu);
	cm_percent_text(text, cpu);
	cm_json_set_str(o, "cpu_text", text);
	add_memory(o, c, head);
	add_rates(o, c);
	if (c->known && c->raw.pids >= 0)
		cm_json_set_int(o, "pids", c->raw.pids);
	else
		cm_json_set(o, "pids", NULL);
	cm_view_size(o, "disk", c->size_rw);
	tight_size(text, c->size_rw);
	cm_json_set_str(o, "disk_size", text);
	cm_json_set(o, "disk_size_bytes", json_object_get(cm_json_get(o, "disk")));
	cm_view_time(o, "measured", c->known ? c->at_ms : 0, now_ms);
	zoneless(o, "refresh_timestamp", c->known ? c->at_ms : 0);
	cm_json_set_bool(o, "is_old", c->running && c->known && now_ms - c->at_ms > CM_STATS_OLD_MS);
	if (charts)
		add_charts(o, c);
	return o;
}

void cm_view_stats_age(struct json_object *data, const struct cm_stats_head *head, int64_t now_ms)
{
	struct json_object *o = json_object_new_object();
	bool none = head->collected_ms == 0, old = !none && now_ms - head->collected_ms > CM_STATS_OLD_MS;
	bool failed = head->error[0] != '\0';

	cm_view_time(o, "collected", head->collected_ms, now_ms);
	cm_json_set_bool(o, "is_none", none && !failed);
	cm_json_set_bool(o, "is_failed", failed || old);
	cm_json_set_bool(o, "has_values", !none);
	/* Nobody writes any more, or the engine keeps the collector waiting. */
	cm_json_set_str(o, "error",
			failed ? head->error
			: old  ? "The Docker Engine has not answered since then."
			       : NULL);
	cm_view_time(o, "disk", head->disk_ms, now_ms);
	cm_json_set_int(o, "took_ms", head->took_ms);
	cm_json_set(data, "age", o);
	cm_json_set_bool(data, "from_cache", true);
	zoneless(data, "cache_timestamp", head->collected_ms);
	cm_json_set_str(data, "cache_at", cm_json_str(o, "collected_at", NULL));
}

void cm_view_stats_totals(struct json_object *data, const struct cm_stats_head *head, const struct cm_stats_now *list,
			  size_t count)
{
	static const char *const names[] = { "containers_disk", "images_disk", "volumes_disk" };
	const int64_t sizes[] = { head->disk_containers, head->disk_images, head->disk_volumes };
	struct json_object *o = json_object_new_object();
	int64_t running = 0, memory = 0;
	double cpu = 0;
	char key[64], text[96];

	for (size_t i = 0; i < CM_COUNT(names); i++) {
		snprintf(key, sizeof(key), "%s_bytes", names[i]);
		cm_size_text(text, sizes[i]);
		cm_json_set_str(o, names[i], text);
		if (sizes[i] < 0)
			cm_json_set(o, key, NULL);
		else
			cm_json_set_int(o, key, sizes[i]);
	}
	for (size_t i = 0; i < count; i++) {
		running += list[i].running;
		memory += list[i].known && list[i].raw.memory > 0 ? list[i].raw.memory : 0;
		cpu += list[i].known && list[i].rate[CM_STATS_CPU] > 0 ? list[i].rate[CM_STATS_CPU] : 0;
	}
	cm_json_set_int(o, "running", running);
	cm_count_text(text, running, "container runs", "containers run");
	cm_json_set_str(o, "running_text", text);
	set_decimal(o, "cpu_percent", cpu);
	cm_percent_text(text, cpu);
	cm_json_set_str(o, "cpu_text", text);
	cm_view_size(o, "memory", memory);
	cm_json_set(data, "totals", o);
}

/* ---- The charts of one container ---- */
static void add_chart(struct json_object *list, const char *name, const struct cm_stats_series *s,
		      enum cm_stats_metric a, double least_top, void (*text_of)(char *, double))
{
	struct json_object *o = json_object_new_object();
	struct cm_chart_stats stats;
	char now[40], mean[40], top[40];

	cm_view_chart(o, "chart", s->v[a], CM_STATS_POINTS, least_top, true, &stats);
	text_of(now, stats.now);
	text_of(mean, stats.mean);
	text_of(top, stats.top);
	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "now_text", now);
	cm_json_set_str(o, "mean_text", mean);
	cm_json_set_str(o, "top_text", top);
	cm_view_text(o, "label", "%s: now %s, %s on average, at most %s", name, now, mean, top);
	json_object_array_add(list, o);
}

static void percent_of(char *dst, double v)
{
	cm_percent_text(dst, v);
}

static void bytes_of(char *dst, double v)
{
	cm_size_text(dst, v < 0 ? -1 : (int64_t)v);
}

static void rate_of(char *dst, double v)
{
	cm_rate_text(dst, v);
}

static void add_span(struct json_object *list, const char *ref, enum cm_stats_span span, const char *title)
{
	struct json_object *o, *charts;
	struct cm_stats_series s;

	if (!cm_stats_series(ref, span, &s))
		return;
	o = json_object_new_object();
	charts = json_object_new_array();
	cm_json_set_str(o, "title", title);
	cm_json_set_str(o, "from_text", span == CM_STATS_HOUR ? "1 hour ago" : "24 hours ago");
	add_chart(charts, "CPU", &s, CM_STATS_CPU, cpu_least_top, percent_of);
	add_chart(charts, "Memory", &s, CM_STATS_MEMORY, mb, bytes_of);
	add_chart(charts, "Network in", &s, CM_STATS_NET_IN, 1024, rate_of);
	add_chart(charts, "Network out", &s, CM_STATS_NET_OUT, 1024, rate_of);
	add_chart(charts, "Disk read", &s, CM_STATS_BLOCK_READ, 1024, rate_of);
	add_chart(charts, "Disk write", &s, CM_STATS_BLOCK_WRITE, 1024, rate_of);
	cm_json_set(o, "charts", charts);
	json_object_array_add(list, o);
}

void cm_view_stats_charts(struct json_object *data, const char *ref, int64_t now_ms)
{
	struct json_object *o, *spans;
	struct cm_stats_head head;
	struct cm_stats_now c;

	cm_json_set(data, "stats", NULL);
	if (!cm_stats_one(ref, &c))
		return;
	cm_stats_head(&head);
	o = cm_view_stats_row(&c, &head, false, now_ms);
	spans = json_object_new_array();
	add_span(spans, c.id, CM_STATS_HOUR, "Last hour");
	add_span(spans, c.id, CM_STATS_DAY, "Last 24 hours");
	cm_json_set(o, "spans", spans);
	cm_view_stats_age(o, &head, now_ms);
	cm_json_set(data, "stats", o);
}
