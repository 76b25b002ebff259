/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parent process is root, the workers are not: what the parent makes in the data folder must belong to them.
 * Blocks.
 */
#ifndef CM_CORE_OWNER_H
#define CM_CORE_OWNER_H

#include "core/err.h"

/* When run as root: gives the open file fd to the owner and group of the folder of path. Otherwise does nothing. */
int cm_owner_adopt(int fd, const char *path, struct cm_err *err);

#endif
