/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Expands a gzip stream by anybody (any number of members, any header), comparing the checksum of each member, which
 * libarchive does not. One thread. Blocks in the function that reads.
 */
#ifndef CM_ARCHIVE_GZ_STREAM_H
#define CM_ARCHIVE_GZ_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "archive/sink.h"
#include "core/err.h"

struct cm_gz_stream;

struct cm_gz_stream *cm_gz_stream_new(cm_archive_read_fn read, void *ctx);
void cm_gz_stream_free(struct cm_gz_stream *g);
/* 1 to len bytes; *ret_len 0 at the end. Errors: CM_ECORRUPT (cut off, wrong checksum, rubbish), those of read. */
int cm_gz_stream_read(struct cm_gz_stream *g, void *data, size_t len, size_t *ret_len, struct cm_err *err);
/* Does a stream that begins so look like gzip? */
bool cm_gz_stream_looks(const void *data, size_t len);

#endif
