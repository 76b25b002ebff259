/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A strict parser of the tars that this program writes (see pax_head.h): fed with pieces of any length, it reports
 * entries. What our writer would never write is damage: another magic, a wrong checksum, unknown types or records,
 * numbers that do not parse, paths with ".." or empty parts, padding that is not zero. Foreign tars are read with
 * libarchive instead. One thread. Does not block. Memory: one entry's headers, at most CM_HEADERS_MAX.
 */
#ifndef CM_ARCHIVE_TAR_PARSE_H
#define CM_ARCHIVE_TAR_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/entry.h"
#include "core/err.h"

struct cm_tar_parse;

/* A negative result ends the parsing and is passed on. */
struct cm_tar_events {
	void *ctx;
	/* entry->path is the whole name without a folder's last slash. The entry stays valid until end(). raw are the
	 * bytes of all its headers, at is where they begin. */
	int (*head)(void *ctx, const struct cm_entry *entry, const void *raw, size_t raw_len, uint64_t at,
		    struct cm_err *err);
	/* Pieces of the entry->stored bytes. */
	int (*data)(void *ctx, const void *data, size_t len, struct cm_err *err);
	int (*end)(void *ctx, struct cm_err *err);
};

struct cm_tar_parse *cm_tar_parse_new(const struct cm_tar_events *events, uint64_t at);
void cm_tar_parse_free(struct cm_tar_parse *t);

/* Errors: CM_ECORRUPT, and what the events return. */
int cm_tar_parse_feed(struct cm_tar_parse *t, const void *data, size_t len, struct cm_err *err);
/* Position in the tar: everything fed so far. */
uint64_t cm_tar_parse_at(const struct cm_tar_parse *t);
/* True between two entries (and nothing but zero blocks seen since). */
bool cm_tar_parse_idle(const struct cm_tar_parse *t);
/* How many zero blocks were seen; after the second nothing more may come. */
unsigned cm_tar_parse_zeros(const struct cm_tar_parse *t);

#endif
