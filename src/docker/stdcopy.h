/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Takes the engine's multiplexed output apart: frames of 8 bytes {stream, 0, 0, 0, length BE32} and content, as logs,
 * attach and exec send them for a container without a terminal. Fed piece by piece; keeps no content. Pure, any input
 * is safe. Does not block unless the callback does.
 */
#ifndef CM_DOCKER_STDCOPY_H
#define CM_DOCKER_STDCOPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

enum { CM_STDOUT = 1, CM_STDERR = 2 };

struct cm_stdcopy {
	bool raw; /* a terminal's output: everything is CM_STDOUT */
	uint8_t head[8];
	size_t head_len;
	uint32_t left;	   /* of the current frame */
	char message[200]; /* a frame of type 3 is the engine's own error */
	size_t message_len;
};

/* Gets each piece of content. Non-zero stops and is passed through. */
typedef int (*cm_stdcopy_fn)(void *ctx, int stream, const void *data, size_t len, struct cm_err *err);

void cm_stdcopy_init(struct cm_stdcopy *s, bool raw);
/* Errors: CM_EUPSTREAM (not this format, or an error of the engine in the stream). */
int cm_stdcopy_feed(struct cm_stdcopy *s, const void *data, size_t len, cm_stdcopy_fn fn, void *ctx,
		    struct cm_err *err);
/* The stream has ended. Errors: CM_EUPSTREAM when it ended inside a frame. */
int cm_stdcopy_end(const struct cm_stdcopy *s, struct cm_err *err);

#endif
