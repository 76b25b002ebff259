/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lines of manifest/NNNN.jsonl (their keys are in format.h). A line is a function of the tar entry, its hash and
 * its place: whoever reads the tar can make the lines again and compare them byte for byte. Pure functions.
 */
#ifndef CM_ARCHIVE_MANIFEST_LINE_H
#define CM_ARCHIVE_MANIFEST_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "archive/entry.h"
#include "archive/sha.h"
#include "core/buf.h"
#include "core/err.h"

/* Appends one line with its newline. sha is NULL for what has no content. head and data count from the part's start. */
void cm_line_write(struct cm_buf *out, const struct cm_entry *e, const uint8_t *sha, uint64_t head, uint64_t data,
		   bool changed);

struct cm_line {
	struct cm_entry entry; /* without xattrs; pointers live in the line */
	struct cm_buf path, link;
	uint64_t head, data;
	uint8_t sha[CM_SHA_LEN];
	bool has_sha, changed;
};

/* Reads a line (len without its newline). Release *ret in every case. Errors: CM_ECORRUPT. */
int cm_line_parse(const char *text, size_t len, struct cm_line *ret, struct cm_err *err);
void cm_line_init(struct cm_line *l);
void cm_line_release(struct cm_line *l);

/* The path of a line without parsing the rest, appended to out; false when it is malformed. */
bool cm_line_path(const char *text, size_t len, struct cm_buf *out);

#endif
