/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that come with a request, for rows with CM_R_UPLOAD: those of a form (multipart/form-data), or the whole body
 * when it has another type. They lie in one descriptor, rq->body_fd, each a range of it; nothing is copied. Whoever
 * wants to keep one longer than the request duplicates the descriptor. One thread at a time.
 */
#ifndef CM_WEB_UPLOAD_H
#define CM_WEB_UPLOAD_H

#include <stdint.h>
#include <sys/types.h>

#include "web/http.h"

struct cm_upload {
	char *field;	/* of the form; "" when the body is the file */
	char *filename; /* as sent, perhaps hostile: never a path of ours; "" when none was sent */
	off_t off;	/* in rq->body_fd */
	int64_t len;
};

/* Fills rq->files, and rq->post with the ordinary fields. Blocks (reads all of a form). Errors: CM_EINVAL, CM_ETOOBIG,
 * CM_EIO. */
int cm_upload_parse(struct cm_request *rq, const char *content_type, struct cm_err *err);
/* The first file that is not without a name and empty, as browsers send a field that was left open. NULL: none.
 * Borrowed; does not block. */
const struct cm_upload *cm_upload_first(const struct cm_request *rq);
/* Frees the list and closes rq->body_fd. */
void cm_upload_release(struct cm_request *rq);

#endif
