/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Joins what gives bytes by writing (an archive's member) with what takes them by reading (an upload to the engine): a
 * thread writes into a pipe, the caller reads from it.
 */
#ifndef CM_SERVICE_RESTORE_PIPE_H
#define CM_SERVICE_RESTORE_PIPE_H

#include <stddef.h>

#include "archive/sink.h"
#include "core/err.h"

struct cm_restore_pipe;

/* Runs in the thread of its own; gives everything to write and returns what it came to. */
typedef int (*cm_restore_pump_fn)(void *ctx, cm_archive_write_fn write, void *write_ctx, struct cm_err *err);

/* Starts pump; until cm_restore_pipe_end() only that thread may use what ctx points to. Errors: CM_EIO. */
int cm_restore_pipe_begin(cm_restore_pump_fn pump, void *ctx, struct cm_restore_pipe **ret, struct cm_err *err);
/* A cm_docker_source: the next bytes; 0 at the end, once the pump has succeeded. The pump's error is passed through. */
int cm_restore_pipe_read(void *pipe, void *data, size_t cap, size_t *ret_len, struct cm_err *err);
/* Ends the thread (its next write fails) and frees. */
void cm_restore_pipe_end(struct cm_restore_pipe *p);

#endif
