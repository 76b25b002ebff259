/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Websockets. A task of its own talks through a socket pair and may block; the event loop moves messages between the
 * pair and the client: one at a time on its way out, and a bounded queue on its way in. Everything here belongs to the
 * event loop of one worker, but for the talk.
 */
#ifndef CM_WEB_KORE_SOCKET_H
#define CM_WEB_KORE_SOCKET_H

#include <stddef.h>

#include "web/http.h"

struct http_request;

enum {
	CM_SOCKET_MAX = 64,	       /* at once in one worker; more get 503 */
	CM_SOCKET_MESSAGE = 16 * 1024, /* Kore's websocket_maxframe */
	CM_SOCKET_QUEUE = 256 * 1024   /* bytes from a client that the talk has not taken; more ends it */
};

/* Answers the handshake and begins the talk of rp, of kind CM_REPLY_SOCKET, which is taken over. A request that is no
 * handshake, or one too many, is refused, and rp left as it was. */
void cm_socket_start(struct http_request *req, struct cm_reply *rp);

/* Tells all talks to come to an end. */
void cm_socket_stop_all(void);
size_t cm_socket_count(void); /* that are not over */

#endif
