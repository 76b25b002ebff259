/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ends a command that was begun in a container. The engine has no call for that: the command gets a mark in its
 * environment, and another command finds it by the mark and signals it. Needs sh and cat in the container; without them
 * the command goes on. Blocks; task threads only.
 */
#ifndef CM_SERVICE_EXEC_END_H
#define CM_SERVICE_EXEC_END_H

#include "docker/docker.h"

enum { CM_EXEC_MARK_LEN = 40 };

/* "CM_EXEC=…", for the environment of the command. Does not block. */
void cm_exec_mark(char ret[CM_EXEC_MARK_LEN]);

enum cm_exec_signal {
	CM_EXEC_HANGUP, /* what a terminal does that is closed: to its first process, whose death the kernel passes on
			 */
	CM_EXEC_KILL	/* to the command and what it started */
};
/* As the user that the command runs as (NULL: the container's). Errors: those of the engine. */
int cm_exec_end(struct cm_docker *d, const char *container, const char *user, const char *mark,
		enum cm_exec_signal signal, struct cm_err *err);

#endif
