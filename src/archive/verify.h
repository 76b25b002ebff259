/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Proves that an archive is whole: reads every byte again, checks every block, every hash, every line of the manifest
 * and every count, so that anything missing, extra, cut off, moved or flipped is found. Constant memory. Foreign
 * archives: every member is read to its end and the checksums of their compression are compared.
 * Blocks: task threads only.
 */
#ifndef CM_ARCHIVE_VERIFY_H
#define CM_ARCHIVE_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "archive/peer.h"
#include "archive/sink.h"
#include "core/err.h"

enum { CM_VERIFY_BAD = 20 };

struct cm_verify_result {
	bool ours;		      /* false: a foreign archive, which has no hashes to compare */
	uint64_t files;		      /* entries read */
	uint64_t bytes;		      /* bytes of content */
	char sha256[65];	      /* of the whole file; only when it could be read to its end */
	unsigned damaged;	      /* how many things are damaged */
	char bad[CM_VERIFY_BAD][256]; /* the first of them: a name fit for people, and what is wrong */
};

/* threads: how many inflate (0: 3). The watch's progress counts bytes of the
 * uncompressed tar. ret is filled in
 * also with CM_ECORRUPT (whose text names the first damaged thing). Errors: CM_ECORRUPT, CM_EUNSUPPORTED (no archive),
 * CM_ECANCELLED, those of the source. */
int cm_archive_verify(const struct cm_source *source, unsigned threads, const struct cm_archive_watch *watch,
		      struct cm_verify_result *ret, struct cm_err *err);

#endif
