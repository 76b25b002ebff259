/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers that are sent while they are produced: files, downloads, live events. A task of its own writes into a pipe
 * and may block; the event loop reads the pipe and keeps one buffer at a time on its way to the client, so memory stays
 * the same whatever the size and however slow the client. Everything here belongs to the event loop of one worker,
 * but for the producer.
 */
#ifndef CM_WEB_KORE_STREAM_H
#define CM_WEB_KORE_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "web/http.h"

struct http_request;

enum {
	CM_STREAM_MAX = 64,	      /* at once in one worker; more get 503 */
	CM_STREAM_STALL_SECONDS = 300 /* without a byte taken (or produced) the connection ends */
};

/* Begins the answer rp of kind CM_REPLY_FILE or CM_REPLY_STREAM: takes over fd or producer from rp. The headers of rp
 * are sent. Without a place or a pipe: answers 503 and leaves rp as it was. */
void cm_stream_start(struct http_request *req, struct cm_reply *rp);

/* Tells all producers to stop; their clients see a broken download. */
void cm_stream_stop_all(void);
size_t cm_stream_count(void); /* producers and transfers that are not over */

#endif
