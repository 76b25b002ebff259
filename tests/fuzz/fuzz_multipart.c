/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a multipart body, pushed whole and in pieces: both ways must say the same. The first byte sets the size
 * of the pieces. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/buf.h"
#include "web/form.h"
#include "web/multipart.h"

static int begin(void *ctx, const struct cm_part *p, struct cm_err *err)
{
	(void)err;
	cm_buf_printf(ctx, "<%s,%s,%s>", p->name, p->filename ? p->filename : "", p->content_type);
	return 0;
}

static int more(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)err;
	assert(len > 0);
	cm_buf_add(ctx, data, len);
	return 0;
}

static int end(void *ctx, struct cm_err *err)
{
	(void)err;
	cm_buf_str(ctx, "</>");
	return 0;
}

static int run(const uint8_t *data, size_t size, size_t chunk, struct cm_buf *out)
{
	static const struct cm_multipart_ops ops = { begin, more, end };
	struct cm_multipart *mp = NULL;
	int rc = cm_multipart_new("multipart/form-data; boundary=-x", &ops, out, &mp, NULL);

	for (size_t i = 0; i < size && rc == 0; i += chunk)
		rc = cm_multipart_push(mp, data + i, size - i < chunk ? size - i : chunk, NULL);
	if (rc == 0)
		rc = cm_multipart_finish(mp, NULL);
	cm_multipart_free(mp);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cm_autobuf struct cm_buf whole = CM_BUF_INIT(1 << 20), pieces = CM_BUF_INIT(1 << 20);
	struct cm_form *f = cm_form_new();
	int rc;

	if (size > 0) {
		rc = run(data + 1, size - 1, size, &whole);
		assert(run(data + 1, size - 1, data[0] % 32 + 1, &pieces) == rc);
		if (rc == 0)
			assert(whole.len == pieces.len && memcmp(whole.data, pieces.data, whole.len) == 0);
		cm_form_parse_multipart(f, "multipart/form-data; boundary=\"-x\"", (const char *)data, size, NULL);
	}
	cm_form_free(f);
	return 0;
}
