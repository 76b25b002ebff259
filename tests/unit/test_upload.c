/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/mem.h"
#include "web/form.h"
#include "web/upload.h"

static struct cm_request *request(const void *body, size_t len)
{
	struct cm_request *rq = cm_alloc(sizeof(*rq));

	rq->get = cm_form_new();
	rq->post = cm_form_new();
	rq->body = cm_alloc(len + 1);
	memcpy(rq->body, body, len);
	rq->body_len = len;
	return rq;
}

/* The bytes of a file, as text. */
static const char *content(const struct cm_request *rq, const struct cm_upload *f)
{
	static char text[4096];
	ssize_t n = pread(rq->body_fd, text, (size_t)f->len, f->off);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static const char type[] = "multipart/form-data; boundary=xx";
static const char body[] = "--xx\r\nContent-Disposition: form-data; name=csrf_token\r\n\r\nabc\r\n"
			   "--xx\r\nContent-Disposition: form-data; name=none; filename=\"\"\r\n\r\n\r\n"
			   "--xx\r\nContent-Disposition: form-data; name=file; filename=\"../a.tar\"\r\n\r\n"
			   "one\r\n--xtwo\r\n--xx\r\nContent-Disposition: form-data; name=file; filename=b\r\n"
			   "Content-Type: text/plain\r\n\r\nlast\r\n--xx--\r\n";

TEST(upload_parse__fields_go_to_the_form_and_files_are_ranges_of_the_body)
{
	struct cm_request *rq = request(body, sizeof(body) - 1);

	CHECK_INT(cm_upload_parse(rq, type, NULL), 0);
	CHECK_STR(cm_form_get(rq->post, "csrf_token"), "abc");
	CHECK_INT(rq->file_count, 3);
	CHECK(cm_upload_first(rq) == &rq->files[1]);
	CHECK_STR(rq->files[1].filename, "../a.tar");
	CHECK_STR(content(rq, &rq->files[1]), "one\r\n--xtwo");
	CHECK_STR(rq->files[2].field, "file");
	CHECK_STR(content(rq, &rq->files[2]), "last");
	cm_request_free(rq);
}

TEST(upload_parse__a_long_body_is_read_from_its_file)
{
	struct cm_request *rq = request("", 0);
	char name[] = "/tmp/cm-upload-XXXXXX";
	static char filler[3 << 20];
	size_t len;

	rq->body_fd = mkstemp(name);
	unlink(name);
	memset(filler, '\r', sizeof(filler));
	len = (size_t)dprintf(rq->body_fd, "--xx\r\nContent-Disposition: form-data; name=f; filename=big\r\n\r\n");
	CHECK_INT(write(rq->body_fd, filler, sizeof(filler)), sizeof(filler));
	rq->body_len = len + sizeof(filler) + (size_t)dprintf(rq->body_fd, "\r\n--xx--");
	CHECK_INT(cm_upload_parse(rq, type, NULL), 0);
	CHECK_INT(rq->file_count, 1);
	CHECK_INT(rq->files[0].off, len);
	CHECK_INT(rq->files[0].len, sizeof(filler));
	cm_request_free(rq);
}

TEST(upload_parse__another_type_is_one_file)
{
	struct cm_request *rq = request("tar", 3);

	CHECK_INT(cm_form_parse_urlencoded(rq->get, "filename=x.tar", 14, NULL), 0);
	CHECK_INT(cm_upload_parse(rq, "application/x-tar", NULL), 0);
	CHECK_INT(rq->file_count, 1);
	CHECK_STR(rq->files[0].filename, "x.tar");
	CHECK_STR(content(rq, &rq->files[0]), "tar");
	cm_request_free(rq);
}

TEST(upload_parse__a_broken_form_is_refused)
{
	struct cm_request *rq = request(body, sizeof(body) - 20);

	CHECK_INT(cm_upload_parse(rq, type, NULL), CM_EINVAL);
	cm_request_free(rq);
}
