/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every attribute of one file, as a cm_entry. One object serves any number of files, one after the other. One thread.
 * Blocks as the file system does.
 */
#ifndef CM_HELPER_INODE_H
#define CM_HELPER_INODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "archive/entry.h"
#include "core/err.h"

struct cm_inode;

struct cm_inode *cm_inode_new(void);
void cm_inode_free(struct cm_inode *i);

struct cm_inode_notes {
	bool attributes_unreadable; /* some extended attribute or flag could not be read */
	bool opaque;		    /* overlay: hides what is below */
	bool elsewhere;		    /* overlay: its content or its place is in a lower layer */
};

/* The kind of a file as a letter of cm_entry; 's' for a socket. */
char cm_inode_type(uint16_t mode);

/* Fills ret from st, and reads flags and extended attributes: from fd, or, when fd is -1, of name in the folder dir_fd.
 * overlay: attributes that belong to the overlay file system are noted, not kept. ret->path and ret->link are left
 * alone; its xattrs live until the next call. Errors: CM_ETOOBIG (more attributes than the format holds). */
int cm_inode_read(struct cm_inode *i, int fd, int dir_fd, const char *name, const struct statx *st, bool overlay,
		  struct cm_entry *ret, struct cm_inode_notes *notes, struct cm_err *err);

#endif
