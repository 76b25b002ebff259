/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes the tar of parts out of entries and their content: headers, data, padding, hashes, and the segments of the
 * manifest as they fill up. The bytes go into a deflate ring. One thread. Blocks while the ring is full.
 *
 *	part_begin; { entry; { data | zero | space + grew }; entry_end }; [member]; part_end
 */
#ifndef CM_ARCHIVE_PACKER_H
#define CM_ARCHIVE_PACKER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/deflate_ring.h"
#include "archive/entry.h"
#include "core/err.h"

struct cm_packer;

struct cm_packer_totals {
	uint64_t files;	 /* entries */
	uint64_t bytes;	 /* content of files, holes included */
	uint64_t stored; /* content as it is in the tar */
	uint64_t size;	 /* of the part in the tar */
};

/* A segment is complete: record is what proto.h shows for SEGMENT; borrowed. */
typedef int (*cm_packer_segment_fn)(void *ctx, struct json_object *record, struct cm_err *err);

/* Segments are named from number segment on and dated mtime_s. The ring stays the caller's. */
struct cm_packer *cm_packer_new(struct cm_deflate_ring *ring, unsigned segment, int64_t mtime_s,
				cm_packer_segment_fn fn, void *ctx);
void cm_packer_free(struct cm_packer *p);

int cm_packer_part_begin(struct cm_packer *p, const char *prefix, struct cm_err *err);
int cm_packer_entry(struct cm_packer *p, const struct cm_entry *e, struct cm_err *err);
/* Content of the current entry: in all exactly e->stored bytes. space gives room to read into directly. */
int cm_packer_data(struct cm_packer *p, const void *data, size_t len, struct cm_err *err);
int cm_packer_zero(struct cm_packer *p, uint64_t len, struct cm_err *err);
int cm_packer_space(struct cm_packer *p, uint8_t **ret_data, size_t *ret_len, struct cm_err *err);
int cm_packer_grew(struct cm_packer *p, const uint8_t *data, size_t len, struct cm_err *err);
/* e as it was given to cm_packer_entry(). */
int cm_packer_entry_end(struct cm_packer *p, const struct cm_entry *e, bool changed, struct cm_err *err);
/* A top-level member at the end of a part, after its last entry; caller puts *ret_record
 * ({"name","offset","data","size","sha256"}). */
int cm_packer_member(struct cm_packer *p, const char *name, const void *data, size_t len,
		     struct json_object **ret_record, struct cm_err *err);
/* Everything of the part is out of the ring when this returns. */
int cm_packer_part_end(struct cm_packer *p, struct cm_packer_totals *ret, struct cm_err *err);
/* The number the next segment would have. */
unsigned cm_packer_next_segment(const struct cm_packer *p);

#endif
