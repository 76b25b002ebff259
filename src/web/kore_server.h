/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server: Kore underneath, web/http.h above. A request is copied on the event loop, handled in a Kore task, and
 * answered on the event loop; only this file's neighbours kore_*.c and main.c know Kore.
 *
 *	main.c		reads the settings, prepares folders, keys and the database, calls cm_server_run()
 *	kore_setup.c	parent: listeners, domains, the routes; Kore's own settings
 *	kore_server.c	worker: request -> task -> reply
 *	kore_stream.c	worker: answers that are produced while they are sent
 *	kore_socket.c	worker: websockets
 *	kore_worker.c	worker: start, the job runner, the orderly end
 *	kore_seccomp.c	worker: the system calls it may make
 */
#ifndef CM_WEB_KORE_SERVER_H
#define CM_WEB_KORE_SERVER_H

#include <kore/kore.h>
#include <kore/http.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "web/kore_user.h"
#include "web/web.h"

/* What the parent hands to its workers; set before they start, never changed after. */
struct cm_server {
	const struct cm_app *app;
	struct cm_web *web;
	struct cm_identity identity;
	char tls_cert[1024]; /* "" without TLS */
	char tls_key[1024];
	const char *conf; /* another kore.conf (-c), or NULL */
};
extern struct cm_server cm_server;

/* Serves until SIGTERM or SIGINT; the exit status of the program. argv is the program's own: Kore writes the titles of
 * its processes there. */
int cm_server_run(char **argv);

/* True from the moment this worker was told to end. Event loop only. */
extern bool cm_server_ending;

/* Puts the reply's status line and headers on the request. Values that would break the header are left out. */
void cm_server_headers(struct http_request *req, const struct cm_reply *rp);
/* A short answer of the server itself, as a page or, below /api/, as JSON. */
void cm_server_refuse(struct http_request *req, int status, const char *word, const char *sentence);

#endif
