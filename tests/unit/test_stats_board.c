/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "core/json.h"
#include "core/mem.h"
#include "service/stats_board.h"
#include "service/stats_parse.h"

static const char sample_v1[] =
    "{\"read\":\"2026-11-29T20:58:51.573226769Z\",\"pids_stats\":{\"current\":3},\"blkio_stats\":{"
    "\"io_service_bytes_recursive\":[{\"op\":\"Read\",\"value\":4096},{\"op\":\"Write\",\"value\":100},{\"op\":"
    "\"Total\","
    "\"value\":4196},{\"op\":\"Read\",\"value\":4}]},\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":15870406,"
    "\"percpu_usage\":[1,2,3,4]},\"system_cpu_usage\":1000000000},\"memory_stats\":{\"usage\":1000,\"stats\":{"
    "\"total_inactive_file\":400,\"inactive_file\":1},\"limit\":2000},\"networks\":{\"eth0\":{\"rx_bytes\":10,\"tx_"
    "bytes\":1},"
    "\"eth1\":{\"rx_bytes\":5,\"tx_bytes\":2}}}";
static const char sample_v2[] =
    "{\"read\":\"2026-11-29T20:58:51Z\",\"pids_stats\":{\"current\":1,\"limit\":64},\"blkio_stats\":{"
    "\"io_service_bytes_recursive\":null},\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":7},\"system_cpu_usage\":9,"
    "\"online_cpus\":2},\"memory_stats\":{\"usage\":1000,\"stats\":{\"inactive_file\":300}}}";

static int parse(const char *text, struct cm_stats_raw *ret)
{
	cm_autojson struct json_object *o = NULL;
	struct cm_err err = { 0 };

	if (cm_json_parse(text, strlen(text), &o, &err) != 0)
		abort();
	return cm_stats_parse(o, ret, &err);
}

TEST(stats_parse__both_versions_of_cgroups)
{
	struct cm_stats_raw r;

	CHECK_INT(parse(sample_v1, &r), 0);
	CHECK_INT(r.cpus, 4);
	CHECK_INT(r.memory, 600);
	CHECK_INT(r.memory_limit, 2000);
	CHECK_INT(r.net_in, 15);
	CHECK_INT(r.net_out, 3);
	CHECK_INT(r.block_read, 4100);
	CHECK_INT(r.block_write, 100);
	CHECK_INT(r.pids, 3);
	CHECK_INT(r.pids_limit, 0);
	CHECK_INT(parse(sample_v2, &r), 0);
	CHECK_INT(r.cpus, 2);
	CHECK_INT(r.memory, 700);
	CHECK_INT(r.memory_limit, -1);
	CHECK_INT(r.net_in, -1);
	CHECK_INT(r.block_read, 0);
	CHECK_INT(r.pids_limit, 64);
}

TEST(stats_parse__one_that_does_not_run)
{
	struct cm_stats_raw r;

	CHECK_INT(parse("{\"read\":\"0001-01-01T00:00:00Z\",\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":0}}}", &r),
		  CM_EUPSTREAM);
	CHECK_INT(parse("{}", &r), CM_EUPSTREAM);
}

TEST(stats_rates__between_two_samples)
{
	struct cm_stats_raw a = { .read_ms = 10000, .cpu_ns = 1000000000, .system_ns = 20000000000, .cpus = 2 }, b;
	double rate[CM_STATS_METRICS];

	a.net_out = a.block_read = a.block_write = -1;
	b = a;
	b.read_ms += 5000;
	b.cpu_ns += 2500000000;
	b.system_ns += 10000000000; /* 5 s of two processors */
	b.net_in = 10240;
	cm_stats_rates(&a, &b, rate);
	CHECK(rate[CM_STATS_CPU] > 49.9 && rate[CM_STATS_CPU] < 50.1);
	CHECK(rate[CM_STATS_NET_IN] > 2047 && rate[CM_STATS_NET_IN] < 2049);
	CHECK(rate[CM_STATS_NET_OUT] < 0);
	/* Without the host's counter, by the clock. */
	a.system_ns = b.system_ns = -1;
	cm_stats_rates(&a, &b, rate);
	CHECK(rate[CM_STATS_CPU] > 49.9 && rate[CM_STATS_CPU] < 50.1);
	/* It was started anew meanwhile: its counters began at zero. */
	b.cpu_ns = 5;
	b.net_in = -1;
	cm_stats_rates(&a, &b, rate);
	CHECK(rate[CM_STATS_CPU] < 0);
	CHECK(rate[CM_STATS_NET_IN] < 0);
}

static void round_of(const struct cm_stats_now *list, size_t count, int64_t now_ms)
{
	struct cm_stats_raw raw;

	if (parse(sample_v1, &raw) != 0)
		abort();
	raw.read_ms = now_ms;
	raw.cpu_ns = now_ms * 1000; /* a thousandth of a processor */
	raw.system_ns = -1;
	cm_stats_begin(list, count, 4000);
	for (size_t i = 0; i < count; i++)
		if (list[i].running)
			cm_stats_put(list[i].id, &raw, NULL, now_ms);
	cm_stats_end(NULL, 10, now_ms, 25, 1000);
}

TEST(stats_board__keeps_the_last_values_and_a_history)
{
	struct cm_stats_now list[2] = {
		{ .id = "aaaaaaaaaaaaaaaa", .name = "web", .state = "running", .running = true },
		{ .id = "bbbbbbbbbbbbbbbb", .name = "db", .state = "exited" }
	};
	cm_autofree struct cm_stats_series *s = cm_alloc(sizeof(*s));
	struct cm_stats_head head;
	struct cm_stats_now c;

	round_of(list, 2, 1000000);
	CHECK(cm_stats_one("web", &c));
	CHECK(c.known);
	CHECK(c.rate[CM_STATS_CPU] < 0);
	CHECK_INT((int64_t)c.rate[CM_STATS_MEMORY], 600);
	round_of(list, 2, 1005000);
	CHECK(cm_stats_one("aaaaaaaaaaaa", &c));
	CHECK(c.rate[CM_STATS_CPU] > 0.09 && c.rate[CM_STATS_CPU] < 0.11);
	CHECK(!cm_stats_one("aaaa", &c));
	CHECK(cm_stats_one("db", &c));
	CHECK(!c.known);
	CHECK(cm_stats_series("web", CM_STATS_HOUR, s));
	CHECK_INT(s->step_ms, 5000);
	CHECK(s->v[CM_STATS_CPU][CM_STATS_POINTS - 1] > 0);
	CHECK(s->v[CM_STATS_CPU][0] < 0);
	CHECK(cm_stats_series("web", CM_STATS_DAY, s));
	CHECK(s->v[CM_STATS_MEMORY][CM_STATS_POINTS - 1] > 599);
	CHECK(cm_stats_host(CM_STATS_HOUR, s));
	CHECK_INT((int64_t)s->v[CM_STATS_CPU][CM_STATS_POINTS - 1], 25);

	/* The engine is away: what was known stays, with its time. */
	cm_stats_end("It hangs.", 10, 1010000, 25, 1000);
	cm_stats_head(&head);
	CHECK_STR(head.error, "It hangs.");
	CHECK_INT(head.collected_ms, 1005000);
	CHECK_INT(head.tried_ms, 1010000);
	CHECK(cm_stats_one("web", &c));
	CHECK_INT(c.at_ms, 1005000);

	/* Made anew under its name: the history goes on, the counters begin again. */
	strcpy(list[0].id, "cccccccccccccccc");
	round_of(list, 1, 1015000);
	CHECK(!cm_stats_one("aaaaaaaaaaaaaaaa", &c));
	CHECK(!cm_stats_one("db", &c));
	CHECK(cm_stats_one("web", &c));
	CHECK_STR(c.id, "cccccccccccccccc");
	CHECK(c.rate[CM_STATS_CPU] < 0);
	CHECK(cm_stats_series("web", CM_STATS_DAY, s));
	CHECK(s->v[CM_STATS_MEMORY][CM_STATS_POINTS - 1] > 0);
}

TEST(stats_board__more_containers_than_it_has_places_for)
{
	cm_autofree struct cm_stats_now *list = cm_alloc_array(CM_STATS_CONTAINERS + 3, sizeof(*list)), *all = NULL;
	struct cm_stats_head head;

	for (size_t i = 0; i < CM_STATS_CONTAINERS + 3; i++) {
		snprintf(list[i].id, sizeof(list[i].id), "%016zx", i);
		snprintf(list[i].name, sizeof(list[i].name), "c%zu", i);
	}
	cm_stats_begin(list, CM_STATS_CONTAINERS + 3, 1);
	cm_stats_head(&head);
	CHECK_INT(head.left_out, 3);
	CHECK_INT((int64_t)cm_stats_all(&all), CM_STATS_CONTAINERS);
	cm_stats_begin(list, 0, 1);
	free(all);
	CHECK_INT((int64_t)cm_stats_all(&all), 0);
}
