/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes out of an archive: one file, or a whole part as a plain tar. */
#include <string.h>

#include "archive/foreign.h"
#include "archive/part_reader.h"
#include "archive/pax_head.h"
#include "archive/reader_int.h"
#include "archive/sha.h"
#include "archive/sparse_map.h"
#include "core/mem.h"
#include "core/str.h"

struct extract {
	struct cm_sha *sha;
	struct cm_sparse *sparse; /* NULL for a plain file */
	uint64_t written;
	cm_archive_write_fn write;
	void *ctx;
};

static int write_zeros(struct extract *x, uint64_t until, struct cm_err *err)
{
	static const char zeros[65536];
	int rc = 0;

	while (rc == 0 && x->written < until) {
		size_t n = until - x->written < sizeof(zeros) ? (size_t)(until - x->written) : sizeof(zeros);
		rc = x->write(x->ctx, zeros, n, err);
		x->written += n;
	}
	return rc;
}

static int put_piece(void *ctx, uint64_t at, const void *data, size_t len, struct cm_err *err)
{
	struct extract *x = ctx;
	int rc = write_zeros(x, at, err);

	if (rc == 0)
		rc = x->write(x->ctx, data, len, err);
	x->written += len;
	return rc;
}

static int take_stored(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct extract *x = ctx;

	cm_sha_add(x->sha, data, len);
	if (x->sparse != NULL)
		return cm_sparse_feed(x->sparse, data, len, put_piece, x, err);
	return put_piece(x, x->written, data, len, err);
}

static int changed(const struct cm_archive_item *it, struct cm_err *err)
{
	cm_autobuf struct cm_buf clean = CM_BUF_INIT(2048);

	cm_utf8_clean(&clean, it->path, it->path_len < 300 ? it->path_len : 300);
	return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: %s: its content has changed.", clean.data);
}

static int extract_file(struct cm_archive *a, const struct cm_archive_item *it, cm_archive_write_fn write, void *ctx,
			struct cm_err *err)
{
	uint8_t want[CM_SHA_LEN], sha[CM_SHA_LEN];

	if (!cm_unhex(want, CM_SHA_LEN, it->sha256))
		return changed(it, err);
	struct extract x = { .sha = cm_sha_new(), .write = write, .ctx = ctx };
	if (it->sparse)
		x.sparse = cm_sparse_new(it->stored, it->size);
	int rc = cm_reader_range(a, it->data, it->stored, take_stored, &x, err);
	if (rc == 0)
		rc = write_zeros(&x, it->size, err);
	cm_sha_end(x.sha, sha);
	if (rc == 0 && (memcmp(sha, want, CM_SHA_LEN) != 0 || x.written != it->size))
		rc = changed(it, err);
	cm_sparse_free(x.sparse);
	cm_sha_free(x.sha);
	return rc;
}

int cm_archive_extract(struct cm_archive *a, const struct cm_archive_item *item, cm_archive_write_fn write, void *ctx,
		       struct cm_err *err)
{
	struct cm_archive_item *first = NULL;
	int rc = 0;

	if (item->type == 'h') {
		rc = cm_archive_stat(a, item->link, item->link_len, &first, err);
		if (rc < 0)
			return rc;
		item = first;
	}
	if (item->type != 'f')
		rc = cm_err_set(err, CM_EUNSUPPORTED, "This is not a file.");
	else if (a->kind == CM_ARCHIVE_FOREIGN)
		rc = cm_foreign_stream(&a->source, item->path, item->path_len, write, ctx, err);
	else
		rc = extract_file(a, item, write, ctx, err);
	cm_archive_item_free(first);
	return rc;
}

struct retar {
	cm_archive_write_fn write;
	void *ctx;
	struct cm_buf head;
	uint64_t stored; /* of the current entry */
	struct cm_part_reader *reader;
};

static int retar_head(void *ctx, const struct cm_entry *e, struct cm_err *err)
{
	struct retar *t = ctx;

	cm_buf_reset(&t->head);
	cm_pax_head(&t->head, NULL, e);
	t->stored = e->stored;
	if (cm_buf_failed(&t->head))
		return cm_err_set(err, cm_buf_failed(&t->head), "A file's attributes are too large.");
	return t->write(t->ctx, t->head.data, t->head.len, err);
}

static int retar_data(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct retar *t = ctx;

	return t->write(t->ctx, data, len, err);
}

static int retar_end(void *ctx, struct cm_err *err)
{
	static const char zeros[CM_TAR_BLOCK];
	struct retar *t = ctx;
	uint32_t pad = cm_tar_pad(t->stored);

	return pad > 0 ? t->write(t->ctx, zeros, pad, err) : 0;
}

static int retar_feed(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct retar *t = ctx;

	return cm_part_reader_feed(t->reader, data, len, err);
}

int cm_archive_part_tar(struct cm_archive *a, const char *prefix, cm_archive_write_fn write, void *ctx,
			struct cm_err *err)
{
	static const char zeros[2 * CM_TAR_BLOCK];
	const struct cm_part *p = a->kind == CM_ARCHIVE_OURS ? cm_manifest_part(&a->model, prefix) : NULL;

	if (p == NULL)
		return cm_err_set(err, CM_ENOTFOUND, "The backup has no part \"%s\".", prefix);
	struct retar t = { .write = write, .ctx = ctx };
	const struct cm_part_events events = { .ctx = &t, .head = retar_head, .data = retar_data, .end = retar_end };
	cm_buf_init(&t.head, CM_HEADERS_MAX + 2 * CM_TAR_BLOCK);
	t.reader = cm_part_reader_new(p, &events);
	int rc = cm_reader_range(a, p->offset, p->size, retar_feed, &t, err);
	if (rc == 0)
		rc = cm_part_reader_finish(t.reader, err);
	if (rc == 0)
		rc = write(ctx, zeros, sizeof(zeros), err);
	cm_part_reader_free(t.reader);
	cm_buf_release(&t.head);
	return rc;
}
