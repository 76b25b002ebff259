/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/engine_events.h"

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "scratch.h"
#include "test.h"
#include "web/view/view_events.h"

static bool read_event(const char *text, struct cm_event *ret)
{
	cm_autojson struct json_object *o = NULL;

	if (cm_json_parse(text, strlen(text), &o, NULL) != 0)
		abort();
	return cm_event_read(o, ret);
}

static const char died[] =
    "{\"status\":\"die\",\"id\":\"1b2d46e3f8d11b2d46e3f8d11b2d46e3f8d11b2d46e3f8d11b2d46e3f8d1aaaa\",\"Type\":"
    "\"container\","
    "\"Action\":\"die\",\"Actor\":{\"ID\":\"1b2d46e3f8d11b2d46e3f8d11b2d46e3f8d11b2d46e3f8d11b2d46e3f8d1aaaa\","
    "\"Attributes\":{\"exitCode\":\"3\",\"image\":\"busybox:local\",\"name\":\"web\"}},\"scope\":\"local\","
    "\"time\":1795373082,\"timeNano\":1795373082921000123}";

TEST(events_read__what_is_kept)
{
	struct cm_event e;

	CHECK(read_event(died, &e));
	CHECK_STR(e.type, "container");
	CHECK_STR(e.action, "die");
	CHECK_STR(e.name, "web");
	CHECK_INT(e.time_nano, 1795373082921000123);
	cm_event_release(&e);
	/* A command line may hold a secret. */
	CHECK(read_event("{\"Type\":\"container\",\"Action\":\"exec_create: mysql -psecret\",\"Actor\":{\"ID\":\"a\","
			 "\"Attributes\":{\"name\":\"db\"}},\"timeNano\":1}",
			 &e));
	CHECK_STR(e.action, "exec_create");
	CHECK(strstr(e.attributes, "secret") == NULL);
	cm_event_release(&e);
	CHECK(read_event(
	    "{\"Type\":\"container\",\"Action\":\"health_status: healthy\",\"Actor\":{\"ID\":\"a\"},\"time\":1}", &e));
	CHECK_STR(e.action, "health_status: healthy");
	CHECK_INT(e.time_nano, 1000000000);
	cm_event_release(&e);
	CHECK(read_event("{\"Type\":\"volume\",\"Action\":\"create\",\"Actor\":{\"ID\":\"data\"},\"timeNano\":1}", &e));
	CHECK_STR(e.name, "data");
	cm_event_release(&e);
}

TEST(events_read__not_ours_and_not_nonsense)
{
	struct cm_event e;

	CHECK(!read_event("{\"Type\":\"container\",\"Action\":\"create\",\"Actor\":{\"ID\":\"a\",\"Attributes\":{"
			  "\"container-monkey.helper\":\"1\"}},\"timeNano\":1}",
			  &e));
	CHECK(!read_event("{\"Type\":\"container\",\"Action\":\"create\",\"Actor\":{\"ID\":\"a\",\"Attributes\":{"
			  "\"container-monkey.drill\":\"x\"}},\"timeNano\":1}",
			  &e));
	CHECK(!read_event("{\"Type\":\"image\",\"Action\":\"load\",\"Actor\":{\"ID\":\"a\",\"Attributes\":{"
			  "\"name\":\"container-monkey-helper:abc\"}},\"timeNano\":1}",
			  &e));
	CHECK(!read_event("{\"Type\":\"container\",\"Actor\":{},\"timeNano\":1}", &e));
	CHECK(!read_event("{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"a\"}}", &e));
}

static void add(int64_t ms, const char *type, const char *action, const char *id, const char *name)
{
	struct cm_event e = { .time_nano = ms * 1000000,
			      .type = (char *)type,
			      .action = (char *)action,
			      .object_id = (char *)id,
			      .name = (char *)name,
			      .scope = "local",
			      .attributes = "{\"image\":\"nginx:1\"}" };
	int64_t added = 0;

	if (cm_events_add(&e, 1, &added, NULL) != 0)
		abort();
}

static int64_t total(struct cm_event_query q)
{
	struct cm_event_list list;
	int64_t n;

	if (cm_events_list(&q, &list, NULL) != 0)
		return -1;
	n = list.total;
	cm_event_list_release(&list);
	return n;
}

TEST(events_list__filters_and_order)
{
	static const char id[] = "1b2d46e3f8d11b2d46e3f8d11b2d46e3f8d11b2d46e3f8d11b2d46e3f8d1aaaa";
	struct cm_event_list list;
	cm_autojson struct json_object *words = NULL;

	scratch_begin();
	add(1000, "container", "create", id, "web");
	add(2000, "container", "exec_start", id, "web");
	add(3000, "volume", "create", "data", "data");
	add(1000, "container", "create", id, "web"); /* told again */
	CHECK_INT(total((struct cm_event_query){ 0 }), 3);
	CHECK_INT(total((struct cm_event_query){ .without_exec = true }), 2);
	CHECK_INT(total((struct cm_event_query){ .without_exec = true, .action = "exec" }), 1);
	CHECK_INT(total((struct cm_event_query){ .type = "container", .action = "create" }), 1);
	CHECK_INT(total((struct cm_event_query){ .object = "web" }), 2);
	CHECK_INT(total((struct cm_event_query){ .object = "1b2d46e3f8d1" }), 2);
	CHECK_INT(total((struct cm_event_query){ .object = "1b2d" }), 0);
	CHECK_INT(total((struct cm_event_query){ .search = "NGINX" }), 3);
	CHECK_INT(total((struct cm_event_query){ .search = "50%" }), 0);
	CHECK_INT(total((struct cm_event_query){ .since_ms = 2000, .until_ms = 3000 }), 1);
	CHECK_INT(cm_events_list(&(struct cm_event_query){ .limit = 1 }, &list, NULL), 0);
	CHECK_INT(list.count, 1);
	CHECK_STR(list.rows[0].name, "data");
	cm_event_list_release(&list);
	CHECK_INT(cm_events_list(&(struct cm_event_query){ .after_id = 1 }, &list, NULL), 0);
	CHECK_INT(list.count, 2);
	CHECK_STR(list.rows[0].action, "exec_start");
	cm_event_list_release(&list);
	CHECK_INT(cm_events_words("container", &words, NULL), 0);
	CHECK_INT(cm_json_len(words), 2);
}

TEST(events_prune__by_age_and_by_number)
{
	int64_t now = cm_now_ms(), day = 86400000;

	scratch_begin();
	add(now - 8 * day, "container", "start", "a", "old");
	add(now - 6 * day, "container", "start", "a", "kept");
	for (int i = 0; i < CM_EVENTS_KEEP_EXEC + 20; i++)
		add(now - day + i, "container", "exec_start", "a", "busy");
	CHECK_INT(cm_events_prune(now, NULL), 0);
	CHECK_INT(total((struct cm_event_query){ .object = "old" }), 0);
	CHECK_INT(total((struct cm_event_query){ .object = "kept" }), 1);
	CHECK_INT(total((struct cm_event_query){ .action = "exec" }), CM_EVENTS_KEEP_EXEC);
}

TEST(events_view__says_why_it_ended)
{
	cm_autojson struct json_object *o = NULL;
	struct cm_event e;

	CHECK(read_event(died, &e));
	o = cm_view_event(&e, NULL, 1795373082921 + 86400000);
	CHECK_STR(cm_json_str(o, "action_text", ""), "ended");
	CHECK_STR(cm_json_str(o, "detail", ""), "exit code 3");
	CHECK(cm_json_bool(o, "is_bad", false));
	CHECK_STR(cm_json_str(o, "time_formatted", ""), "2026-11-22 18:44:42.921");
	CHECK_STR(cm_json_str(o, "clock_text", ""), "22 November, 18:44:42");
	CHECK_STR(cm_json_str_at(o, "raw.Actor.Attributes.exitCode", ""), "3");
	CHECK_STR(cm_json_str_at(o, "attributes.name", ""), "web");
	json_object_put(o);
	o = cm_view_event(&e, NULL, 1795373082921 + 60000);
	CHECK_STR(cm_json_str(o, "clock_text", ""), "18:44:42");
	cm_event_release(&e);
}
