/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/foreign_verify.h"

#include <string.h>

#include "archive/foreign.h"
#include "archive/gz_stream.h"
#include "archive/sha.h"
#include "archive/watch.h"
#include "core/mem.h"
#include "core/str.h"

struct outer {
	struct cm_source_stream stream;
	struct cm_sha *whole;
	struct cm_exchange x;
	struct cm_foreign *f;
	struct cm_verify_result *ret;
	/* What is left of the piece that a nested archive is being read from. */
	const uint8_t *piece;
	size_t left;
	/* Does it begin as one? */
	bool begun, is_gzip;
};

static int read_hashed(void *ctx, void *data, size_t len, size_t *ret_len, struct cm_err *err)
{
	struct outer *o = ctx;
	int rc = cm_exchange_check(&o->x, err);

	if (rc == 0)
		rc = cm_source_stream_read(&o->stream, data, len, ret_len, err);
	if (rc == 0) {
		cm_sha_add(o->whole, data, *ret_len);
		cm_exchange_progress(&o->x, o->stream.at, o->ret->files);
	}
	return rc;
}

/* The current entry's bytes as a stream of their own. */
static int read_nested(void *ctx, void *data, size_t len, size_t *ret_len, struct cm_err *err)
{
	struct outer *o = ctx;
	const void *piece;
	uint64_t at;

	if (o->left == 0) {
		int rc = cm_foreign_data(o->f, &piece, &o->left, &at, err);
		if (rc < 0)
			return rc;
		o->piece = piece;
		if (!o->begun)
			o->is_gzip = cm_gz_stream_looks(piece, o->left);
		o->begun = true;
	}
	size_t n = o->left < len ? o->left : len;
	*ret_len = n;
	if (n == 0)
		return 0;
	memcpy(data, o->piece, n);
	o->piece += n;
	o->left -= n;
	return 0;
}

static int drain(struct cm_foreign *f, struct cm_err *err)
{
	const void *data;
	size_t len = 1;
	uint64_t at;
	int rc = 0;

	while (rc == 0 && len > 0)
		rc = cm_foreign_data(f, &data, &len, &at, err);
	return rc;
}

static int check_nested(struct outer *o, const struct cm_entry *e, struct cm_err *err)
{
	struct cm_foreign *f = NULL;
	struct cm_entry inner;
	struct cm_err own = { 0 };
	bool end = false;

	o->left = 0;
	o->begun = o->is_gzip = false;
	int rc = cm_foreign_open(read_nested, o, &f, &own);
	while (rc == 0 && !end) {
		rc = cm_foreign_next(f, &inner, &end, &own);
		if (rc == 0 && !end)
			rc = drain(f, &own);
	}
	cm_foreign_free(f);
	/* A text in place of an archive is how the predecessor notes a failed part: not damage. An archive whose first
	 * head is damaged is no tar either, but it is no text. */
	if (rc == CM_EUNSUPPORTED && o->is_gzip)
		rc = cm_err_set(&own, CM_ECORRUPT, "The file is damaged: it holds no tar archive any more.");
	if (rc == CM_ECORRUPT)
		cm_verify_bad(o->ret, e->path, e->path_len, own.text);
	if (rc < 0 && rc != CM_ECORRUPT && rc != CM_EUNSUPPORTED) {
		if (err != NULL)
			*err = own;
		return rc;
	}
	return drain(o->f, err);
}

int cm_foreign_verify(const struct cm_source *source, const struct cm_archive_watch *watch,
		      struct cm_verify_result *ret, struct cm_err *err)
{
	struct outer o = { .stream = { *source, 0 }, .x = { .watch = watch }, .ret = ret };
	struct cm_entry e;
	uint8_t piece[16384], sha[CM_SHA_LEN];
	bool end = false;
	size_t n = 1;
	int rc = cm_foreign_probe(source, err);

	ret->ours = false;
	if (rc < 0) {
		if (rc == CM_ECORRUPT)
			cm_verify_bad(ret, "the whole file", 14, "its end is missing");
		return rc;
	}
	o.whole = cm_sha_new();
	rc = cm_foreign_open(read_hashed, &o, &o.f, err);
	while (rc == 0 && !end) {
		rc = cm_foreign_next(o.f, &e, &end, err);
		if (rc < 0 || end)
			break;
		ret->files++;
		ret->bytes += e.size;
		rc = cm_str_has_suffix(e.path, ".tar.gz") ? check_nested(&o, &e, err) : drain(o.f, err);
	}
	while (rc == 0 && n > 0)
		rc = read_hashed(&o, piece, sizeof(piece), &n, err);
	if (rc == 0) {
		cm_sha_end(o.whole, sha);
		cm_hex(ret->sha256, sha, CM_SHA_LEN);
		rc = cm_verify_outcome(ret, err);
	} else if (rc == CM_ECORRUPT) {
		cm_verify_bad(ret, "the whole file", 14, err != NULL ? err->text : "it cannot be read");
	}
	cm_foreign_free(o.f);
	cm_sha_free(o.whole);
	return rc;
}
