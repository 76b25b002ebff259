/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/foreign.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "archive/format.h"
#include "archive/gz_stream.h"
#include "core/mem.h"

enum { PIECE = 262144, PEEK = 4 };

struct cm_foreign {
	cm_archive_read_fn read;
	void *ctx;
	struct cm_gz_stream *gz; /* NULL when it is not gzip */
	uint8_t peek[PEEK];	 /* the first bytes, to be given again */
	size_t peek_len, peek_at;
	uint8_t piece[PIECE];
	struct cm_err err; /* of read, noticed inside libarchive */
	struct archive *a;
	struct archive_entry *entry; /* libarchive's */
	struct cm_buf path, link;
	struct cm_xattr *xattrs;
	size_t xattr_cap;
	uint64_t count;
};

/* The input with the first bytes put back in front. */
static int raw_read(void *ctx, void *data, size_t len, size_t *ret_len, struct cm_err *err)
{
	struct cm_foreign *f = ctx;
	size_t n = f->peek_len - f->peek_at;

	if (n == 0)
		return f->read(f->ctx, data, len, ret_len, err);
	if (n > len)
		n = len;
	memcpy(data, f->peek + f->peek_at, n);
	f->peek_at += n;
	*ret_len = n;
	return 0;
}

static la_ssize_t on_read(struct archive *a, void *ctx, const void **ret)
{
	struct cm_foreign *f = ctx;
	size_t n = 0;
	int rc = f->gz != NULL ? cm_gz_stream_read(f->gz, f->piece, PIECE, &n, &f->err)
			       : raw_read(f, f->piece, PIECE, &n, &f->err);

	if (rc < 0) {
		archive_set_error(a, EIO, "%s", f->err.text);
		return ARCHIVE_FATAL;
	}
	*ret = f->piece;
	return (la_ssize_t)n;
}

static int failure(struct cm_foreign *f, struct cm_err *err)
{
	if (f->err.code != 0) {
		if (err != NULL)
			*err = f->err;
		return f->err.code;
	}
	if (f->count == 0)
		return cm_err_set(err, CM_EUNSUPPORTED, "This file is no backup: it is not a tar archive.");
	const char *why = archive_error_string(f->a);
	return cm_err_set(err, CM_ECORRUPT, "The file is damaged: %.200s.", why != NULL ? why : "it cannot be read");
}

static int peek(struct cm_foreign *f, struct cm_err *err)
{
	while (f->peek_len < PEEK) {
		size_t n = 0;
		int rc = f->read(f->ctx, f->peek + f->peek_len, PEEK - f->peek_len, &n, err);
		if (rc < 0)
			return rc;
		if (n == 0)
			break;
		f->peek_len += n;
	}
	if (cm_gz_stream_looks(f->peek, f->peek_len))
		f->gz = cm_gz_stream_new(raw_read, f);
	return 0;
}

int cm_foreign_open(cm_archive_read_fn read, void *ctx, struct cm_foreign **ret, struct cm_err *err)
{
	struct cm_foreign *f = cm_alloc(sizeof(*f));

	f->read = read;
	f->ctx = ctx;
	cm_buf_init(&f->path, CM_PATH_MAX);
	cm_buf_init(&f->link, CM_PATH_MAX);
	int rc = peek(f, err);
	f->a = rc == 0 ? archive_read_new() : NULL;
	if (rc == 0 && f->a == NULL)
		rc = cm_err_set(err, CM_ENOMEM, "Out of memory while reading an archive.");
	if (rc == 0) {
		archive_read_support_format_tar(f->a);
		archive_read_support_filter_zstd(f->a);
		/* Names are bytes: no conversion from or to a locale. */
		archive_read_set_format_option(f->a, "tar", "hdrcharset", "BINARY");
		if (archive_read_open(f->a, f, NULL, on_read, NULL) != ARCHIVE_OK)
			rc = failure(f, err);
	}
	if (rc < 0) {
		cm_foreign_free(f);
		return rc;
	}
	*ret = f;
	return 0;
}

void cm_foreign_free(struct cm_foreign *f)
{
	if (f == NULL)
		return;
	if (f->a != NULL)
		archive_read_free(f->a);
	cm_gz_stream_free(f->gz);
	cm_buf_release(&f->path);
	cm_buf_release(&f->link);
	free(f->xattrs);
	free(f);
}

/* "./a//b/" becomes "a/b"; nothing left becomes ".". False when it may not be used. */
static bool clean_path(struct cm_buf *out, const char *s)
{
	cm_buf_reset(out);
	while (s != NULL && *s != '\0') {
		size_t n = strcspn(s, "/");
		if (n > 0 && !(n == 1 && s[0] == '.')) {
			if (out->len > 0)
				cm_buf_char(out, '/');
			cm_buf_add(out, s, n);
		}
		s += n + (s[n] == '/');
	}
	if (out->len == 0)
		cm_buf_char(out, '.');
	return cm_buf_failed(out) == 0 && (strcmp(out->data, ".") == 0 || cm_entry_path_ok(out->data, out->len));
}

static char type_of(struct archive_entry *e)
{
	if (archive_entry_hardlink(e) != NULL)
		return 'h';
	switch (archive_entry_filetype(e)) {
	case AE_IFREG:
		return 'f';
	case AE_IFDIR:
		return 'd';
	case AE_IFLNK:
		return 'l';
	case AE_IFIFO:
		return 'p';
	case AE_IFCHR:
		return 'c';
	case AE_IFBLK:
		return 'b';
	default:
		return 0;
	}
}

static void take_xattrs(struct cm_foreign *f, struct cm_entry *ret)
{
	size_t n = (size_t)archive_entry_xattr_reset(f->entry);
	struct cm_xattr x;

	if (n > f->xattr_cap) {
		f->xattrs = cm_realloc(f->xattrs, n, sizeof(*f->xattrs));
		f->xattr_cap = n;
	}
	while (ret->xattr_count < n && archive_entry_xattr_next(f->entry, &x.name, &x.value, &x.len) == ARCHIVE_OK)
		f->xattrs[ret->xattr_count++] = x;
	ret->xattrs = f->xattrs;
}

static int take_entry(struct cm_foreign *f, struct cm_entry *ret, struct cm_err *err)
{
	struct archive_entry *e = f->entry;
	struct cm_entry out = { .type = type_of(e) };
	const char *link = out.type == 'h' ? archive_entry_hardlink(e) : archive_entry_symlink(e);

	if (out.type == 0)
		return cm_err_set(err, CM_ECORRUPT, "The archive holds an entry of an unknown type.");
	if (!clean_path(&f->path, archive_entry_pathname(e)) || (out.type == 'h' && !clean_path(&f->link, link)))
		return cm_err_set(err, CM_ECORRUPT, "The archive holds a name that is not allowed.");
	if (out.type == 'l') {
		cm_buf_reset(&f->link);
		cm_buf_str(&f->link, link);
		if (f->link.len == 0)
			return cm_err_set(err, CM_ECORRUPT, "The archive holds a symbolic link without a target.");
	}
	out.path = f->path.data;
	out.path_len = f->path.len;
	if (out.type == 'h' || out.type == 'l') {
		out.link = f->link.data;
		out.link_len = f->link.len;
	}
	out.mode = archive_entry_perm(e) & 07777;
	out.uid = (uint32_t)archive_entry_uid(e);
	out.gid = (uint32_t)archive_entry_gid(e);
	out.mtime_s = archive_entry_mtime(e);
	out.mtime_ns = (uint32_t)archive_entry_mtime_nsec(e);
	if (out.mtime_ns >= 1000000000)
		out.mtime_ns = 0;
	if (out.type == 'f' && archive_entry_size(e) >= 0)
		out.size = out.stored = (uint64_t)archive_entry_size(e);
	out.rdev_major = (uint32_t)archive_entry_rdevmajor(e);
	out.rdev_minor = (uint32_t)archive_entry_rdevminor(e);
	take_xattrs(f, &out);
	*ret = out;
	return 0;
}

int cm_foreign_next(struct cm_foreign *f, struct cm_entry *ret, bool *ret_end, struct cm_err *err)
{
	for (;;) {
		int rc = archive_read_next_header(f->a, &f->entry);
		if (rc == ARCHIVE_EOF) {
			/* What follows the end of the tar has a checksum too. */
			const void *rest;
			la_ssize_t n = ARCHIVE_OK;
			while (f->gz != NULL && (n = on_read(f->a, f, &rest)) > 0)
				;
			if (n < 0)
				return failure(f, err);
			if (f->count == 0)
				return failure(f, err);
			*ret_end = true;
			return 0;
		}
		if (rc == ARCHIVE_RETRY)
			continue;
		if (rc < ARCHIVE_WARN)
			return failure(f, err);
		if (f->count++ >= CM_FOREIGN_ENTRIES)
			return cm_err_set(err, CM_ETOOBIG, "The archive holds too many entries.");
		*ret_end = false;
		return take_entry(f, ret, err);
	}
}

int cm_foreign_data(struct cm_foreign *f, const void **ret_data, size_t *ret_len, uint64_t *ret_at, struct cm_err *err)
{
	la_int64_t at = 0;
	int rc = archive_read_data_block(f->a, ret_data, ret_len, &at);

	if (rc == ARCHIVE_EOF) {
		*ret_len = 0;
		return 0;
	}
	if (rc < ARCHIVE_WARN)
		return failure(f, err);
	*ret_at = (uint64_t)at;
	return 0;
}

int cm_source_stream_read(void *ctx, void *data, size_t len, size_t *ret_len, struct cm_err *err)
{
	struct cm_source_stream *s = ctx;
	uint64_t left = s->source.size - s->at;
	size_t n = left < len ? (size_t)left : len;

	*ret_len = 0;
	if (n == 0)
		return 0;
	int rc = s->source.pread(s->source.ctx, data, n, s->at, err);
	if (rc == 0) {
		s->at += n;
		*ret_len = n;
	}
	return rc;
}
