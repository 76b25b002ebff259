/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/stats_parse.h"

#include <strings.h>

#include "core/clock.h"
#include "core/json.h"

/* Used without the file pages that the kernel drops when it needs room, as the docker command counts. */
static int64_t memory_used(struct json_object *memory)
{
	struct json_object *stats = cm_json_obj(memory, "stats");
	int64_t usage = cm_json_int(memory, "usage", -1);
	int64_t cache = cm_json_int(stats, "total_inactive_file", cm_json_int(stats, "inactive_file", 0));

	return usage > cache ? usage - cache : usage;
}

static void add_networks(struct json_object *networks, struct cm_stats_raw *r)
{
	if (networks == NULL)
		return; /* it uses the host's, or none */
	r->net_in = r->net_out = 0;
	json_object_object_foreach(networks, name, n)
	{
		(void)name;
		r->net_in += cm_json_int(n, "rx_bytes", 0);
		r->net_out += cm_json_int(n, "tx_bytes", 0);
	}
}

static void add_blocks(struct json_object *list, struct cm_stats_raw *r)
{
	/* null: the kernel counted nothing yet, or does not count. */
	r->block_read = r->block_write = 0;
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *op = cm_json_str(o, "op", "");

		if (strcasecmp(op, "read") == 0)
			r->block_read += cm_json_int(o, "value", 0);
		else if (strcasecmp(op, "write") == 0)
			r->block_write += cm_json_int(o, "value", 0);
	}
}

int cm_stats_parse(struct json_object *stats, struct cm_stats_raw *ret, struct cm_err *err)
{
	struct json_object *cpu = cm_json_obj(stats, "cpu_stats"), *usage = cm_json_obj(cpu, "cpu_usage");
	struct json_object *memory = cm_json_obj(stats, "memory_stats"), *pids = cm_json_obj(stats, "pids_stats");
	struct cm_stats_raw r = { .net_in = -1, .net_out = -1, .block_read = -1, .block_write = -1 };

	r.cpu_ns = cm_json_int(usage, "total_usage", -1);
	if (r.cpu_ns <= 0 || cm_json_get(memory, "usage") == NULL)
		return cm_err_set(err, CM_EUPSTREAM, "The engine has no statistics of it: it does not run.");
	r.system_ns = cm_json_int(cpu, "system_cpu_usage", -1);
	r.cpus = (int)cm_json_int(cpu, "online_cpus", (int64_t)cm_json_len(cm_json_arr(usage, "percpu_usage")));
	if (!cm_time_parse(cm_json_str(stats, "read", ""), &r.read_ms))
		r.read_ms = -1;
	r.memory = memory_used(memory);
	r.memory_limit = cm_json_int(memory, "limit", -1);
	r.pids = cm_json_int(pids, "current", -1);
	r.pids_limit = cm_json_int(pids, "limit", 0);
	add_networks(cm_json_obj(stats, "networks"), &r);
	add_blocks(cm_json_arr(cm_json_obj(stats, "blkio_stats"), "io_service_bytes_recursive"), &r);
	*ret = r;
	return 0;
}

static double per_second(int64_t before, int64_t now, int64_t ms)
{
	return before < 0 || now < before || ms <= 0 ? -1 : (double)(now - before) * 1000 / (double)ms;
}

void cm_stats_rates(const struct cm_stats_raw *a, const struct cm_stats_raw *b, double ret_rate[CM_STATS_METRICS])
{
	int64_t ms = a->read_ms > 0 && b->read_ms > a->read_ms ? b->read_ms - a->read_ms : 0;
	int64_t system = a->system_ns >= 0 && b->system_ns > a->system_ns ? b->system_ns - a->system_ns : 0;
	double cpu = per_second(a->cpu_ns, b->cpu_ns, ms); /* nanoseconds in a second */

	/* By the processors' own time when the engine gives it: it does not jump with the clock. */
	if (b->cpu_ns < a->cpu_ns)
		cpu = -1;
	else if (system > 0 && b->cpus > 0)
		cpu = (double)(b->cpu_ns - a->cpu_ns) * b->cpus * 100 / (double)system;
	else if (cpu >= 0)
		cpu /= 1e7;
	ret_rate[CM_STATS_CPU] = cpu;
	ret_rate[CM_STATS_MEMORY] = (double)b->memory;
	ret_rate[CM_STATS_NET_IN] = per_second(a->net_in, b->net_in, ms);
	ret_rate[CM_STATS_NET_OUT] = per_second(a->net_out, b->net_out, ms);
	ret_rate[CM_STATS_BLOCK_READ] = per_second(a->block_read, b->block_read, ms);
	ret_rate[CM_STATS_BLOCK_WRITE] = per_second(a->block_write, b->block_write, ms);
}
