/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A terminal in a running container, over a socket that keeps messages apart (SOCK_SEQPACKET). The first byte of a
 * packet is its kind, enum cm_console_kind; the rest is at most CM_CONSOLE_MESSAGE bytes.
 *
 *	to us		BINARY	what is typed
 *			TEXT	{"rows","cols"}: the window's size; {"shown":n}: so many bytes of output are on the
 *screen from us		BINARY	what the command writes TEXT	{"ready":true,"shell"}; {"took":n}: so many
 *typed bytes were taken; {"end":sentence, "exit_code"?}: the last one PING	that the connection lives
 *
 * Nobody is ahead by more than a window: output stops until "shown" follows, so a flood fills nobody's memory.
 */
#ifndef CM_SERVICE_CONSOLE_H
#define CM_SERVICE_CONSOLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "service/app.h"

enum cm_console_kind { CM_CONSOLE_TEXT = 1, CM_CONSOLE_BINARY = 2, CM_CONSOLE_PING = 9 };
enum {
	CM_CONSOLES = 50, /* at a time, of all processes that share the data folder */
	CM_CONSOLE_MESSAGE = 16 * 1024,
	CM_CONSOLE_WINDOW = 256 * 1024, /* bytes of output that may be on their way to the screen */
	CM_CONSOLE_SIZE_MAX = 1000	/* rows or columns */
};

struct cm_console {
	const struct cm_app *app;
	char *container;
	char *shell; /* a command line, see service/words.h; "": bash where there is one, else sh */
	char *user;  /* "": the container's */
	char *workdir;
	int rows, cols;
	char *by, *address; /* who, for the audit */
	/* Asked every few seconds: false ends it, and why (128 bytes) says so to the person. */
	bool (*allowed)(void *ctx, char *why);
	void *ctx;
};

/* Runs it to its end: the command ends, the other end of fd is closed, *stop is set, nothing is typed for too long,
 * or it is not allowed any more. Says why by an "end" message. The command is ended too. Blocks for as long as that
 * takes; task threads only. */
void cm_console_run(const struct cm_console *c, int fd, const atomic_bool *stop);

#endif
