/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/str.h"

enum { FAULT_NAME_MAX = 64 };

static pthread_once_t fault_once = PTHREAD_ONCE_INIT;
static char fault_name[FAULT_NAME_MAX];
static atomic_long fault_left;
static bool fault_waits;

/* The environment is read once: what is set later has no effect, so nothing at run time can arm a point. */
static void fault_arm(void)
{
	const char *wish = getenv("CM_FAULT");
	char *colon;
	uint64_t times = 1;
	size_t len;

	if (wish == NULL || !cm_str_copy(fault_name, sizeof(fault_name), wish)) {
		fault_name[0] = '\0';
		return;
	}
	len = strlen(fault_name);
	fault_waits = len > 0 && fault_name[len - 1] == '!';
	if (fault_waits)
		fault_name[len - 1] = '\0';
	colon = strchr(fault_name, ':');
	if (colon != NULL) {
		*colon = '\0';
		if (!cm_str_u64(colon + 1, 1, 1000000, &times))
			times = 1;
	}
	atomic_store(&fault_left, (long)times);
}

static void wait_for_the_end(const char *name)
{
	static const struct timespec day = { .tv_sec = 86400 };
	char line[FAULT_NAME_MAX + 32];
	int n = snprintf(line, sizeof(line), "fault point %s\n", name);

	n = (int)write(STDERR_FILENO, line, (size_t)n);
	(void)n;
	for (;;)
		nanosleep(&day, NULL);
}

void cm_fault_point(const char *name)
{
	pthread_once(&fault_once, fault_arm);
	if (fault_name[0] == '\0' || strcmp(fault_name, name) != 0)
		return;
	if (atomic_fetch_sub(&fault_left, 1) != 1)
		return;
	if (fault_waits)
		wait_for_the_end(name);
	kill(getpid(), SIGKILL);
}
