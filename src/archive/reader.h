/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads backup archives: ours through the index at their end, files of the predecessor and other tars from the start
 * with libarchive. Nothing of what is read is trusted: every length has a limit, every offset is checked.
 * A handle is for one thread at a time; open another one for another thread. All block: task threads only.
 *
 * Paths are those of the tar without a leading "./" or "/": "volumes/data/etc/passwd". They may hold any byte but 0.
 */
#ifndef CM_ARCHIVE_READER_H
#define CM_ARCHIVE_READER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/format.h"
#include "archive/peer.h"
#include "archive/sink.h"
#include "core/buf.h"
#include "core/err.h"

struct cm_archive;

enum cm_archive_kind {
	CM_ARCHIVE_OURS,
	CM_ARCHIVE_FOREIGN /* see legacy.h */
};

/* Reads the tail, the table and manifest.json. source is copied. Errors: CM_ECORRUPT (names what is wrong; also one of
 * ours that was cut off), CM_EUNSUPPORTED (no archive at all, or of a newer format), those of the source. */
int cm_archive_open(const struct cm_source *source, struct cm_archive **ret, struct cm_err *err);
void cm_archive_free(struct cm_archive *a);

enum cm_archive_kind cm_archive_kind(const struct cm_archive *a);
enum cm_codec cm_archive_codec(const struct cm_archive *a);
/* manifest.json, borrowed; NULL for a foreign one. Its shape is in format.h. */
struct json_object *cm_archive_manifest(const struct cm_archive *a);

/* A top-level member's bytes (backup.json, image.json, …; "rootfs_deleted.json" too), appended to out, whose ceiling is
 * the limit. Ours are compared with their hash. Errors: CM_ENOTFOUND, CM_ETOOBIG, CM_ECORRUPT. */
int cm_archive_member(struct cm_archive *a, const char *name, struct cm_buf *out, struct cm_err *err);
/* The same, parsed; at most CM_MANIFEST_MAX bytes. Caller puts *ret. */
int cm_archive_member_json(struct cm_archive *a, const char *name, struct json_object **ret, struct cm_err *err);
/* The same in pieces, for image.tar. CM_ECORRUPT may come after the last piece. */
int cm_archive_member_stream(struct cm_archive *a, const char *name, cm_archive_write_fn write, void *ctx,
			     struct cm_err *err);
/* Length of a top-level member. Errors: CM_ENOTFOUND. */
int cm_archive_member_size(struct cm_archive *a, const char *name, uint64_t *ret, struct cm_err *err);

struct cm_archive_item {
	char *path; /* whole path; path_len counts, it may hold any byte but 0 */
	size_t path_len;
	char type;     /* 'f' file, 'd' folder, 'l' symbolic link, 'h' hard link, 'p' fifo, 'c' 'b' device */
	uint64_t size; /* bytes of a file as a reader sees it (holes included) */
	uint32_t mode; /* 07777 */
	uint32_t uid, gid;
	int64_t mtime_s;
	uint32_t mtime_ns;
	char *link; /* target of a symbolic link; whole path of the first name for a hard link; else NULL */
	size_t link_len;
	char sha256[65]; /* of what is stored; "" when unknown (no file, or a foreign archive) */
	bool sparse;	 /* sha256 then covers the map of holes too */
	bool changed;	 /* it changed while it was read */
	bool synthetic;	 /* a folder without an entry of its own (volumes, binds) */
	uint64_t part;	 /* internal: where it is; see cm_archive_extract() */
	uint64_t data;
	uint64_t stored;
};

/* Only for the time of the call. Return non-zero to stop the listing; a negative one is passed on. */
typedef int (*cm_archive_item_fn)(void *ctx, const struct cm_archive_item *item);

/* One folder level, in the archive's order; "" is the top. Errors: CM_ENOTFOUND (no such folder), CM_ECORRUPT. */
int cm_archive_list(struct cm_archive *a, const char *path, size_t path_len, cm_archive_item_fn fn, void *ctx,
		    struct cm_err *err);
/* One entry. Caller frees *ret with cm_archive_item_free(). Errors: CM_ENOTFOUND, CM_ECORRUPT. */
int cm_archive_stat(struct cm_archive *a, const char *path, size_t path_len, struct cm_archive_item **ret,
		    struct cm_err *err);
void cm_archive_item_free(struct cm_archive_item *item);

/* The bytes of a file that cm_archive_stat() found: reads only the blocks it lies in. A hard link gives the bytes of
 * its first name. The hash is compared: CM_ECORRUPT may come after the last piece. Errors: CM_EUNSUPPORTED (no file),
 * what write returns. */
int cm_archive_extract(struct cm_archive *a, const struct cm_archive_item *item, cm_archive_write_fn write, void *ctx,
		       struct cm_err *err);

/* A whole part as an uncompressed plain tar, its prefix taken off (for the engine's PUT archive, or to download).
 * Errors: CM_ENOTFOUND, CM_ECORRUPT, what write returns. Ours only. */
int cm_archive_part_tar(struct cm_archive *a, const char *prefix, cm_archive_write_fn write, void *ctx,
			struct cm_err *err);

#endif
