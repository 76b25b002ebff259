/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is remembered of an engine, and for how long. The engine is a small server of the tests. */
#include "test.h"

#include <signal.h>

#include "../tools/fault_engine.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "docker/container.h"
#include "service/engine.h"
#include "service/inventory.h"

#define ANSWER(length, text) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n" text
#define INFO ANSWER("52", "{\"ServerVersion\":\"20.10\",\"NCPU\":2,\"Name\":\"somehost\"}")
#define LIST ANSWER("57", "[{\"Id\":\"a\"},{\"Labels\":{\"container-monkey.helper\":\"1\"}}]  ")

static struct fault_engine engine;
static struct cm_app app;

__attribute__((constructor)) static void begin(void)
{
	signal(SIGPIPE, SIG_IGN);
}

static void enter(const char *answer)
{
	fault_engine_start(&engine);
	fault_engine_mode(&engine, &(struct fault){ .text = answer, .end = FAULT_KEEP });
	snprintf(app.docker_host, sizeof(app.docker_host), "%s", engine.host);
	cm_engine_changed();
}

TEST(engine__a_handle_of_its_own_for_each_thread)
{
	struct cm_docker *a = NULL, *b = NULL;

	enter(INFO);
	CHECK_INT(cm_engine_get(&app, &a, NULL), 0);
	CHECK_INT(cm_engine_get(&app, &b, NULL), 0);
	CHECK(a == b);
	CHECK_STR(cm_docker_address(a), engine.host);
	snprintf(app.docker_host, sizeof(app.docker_host), "tcp://127.0.0.1:1");
	CHECK_INT(cm_engine_get(&app, &b, NULL), 0);
	CHECK_STR(cm_docker_address(b), "tcp://127.0.0.1:1");
	snprintf(app.docker_host, sizeof(app.docker_host), "nonsense://");
	CHECK_INT(cm_engine_get(&app, &b, NULL), CM_EUNSUPPORTED);
	fault_engine_stop(&engine);
}

TEST(overview__is_asked_once_in_a_while)
{
	struct cm_engine_overview o;

	enter(INFO);
	for (int i = 0; i < 10; i++) {
		cm_engine_overview(&app, &o);
		CHECK(o.reachable);
	}
	int once = engine.requests;
	cm_engine_changed();
	cm_engine_overview(&app, &o);
	int twice = engine.requests;
	fault_engine_stop(&engine);
	CHECK_INT(once, 1);
	CHECK_INT(twice, 2);
	CHECK_STR(o.version, "20.10");
	CHECK_STR(o.name, "somehost");
	CHECK_STR(o.api, "1.41");
	CHECK_INT(o.cpus, 2);
	CHECK(o.checked_ms > 0);
}

TEST(overview__says_when_nothing_answers_in_time)
{
	struct cm_engine_overview o;

	enter("");
	fault_engine_mode(&engine, &(struct fault){ .text = "", .end = FAULT_HANG });
	int64_t start = cm_monotonic_ms();
	cm_engine_overview(&app, &o);
	int64_t took = cm_monotonic_ms() - start;
	fault_engine_stop(&engine);
	CHECK(!o.reachable);
	CHECK(o.error[0] != '\0');
	CHECK(took < 3000);
	start = cm_monotonic_ms();
	cm_engine_overview(&app, &o);
	CHECK(!o.reachable);
	CHECK(cm_monotonic_ms() - start < 100);
}

TEST(containers__are_remembered_for_a_moment_without_our_helpers)
{
	enter(LIST);
	for (int i = 0; i < 20; i++) {
		cm_autojson struct json_object *list = NULL;
		CHECK_INT(cm_engine_containers(&app, &list, NULL), 0);
		CHECK_INT(cm_json_len(list), 1);
		CHECK_STR(cm_json_str(json_object_array_get_idx(list, 0), "Id", ""), "a");
	}
	int once = engine.requests;
	for (int i = 0; i < 3; i++) {
		cm_autojson struct json_object *list = NULL;
		cm_engine_changed();
		CHECK_INT(cm_engine_containers(&app, &list, NULL), 0);
	}
	int more = engine.requests;
	usleep(1100000);
	cm_autojson struct json_object *list = NULL;
	CHECK_INT(cm_engine_containers(&app, &list, NULL), 0);
	int aged = engine.requests;
	fault_engine_stop(&engine);
	CHECK(once <= 2);
	CHECK_INT(more - once, 3);
	CHECK_INT(aged - more, 1);
}

TEST(containers__our_tools_are_listed_apart)
{
	cm_autojson struct json_object *list = NULL;

	enter(LIST);
	int r = cm_engine_tools(&app, &list, NULL);
	fault_engine_stop(&engine);
	CHECK_INT(r, 0);
	CHECK_INT(cm_json_len(list), 1);
	CHECK_STR(cm_json_str(json_object_array_get_idx(list, 0), "Id", "none"), "none");
}

TEST(containers__an_error_is_told_to_all_and_asked_again_later)
{
	enter("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
	struct cm_err err;
	struct json_object *list = NULL;

	CHECK_INT(cm_engine_containers(&app, &list, &err), CM_EUPSTREAM);
	CHECK_INT(cm_engine_containers(&app, &list, &err), CM_EUPSTREAM);
	CHECK(err.text[0] != '\0');
	int asked = engine.requests;
	fault_engine_mode(&engine, &(struct fault){ .text = LIST, .end = FAULT_KEEP });
	cm_engine_changed();
	int r = cm_engine_containers(&app, &list, &err);
	fault_engine_stop(&engine);
	CHECK_INT(asked, 1);
	CHECK_INT(r, 0);
	json_object_put(list);
}

TEST(inventory__does_not_wait_long_for_an_engine_that_hangs)
{
	struct cm_inventory inventory;

	enter("");
	fault_engine_mode(&engine, &(struct fault){ .text = "", .end = FAULT_HANG });
	int64_t began = cm_monotonic_ms();
	CHECK_INT(cm_inventory_get(&app, &inventory, NULL), CM_ETIMEDOUT);
	CHECK(cm_monotonic_ms() - began < 10000);
	fault_engine_stop(&engine);
}

static void *many(void *arg)
{
	atomic_int *bad = arg;

	for (int i = 0; i < 200; i++) {
		cm_autojson struct json_object *list = NULL;
		struct cm_engine_overview o;
		struct cm_docker *d = NULL;
		if (cm_engine_containers(&app, &list, NULL) != 0 || cm_json_len(list) != 1 ||
		    cm_engine_get(&app, &d, NULL) != 0)
			(*bad)++;
		cm_engine_overview(&app, &o);
		if (i % 20 == 0)
			cm_engine_changed();
		if (i % 50 == 0 && cm_docker_ping(d, NULL) != 0)
			(*bad)++;
	}
	return NULL;
}

TEST(engine__many_threads_at_once)
{
	pthread_t t[8];
	atomic_int bad = 0;

	enter(LIST);
	for (size_t i = 0; i < CM_COUNT(t); i++)
		pthread_create(&t[i], NULL, many, &bad);
	for (size_t i = 0; i < CM_COUNT(t); i++)
		pthread_join(t[i], NULL);
	fault_engine_stop(&engine);
	CHECK_INT(bad, 0);
}

TEST(instance__is_always_the_same)
{
	char a[17], b[17];

	snprintf(app.data_dir, sizeof(app.data_dir), "/tmp");
	cm_engine_instance(&app, a);
	cm_engine_instance(&app, b);
	CHECK_STR(a, b);
	CHECK_INT(strlen(a), 16);
}
