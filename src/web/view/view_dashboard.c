/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_dashboard.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/view/view_backup.h"
#include "web/view/view_container.h"
#include "web/view/view_dashboard_int.h"
#include "web/view/view_job.h"

enum { NAMED = 3, LIVE_MS = 10000, REFRESH_SECONDS = 30 };

static const struct cm_catalog_row *good_of(const struct cm_dashboard *d, const char *name)
{
	for (size_t i = 0; i < d->good.count; i++)
		if (cm_str_eq(d->good.rows[i].container_name, name))
			return &d->good.rows[i];
	return NULL;
}

static void name_unprotected(struct cm_census *c, const struct cm_catalog_row *good, const char *name, int64_t now_ms)
{
	size_t len = strlen(c->unprotected);
	char ago[48];

	if (c->ours - c->good > NAMED)
		return;
	if (good != NULL) {
		cm_time_ago(ago, good->created_ms, now_ms);
		snprintf(c->unprotected + len, sizeof(c->unprotected) - len, "%sthe last good backup of %s was %s",
			 len ? ", " : "", name, ago);
	} else {
		snprintf(c->unprotected + len, sizeof(c->unprotected) - len, "%s%s has no backup", len ? ", " : "",
			 name);
	}
}

static void count_container(const struct cm_dashboard *d, struct cm_census *c, struct json_object *entry)
{
	const char *status = cm_view_container_status(entry), *name = cm_view_container_name(entry);
	const char *stack = cm_json_str(cm_json_obj(entry, "Labels"), "com.docker.compose.project", NULL);
	const struct cm_catalog_row *good = good_of(d, name);

	/* Ourselves: the list of containers leaves us out too. */
	if (d->engine.self_id[0] != '\0' && cm_str_eq(cm_json_str(entry, "Id", NULL), d->engine.self_id))
		return;
	c->all++;
	c->running += cm_str_eq(status, "running");
	c->paused += cm_str_eq(status, "paused");
	c->stopped += cm_str_eq(status, "stopped");
	c->unhealthy += strstr(cm_json_str(entry, "Status", ""), "(unhealthy)") != NULL;
	if (stack != NULL)
		cm_json_set_int(c->stacks, stack, cm_json_int(c->stacks, stack, 0) + 1);
	c->ours++;
	if (cm_view_is_protected(good, d->now_ms))
		c->good++;
	else
		name_unprotected(c, good, name, d->now_ms);
}

static void add_attention(struct json_object *list, bool is_error, const char *text, const char *detail, char *url,
			  const char *url_text)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_bool(o, "is_error", is_error);
	cm_json_set_bool(o, "is_warn", !is_error);
	cm_json_set_str(o, "text", text);
	cm_json_set_str(o, "detail", detail);
	cm_json_set_str(o, "url", url);
	cm_json_set_str(o, "url_text", url ? url_text : NULL);
	json_object_array_add(list, o);
	free(url);
}

static void attention_containers(struct json_object *list, const struct cm_dashboard *d, const struct cm_census *c)
{
	char text[400], count[96];
	int shown = 0;

	for (size_t i = 0; i < cm_json_len(d->containers) && shown < NAMED; i++) {
		struct json_object *entry = json_object_array_get_idx(d->containers, i);
		const char *name = cm_view_container_name(entry);

		if (strstr(cm_json_str(entry, "Status", ""), "(unhealthy)") == NULL)
			continue;
		snprintf(text, sizeof(text), "%s is unhealthy", name);
		add_attention(list, true, text, cm_json_str(entry, "Status", NULL), cm_url_make("/container/%s", name),
			      "Show it");
		shown++;
	}
	if (c->ours > c->good) {
		cm_count_text(count, c->ours - c->good, "container is not protected", "containers are not protected");
		add_attention(list, false, count, c->ours - c->good <= NAMED ? c->unprotected : NULL,
			      cm_strdup("/containers?state=unprotected"),
			      d->role >= CM_ROLE_DEVELOPER ? "Back them up" : "Show them");
	}
}

static struct json_object *make_attention(const struct cm_dashboard *d, const struct cm_census *c)
{
	struct json_object *list = json_object_new_array();
	char text[400], count[96];

	if (!d->engine.reachable)
		add_attention(list, true, "Docker does not answer", d->engine.error, cm_strdup("/settings"), "Check");
	for (size_t i = 0; i < d->damaged.count; i++) {
		const struct cm_catalog_row *row = &d->damaged.rows[i];

		snprintf(text, sizeof(text), "A backup of %s is damaged",
			 row->container_name ? row->container_name : "?");
		add_attention(list, true, text, row->file, cm_url_make("/backup/%s", row->file), "Open it");
	}
	if (d->totals.missing > 0) {
		cm_count_text(count, d->totals.missing, "backup is missing from the vault",
			      "backups are missing from the vault");
		add_attention(list, true, count, NULL, cm_strdup("/vault?state=missing"), "Show them");
	}
	attention_containers(list, d, c);
	if (d->jobs_failed > 0) {
		cm_count_text(count, d->jobs_failed, "job failed in the last day", "jobs failed in the last day");
		add_attention(list, false, count, NULL, cm_strdup("/jobs?state=error"), "Show them");
	}
	return list;
}

static void add_headline(struct json_object *data, struct json_object *attention)
{
	struct json_object *o = json_object_new_object();
	size_t count = cm_json_len(attention), errors = 0;
	char text[96];

	for (size_t i = 0; i < count; i++)
		errors += cm_json_bool(json_object_array_get_idx(attention, i), "is_error", false);
	cm_count_text(text, (int64_t)count, "thing needs you", "things need you");
	cm_json_set_str(o, "text", count ? text : "Nothing needs you");
	cm_view_is(o, errors ? "error" : count ? "warn" : "ok", "ok", "warn", "error", NULL);
	cm_json_set(data, "headline", o);
}

static void add_protection(struct json_object *data, const struct cm_census *c, bool known)
{
	struct json_object *o = json_object_new_object();

	cm_view_text(o, "text", known ? "%lld of %lld" : "unknown", (long long)c->good, (long long)c->ours);
	cm_json_set_int(o, "percent", c->ours > 0 ? 100 * c->good / c->ours : known ? 100 : 0);
	cm_json_set_str(o, "detail", "containers have a good backup of the last 7 days");
	cm_json_set_str(o, "url", c->good < c->ours ? "/containers?state=unprotected" : "/containers");
	cm_json_set(data, "protection", o);
}

static void add_recent(struct json_object *data, const struct cm_dashboard *d)
{
	struct json_object *backups = json_object_new_array(), *jobs = json_object_new_array();
	struct cm_view_who who = { d->role, d->now_ms };

	for (size_t i = 0; i < d->recent.count; i++) {
		const struct cm_catalog_row *row = &d->recent.rows[i];
		struct json_object *o = json_object_new_object();

		cm_view_url(o, "url", "/backup/%s", row->file);
		cm_json_set_str(o, "container_name", row->container_name);
		cm_view_size(o, "size", row->size);
		cm_view_time(o, "created", row->created_ms, d->now_ms);
		cm_json_set_str(o, "state_text", cm_view_backup_state_text(row));
		cm_view_backup_is(o, row);
		json_object_array_add(backups, o);
	}
	for (size_t i = 0; i < d->jobs.count; i++)
		json_object_array_add(jobs, cm_view_job_row(&d->jobs.jobs[i], &who));
	cm_json_set(data, "recent_backups", backups);
	cm_json_set(data, "recent_jobs", jobs);
}

static void set_number(struct json_object *data, const char *key, bool known, int64_t n)
{
	if (known)
		cm_json_set_int(data, key, n);
	else
		cm_json_set(data, key, NULL);
}

/* The predecessor's names. */
static void add_numbers(struct json_object *data, const struct cm_dashboard *d, const struct cm_census *c)
{
	bool containers = d->containers != NULL, rest = d->inventory != NULL;
	const char *address = d->docker_host;
	char size[32];

	set_number(data, "containers_qty", containers, c->all);
	set_number(data, "running_containers", containers, c->running);
	set_number(data, "stopped_containers", containers, c->stopped);
	set_number(data, "paused_containers", containers, c->paused);
	set_number(data, "stacks_qty", containers, json_object_object_length(c->stacks));
	set_number(data, "images_qty", rest, rest ? d->inventory->images : 0);
	set_number(data, "volumes_qty", rest, rest ? d->inventory->volumes : 0);
	set_number(data, "networks_qty", rest, rest ? d->inventory->networks : 0);
	cm_json_set_int(data, "backups_qty", d->totals.count);
	cm_json_set_int(data, "damaged", d->totals.damaged);
	cm_json_set_int(data, "missing", d->totals.missing);
	cm_size_text(size, d->totals.bytes);
	cm_json_set_str(data, "total_backups_size", size);
	cm_size_text(size, cm_dashboard_image_bytes(d));
	cm_json_set_str(data, "total_images_size", size);
	cm_size_text(size, d->stats.disk_ms ? d->stats.disk_volumes : -1);
	cm_json_set_str(data, "total_volumes_size", size);
	cm_size_text(size, d->host.memory_total);
	cm_view_text(data, "cpu_ram_info", "%s / %s", d->host.cpu_model[0] ? d->host.cpu_model : "unknown processor",
		     size);
	cm_json_set_str(data, "docker_sock_url", cm_str_has_prefix(address, "unix://") ? address + 7 : address);
	/* Nothing is scheduled in this version. */
	cm_json_set_int(data, "scheduled_containers_qty", 0);
	cm_json_set(data, "scheduler_next_run", NULL);
}

void cm_view_dashboard(struct json_object *data, const struct cm_dashboard *d)
{
	struct cm_census c = { .stacks = json_object_new_object() };
	struct json_object *attention, *tiles = json_object_new_array();
	char count[96];

	for (size_t i = 0; i < cm_json_len(d->containers); i++)
		count_container(d, &c, json_object_array_get_idx(d->containers, i));
	json_object_object_foreach(c.stacks, name, containers)
	{
		cm_count_text(count, json_object_get_int64(containers), "container", "containers");
		if (json_object_object_length(c.stacks) == 1)
			snprintf(c.first_stack, sizeof(c.first_stack), "%.60s, %s", name, count);
	}
	add_numbers(data, d, &c);
	attention = make_attention(d, &c);
	add_headline(data, attention);
	cm_json_set(data, "attention", attention);
	add_protection(data, &c, d->containers != NULL);
	cm_dashboard_tiles(tiles, d, &c);
	cm_json_set(data, "tiles", tiles);
	cm_dashboard_load(data, d);
	cm_dashboard_events(data, d);
	cm_json_set_int(data, "live_ms", LIVE_MS);
	cm_json_set_int(data, "refresh_seconds", REFRESH_SECONDS);
	add_recent(data, d);
	json_object_put(c.stacks);
}
