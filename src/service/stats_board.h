/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the collector (service/stats_collect.h) learned, in memory that all workers share: it was made in the parent,
 * and a page reads it without asking the engine. Not the database: 200 containers give 2,400 rows a minute that nobody
 * wants after a day. Fixed in size: a place for each of CM_STATS_CONTAINERS containers, with one hour at 5 s and one
 * day at 2 min; memory that no container needs is never touched. It ends with the program.
 *
 * Any thread of any worker; blocks at most for a copy. One process writes at a time: the holder of the runner lock.
 */
#ifndef CM_SERVICE_STATS_BOARD_H
#define CM_SERVICE_STATS_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

enum {
	CM_STATS_CONTAINERS = 512, /* more than these are not measured */
	CM_STATS_EVERY_MS = 5000,
	CM_STATS_WIDE_MS = 120 * 1000,
	CM_STATS_POINTS = 720, /* of each span: an hour, a day */
};

enum cm_stats_span { CM_STATS_HOUR, CM_STATS_DAY };

/* What is drawn. Rates are bytes a second. */
enum cm_stats_metric {
	CM_STATS_CPU,	 /* percent of one processor */
	CM_STATS_MEMORY, /* bytes */
	CM_STATS_NET_IN,
	CM_STATS_NET_OUT,
	CM_STATS_BLOCK_READ,
	CM_STATS_BLOCK_WRITE,
	CM_STATS_METRICS
};

/* A sample as the engine gives it: counters since the container's start. Negative: unknown. */
struct cm_stats_raw {
	int64_t read_ms;   /* the engine's clock */
	int64_t cpu_ns;	   /* of the container */
	int64_t system_ns; /* of all processors of the host */
	int cpus;
	int64_t memory, memory_limit; /* bytes; used without what the kernel can drop */
	int64_t net_in, net_out, block_read, block_write;
	int64_t pids, pids_limit; /* limit 0: none */
};

struct cm_stats_now {
	char id[65], name[256], image[256], state[16], status[96], stack[128];
	bool running;
	bool known;	 /* sampled at least once while it runs */
	int64_t at_ms;	 /* wall clock of that sample */
	char error[160]; /* why there is no newer one; "" when there is */
	struct cm_stats_raw raw;
	double rate[CM_STATS_METRICS]; /* memory: bytes; negative: unknown */
	int64_t size_rw, size_root;    /* on the engine's disk; negative: unknown */
};

struct cm_stats_head {
	int64_t tried_ms;				    /* wall clock of the last round; 0: none yet */
	int64_t collected_ms;				    /* of the last one that the engine answered; 0: none */
	int64_t took_ms;				    /* that one */
	char error[512];				    /* why the last one failed; "" */
	int64_t memory_total;				    /* of the engine's host; 0: unknown */
	int64_t left_out;				    /* containers beyond CM_STATS_CONTAINERS */
	bool busy;					    /* a round, or the measuring of the disk, is under way */
	int64_t disk_ms;				    /* wall clock; 0: not measured yet */
	int64_t disk_containers, disk_images, disk_volumes; /* bytes; negative: unknown */
};

/* Oldest first, the last is of the last round; unknown points are negative. */
struct cm_stats_series {
	int64_t step_ms, end_ms; /* end_ms: wall clock of the last point */
	float v[CM_STATS_METRICS][CM_STATS_POINTS];
};

/* In the parent, before workers start. Without it each process has a board of its own (tests). Errors: CM_ENOMEM. */
int cm_stats_share(struct cm_err *err);

void cm_stats_head(struct cm_stats_head *ret);
/* All containers, in no order. Caller frees *ret. */
size_t cm_stats_all(struct cm_stats_now **ret);
/* By id, its beginning of at least 12 digits, or name. False: not there. */
bool cm_stats_one(const char *ref, struct cm_stats_now *ret);
/* False: not there, or no round yet; then *ret is not touched. */
bool cm_stats_series(const char *id, enum cm_stats_span span, struct cm_stats_series *ret);
/* The machine: CM_STATS_CPU in percent of all its processors, CM_STATS_MEMORY. */
bool cm_stats_host(enum cm_stats_span span, struct cm_stats_series *ret);

/* Wants a round and the disk measured at once; false: one is under way already. */
bool cm_stats_ask(void);

/*
 * The collector's side.
 */
/* How often cm_stats_ask() was called. */
unsigned cm_stats_asked(void);
enum cm_stats_work { CM_STATS_WORK_ROUND, CM_STATS_WORK_DISK, CM_STATS_WORKS };
void cm_stats_busy(enum cm_stats_work work, bool busy);
/* A round begins: containers that are not in the list go, new ones come. A new one of the name of one that went is that
 * one made anew, and goes on with its history. Of list only id, name, image, state, status, stack and running count. */
void cm_stats_begin(const struct cm_stats_now *list, size_t count, int64_t memory_total);
/* What came of one container: a sample, or (raw NULL) why there is none. */
void cm_stats_put(const char *id, const struct cm_stats_raw *raw, const char *error, int64_t now_ms);
/* A round ends; error NULL: the engine answered. host_cpu negative: unknown. */
void cm_stats_end(const char *error, int64_t took_ms, int64_t now_ms, double host_cpu, int64_t host_memory);
/* sizes of a container; then of all. */
void cm_stats_disk_one(const char *id, int64_t rw, int64_t root);
void cm_stats_disk(int64_t containers, int64_t images, int64_t volumes, int64_t now_ms);

#endif
