/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "core/buf.h"
#include "core/mem.h"
#include "web/multipart.h"

/* Writes what it hears as text: "[name|filename|type:data]". */
static int on_begin(void *ctx, const struct cm_part *p, struct cm_err *err)
{
	(void)err;
	cm_buf_printf(ctx, "[%s|%s|%s:", p->name, p->filename ? p->filename : "-", p->content_type);
	return 0;
}

static int on_data(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)err;
	cm_buf_add(ctx, data, len);
	return 0;
}

static int on_end(void *ctx, struct cm_err *err)
{
	(void)err;
	cm_buf_char(ctx, ']');
	return 0;
}

static const struct cm_multipart_ops ops = { on_begin, on_data, on_end };

static int run(const char *type, const char *body, size_t len, size_t chunk, struct cm_buf *out)
{
	struct cm_multipart *mp = NULL;
	int rc = cm_multipart_new(type, &ops, out, &mp, NULL);

	cm_buf_reset(out);
	for (size_t i = 0; i < len && rc == 0; i += chunk)
		rc = cm_multipart_push(mp, body + i, len - i < chunk ? len - i : chunk, NULL);
	if (rc == 0)
		rc = cm_multipart_finish(mp, NULL);
	cm_multipart_free(mp);
	return rc;
}

TEST(multipart_push__gives_the_same_in_chunks_of_any_size)
{
	static const char body[] =
	    "preamble\r\n--xx-yy \t\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\n"
	    "\r\n--xx-y\r\n\r\n--xx-\r\r\n-\r\n"
	    "--xx-yy\r\nContent-Type: application/gzip\r\n"
	    "Content-Disposition: form-data; name=upload; filename=\"a;b \\\"c\\\".tar.gz\"\r\n\r\n"
	    "\0\1\r\n\r\n--xx-yy--\r\nafter";
	static const char want[] = "[field|-|:\r\n--xx-y\r\n\r\n--xx-\r\r\n-]"
				   "[upload|a;b \"c\".tar.gz|application/gzip:\0\1\r\n]";
	cm_autobuf struct cm_buf out = CM_BUF_INIT(4096);

	for (size_t chunk = 1; chunk <= sizeof(body); chunk++) {
		CHECK_INT(
		    run("multipart/form-data; charset=utf-8; boundary=\"xx-yy\"", body, sizeof(body) - 1, chunk, &out),
		    0);
		CHECK_INT(out.len, sizeof(want) - 1);
		CHECK(memcmp(out.data, want, out.len) == 0);
	}
}

TEST(multipart_push__empty_part_and_no_part)
{
	static const char one[] = "--b\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n\r\n--b--";
	static const char none[] = "--b--";
	cm_autobuf struct cm_buf out = CM_BUF_INIT(4096);

	CHECK_INT(run("multipart/form-data;boundary=b", one, sizeof(one) - 1, 100, &out), 0);
	CHECK_STR(out.data, "[|-|:]");
	CHECK_INT(run("multipart/form-data;boundary=b", none, sizeof(none) - 1, 100, &out), 0);
	CHECK_STR(out.data, "");
}

TEST(multipart_push__refuses_the_malformed)
{
	static const char *const wrong[] = {
		"",
		"--b",
		"--b\r\n",
		"--bx\r\n",
		"--b-x",
		"--b\rx",
		"--b\r\n\r\nx\r\n--b--",
		"--b\r\nContent-Type: x\r\n\r\nx\r\n--b--",
		"--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--",
		"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
		"--b\r\nContent-Disposition: form-data; filename=a\r\n\r\nx\r\n--b--",
		"--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--b--",
		"--b\r\nContent-Disposition: form-data; name=\"a\"x\r\n\r\nx\r\n--b--",
		"--b\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; "
		"name=b\r\n\r\nx\r\n--b--",
		"--b\r\nnothing\r\n\r\nx\r\n--b--",
		"--b\nContent-Disposition: form-data; name=a\n\nx\n--b--",
		"--b\r\nContent-Disposition: form-data; name=a\n\r\n\r\nx\r\n--b--",
		"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b\r\n",
	};
	static const char *const types[] = { "",
					     "text/plain",
					     "multipart/form-data",
					     "multipart/form-data; boundary=",
					     "multipart/form-data; boundary=\"a",
					     "multipart/form-data; boundary=a<b",
					     "multipart/form-dataX; boundary=b",
					     "multipart/form-data; boundary=\"a \"" };
	cm_autobuf struct cm_buf out = CM_BUF_INIT(4096);

	for (size_t i = 0; i < CM_COUNT(wrong); i++)
		for (size_t chunk = 1; chunk < 40; chunk += 19)
			CHECK_INT(run("multipart/form-data; boundary=b", wrong[i], strlen(wrong[i]), chunk, &out),
				  CM_EINVAL);
	for (size_t i = 0; i < CM_COUNT(types); i++)
		CHECK_INT(run(types[i], "--b--", 5, 5, &out), CM_EINVAL);
}

TEST(multipart_push__limits)
{
	static const char part[] = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n";
	cm_autobuf struct cm_buf body = CM_BUF_INIT(1 << 20), out = CM_BUF_INIT(1 << 20);

	for (int i = 0; i <= CM_MULTIPART_MAX_PARTS; i++)
		cm_buf_str(&body, part);
	cm_buf_str(&body, "--b--");
	CHECK_INT(run("multipart/form-data; boundary=b", body.data, body.len, 999, &out), CM_ETOOBIG);
	CHECK_INT(run("multipart/form-data; boundary=b", body.data + sizeof(part) - 1, body.len - sizeof(part) + 1, 999,
		      &out),
		  0);
	cm_buf_reset(&body);
	cm_buf_str(&body, "--b\r\nX: ");
	for (int i = 0; i < CM_MULTIPART_MAX_HEAD; i++)
		cm_buf_char(&body, 'x');
	CHECK_INT(run("multipart/form-data; boundary=b", body.data, body.len, 100, &out), CM_ETOOBIG);
}

static int refuse(void *ctx, const struct cm_part *p, struct cm_err *err)
{
	(void)ctx;
	(void)p;
	return cm_err_set(err, CM_EEXIST, "no");
}

TEST(multipart_push__passes_a_callbacks_error_through)
{
	static const struct cm_multipart_ops refusing = { refuse, on_data, on_end };
	static const char body[] = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b--";
	struct cm_multipart *mp = NULL;
	struct cm_err err = { 0 };

	CHECK_INT(cm_multipart_new("multipart/form-data; boundary=b", &refusing, NULL, &mp, NULL), 0);
	CHECK_INT(cm_multipart_push(mp, body, sizeof(body) - 1, &err), CM_EEXIST);
	CHECK_STR(err.text, "no");
	cm_multipart_free(mp);
}
