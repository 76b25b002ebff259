/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Walks a tree depth first, a folder before what is in it, and reports every entry with all its attributes. Never
 * follows a symbolic link, never leaves the tree's mount. What cannot be read is an error; what is skipped or vanished
 * is a warning. One thread. Memory: one open folder per level, and hardlinks.h.
 */
#ifndef CM_HELPER_WALK_H
#define CM_HELPER_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "archive/entry.h"
#include "core/err.h"

/* A negative result ends the walk and is passed on. */
struct cm_walk_events {
	void *ctx;
	/* fd is open for reading for files and folders, else -1; do not close it. st is what the entry was made of. */
	int (*entry)(void *ctx, const struct cm_entry *e, int fd, const struct statx *st, struct cm_err *err);
	/* Overlay only: path was deleted (a whiteout), or hides what is below it (opaque). May be NULL. */
	int (*deleted)(void *ctx, const char *path, size_t len, bool opaque, struct cm_err *err);
	/* path is below the tree, "." the tree itself. */
	void (*warn)(void *ctx, const char *path, size_t len, const char *text);
};

struct cm_walk_options {
	bool overlay;		    /* the tree is the upper folder of an overlay */
	const char *const *exclude; /* paths below the tree that are left out; of a folder, what is in it */
	size_t exclude_count;
	bool links_apart; /* every name is reported as a file of its own: no hard links */
};

/* The folder at path and all in it. Errors: CM_ENOTFOUND (no such folder), CM_EIO (names the file that cannot be read),
 * CM_EUNSUPPORTED (an overlay whose content is in lower layers), what the events return. */
int cm_walk(const char *path, const struct cm_walk_options *o, const struct cm_walk_events *events, struct cm_err *err);
/* One file of any kind, reported under the given name. */
int cm_walk_file(const char *path, const char *name, const struct cm_walk_events *events, struct cm_err *err);

/* Opens path below the folder root (relative, no "..", "" or "." is root itself) without following any symbolic link.
 * Returns the descriptor or a negative code: CM_ENOTFOUND, CM_EINVAL. flags as for open(2). */
int cm_open_below(const char *root, const char *path, int flags, struct cm_err *err);

#endif
