/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/view/view_dashboard_int.h"

static void add_tile(struct json_object *tiles, const char *id, const char *icon, const char *title, const char *value,
		     const char *detail, const char *url, const char *state)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "id", id);
	cm_json_set_str(o, "icon", icon);
	cm_json_set_str(o, "title", title);
	cm_json_set_str(o, "value_text", value);
	cm_json_set_str(o, "detail", detail);
	cm_json_set_str(o, "url", url);
	cm_json_set_bool(o, "is_warn", cm_str_eq(state, "warn"));
	cm_json_set_bool(o, "is_error", cm_str_eq(state, "error"));
	json_object_array_add(tiles, o);
}

static void number(char dst[96], bool known, int64_t n)
{
	if (!known) {
		snprintf(dst, 96, "unknown");
		return;
	}
	cm_count_text(dst, n, "", "");
	dst[strlen(dst) - 1] = '\0';
}

/* "4 running, 1 of them unhealthy, 1 stopped": what there is none of is left out. */
static void census_text(char *dst, size_t size, const struct cm_census *c)
{
	size_t n = (size_t)snprintf(dst, size, "%lld running", (long long)c->running);

	if (c->unhealthy > 0)
		n += (size_t)snprintf(dst + n, size - n, ", %lld unhealthy", (long long)c->unhealthy);
	if (c->paused > 0)
		n += (size_t)snprintf(dst + n, size - n, ", %lld paused", (long long)c->paused);
	if (c->stopped > 0)
		snprintf(dst + n, size - n, ", %lld stopped", (long long)c->stopped);
}

int64_t cm_dashboard_image_bytes(const struct cm_dashboard *d)
{
	if (d->stats.disk_ms != 0 && d->stats.disk_images >= 0)
		return d->stats.disk_images;
	return d->inventory != NULL ? d->inventory->image_bytes : -1;
}

static void tiles_engine(struct json_object *tiles, const struct cm_dashboard *d, const struct cm_census *c)
{
	bool containers = d->containers != NULL, rest = d->inventory != NULL;
	struct cm_inventory none = { 0 };
	const struct cm_inventory *inv = rest ? d->inventory : &none;
	char value[256], detail[400], size[32];

	number(value, containers, c->all);
	census_text(detail, sizeof(detail), c);
	add_tile(tiles, "containers", "cube", "Containers", value, containers ? detail : NULL, "/containers",
		 c->unhealthy > 0 ? "error" : "");
	number(value, rest, inv->images);
	cm_size_text(size, cm_dashboard_image_bytes(d));
	add_tile(tiles, "images", "images-square", "Images", value, rest ? size : NULL, "/images", "");
	number(value, rest, inv->volumes);
	cm_size_text(size, d->stats.disk_volumes);
	add_tile(tiles, "volumes", "database", "Volumes", value, d->stats.disk_ms ? size : "size not measured yet",
		 "/volumes", "");
	number(value, rest, inv->networks);
	snprintf(detail, sizeof(detail), "%lld made by users", (long long)inv->user_networks);
	add_tile(tiles, "networks", "graph", "Networks", value, rest ? detail : NULL, "/networks", "");
	number(value, containers, json_object_object_length(c->stacks));
	add_tile(tiles, "stacks", "stack", "Stacks", value, c->first_stack[0] ? c->first_stack : NULL, "/stacks", "");
}

/* Can what lies there be read, and does it start? */
static void tile_verified(struct json_object *tiles, const struct cm_dashboard *d)
{
	int64_t checked = d->totals.count - d->totals.damaged - d->totals.never_checked;
	char value[96], detail[256], ago[48];

	snprintf(value, sizeof(value), "%lld of %lld", (long long)checked, (long long)d->totals.count);
	cm_time_ago(ago, d->drilled_ms, d->now_ms);
	if (d->totals.damaged > 0)
		snprintf(detail, sizeof(detail), "%lld damaged, %lld started in drills", (long long)d->totals.damaged,
			 (long long)d->drilled);
	else if (d->totals.drill_failed > 0)
		snprintf(detail, sizeof(detail), "%lld failed in their drill", (long long)d->totals.drill_failed);
	else if (d->drilled > 0)
		snprintf(detail, sizeof(detail), "%lld started in drills, the last %s", (long long)d->drilled, ago);
	else
		snprintf(detail, sizeof(detail), "none started in a drill yet");
	add_tile(tiles, "verified", "shield-check", "Verified", value, detail, "/vault?sort=verified",
		 d->totals.damaged + d->totals.drill_failed > 0 ? "error" : "");
}

static void tiles_ours(struct json_object *tiles, const struct cm_dashboard *d)
{
	char value[96], detail[256], size[32], ago[48], left[32];

	cm_count_text(value, d->totals.count, "backup", "backups");
	cm_size_text(size, d->totals.bytes);
	cm_size_text(left, d->free_bytes);
	cm_time_ago(ago, d->totals.newest_ms, d->now_ms);
	snprintf(detail, sizeof(detail), "%s, last %s, %s free", size, ago, left);
	add_tile(tiles, "vault", "vault", "Vault", value, detail, "/vault",
		 d->totals.damaged + d->totals.missing > 0 ? "error" : "");
	tile_verified(tiles, d);
	snprintf(value, sizeof(value), "%lld running", (long long)d->jobs_running);
	snprintf(detail, sizeof(detail), "%lld waiting, %lld failed today", (long long)d->jobs_waiting,
		 (long long)d->jobs_failed);
	add_tile(tiles, "jobs", "list-checks", "Jobs", value, detail, "/jobs", d->jobs_failed > 0 ? "warn" : "");
}

void cm_dashboard_tiles(struct json_object *tiles, const struct cm_dashboard *d, const struct cm_census *c)
{
	tiles_engine(tiles, d, c);
	tiles_ours(tiles, d);
}
