/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tar headers, written. Every attribute that the plain ustar header cannot hold goes into pax records that GNU tar,
 * bsdtar and others understand without a warning. Pure functions.
 */
#ifndef CM_ARCHIVE_PAX_HEAD_H
#define CM_ARCHIVE_PAX_HEAD_H

#include <stdint.h>

#include "archive/entry.h"
#include "core/buf.h"

enum { CM_TAR_BLOCK = 512 };

/* Appends everything that comes before the entry's data: the pax header when one is needed, and the ustar header.
 * prefix ("volumes/data", "" or NULL for none) and '/' are put before path and before a hard link's target. out fails
 * with CM_ETOOBIG when the attributes are over its ceiling. */
void cm_pax_head(struct cm_buf *out, const char *prefix, const struct cm_entry *e);

/* Exactly one ustar header without pax records, for a plain file of any size (base 256 from 8 GiB on): it can be
 * written anew when the size is known. name is at most 100 bytes. */
void cm_pax_head_fixed(uint8_t head[CM_TAR_BLOCK], const char *name, uint64_t size, int64_t mtime_s);

/* A metadata member: plain file, mode 0600, owner root. */
void cm_pax_member(struct cm_entry *e, const char *name, uint64_t size, int64_t mtime_s);

/* Zero bytes after len bytes of data up to the next 512. */
static inline uint32_t cm_tar_pad(uint64_t len)
{
	return (uint32_t)(-len & (CM_TAR_BLOCK - 1));
}

#endif
