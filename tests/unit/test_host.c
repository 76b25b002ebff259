/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "core/err.h"
#include "service/host.h"

TEST(host_parse_stat__busy_is_all_but_idle_and_waiting)
{
	struct cm_host_ticks t;

	CHECK_INT(cm_host_parse_stat("cpu  10 1 20 300 40 5 6 7 8 9\ncpu0 …\n", &t), 0);
	CHECK_INT(t.total, 389);
	CHECK_INT(t.busy, 49);
	CHECK_INT(cm_host_parse_stat("cpu 1 2 3\n", &t), CM_EINVAL);
	CHECK_INT(cm_host_parse_stat("", &t), CM_EINVAL);
}

TEST(host_parse_meminfo__used_is_what_is_not_available)
{
	int64_t total, available;

	CHECK_INT(
	    cm_host_parse_meminfo("MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:  400 kB\n", &total, &available), 0);
	CHECK_INT(total, 1024000);
	CHECK_INT(available, 409600);
	CHECK_INT(cm_host_parse_meminfo("MemTotal: 1000 kB\n", &total, &available), CM_EINVAL);
	CHECK_INT(cm_host_parse_meminfo("MemTotal: 1 kB\nMemAvailable: 2 kB\n", &total, &available), CM_EINVAL);
}

TEST(host_sample__this_machine)
{
	struct cm_host h;

	cm_host_sample(&h);
	CHECK(h.cpu_count >= 1);
	CHECK(h.cpu_percent >= 0 && h.cpu_percent <= 100);
	CHECK(h.memory_total > 0 && h.memory_used > 0 && h.memory_used < h.memory_total);
}
