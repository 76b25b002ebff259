/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small whole files, done safely. All block: task threads only.
 */
#ifndef CM_CORE_FILE_H
#define CM_CORE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/err.h"

/* Appends the file to out (its ceiling is the limit). Errors: CM_ENOTFOUND, CM_ETOOBIG, CM_EIO. */
int cm_file_read(const char *path, struct cm_buf *out, struct cm_err *err);
/* Writes path.partial, fsync, rename, fsync of the folder: after a crash there is the old or the new file, whole. */
int cm_file_write(const char *path, const void *data, size_t len, mode_t mode, struct cm_err *err);
/* All of data to fd, through EINTR and short writes. 0 or -1 with errno. */
int cm_fd_write_all(int fd, const void *data, size_t len);
/* Exactly len bytes; 1 when read, 0 at end of file before the first byte, -1 with errno (EPIPE: ended in between). */
int cm_fd_read_all(int fd, void *data, size_t len);
/* mkdir -p. */
int cm_dir_make(const char *path, mode_t mode, struct cm_err *err);
int cm_dir_fsync(const char *path, struct cm_err *err);

#endif
