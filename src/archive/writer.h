/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes one backup archive into a sink, in one pass and constant memory. Order of calls: members, at most one stream
 * of unknown length, frames of a helper (or tar streams), finish. After an error only cm_archive_writer_free() may
 * follow. One thread. All but new and free block: task threads only.
 *
 * The archive is ONE pax tar, compressed in blocks (gzip members, or zstd frames) of at most 4 MiB each, all
 * concatenated, so that plain tar opens it and any file in it can be reached with one range read:
 *	members the program writes (backup.json, container_config.json, …, image.tar)
 *	parts the helper packs: <prefix>/…, each beginning a block of its own, with manifest/NNNN.jsonl in between
 *	manifest/members: the table of blocks; manifest.json; two zero blocks
 *	an empty gzip member (a skippable zstd frame) that says where those two are
 */
#ifndef CM_ARCHIVE_WRITER_H
#define CM_ARCHIVE_WRITER_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/follow.h"
#include "archive/format.h"
#include "archive/peer.h"
#include "archive/sink.h"
#include "core/err.h"

struct cm_archive_writer;

struct cm_archive_options {
	enum cm_codec codec;
	int level;		  /* 0: the codec's default (gzip 1 of 1 … 3, zstd 3 of 1 … 12) */
	unsigned threads;	  /* for what the program itself compresses; 0: 1 */
	struct cm_follow *follow; /* hears what is in the sink; borrowed, NULL: nobody */
};

struct cm_archive_totals {
	uint64_t bytes;		      /* length of the uncompressed tar */
	uint64_t compressed;	      /* length of the archive file */
	uint64_t files;		      /* entries of all parts */
	uint64_t content;	      /* bytes of file content in all parts */
	uint64_t stream;	      /* length of the streamed member (image.tar), 0 without */
	unsigned warnings;	      /* all of them, also those over the limit */
	struct json_object *manifest; /* what became manifest.json; cm_archive_totals_release() puts it */
};

int cm_archive_writer_new(const struct cm_archive_options *options, const struct cm_sink *sink,
			  struct cm_archive_writer **ret, struct cm_err *err);
void cm_archive_writer_free(struct cm_archive_writer *w);

/* A whole member from memory, at most CM_ARCHIVE_MEMBER_MAX bytes. Errors: CM_EINVAL (a name that is used already or
 * belongs to the format), CM_ETOOBIG, those of the sink. */
int cm_archive_writer_member(struct cm_archive_writer *w, const char *name, const void *data, size_t len,
			     int64_t mtime_ms, struct cm_err *err);

/* A member whose length is not known in advance; its header is patched at the end. */
int cm_archive_writer_stream_begin(struct cm_archive_writer *w, const char *name, int64_t mtime_ms, struct cm_err *err);
int cm_archive_writer_stream_data(struct cm_archive_writer *w, const void *data, size_t len, struct cm_err *err);
int cm_archive_writer_stream_end(struct cm_archive_writer *w, uint64_t *ret_size, struct cm_err *err);

/* Sends plan (op "pack"; "v", "codec", "level", "segment", "mtime" are filled in) and takes over everything the helper
 * packs until its END. Errors: what the helper reports, with the part named; CM_EUPSTREAM when it breaks the protocol;
 * CM_EUNREACHABLE when it goes away; CM_ETIMEDOUT when it is silent for a minute; CM_ECANCELLED; those of the sink. */
int cm_archive_writer_pack(struct cm_archive_writer *w, struct json_object *plan, struct cm_peer *peer,
			   const struct cm_archive_watch *watch, struct cm_err *err);

/* Packs a part from tar streams by others (the engine's archive of single paths) where no helper can read it:
 * begin, any number of tars (every entry's name is put below dir, "" for the part's root), end. */
int cm_archive_writer_part_begin(struct cm_archive_writer *w, const char *id, const char *kind, const char *prefix,
				 struct cm_err *err);
int cm_archive_writer_part_tar(struct cm_archive_writer *w, const char *dir, cm_archive_read_fn read, void *ctx,
			       const struct cm_archive_watch *watch, struct cm_err *err);
/* For a part of kind "rootfs", after its last tar: rootfs_deleted.json ({"deleted": [path…], "opaque": []}). */
int cm_archive_writer_part_deleted(struct cm_archive_writer *w, const char *text, size_t len, struct cm_err *err);
int cm_archive_writer_part_end(struct cm_archive_writer *w, struct cm_err *err);

/* A warning of the caller's own, into the manifest. */
void cm_archive_writer_warn(struct cm_archive_writer *w, const char *text);

/* Writes table, manifest.json and tail. extra (borrowed, may be NULL) becomes the manifest's "backup". The archive is
 * complete but not yet verified: see verify.h, which also gives its SHA-256. */
int cm_archive_writer_finish(struct cm_archive_writer *w, struct json_object *extra, struct cm_archive_totals *ret,
			     struct cm_err *err);
void cm_archive_totals_release(struct cm_archive_totals *t);

#endif
