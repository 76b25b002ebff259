/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Do we run in a container of this engine ourselves, and in which one? Lists mark it, and nothing stops, backs up or
 * removes it.
 */
#ifndef CM_DOCKER_SELF_H
#define CM_DOCKER_SELF_H

#include "docker/docker.h"

/* The full id (64 hex digits) of our own container, or "" when we are in none that this engine knows. The answer is
 * remembered in the handle. Blocks: task threads only. */
int cm_self_id(struct cm_docker *d, char ret_id[65], struct cm_err *err);

/* Full id, 12 digits or more of it: the same container? False when self is "". Does not block. */
bool cm_self_is(const char *self, const char *id);

/* Finds ids of containers in the text of /proc/self/mountinfo: a 64-digit part of the root of the mounts at
 * /etc/hostname, /etc/hosts and /etc/resolv.conf. False when there is none. Pure. */
bool cm_self_from_mountinfo(const char *text, char ret_id[65]);
/* The same in the text of /proc/self/cgroup. Pure. */
bool cm_self_from_cgroup(const char *text, char ret_id[65]);

#endif
