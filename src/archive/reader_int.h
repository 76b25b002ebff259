/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of cm_archive, shared by reader*.c and unpack.c only. */
#ifndef CM_ARCHIVE_READER_INT_H
#define CM_ARCHIVE_READER_INT_H

#include <json-c/json.h>
#include <stdint.h>

#include "archive/block.h"
#include "archive/block_tail.h"
#include "archive/manifest_model.h"
#include "archive/reader.h"
#include "core/json.h"

struct cm_archive {
	struct cm_source source;
	enum cm_archive_kind kind;
	enum cm_codec codec;
	struct cm_tail tail;
	uint64_t tail_at;
	struct cm_block_table table;
	uint64_t *file_at;	    /* per block: where it begins in the file; one more for the end */
	uint64_t *tar_at;	    /* the same in the tar */
	struct cm_json_budget json; /* of all that is parsed out of it */
	struct json_object *manifest;
	struct cm_manifest model;
	struct cm_inflater *inflater;
	uint8_t *in, *out;   /* one block, mapped on first use */
	uint64_t in_out;     /* block that out holds, UINT64_MAX for none */
	struct cm_buf index; /* the uncompressed index, only while it is being read */
};

/* Looks at the end of a file. Errors: CM_ENOTFOUND (not one of ours), CM_ECORRUPT, CM_EUNSUPPORTED. */
int cm_reader_tail(const struct cm_source *s, enum cm_codec *ret_codec, struct cm_tail *ret, uint64_t *ret_at,
		   struct cm_err *err);
/* Opens one of ours whose tail is known, keeping the uncompressed index in a->index when keep_index. */
int cm_reader_open_ours(const struct cm_source *s, enum cm_codec codec, const struct cm_tail *t, uint64_t tail_at,
			bool keep_index, struct cm_archive **ret, struct cm_err *err);
/* Gives len bytes of the tar from at on to write, in pieces of at most one block. Errors: CM_ECORRUPT, what write
 * returns. */
int cm_reader_range(struct cm_archive *a, uint64_t at, uint64_t len, cm_archive_write_fn write, void *ctx,
		    struct cm_err *err);
/* The block that holds this place of the tar, which must be before the index. */
uint64_t cm_reader_block_of(const struct cm_archive *a, uint64_t tar_at);
/* The text of a segment, hash compared, into out (reset first). */
int cm_reader_segment(struct cm_archive *a, const struct cm_part *part, const struct cm_segment *s, struct cm_buf *out,
		      struct cm_err *err);

/* What lies at this place of the tar, for people: a member, or "<prefix>/<path>" of a file as far as the manifest can
 * still be read. Appended to out. */
void cm_reader_name_at(struct cm_archive *a, uint64_t tar_at, struct cm_buf *out);

/* Hashes what follows the blocks: the index and the tail. They were proved when they were opened; here they only count
 * for the whole file's hash. */
int cm_verify_hash_rest(const struct cm_archive *a, struct cm_sha *whole, struct cm_err *err);

#endif
