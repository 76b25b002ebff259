/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thing in a tree, with every attribute that a backup keeps: what the walker finds, what a tar header says and
 * what is written to a disk. A plain value that owns nothing: pointers belong to whoever filled it in.
 */
#ifndef CM_ARCHIVE_ENTRY_H
#define CM_ARCHIVE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

struct cm_xattr {
	const char *name; /* "user.x"; ACLs as "system.posix_acl_access" in the kernel's binary form */
	const void *value;
	size_t len;
};

struct cm_entry {
	char type;	  /* 'f' file, 'd' folder, 'l' symbolic link, 'h' hard link, 'p' fifo, 'c' 'b' device */
	const char *path; /* below the part; "." is its root. NUL-terminated */
	size_t path_len;
	const char *link; /* symbolic: as it is; hard: path of the first name. NUL-terminated, or NULL */
	size_t link_len;
	uint32_t mode; /* 07777 */
	uint32_t uid, gid;
	int64_t mtime_s;
	uint32_t mtime_ns;
	uint64_t size;	 /* of a file, holes included */
	uint64_t stored; /* bytes in the tar: size, or of a sparse file its map and data */
	bool sparse;
	uint32_t rdev_major, rdev_minor;
	uint32_t flags; /* FS_…_FL, only those of CM_ENTRY_FLAGS */
	const struct cm_xattr *xattrs;
	size_t xattr_count;
};

/* Immutable, append only, no dump, no atime, synchronous, synchronous folder. */
#define CM_ENTRY_FLAGS (0x10u | 0x20u | 0x40u | 0x80u | 0x08u | 0x10000u)

/* A path below a part: 1 to CM_PATH_MAX bytes, parts of 1 to 255 bytes between single slashes, no "." or ".."
 * among them, no NUL. "." alone (the root) is not one. */
bool cm_entry_path_ok(const char *path, size_t len);

/* "-1.5" for half a second before -1; no fraction when it is 0, else nine digits. */
void cm_entry_time(struct cm_buf *out, int64_t s, uint32_t ns);
bool cm_entry_time_parse(const char *text, size_t len, int64_t *ret_s, uint32_t *ret_ns);

/* Flags as letters of lsattr ("ia"), and back; unknown letters make it false. */
void cm_entry_flags(struct cm_buf *out, uint32_t flags);
bool cm_entry_flags_parse(const char *text, size_t len, uint32_t *ret);

/* Decimal, without printf: headers and lines are made a million times. */
void cm_entry_number(struct cm_buf *out, uint64_t v);

/* A JSON string with its quotes; every byte below 0x20, quotes and backslashes escaped, the rest as it is. */
void cm_json_quote(struct cm_buf *out, const char *s, size_t len);
/* Standard base64 with padding; decode is strict. */
void cm_base64(struct cm_buf *out, const void *data, size_t len);
bool cm_unbase64(struct cm_buf *out, const char *text, size_t len);

#endif
