/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The records of a pax header, as this program writes them: "length key=value\n". An unknown key, one that stands
 * twice, or a number that does not parse makes the whole header wrong. One thread. Does not block.
 */
#ifndef CM_ARCHIVE_PAX_RECORDS_H
#define CM_ARCHIVE_PAX_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/entry.h"
#include "core/buf.h"

struct cm_pax_records {
	const char *path, *link; /* inside the parsed text, not NUL-terminated; NULL without */
	size_t path_len, link_len;
	bool has_uid, has_gid, has_size, has_mtime, sparse;
	uint32_t uid, gid, flags;
	uint64_t size, real_size;
	int64_t mtime_s;
	uint32_t mtime_ns;
	struct cm_xattr *xattrs; /* names and values live in arena */
	size_t xattr_count, xattr_cap;
	struct cm_buf arena;
	unsigned seen; /* which keys */
};

void cm_pax_records_init(struct cm_pax_records *r);
void cm_pax_records_release(struct cm_pax_records *r);
void cm_pax_records_reset(struct cm_pax_records *r);
/* The text must stay as long as r is used. False when something is wrong. */
bool cm_pax_records_parse(struct cm_pax_records *r, const char *text, size_t len);

#endif
