/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verifies an archive while it is still being written, so that reading it back does not follow the writing but runs
 * beside it, on whatever processors are free. The writer says which blocks are in the file; a thread of the follower's
 * own reads them from there again, expands them, reads their tar, hashes every file, and notes what the manifest of
 * such an archive must say. When the archive is finished its manifest is read from the file as well and compared with
 * that. It proves what cm_archive_verify() proves: everything is read from the file, nothing is taken from the writer
 * but where its blocks end.
 *
 * It never says that an archive is damaged: where anything does not fit, or could not be followed, cm_archive_verify()
 * is what decides, and names what is wrong.
 */
#ifndef CM_ARCHIVE_FOLLOW_H
#define CM_ARCHIVE_FOLLOW_H

#include "archive/format.h"
#include "archive/manifest_model.h"
#include "archive/sink.h"
#include "archive/verify.h"
#include "core/err.h"

struct cm_follow;

/* source gives what was written so far (its size is not used); it is copied, and what it stands on must live as long as
 * the follower. Never NULL. */
struct cm_follow *cm_follow_new(const struct cm_source *source, enum cm_codec codec);
/* Ends its thread: blocks for as long as one read. NULL is fine. */
void cm_follow_free(struct cm_follow *f);

/* The writer's side; one thread, none of it blocks. f may be NULL everywhere. A block is in the file, behind the ones
 * before it, and will not be changed any more. */
void cm_follow_block(struct cm_follow *f, uint32_t len, uint32_t size, uint32_t crc);
/* The next block begins this part. */
void cm_follow_part(struct cm_follow *f, enum cm_part_kind kind, const char *prefix);
/* There are no more blocks before the index. */
void cm_follow_complete(struct cm_follow *f);
/* There are some that will not be told. */
void cm_follow_give_up(struct cm_follow *f);

/* Bytes of the tar that were read back. Any thread. */
uint64_t cm_follow_bytes(struct cm_follow *f);

/* When the archive is finished and durable: waits for the follower, then as cm_archive_verify(), which it calls when
 * f is NULL or could not prove everything. Blocks: task threads only. */
int cm_follow_verify(struct cm_follow *f, const struct cm_source *source, const struct cm_archive_watch *watch,
		     struct cm_verify_result *ret, struct cm_err *err);

#endif
