/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine we run on, from /proc: load of its processors, its memory. In a container too these are the host's.
 */
#ifndef CM_SERVICE_HOST_H
#define CM_SERVICE_HOST_H

#include <stdint.h>

struct cm_host {
	int cpu_count;
	char cpu_model[128]; /* "" when unknown */
	double cpu_percent;  /* 0 to 100 over all of them, over the last second or more; negative: unknown */
	int64_t memory_total, memory_used; /* bytes; used is what is not available to programs; 0: unknown */
};

/* Any thread. Blocks shortly: 100 ms when nobody asked for a while, for then there is nothing to compare with. */
void cm_host_sample(struct cm_host *ret);

/* Busy and total time of all processors in the text of /proc/stat. False when malformed. Pure. */
struct cm_host_ticks {
	uint64_t busy, total;
};
int cm_host_parse_stat(const char *text, struct cm_host_ticks *ret); /* 0 or CM_EINVAL */
/* Bytes in the text of /proc/meminfo; 0 or CM_EINVAL. Pure. */
int cm_host_parse_meminfo(const char *text, int64_t *ret_total, int64_t *ret_available);

#endif
