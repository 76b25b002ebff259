/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files in a volume, whether a container uses it or not: a helper container looks into it, and changes what is
 * asked for. No symbolic link in it is ever followed, so nothing leads out of it. Paths are texts as in
 * service/browse.h, so that every name can be given.
 *
 * One thread at a time, which may change between calls. All block: task threads only. Errors, besides those of a
 * helper's start: CM_ENOTFOUND, CM_EINVAL (a path that cannot be one).
 */
#ifndef CM_SERVICE_VOLUME_FILES_H
#define CM_SERVICE_VOLUME_FILES_H

#include <json-c/json.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/err.h"
#include "service/app.h"

enum { CM_VOLUME_FILES_PAGE = 5000 }; /* entries of a listing at most */

struct cm_volume_files;

/* Starts the helper; write: it may change something. Errors: CM_ENOTFOUND (no such volume; none is made),
 * CM_EUNSUPPORTED (ours). */
int cm_volume_files_open(const struct cm_app *app, const char *volume, bool write, struct cm_volume_files **ret,
			 struct cm_err *err);
/* Ends it without waiting for it. NULL is fine. Does not block. */
void cm_volume_files_close(struct cm_volume_files *f);

struct cm_volume_query {
	const char *q;	  /* part of the name, any case; "" for all */
	const char *sort; /* "name", "size", "time" */
	bool descending;
	int64_t offset, limit; /* limit at most CM_VOLUME_FILES_PAGE */
};
/* One folder, "" or "/" is the top. *ret (caller puts): {"path","entries":[as cm_browse_list() has them],"total" (that
 * match),"folders" (among them),"more" (there is more than was counted)}. */
int cm_volume_files_list(struct cm_volume_files *f, const char *path, const struct cm_volume_query *q,
			 struct json_object **ret, struct cm_err *err);
/* One entry of any kind, as in the listing; the top is a folder named like the volume. Caller puts *ret. */
int cm_volume_files_stat(struct cm_volume_files *f, const char *path, struct json_object **ret, struct cm_err *err);
/* The first max bytes of a regular file. Errors: CM_EUNSUPPORTED (it is none). */
int cm_volume_files_read(struct cm_volume_files *f, const char *path, size_t max, struct cm_buf *out,
			 struct cm_err *err);
/* All its bytes to fd, at most size (0: all). CM_ECANCELLED when *stop is set or nobody reads any more. */
int cm_volume_files_send(struct cm_volume_files *f, const char *path, int64_t size, int fd, const atomic_bool *stop,
			 struct cm_err *err);
/* A folder as tar.gz; its entries are below name. */
int cm_volume_files_send_folder(struct cm_volume_files *f, const char *path, const char *name, int fd,
				const atomic_bool *stop, struct cm_err *err);

/* Changes; for one that was opened to write. Errors: CM_EEXIST (something is there), CM_ENOSPACE. */
int cm_volume_files_mkdir(struct cm_volume_files *f, const char *path, struct cm_err *err);
int cm_volume_files_rename(struct cm_volume_files *f, const char *path, const char *to, struct cm_err *err);
/* A folder with all that is in it. */
int cm_volume_files_remove(struct cm_volume_files *f, const char *path, struct cm_err *err);
/* len bytes of fd, from off on. What was there before stays until all is written. */
int cm_volume_files_put(struct cm_volume_files *f, const char *path, bool replace, int fd, off_t off, int64_t len,
			struct cm_err *err);

#endif
