/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * manifest.json (and the parts of an unpack plan) as checked values: every number in range, every name allowed, parts
 * and segments in order and inside one another. Whoever reads an archive uses these and never the JSON.
 */
#ifndef CM_ARCHIVE_MANIFEST_MODEL_H
#define CM_ARCHIVE_MANIFEST_MODEL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/sha.h"
#include "core/err.h"

struct cm_member {
	char *name;
	uint64_t offset, data, size; /* header, content and its length in the tar (or from the part's start) */
	uint8_t sha[CM_SHA_LEN];
};

struct cm_segment {
	struct cm_member member; /* from the part's start */
	uint64_t lines;
	uint8_t heads[CM_SHA_LEN];
	char *first; /* path of its first line, or NULL */
};

enum cm_part_kind { CM_PART_VOLUME, CM_PART_BIND, CM_PART_BIND_FILE, CM_PART_ROOTFS, CM_PART_KINDS };

struct cm_part {
	enum cm_part_kind kind;
	char *prefix;
	uint64_t offset, size;	/* in the tar */
	uint64_t block, blocks; /* in the table */
	uint64_t files, bytes;
	struct cm_segment *segments; /* inside the model's array */
	size_t segment_count;
	bool has_deleted;
	struct cm_member deleted; /* rootfs_deleted.json */
};

struct cm_manifest {
	struct cm_member *members;
	size_t member_count;
	struct cm_part *parts;
	size_t part_count;
	struct cm_segment *segments;
	size_t segment_count;
};

const char *cm_part_kind_name(enum cm_part_kind kind);
int cm_part_kind_parse(const char *name, enum cm_part_kind *ret);
/* May this be a part's prefix? One to four names, 512 bytes, the first none of the format's own. */
bool cm_part_prefix_ok(const char *prefix);
/* May this be a member's name? One name (no '/'), at most 100 bytes of UTF-8, none that the format keeps for itself. */
bool cm_member_name_ok(const char *name);

/* tar_end: where the index begins; block_count: rows of the table. Errors: CM_ECORRUPT. */
int cm_manifest_read(struct json_object *o, uint64_t tar_end, uint64_t block_count, struct cm_manifest *ret,
		     struct cm_err *err);
/* One part of an unpack plan, whose "segments" is the array itself. Errors: CM_ECORRUPT. */
int cm_manifest_read_part(struct json_object *o, struct cm_manifest *ret, struct cm_err *err);
void cm_manifest_release(struct cm_manifest *m);
/* NULL when there is none. */
const struct cm_part *cm_manifest_part(const struct cm_manifest *m, const char *prefix);
const struct cm_member *cm_manifest_member(const struct cm_manifest *m, const char *name);

#endif
