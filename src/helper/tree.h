/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Removing trees. Never follows a symbolic link; takes off immutable and append-only flags where it may. Blocks. */
#ifndef CM_HELPER_TREE_H
#define CM_HELPER_TREE_H

#include <stdint.h>

#include "core/err.h"

/* Removes everything inside the folder, not the folder. *ret_files counts (may be NULL). Errors: CM_EIO. */
int cm_tree_empty(int dir_fd, uint64_t *ret_files, struct cm_err *err);
/* Removes name, of any kind, in the folder dir_fd. */
int cm_tree_remove(int dir_fd, const char *name, struct cm_err *err);

#endif
