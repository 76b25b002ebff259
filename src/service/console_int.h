/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the console share: console.c begins and ends it, console_pump.c moves its bytes. */
#ifndef CM_SERVICE_CONSOLE_INT_H
#define CM_SERVICE_CONSOLE_INT_H

#include "docker/docker.h"
#include "service/console.h"

struct cm_console_end {
	bool closed;	/* the command closed its terminal */
	char text[256]; /* for the person; "": nobody is there any more */
};

/* Moves bytes until the end. */
void cm_console_pump(const struct cm_console *c, struct cm_docker *d, const char *exec_id, struct cm_docker_conn *conn,
		     int fd, const atomic_bool *stop, struct cm_console_end *end);
/* A message of kind TEXT, waiting a moment when there is no room. */
void cm_console_say(int fd, struct json_object *o);

#endif
