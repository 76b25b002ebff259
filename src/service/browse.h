/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking into a backup without restoring it: lists a folder, reads one file. Ours through the index (one range
 * read); files of the predecessor by reading from the start. All block; task threads only.
 */
#ifndef CM_SERVICE_BROWSE_H
#define CM_SERVICE_BROWSE_H

#include <json-c/json.h>
#include <stdatomic.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "service/app.h"

/* Entries a listing returns at most; more are counted in "truncated". */
enum { CM_BROWSE_MAX = 5000 };

/* A path of an archive as text: a leading '/', and '%', control characters and bytes that are no UTF-8 as %XX. Every
 * "path" here has this form, and every path given may have it (a '%' that begins no escape stands for itself). */
void cm_browse_path_text(struct cm_buf *out, const char *path, size_t len);

/* Back to bytes, appended, without '/' at both ends. Errors: CM_EINVAL (too long, ".." in it). */
int cm_browse_path_bytes(const char *text, struct cm_buf *out, struct cm_err *err);
/* "directory" for 'd' of an entry's type. */
const char *cm_browse_type(char type);

/* One folder. path "" or "/" is the top; no "..". *ret (caller puts): {"path","entries":[{"name" (U+FFFD for what is no
 * UTF-8),"path","type":"file"|"directory"|"symlink"|"hardlink"|"fifo"|"chardev"|"blockdev","size","mode","uid","gid",
 * "mtime_ms","sha256"|null,"link_target"|null,"has_bytes","changed" (while it was read),"synthetic" (a folder of the
 * archive without attributes of its own)}],"truncated":n}, folders first, by name.
 * Errors: CM_ENOTFOUND, CM_EINVAL, CM_EUNSUPPORTED (no archive), CM_ECORRUPT. */
int cm_browse_list(const struct cm_app *app, const char *filename, const char *path, struct json_object **ret,
		   struct cm_err *err);

struct cm_browse_file;

/* Opens one regular file (a hard link is followed to its bytes). Errors: CM_ENOTFOUND, CM_EUNSUPPORTED (not a regular
 * file), CM_ECORRUPT. */
int cm_browse_open(const struct cm_app *app, const char *filename, const char *path, struct cm_browse_file **ret,
		   struct cm_err *err);
uint64_t cm_browse_size(const struct cm_browse_file *f);
const char *cm_browse_name(const struct cm_browse_file *f);	    /* last part of the path, as stored */
struct json_object *cm_browse_info(const struct cm_browse_file *f); /* as an entry of the listing; borrowed */
/* Writes all its bytes to fd and compares the hash at the end. Ends early with CM_ECANCELLED when *stop is set. */
int cm_browse_send(struct cm_browse_file *f, int fd, const atomic_bool *stop, struct cm_err *err);
/* The first max bytes into out, for viewing. */
int cm_browse_read(struct cm_browse_file *f, size_t max, struct cm_buf *out, struct cm_err *err);
void cm_browse_close(struct cm_browse_file *f);

#endif
