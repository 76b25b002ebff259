/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tars by other programs, read from start to end with libarchive: plain, gzip (checksums compared) or zstd. Names are
 * cleaned: no leading "./" or "/", no double slashes; one with ".." in it is refused. One thread. Blocks.
 */
#ifndef CM_ARCHIVE_FOREIGN_H
#define CM_ARCHIVE_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/entry.h"
#include "archive/reader.h"
#include "archive/sink.h"
#include "core/err.h"

struct cm_foreign;

enum { CM_FOREIGN_ENTRIES = 20000000 };

int cm_foreign_open(cm_archive_read_fn read, void *ctx, struct cm_foreign **ret, struct cm_err *err);
void cm_foreign_free(struct cm_foreign *f);
/* The next entry, valid until the next call; path "." is the top. *ret_end true after the last. Errors: CM_ECORRUPT
 * (cut off, damaged, a name that is not allowed), CM_EUNSUPPORTED (no tar), those of read. */
int cm_foreign_next(struct cm_foreign *f, struct cm_entry *ret, bool *ret_end, struct cm_err *err);
/* The next piece of the current entry's content, which stands at offset *ret_at; *ret_len 0 at its end. */
int cm_foreign_data(struct cm_foreign *f, const void **ret_data, size_t *ret_len, uint64_t *ret_at, struct cm_err *err);

/* Reading a source from its start, for cm_foreign_open(). */
struct cm_source_stream {
	struct cm_source source;
	uint64_t at;
};
int cm_source_stream_read(void *ctx, void *data, size_t len, size_t *ret_len, struct cm_err *err);

/* Is this a tar that others made? Errors: CM_EUNSUPPORTED (none at all), CM_ECORRUPT (one of ours without its end). */
int cm_foreign_probe(const struct cm_source *s, struct cm_err *err);

/* What reader.h promises, for foreign archives. */
int cm_foreign_stream(const struct cm_source *s, const char *path, size_t len, cm_archive_write_fn write, void *ctx,
		      struct cm_err *err);
int cm_foreign_size(const struct cm_source *s, const char *path, size_t len, uint64_t *ret, struct cm_err *err);
int cm_foreign_list(const struct cm_source *s, const char *path, size_t len, cm_archive_item_fn fn, void *ctx,
		    struct cm_err *err);
int cm_foreign_stat(const struct cm_source *s, const char *path, size_t len, struct cm_archive_item **ret,
		    struct cm_err *err);

#endif
