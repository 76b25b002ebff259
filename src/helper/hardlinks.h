/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Remembers where the first name of each file with several names is, so that the others become hard links. Compact:
 * about 40 bytes and the name for each such file, at most CM_HARDLINKS_MEMORY in all; what does not fit any more is
 * reported as unknown and becomes a file of its own. One thread.
 */
#ifndef CM_HELPER_HARDLINKS_H
#define CM_HELPER_HARDLINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"

enum { CM_HARDLINKS_MEMORY = 64 << 20 };

struct cm_hardlinks;

struct cm_hardlinks *cm_hardlinks_new(void);
void cm_hardlinks_free(struct cm_hardlinks *h);

enum cm_hardlink { CM_HARDLINK_FIRST, CM_HARDLINK_AGAIN, CM_HARDLINK_FULL };

/* The file ino has the name path[0 … dir_len] "/" path[dir_len + 1 …] (dir_len 0: no folder). AGAIN: *ret (reset
 * first) is the path of its first name. FULL: there is no room to remember it. */
enum cm_hardlink cm_hardlinks_seen(struct cm_hardlinks *h, uint64_t ino, const char *path, size_t dir_len,
				   struct cm_buf *ret);

#endif
