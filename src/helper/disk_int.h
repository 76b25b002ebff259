/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of cm_disk, shared by disk*.c only. */
#ifndef CM_HELPER_DISK_INT_H
#define CM_HELPER_DISK_INT_H

#include <sys/stat.h>
#include <sys/types.h>

#include "helper/disk.h"

/* An open folder on the way to where entries are being made. */
struct cm_level {
	int fd;
	size_t path_len;       /* of cm_disk.path up to this folder */
	struct timespec mtime; /* to be set when its content is complete */
	void *default_acl;     /* likewise; it must not reach the content */
	size_t default_acl_len;
	bool inherits; /* it has a default ACL already, which new entries get and must lose */
};

struct cm_disk {
	struct cm_disk_options o;
	struct cm_level *levels; /* levels[0] is the target */
	size_t depth, level_cap;
	struct cm_buf path; /* of the deepest open folder, "" for the target */

	/* The entry between cm_disk_entry() and cm_disk_end(). */
	bool open;
	struct cm_entry entry;
	int fd; /* of a file */
	char name[256];

	uint64_t unchecked; /* bytes written since the disk's free space was looked at */

	/* Flags for the end: flags as eight hex digits, path, NUL. */
	struct cm_buf flags;
	bool file_done;
};

struct cm_level *cm_disk_top(struct cm_disk *d);
void cm_disk_warn(struct cm_disk *d, const char *path, const char *text);
/* An error that names the entry. */
int cm_disk_fail(int code, const char *path, const char *why, struct cm_err *err);
int cm_disk_errno(int errnum, const char *path, const char *doing, struct cm_err *err);

/* Owner, mode and extended attributes of an open file or folder. A default ACL is only set when with_default. exact:
 * what is there and not in the entry is removed. */
int cm_disk_attributes_fd(struct cm_disk *d, int fd, const struct cm_entry *e, bool with_default, bool exact,
			  struct cm_err *err);
/* The same of a link, fifo or device: name in the folder dir_fd. */
int cm_disk_attributes_at(struct cm_disk *d, int dir_fd, const char *name, const struct cm_entry *e,
			  struct cm_err *err);
int cm_disk_mtime(int fd, const char *name, int64_t s, uint32_t ns);
/* Remembers flags for the end; and sets them. */
void cm_disk_flags_later(struct cm_disk *d, const struct cm_entry *e);
void cm_disk_flags_now(struct cm_disk *d);

#endif
