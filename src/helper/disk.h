/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes entries into a folder, with every attribute, and never outside of it: each name is made inside a folder that
 * is held open, one part of a path at a time, and no symbolic link is ever followed. Times of folders are set when
 * their content is complete, file flags at the very end. One thread. Blocks.
 *
 *	open; { entry; { write }; end }; { deleted }; close
 */
#ifndef CM_HELPER_DISK_H
#define CM_HELPER_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/entry.h"
#include "core/err.h"

struct cm_disk;

struct cm_disk_options {
	const char *target; /* a folder; with file, a regular file that is overwritten in place */
	bool file;
	bool ordered; /* our own archives: a folder comes before its content, and its content at once after it */
	bool merge;   /* the target may hold something: folders stay, other things are replaced */
	bool overlay; /* the target is the upper folder of an overlay: its attributes are not taken from entries */
	void *ctx;
	void (*warn)(void *ctx, const char *path, size_t len, const char *text);
};

/* Errors: CM_ENOTFOUND (no such folder), CM_EEXIST (it is not empty). The strings of o must live as long. */
int cm_disk_open(const struct cm_disk_options *o, struct cm_disk **ret, struct cm_err *err);
void cm_disk_free(struct cm_disk *d);

/* Makes the entry; "." is the target itself. Errors: CM_ECORRUPT (a name that is not allowed, out of order, twice, a
 * hard link to nothing), CM_ENOSPACE, CM_EIO. */
int cm_disk_entry(struct cm_disk *d, const struct cm_entry *e, struct cm_err *err);
/* Content of the file that entry made; pieces ascend. Errors: CM_ENOSPACE also before a large disk is quite full. */
int cm_disk_write(struct cm_disk *d, uint64_t at, const void *data, size_t len, struct cm_err *err);
/* The entry is complete: its length and attributes are set. */
int cm_disk_end(struct cm_disk *d, struct cm_err *err);
/* Overlay: path does not exist (a whiteout), or hides what the image has in it (opaque). */
int cm_disk_deleted(struct cm_disk *d, const char *path, size_t len, bool opaque, struct cm_err *err);
/* Sets what had to wait, and with sync waits until all is on the disk. */
int cm_disk_close(struct cm_disk *d, bool sync, struct cm_err *err);

#endif
