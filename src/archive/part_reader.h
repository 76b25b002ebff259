/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads one part of an archive from its uncompressed bytes and proves it while it goes: parses the tar, makes the lines
 * of the manifest anew and compares them with the stored ones, every hash with its record, and in the end every count.
 * What it reports as entries are the part's own, with paths below its prefix. One thread; blocks only in its events.
 */
#ifndef CM_ARCHIVE_PART_READER_H
#define CM_ARCHIVE_PART_READER_H

#include <stddef.h>
#include <stdint.h>

#include "archive/entry.h"
#include "archive/manifest_model.h"
#include "core/buf.h"
#include "core/err.h"

struct cm_part_reader;

/* Every function may be NULL. A negative result ends the reading and is passed on. */
struct cm_part_events {
	void *ctx;
	int (*head)(void *ctx, const struct cm_entry *e, struct cm_err *err);
	int (*data)(void *ctx, const void *data, size_t len, struct cm_err *err); /* stored bytes */
	int (*end)(void *ctx, struct cm_err *err);
	/* The text of rootfs_deleted.json, its hash compared. */
	int (*deleted)(void *ctx, const char *text, size_t len, struct cm_err *err);
	/* An entry is damaged in itself (the tar can still be read on). path is the entry's, or the member's name. With
	 * 0 the reading goes on; without this function it ends with CM_ECORRUPT. */
	int (*bad)(void *ctx, const char *path, size_t path_len, const char *what, struct cm_err *err);
};

enum { CM_DELETED_MAX = 8 << 20 };

/* part stays the caller's and must live as long. */
struct cm_part_reader *cm_part_reader_new(const struct cm_part *part, const struct cm_part_events *events);
void cm_part_reader_free(struct cm_part_reader *r);
/* The next bytes of the part. Errors: CM_ECORRUPT, what events return. */
int cm_part_reader_feed(struct cm_part_reader *r, const void *data, size_t len, struct cm_err *err);
/* After the last byte: nothing may be missing. Errors: CM_ECORRUPT. */
int cm_part_reader_finish(struct cm_part_reader *r, struct cm_err *err);

/* For a part whose records are not known yet, because its archive is still being written: a reader without events that
 * compares what it can (names, order, stored lines with the entries) and notes what the records must be. */
struct cm_part_reader *cm_part_reader_noting(enum cm_part_kind kind, const char *prefix);
/* After the last byte, instead of finish: everything but offset, block and blocks of the part. Caller releases with
 * cm_part_notes_release(). Errors: CM_ECORRUPT. */
int cm_part_reader_notes(struct cm_part_reader *r, struct cm_part *ret, struct cm_err *err);
void cm_part_notes_release(struct cm_part *p);

uint64_t cm_part_reader_files(const struct cm_part_reader *r);
uint64_t cm_part_reader_bytes(const struct cm_part_reader *r);

#endif
