/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/upload.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/mem.h"
#include "web/form.h"
#include "web/multipart.h"

enum { CHUNK = 256 << 10 };

struct reading {
	struct cm_request *rq;
	struct cm_multipart *mp;
	bool in_file;
	char name[CM_FORM_MAX_NAME + 1];
	struct cm_buf value;
};

static void file_add(struct cm_request *rq, const char *field, const char *filename, uint64_t off, int64_t len)
{
	struct cm_upload *f;

	rq->files = cm_realloc(rq->files, rq->file_count + 1, sizeof(*rq->files));
	f = &rq->files[rq->file_count++];
	f->field = cm_strdup(field);
	f->filename = cm_strdup(filename);
	f->off = (off_t)off;
	f->len = len;
}

static int on_begin(void *ctx, const struct cm_part *part, struct cm_err *err)
{
	struct reading *r = ctx;

	if (strlen(part->name) >= sizeof(r->name))
		return cm_err_set(err, CM_ETOOBIG, "The name of a field is longer than %d bytes.", CM_FORM_MAX_NAME);
	r->in_file = part->filename != NULL;
	memcpy(r->name, part->name, strlen(part->name) + 1);
	cm_buf_reset(&r->value);
	if (r->in_file)
		file_add(r->rq, part->name, part->filename, cm_multipart_offset(r->mp), 0);
	return 0;
}

static int on_data(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct reading *r = ctx;

	if (r->in_file) {
		r->rq->files[r->rq->file_count - 1].len += (int64_t)len;
		return 0;
	}
	cm_buf_add(&r->value, data, len);
	if (cm_buf_failed(&r->value) != 0)
		return cm_err_set(err, CM_ETOOBIG, "A field is longer than %d bytes.", CM_FORM_MAX_VALUE);
	return 0;
}

static int on_end(void *ctx, struct cm_err *err)
{
	struct reading *r = ctx;

	if (r->in_file)
		return 0;
	return cm_form_add(r->rq->post, r->name, strlen(r->name), r->value.data, r->value.len, err);
}

/* A short body came in memory. */
static int to_file(struct cm_request *rq, struct cm_err *err)
{
	if (rq->body_fd > 0)
		return 0;
	rq->body_fd = memfd_create("upload", MFD_CLOEXEC);
	if (rq->body_fd <= 0 || cm_fd_write_all(rq->body_fd, rq->body, rq->body_len) != 0)
		return cm_err_errno(err, errno, "keeping the uploaded file");
	return 0;
}

static int read_form(struct reading *r, struct cm_err *err)
{
	cm_autofree char *chunk = cm_alloc(CHUNK);
	uint64_t left = r->rq->body_len;
	int rc = 0;

	for (off_t off = 0; rc == 0 && left > 0;) {
		ssize_t n = pread(r->rq->body_fd, chunk, left < CHUNK ? (size_t)left : CHUNK, off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return cm_err_errno(err, n < 0 ? errno : EIO, "reading the uploaded file");
		rc = cm_multipart_push(r->mp, chunk, (size_t)n, err);
		off += n;
		left -= (uint64_t)n;
	}
	return rc < 0 ? rc : cm_multipart_finish(r->mp, err);
}

int cm_upload_parse(struct cm_request *rq, const char *content_type, struct cm_err *err)
{
	static const struct cm_multipart_ops ops = { on_begin, on_data, on_end };
	struct reading r = { .rq = rq };
	int rc = to_file(rq, err);

	if (rc < 0)
		return rc;
	if (content_type == NULL || strncasecmp(content_type, "multipart/form-data", 19) != 0) {
		file_add(rq, "", cm_form_str(rq->get, "filename", ""), 0, (int64_t)rq->body_len);
		return 0;
	}
	rc = cm_multipart_new(content_type, &ops, &r, &r.mp, err);
	if (rc < 0)
		return rc;
	cm_buf_init(&r.value, CM_FORM_MAX_VALUE);
	rc = read_form(&r, err);
	cm_multipart_free(r.mp);
	cm_buf_release(&r.value);
	return rc;
}

const struct cm_upload *cm_upload_first(const struct cm_request *rq)
{
	for (size_t i = 0; i < rq->file_count; i++)
		if (rq->files[i].len > 0 || rq->files[i].filename[0] != '\0')
			return &rq->files[i];
	return NULL;
}

void cm_upload_release(struct cm_request *rq)
{
	for (size_t i = 0; i < rq->file_count; i++) {
		free(rq->files[i].field);
		free(rq->files[i].filename);
	}
	free(rq->files);
	rq->files = NULL;
	rq->file_count = 0;
	if (rq->body_fd > 0)
		close(rq->body_fd);
	rq->body_fd = 0;
}
