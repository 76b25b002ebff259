/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Statistics of many containers: asked at the same time over connections that stay open.
 */
#ifndef CM_DOCKER_STATS_H
#define CM_DOCKER_STATS_H

#include "docker/docker.h"

enum { CM_STATS_PARALLEL_MAX = 256 };

/* One sample of container i, borrowed; or why there is none, then stats is NULL. */
typedef void (*cm_stats_fn)(void *ctx, size_t i, struct json_object *stats, const struct cm_err *err);

/* Asks for a sample of each, "parallel" (1 to CM_STATS_PARALLEL_MAX) at a time: engines up to 20.10 keep each answer
 * back until their own next look at the container, up to a second, so that many have to wait together. One that has not
 * answered after each_ms is told as CM_ETIMEDOUT. Blocks; task threads only. Errors: CM_ECANCELLED and those of
 * agreeing on the version; what goes wrong with one container is told to fn and does not end it. */
int cm_stats_many(struct cm_docker *d, const char *const *ids, size_t count, size_t parallel, int each_ms,
		  cm_stats_fn fn, void *ctx, struct cm_err *err);

#endif
