/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every page shows around its own content: who is logged in, the bar at the top, the navigation, messages. A part
 * that cannot be had (database busy, engine away) is left out; it never keeps a page from being shown.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "service/database.h"
#include "service/engine.h"
#include "service/host.h"
#include "service/settings.h"
#include "web/form.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_job.h"
#include "web/web_int.h"

static const struct {
	const char *id, *href, *icon, *text, *group;
	enum cm_role role;
} navigation[] = {
	{ "dashboard", "/", "squares-four", "Dashboard", "", CM_ROLE_VIEWER },
	{ "containers", "/containers", "cube", "Containers", "Host", CM_ROLE_VIEWER },
	{ "stacks", "/stacks", "stack", "Stacks", "Host", CM_ROLE_VIEWER },
	{ "images", "/images", "images-square", "Images", "Host", CM_ROLE_VIEWER },
	{ "volumes", "/volumes", "database", "Volumes", "Host", CM_ROLE_VIEWER },
	{ "networks", "/networks", "graph", "Networks", "Host", CM_ROLE_VIEWER },
	{ "statistics", "/statistics", "gauge", "Statistics", "Host", CM_ROLE_VIEWER },
	{ "events", "/events", "pulse", "Events", "Host", CM_ROLE_VIEWER },
	{ "vault", "/vault", "vault", "Vault", "Backups", CM_ROLE_VIEWER },
	{ "jobs", "/jobs", "list-checks", "Jobs", "Backups", CM_ROLE_VIEWER },
	{ "audit", "/audit", "scroll", "Audit log", "System", CM_ROLE_ADMIN },
	{ "settings", "/settings", "gear", "Settings", "System", CM_ROLE_VIEWER },
	{ "help", "/help", "question", "Help", "System", CM_ROLE_VIEWER },
};

static struct json_object *make_nav(const struct cm_call *call)
{
	struct json_object *nav = json_object_new_array();
	const char *group = "", *current = call->rq->route ? call->rq->route->nav : NULL;

	for (size_t i = 0; i < CM_COUNT(navigation) && call->session.id != 0; i++) {
		struct json_object *o;

		if (call->rq->role < navigation[i].role)
			continue;
		o = json_object_new_object();
		cm_json_set_str(o, "href", navigation[i].href);
		cm_json_set_str(o, "icon", navigation[i].icon);
		cm_json_set_str(o, "text", navigation[i].text);
		cm_json_set_bool(o, "is_current", cm_str_eq(current, navigation[i].id));
		cm_json_set_str(o, "group", strcmp(group, navigation[i].group) != 0 ? navigation[i].group : NULL);
		group = navigation[i].group;
		json_object_array_add(nav, o);
	}
	return nav;
}

static void add_load(struct json_object *top)
{
	char used[32], total[32];
	struct cm_host host;

	cm_host_sample(&host);
	if (host.cpu_percent >= 0) {
		cm_json_set_int(top, "cpu_percent", (int64_t)(host.cpu_percent + 0.5));
		cm_view_text(top, "cpu_text", "%.0f %%", host.cpu_percent);
		cm_view_text(top, "cpu_title", "CPU %.0f %% of %d %s", host.cpu_percent, host.cpu_count,
			     host.cpu_count == 1 ? "core" : "cores");
	} else {
		cm_json_set(top, "cpu_percent", NULL);
		cm_json_set_str(top, "cpu_text", "unknown");
		cm_json_set_str(top, "cpu_title", "CPU load is unknown");
	}
	if (host.memory_total > 0) {
		double percent = 100.0 * (double)host.memory_used / (double)host.memory_total;

		cm_size_text(used, host.memory_used);
		cm_size_text(total, host.memory_total);
		cm_json_set_int(top, "ram_percent", (int64_t)(percent + 0.5));
		cm_view_text(top, "ram_text", "%.0f %%", percent);
		cm_view_text(top, "ram_title", "Memory %s of %s used", used, total);
	} else {
		cm_json_set(top, "ram_percent", NULL);
		cm_json_set_str(top, "ram_text", "unknown");
		cm_json_set_str(top, "ram_title", "Memory use is unknown");
	}
}

static void add_clock(struct json_object *top, int64_t now_ms)
{
	static const char *const days[] = {
		"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"
	};
	time_t now = (time_t)(now_ms / 1000);
	char at[32], title[64];
	struct tm tm;

	gmtime_r(&now, &tm);
	cm_time_rfc3339(at, now_ms);
	cm_time_title(title, now_ms);
	cm_json_set_str(top, "time_at", at);
	cm_view_text(top, "time_text", "%02d:%02d", tm.tm_hour, tm.tm_min);
	cm_view_text(top, "time_title", "%s, %s", days[tm.tm_wday], title);
}

/* The job that runs, else the next one. */
static void add_job(struct json_object *top)
{
	struct cm_job_query query = { .only_unfinished = true, .sort = "created", .limit = 20 };
	struct cm_job_list list = { 0 };
	const struct cm_job *job;
	struct json_object *o;

	cm_json_set(top, "job", NULL);
	if (cm_queue_list(&query, &list, NULL) != 0)
		return;
	job = list.count > 0 ? &list.jobs[0] : NULL;
	for (size_t i = list.count; i-- > 0;)
		if (list.jobs[i].state == CM_JOB_RUNNING)
			job = &list.jobs[i];
	if (job != NULL) {
		o = json_object_new_object();
		cm_json_set_str(o, "id", job->id);
		cm_json_set_str(o, "title", job->title);
		cm_json_set_str(o, "step", job->step_text);
		cm_json_set_int(o, "percent", cm_job_percent(job));
		cm_view_text(o, "percent_text", "%d %%", cm_job_percent(job));
		cm_view_url(o, "url", "/job/%s", job->id);
		cm_json_set(top, "job", o);
	}
	cm_job_list_release(&list);
}

static void add_trouble(struct json_object *banners, const struct cm_catalog_query *query, const char *one,
			const char *many, const char *url)
{
	struct cm_catalog_list list = { 0 };
	struct json_object *o;
	char count[96];

	if (cm_catalog_list(query, &list, NULL) != 0)
		return;
	if (list.total > 0 && list.count > 0) {
		o = json_object_new_object();
		cm_count_text(count, list.total, one, many);
		cm_view_text(o, "text", list.total == 1 ? "%s: %s" : "%s, among them %s", count, list.rows[0].file);
		cm_json_set_str(o, "url", url);
		cm_json_set_str(o, "url_text", list.total == 1 ? "Show it" : "Show them");
		json_object_array_add(banners, o);
	}
	cm_catalog_list_release(&list);
}

/* Backups that are damaged or missing: on every page until somebody deals with them. */
static void add_damaged(struct json_object *top)
{
	struct json_object *banners = json_object_new_array();

	add_trouble(banners, &(struct cm_catalog_query){ .verify_state = "damaged", .limit = 1 }, "backup is damaged",
		    "backups are damaged", "/vault?state=damaged");
	add_trouble(banners, &(struct cm_catalog_query){ .missing = true, .limit = 1 },
		    "backup is missing from the vault", "backups are missing from the vault", "/vault?state=missing");
	cm_json_set(top, "damaged", banners);
}

static struct json_object *make_top(const struct cm_call *call)
{
	struct json_object *top = json_object_new_object();
	cm_autofree char *server = cm_settings_server_name();
	struct cm_engine_overview engine;

	cm_json_set_str(top, "server_name", server);
	add_load(top);
	add_clock(top, cm_now_ms());
	cm_engine_overview(call->web->app, &engine);
	cm_json_set_bool(top, "docker_ok", engine.reachable);
	/* Without what a distribution adds ("20.10.24+dfsg1"): the bar has to fit a phone. */
	engine.version[strcspn(engine.version, "+~")] = '\0';
	cm_json_set_str(top, "docker_version", engine.reachable ? engine.version : NULL);
	cm_json_set_bool(top, "default_password", call->session.is_default);
	add_job(top);
	add_damaged(top);
	cm_json_set(top, "database", cm_database_notice());
	return top;
}

static struct json_object *make_user(const struct cm_call *call)
{
	static const char *const texts[] = { "", "Viewer", "Developer", "Administrator" };
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "name", call->rq->user);
	cm_json_set_str(o, "role", cm_role_name(call->rq->role));
	cm_json_set_str(o, "role_text", texts[call->rq->role]);
	cm_view_is(o, cm_role_name(call->rq->role), "admin", "developer", "viewer", NULL);
	return o;
}

static void add_flash(struct json_object *list, const char *kind, const char *text)
{
	struct json_object *o = json_object_new_object();

	if (cm_str_eq(kind, "success") || cm_str_eq(kind, "info"))
		kind = "ok";
	else if (cm_str_eq(kind, "warning"))
		kind = "warn";
	cm_json_set_str(o, "kind", kind);
	cm_view_is(o, kind, "ok", "warn", "error", NULL);
	cm_json_set_str(o, "text", text);
	cm_json_set(o, "link", NULL);
	json_object_array_add(list, o);
}

/* Those that wait since the last page, then those of this one. */
static struct json_object *make_flash(const struct cm_call *call)
{
	struct json_object *list = json_object_new_array(), *own = cm_json_arr(call->rp->view, "flash");
	struct cm_flash *waiting = NULL;
	size_t count = 0;

	if (call->session.id != 0 && cm_flash_take(call->session.id, &waiting, &count, NULL) == 0) {
		for (size_t i = 0; i < count; i++)
			add_flash(list, waiting[i].kind, waiting[i].text);
		cm_flash_free(waiting, count);
	}
	for (size_t i = 0; i < cm_json_len(own); i++) {
		struct json_object *o = json_object_array_get_idx(own, i);

		add_flash(list, cm_json_str(o, "kind", "ok"), cm_json_str(o, "text", ""));
	}
	return list;
}

/* Where this page can be asked for again: a form that came back stands under a path that may take nothing but POST. */
static char *own_url(const struct cm_request *rq)
{
	struct cm_match m = { 0 };
	bool again = true;
	char *url;

	if (rq->method != CM_GET && rq->method != CM_HEAD) {
		again = cm_route_match(CM_GET, rq->path, &m, NULL) == 0 && m.route != NULL;
		cm_match_release(&m);
	}
	url = cm_asprintf("%s%s%s", rq->path, rq->query ? "?" : "", rq->query ? rq->query : "");
	if (again && cm_path_local(url))
		return url;
	free(url);
	return cm_strdup("/");
}

static struct json_object *make_page(const struct cm_call *call, const char *id, const char *title)
{
	struct json_object *o = json_object_new_object();
	cm_autofree char *url = own_url(call->rq);
	char key[64];

	title = cm_json_str(call->rp->view, "title", title);
	snprintf(key, sizeof(key), "is_%s", id);
	cm_json_set_str(o, "title", title);
	cm_json_set_str(o, "id", id);
	cm_json_set_bool(o, key, true);
	cm_json_set_str(o, "url", url);
	return o;
}

static void add_asset(struct json_object *assets, const char *key, const char *name)
{
	cm_view_text(assets, key, "/assets/%s", name);
}

static void add_look(const struct cm_call *call, struct json_object *o)
{
	const char *cookies = cm_request_header(call->rq, "cookie");
	struct json_object *assets = json_object_new_object();
	char theme[16], nav[16];

	if (!cm_cookie_get(cookies, "theme", theme, sizeof(theme)) ||
	    (strcmp(theme, "light") != 0 && strcmp(theme, "dark") != 0))
		cm_str_copy(theme, sizeof(theme), "system");
	cm_json_set_str(o, "theme", theme);
	cm_view_is(o, theme, "system", "light", "dark", NULL);
	cm_json_set_bool(o, "is_nav_collapsed",
			 cm_cookie_get(cookies, "nav", nav, sizeof(nav)) && strcmp(nav, "collapsed") == 0);
	add_asset(assets, "app_css", call->web->app_css);
	add_asset(assets, "app_js", call->web->app_js);
	add_asset(assets, "console_css", call->web->console_css);
	add_asset(assets, "console_js", call->web->console_js);
	add_asset(assets, "xterm_js", call->web->xterm_js);
	add_asset(assets, "sprite", call->web->sprite);
	add_asset(assets, "licences", call->web->licences);
	add_asset(assets, "favicon", call->web->favicon);
	cm_json_set(o, "assets", assets);
	cm_json_set_str(o, "version", CM_VERSION);
}

struct json_object *cm_context_make(struct cm_call *call, const char *page_id, const char *title)
{
	struct json_object *o = json_object_new_object(), *data = cm_json_obj(call->rp->view, "data");
	bool inside = call->session.id != 0;

	cm_json_set(o, "page", make_page(call, page_id, title));
	cm_json_set_str(o, "csrf", call->rq->csrf);
	cm_json_set(o, "user", inside ? make_user(call) : NULL);
	cm_json_set(o, "flash", make_flash(call));
	cm_json_set(o, "top", inside ? make_top(call) : NULL);
	cm_json_set(o, "nav", make_nav(call));
	add_look(call, o);
	cm_json_set(o, "data", data ? json_object_get(data) : json_object_new_object());
	return o;
}
