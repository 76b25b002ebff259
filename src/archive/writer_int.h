/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of cm_archive_writer, shared by writer*.c only. */
#ifndef CM_ARCHIVE_WRITER_INT_H
#define CM_ARCHIVE_WRITER_INT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "archive/block_tail.h"
#include "archive/deflate_ring.h"
#include "archive/packer.h"
#include "archive/sha.h"
#include "archive/writer.h"

struct cm_archive_writer {
	struct cm_archive_options o; /* level is resolved */
	struct cm_sink sink;
	uint64_t at;  /* bytes in the sink */
	uint64_t tar; /* bytes of the tar so far, those still in the ring included */
	struct cm_block_table table;
	struct cm_deflate_ring *ring; /* NULL when nothing is being compressed here */
	bool ring_threads;
	bool done; /* finished or failed: nothing more may be written */

	struct json_object *members, *parts, *segments, *warnings;
	unsigned warning_count, next_segment;
	uint64_t files, content;

	/* The member of unknown length. */
	bool streaming;
	char *stream_name;
	int64_t stream_mtime;
	uint64_t stream_head_at, stream_head_tar, stream_size;
	size_t stream_block;
	struct cm_sha *stream_sha;

	/* The part that is being packed from tar streams. */
	struct cm_packer *packer;
	struct json_object *part;
	uint64_t part_at;
	size_t part_block, part_segment;

	/* The index is in no table, but hashed. */
	bool in_index;
	struct cm_sha *index_sha;
};

/* Marks the writer as unusable when rc is an error; returns rc. */
int cm_writer_result(struct cm_archive_writer *w, int rc);
/* CM_EINTERNAL when the writer is done or in the middle of something else. */
int cm_writer_ready(struct cm_archive_writer *w, struct cm_err *err);
/* A ring for what the program compresses itself; threads or none. Replaces one of the other sort. */
int cm_writer_ring(struct cm_archive_writer *w, bool threads, struct cm_err *err);
/* Everything is in the sink and the ring's memory is given back. */
int cm_writer_ring_end(struct cm_archive_writer *w, struct cm_err *err);
int cm_writer_put(struct cm_archive_writer *w, const void *data, size_t len, struct cm_err *err);
int cm_writer_pad(struct cm_archive_writer *w, uint64_t len, struct cm_err *err);
/* A member's record for the manifest. */
struct json_object *cm_writer_record(const char *name, uint64_t offset, uint64_t data, uint64_t size,
				     const uint8_t *sha);
/* Takes o. part_at and part_block are where the part began. */
void cm_writer_part_add(struct cm_archive_writer *w, struct json_object *o, uint64_t part_at, size_t part_block,
			size_t segment_first);

#endif
