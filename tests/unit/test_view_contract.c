/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The views against tests/fixtures/views: what a fixture has, the real view of that page must have, of the same type.
 * Templates are written against the fixtures; a key that is missing would show the neighbour's value.
 */
#include "test.h"

#include "web_client.h"

#include "core/clock.h"
#include "core/file.h"
#include "db/catalog.h"
#include "jobs/claim.h"
#include "jobs/queue.h"
#include "service/audit.h"
#include "service/engine_events.h"
#include "service/stats_board.h"
#include "web/web_int.h"

static struct json_object *fixture(const char *name)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(1 << 20);
	struct json_object *o = NULL;
	char path[256];

	snprintf(path, sizeof(path), "tests/fixtures/views/%s.json", name);
	if (cm_file_read(path, &text, NULL) != 0 || cm_json_parse(text.data, text.len, &o, NULL) != 0)
		printf("# %s cannot be read\n", path);
	return o;
}

/* Null stands for any type; so do the two kinds of numbers for each other. */
static bool same_type(struct json_object *want, struct json_object *got)
{
	enum json_type a = json_object_get_type(want), b = json_object_get_type(got);

	if (a == json_type_null || b == json_type_null || a == b)
		return true;
	return (a == json_type_int || a == json_type_double) && (b == json_type_int || b == json_type_double);
}

/* How many keys of want are missing in got, or of another type; each is printed. */
static int missing(const char *where, struct json_object *want, struct json_object *got)
{
	int bad = 0;

	if (!same_type(want, got)) {
		printf("# %s: has another type\n", where);
		return 1;
	}
	if (json_object_is_type(want, json_type_object) && got != NULL) {
		json_object_object_foreach(want, key, value)
		{
			struct json_object *other = NULL;
			char below[512];

			snprintf(below, sizeof(below), "%.400s.%s", where, key);
			if (!json_object_object_get_ex(got, key, &other)) {
				printf("# %s is missing\n", below);
				bad++;
			} else {
				bad += missing(below, value, other);
			}
		}
	}
	if (json_object_is_type(want, json_type_array) && cm_json_len(want) > 0)
		for (size_t i = 0; i < cm_json_len(got); i++)
			bad += missing(where, json_object_array_get_idx(want, 0), json_object_array_get_idx(got, i));
	return bad;
}

/* Asks for the page and holds its data against the fixture. */
static int compare(const char *name, enum cm_role role, const char *url, int status)
{
	cm_autojson struct json_object *want = fixture(name);
	struct answer a = get(role, url);
	int bad = want != NULL && a.rp.status == status
		      ? missing(name, cm_json_obj(want, "data"), cm_json_obj(a.rp.view, "data"))
		      : 1;

	if (a.rp.status != status)
		printf("# %s: status %d\n", url, a.rp.status);
	release(&a);
	return bad;
}

static char job_id[CM_UUID_LEN + 1];

/* A job of each state that a page shows, a line in the audit log, a backup. */
static void fill(void)
{
	cm_autojson struct json_object *params = json_object_new_object();
	struct cm_job_request rq = { .kind = "backup",
				     .lane = "backup",
				     .subject = "web",
				     .title = "Backup of web",
				     .user = "admin",
				     .params = params };
	struct cm_catalog_row row = { .vault = "local",
				      .file = "web_20260101_000000-000000.tar.gz",
				      .type = "container",
				      .backup_type = "manual",
				      .container_name = "web",
				      .size = 1000,
				      .created_ms = 1767225600000,
				      .verify_state = "damaged",
				      .verified_ms = 1767225600000 };
	struct cm_audit_event event = {
		.operation = "backup_manual", .status = "started", .container_name = "web", .user = "admin"
	};

	cm_json_set_str(params, "container", "web");
	cm_json_set_str(params, "consistency", "live");
	if (cm_queue_add(&app, &rq, job_id, NULL) != 0 || cm_catalog_put(&row, NULL) != 0 ||
	    cm_audit(&event, NULL) != 0)
		abort();
}

static void set_up(void)
{
	log_in();
	if (job_id[0] == '\0')
		fill();
}

TEST(view_contract__login)
{
	set_up();
	CHECK_INT(compare("login", CM_ROLE_NONE, "/login", 200), 0);
}

TEST(view_contract__account_and_settings)
{
	set_up();
	CHECK_INT(compare("account", CM_ROLE_ADMIN, "/account", 200), 0);
	CHECK_INT(compare("settings", CM_ROLE_ADMIN, "/settings", 200), 0);
	CHECK_INT(compare("settings", CM_ROLE_VIEWER, "/settings", 200), 0);
	CHECK_INT(compare("environment", CM_ROLE_VIEWER, "/settings/environment", 200), 0);
	CHECK_INT(compare("tokens.empty", CM_ROLE_VIEWER, "/settings/tokens", 200), 0);
	CHECK_INT(compare("about", CM_ROLE_VIEWER, "/about", 200), 0);
}

TEST(view_contract__dashboard)
{
	set_up();
	CHECK_INT(compare("dashboard", CM_ROLE_ADMIN, "/", 200), 0);
}

TEST(view_contract__statistics)
{
	struct cm_stats_now c = {
		.id = "1b2d46e3f8d11b2d46e3f8d1", .name = "web", .state = "running", .running = true
	};
	struct cm_stats_raw raw = { .read_ms = 1000, .cpu_ns = 1, .system_ns = 1, .cpus = 1, .memory = 1 };

	set_up();
	cm_stats_begin(&c, 1, 10);
	cm_stats_put(c.id, &raw, NULL, 1000);
	cm_stats_end(NULL, 1, 1000, 1, 1);
	CHECK_INT(compare("statistics", CM_ROLE_VIEWER, "/statistics", 200), 0);
	CHECK_INT(compare("statistics.first", CM_ROLE_ADMIN, "/statistics", 200), 0);
}

TEST(view_contract__events)
{
	struct cm_event e = { .time_nano = cm_now_ms() * 1000000,
			      .type = "container",
			      .action = "start",
			      .object_id = "1b2d46e3f8d1",
			      .name = "web",
			      .scope = "local",
			      .attributes = "{}" };
	int64_t added;

	set_up();
	CHECK_INT(cm_events_add(&e, 1, &added, NULL), 0);
	CHECK_INT(compare("events", CM_ROLE_VIEWER, "/events", 200), 0);
	CHECK_INT(compare("events.nomatch", CM_ROLE_ADMIN, "/events?q=nothing-like-that", 200), 0);
}

TEST(view_contract__jobs)
{
	char url[64];

	set_up();
	snprintf(url, sizeof(url), "/job/%s", job_id);
	CHECK_INT(compare("jobs", CM_ROLE_ADMIN, "/jobs", 200), 0);
	CHECK_INT(compare("jobs", CM_ROLE_VIEWER, "/jobs?state=active", 200), 0);
	CHECK_INT(compare("job.queued", CM_ROLE_ADMIN, url, 200), 0);
	CHECK_INT(compare("job", CM_ROLE_VIEWER, url, 200), 0);
}

TEST(view_contract__audit)
{
	set_up();
	CHECK_INT(compare("audit", CM_ROLE_ADMIN, "/audit", 200), 0);
	CHECK_INT(compare("audit.empty", CM_ROLE_ADMIN, "/audit?q=nothing-like-that", 200), 0);
	CHECK_INT(compare("audit_clear", CM_ROLE_ADMIN, "/audit/clear", 200), 0);
}

TEST(view_contract__help_and_errors)
{
	set_up();
	CHECK_INT(compare("help", CM_ROLE_ADMIN, "/help", 200), 0);
	CHECK_INT(compare("error", CM_ROLE_ADMIN, "/backup/gone.tar.gz", 404), 0);
	CHECK_INT(compare("error.anonymous", CM_ROLE_NONE, "/nothing", 404), 0);
}

TEST(view_contract__vault)
{
	set_up();
	CHECK_INT(compare("vault", CM_ROLE_ADMIN, "/vault", 200), 0);
	CHECK_INT(compare("vault_empty", CM_ROLE_ADMIN, "/vault/empty", 200), 0);
	CHECK_INT(compare("vault_delete", CM_ROLE_ADMIN, "/vault/delete?file=web_20260101_000000-000000.tar.gz", 200),
		  0);
}

TEST(view_contract__what_is_around_every_page)
{
	cm_autojson struct json_object *want = fixture("_context"), *got = NULL;
	struct cm_request *rq = request(CM_GET, "/help?x=1", NULL, NULL);
	struct cm_call call = { .web = web, .rq = rq };
	struct cm_reply rp;
	size_t entries;

	set_up();
	cm_reply_init(&rp);
	call.web = web;
	call.rp = &rp;
	call.session.id = 1;
	rq->role = CM_ROLE_ADMIN;
	rq->route = &cm_routes[CM_ROUTE_help];
	got = cm_context_make(&call, "page", "Help");
	CHECK_INT(missing("context", want, got), 0);
	entries = cm_json_len(cm_json_arr(got, "nav"));
	CHECK(entries > 8);
	CHECK_STR(cm_json_str_at(got, "page.url", ""), "/help?x=1");
	CHECK_STR(cm_json_str_at(got, "top.job.title", ""), "Backup of web");
	CHECK_INT(cm_json_len(cm_json_at(got, "top.damaged")), 1);
	rq->role = CM_ROLE_VIEWER;
	json_object_put(got);
	got = cm_context_make(&call, "page", "Help");
	/* All but the audit log. */
	CHECK_INT(cm_json_len(cm_json_arr(got, "nav")), entries - 1);
	cm_reply_free(&rp);
	cm_request_free(rq);
}
