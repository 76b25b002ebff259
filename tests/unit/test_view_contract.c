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
#include "web/view/view_events.h"
#include "web/view/view_image.h"
#include "web/view/view_network.h"
#include "web/view/view_volume.h"
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
	cm_autojson struct json_object *o = NULL;
	int64_t added;

	set_up();
	CHECK_INT(cm_events_add(&e, 1, &added, NULL), 0);
	CHECK_INT(compare("events", CM_ROLE_VIEWER, "/events", 200), 0);
	CHECK_INT(compare("events.nomatch", CM_ROLE_ADMIN, "/events?q=nothing-like-that", 200), 0);
	e.type = "network";
	e.name = "shop front";
	o = cm_view_event(&e, NULL, cm_now_ms());
	CHECK_STR(cm_json_str(o, "object_url", ""), "/networks?q=shop%20front");
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

/* What the services give for one thing of the engine, made into its view, against the first of a list of a fixture. */
static struct json_object *parsed(const char *text)
{
	struct json_object *o = NULL;

	if (cm_json_parse(text, strlen(text), &o, NULL) != 0)
		abort();
	return o;
}

static int compare_one(const char *name, const char *list, struct json_object *got)
{
	cm_autojson struct json_object *want = fixture(name);
	struct json_object *data = cm_json_obj(want, "data");
	struct json_object *one = list ? json_object_array_get_idx(cm_json_arr(data, list), 0) : data;
	int bad = one != NULL ? missing(name, one, got) : 1;

	json_object_put(got);
	return bad;
}

#define USER "\"Users\":[{\"id\":\"1b2d46e3f8d1aabb\",\"name\":\"web\",\"destination\":\"/data\",\"running\":true}]"

TEST(view_contract__volumes)
{
	cm_autojson struct json_object *volume =
	    parsed("{\"Name\":\"data\",\"Driver\":\"local\",\"Labels\":{\"com.docker.compose.project\":\"shop\","
		   "\"com.docker.compose.volume\":\"data\"},\"Options\":{\"o\":\"rw\"}," USER "}");
	cm_autojson struct json_object *file =
	    parsed("{\"name\":\"a\",\"path\":\"/a\",\"type\":\"file\",\"has_bytes\":true,\"size\":1}");
	cm_autojson struct json_object *page = fixture("volume");
	struct json_object *about = cm_view_volume(volume, 1, CM_ROLE_ADMIN, cm_now_ms());

	set_up();
	CHECK_INT(compare("volumes", CM_ROLE_ADMIN, "/volumes", 200), 0);
	CHECK_INT(missing("volume", cm_json_at(page, "data.about"), about), 0);
	CHECK_STR(cm_json_str(json_object_array_get_idx(cm_json_arr(about, "users"), 0), "url", ""),
		  "/container/1b2d46e3f8d1");
	CHECK_INT(compare_one("volumes", "volumes", about), 0);
	CHECK_INT(compare_one("volume", "files", cm_view_volume_entry("data", file, cm_now_ms())), 0);
}

TEST(view_contract__images)
{
	cm_autojson struct json_object *image = parsed(
	    "{\"Id\":\"sha256:1b2d46e3f8d1aabb\",\"Names\":[\"web:1\"],\"Size\":1,\"Created\":\"2026-01-01T00:00:00Z\","
	    "\"Config\":{\"Cmd\":[\"sh\"]},\"History\":[{\"CreatedBy\":\"COPY\",\"Created\":1,\"Size\":1}]," USER "}");
	struct json_object *data = json_object_new_object(), *rows = json_object_new_array();

	set_up();
	CHECK_INT(compare("images", CM_ROLE_ADMIN, "/images", 200), 0);
	cm_view_image_rows(rows, image, 1, CM_ROLE_ADMIN, cm_now_ms());
	CHECK_INT(cm_json_len(rows), 1);
	CHECK_INT(compare_one("images", "images", json_object_get(json_object_array_get_idx(rows, 0))), 0);
	json_object_put(rows);
	cm_view_image_page(data, image, "web:1", 1, CM_ROLE_ADMIN, cm_now_ms());
	/* The form's own are added by the page. */
	cm_json_set_str(data, "new_name", "");
	cm_json_set(data, "new_name_error", NULL);
	CHECK_STR(cm_json_str(json_object_array_get_idx(cm_json_arr(data, "users"), 0), "url", ""),
		  "/container/1b2d46e3f8d1");
	CHECK_INT(compare_one("image", NULL, data), 0);
}

TEST(view_contract__networks)
{
	cm_autojson struct json_object *network = parsed(
	    "{\"Id\":\"1b2d46e3f8d1aabb\",\"Name\":\"net\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.0.0.0/8\"}]}," USER
	    "}");
	struct json_object *row = cm_view_network(network, CM_ROLE_ADMIN, cm_now_ms());

	set_up();
	CHECK_INT(compare("networks", CM_ROLE_ADMIN, "/networks", 200), 0);
	CHECK_STR(cm_json_str(json_object_array_get_idx(cm_json_arr(row, "users"), 0), "url", ""),
		  "/container/1b2d46e3f8d1");
	CHECK_INT(compare_one("networks", "networks", row), 0);
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
