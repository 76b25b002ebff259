/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Constants of the archive format, and the shape of manifest.json:
 *
 * {"format": "container-monkey", "version": 1, "codec": "gzip"|"zstd", "program": "1.0.0",
 *  "backup": what the caller of cm_archive_writer_finish() gave,
 *  "members": [{"name","size","sha256","offset","data"}],         top-level members, in order; offsets in the tar
 *  "parts": [{"id","kind","prefix","offset","size",               range in the tar
 *	       "block","blocks",                                    range in the table of blocks
 *	       "files","bytes","stored","segments": [first, count], "deleted"?}],
 *  "segments": [{"name","offset","data","size","lines","sha256","heads","first"?}],   offsets from the part's start
 *  "files","bytes","warnings": ["text", …],"warning_count"}
 *
 * manifest/NNNN.jsonl has one line per entry, in the order of the data. Keys in this order, missing where they say
 * nothing: p (path below the part's prefix, "." is its root; p64 when it is not UTF-8), t (type: f d l h p c b), s
 *(size of a file), n (bytes stored, of a sparse file: its map comes first), h (SHA-256 of the bytes stored), o (offset
 *of the header), d (offset of the data), m (mode, octal), u, g (owner), mt (mtime, seconds.nanoseconds), l (target;
 *l64), rd (device, major:minor), f (file flags, letters of lsattr), c (1: changed while it was read). "heads" of a
 *segment is the SHA-256 over all headers (pax records included) of its entries, in order.
 */
#ifndef CM_ARCHIVE_FORMAT_H
#define CM_ARCHIVE_FORMAT_H

enum cm_codec { CM_CODEC_GZIP, CM_CODEC_ZSTD };

enum {
	CM_ARCHIVE_VERSION = 1,
	CM_ARCHIVE_HEAD = 1 << 20, /* a sink can patch within this */
	CM_BLOCK_MAX = 4 << 20,	   /* uncompressed bytes of one block */
	CM_BLOCK_GZIP = 2 << 20,   /* of the blocks a helper writes with gzip: more would only cost memory */
	CM_SEGMENT_MAX = 4 << 20,  /* bytes of one manifest segment; the writer ends them at CM_SEGMENT_GOAL */
	CM_SEGMENT_GOAL = 1 << 20,
	CM_ARCHIVE_MEMBER_MAX = 64 << 20, /* a member written from memory */
	CM_MANIFEST_MAX = 4 << 20,	  /* manifest.json: enough for 20 GB of lines */
	CM_BLOCKS_MAX = 4 << 20,	  /* blocks of one archive: at least 8 TiB of tar */
	CM_PARTS_MAX = 4096,
	CM_SEGMENTS_MAX = 1 << 20,
	CM_PATH_MAX = 65536,	 /* bytes of one path in a part */
	CM_HEADERS_MAX = 2 << 20 /* pax records of one entry */
};

/* "gzip", "zstd". */
const char *cm_codec_name(enum cm_codec codec);
/* Returns 0 or CM_EINVAL; NULL is gzip. */
int cm_codec_parse(const char *name, enum cm_codec *ret);

#endif
