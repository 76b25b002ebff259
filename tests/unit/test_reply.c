/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/json.h"
#include "core/mem.h"
#include "web/reply.h"

static struct cm_request *request(const char *name, const char *value)
{
	struct cm_request *rq = cm_alloc(sizeof(*rq));

	if (name != NULL) {
		rq->headers[0] = (struct cm_header){ cm_strdup(name), cm_strdup(value) };
		rq->header_count = 1;
	}
	return rq;
}

static const char *header(const struct cm_reply *rp, const char *name)
{
	for (size_t i = 0; i < rp->header_count; i++)
		if (strcmp(rp->headers[i].name, name) == 0)
			return rp->headers[i].value;
	return NULL;
}

static int ten_bytes(void)
{
	char path[] = "/tmp/cm-reply-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	if (write(fd, "0123456789", 10) != 10)
		return -1;
	return fd;
}

/* "status off len content-range" of a file of ten bytes asked for with this header. */
static const char *ask(const char *name, const char *value)
{
	static char text[200];
	struct cm_request *rq = request(name, value);
	struct cm_reply rp;

	cm_reply_init(&rp);
	if (cm_reply_file(rq, &rp, ten_bytes(), "text/plain", "tag", NULL, NULL) != 0)
		return "failed";
	snprintf(text, sizeof(text), "%d %d %d %s", rp.status, (int)rp.off, (int)rp.len,
		 header(&rp, "content-range") ? header(&rp, "content-range") : "-");
	cm_reply_free(&rp);
	cm_request_free(rq);
	return text;
}

TEST(reply_file__ranges)
{
	CHECK_STR(ask(NULL, NULL), "200 0 10 -");
	CHECK_STR(ask("range", "bytes=0-0"), "206 0 1 bytes 0-0/10");
	CHECK_STR(ask("range", "bytes=2-5"), "206 2 4 bytes 2-5/10");
	CHECK_STR(ask("range", "bytes=5-"), "206 5 5 bytes 5-9/10");
	CHECK_STR(ask("range", "bytes=5-100"), "206 5 5 bytes 5-9/10");
	CHECK_STR(ask("range", "bytes=-3"), "206 7 3 bytes 7-9/10");
	CHECK_STR(ask("range", "bytes=-30"), "206 0 10 bytes 0-9/10");
	CHECK_STR(ask("range", "bytes=-0"), "416 0 0 bytes */10");
	CHECK_STR(ask("range", "bytes=10-"), "416 0 0 bytes */10");
	CHECK_STR(ask("range", "bytes=99999999999999999999-"), "200 0 10 -");
	CHECK_STR(ask("range", "bytes=5-2"), "200 0 10 -");
	CHECK_STR(ask("range", "bytes=1-2,4-5"), "200 0 10 -");
	CHECK_STR(ask("range", "lines=1-2"), "200 0 10 -");
	CHECK_STR(ask("range", "bytes=a-b"), "200 0 10 -");
}

TEST(reply_file__conditions)
{
	struct cm_request *rq = request("range", "bytes=1-1");
	struct cm_reply rp;

	CHECK_STR(ask("if-none-match", "\"tag\""), "304 0 0 -");
	CHECK_STR(ask("if-none-match", "\"x\", W/\"tag\" "), "304 0 0 -");
	CHECK_STR(ask("if-none-match", "*"), "304 0 0 -");
	CHECK_STR(ask("if-none-match", "\"ta\""), "200 0 10 -");
	rq->headers[1] = (struct cm_header){ cm_strdup("if-range"), cm_strdup("\"old\"") };
	rq->header_count = 2;
	cm_reply_init(&rp);
	CHECK_INT(cm_reply_file(rq, &rp, ten_bytes(), "text/plain", "tag", "a\"b\r\nü.txt", NULL), 0);
	CHECK_INT(rp.status, 200);
	CHECK_STR(header(&rp, "etag"), "\"tag\"");
	CHECK_STR(header(&rp, "accept-ranges"), "bytes");
	CHECK(strncmp(header(&rp, "content-disposition"), "attachment; filename=\"a_b", 24) == 0);
	CHECK(strchr(header(&rp, "content-disposition"), '\n') == NULL);
	CHECK(strstr(header(&rp, "content-disposition"), "%C3%BC.txt") != NULL);
	cm_reply_free(&rp);
	free(rq->headers[1].value);
	rq->headers[1].value = cm_strdup("\"tag\"");
	cm_reply_init(&rp);
	CHECK_INT(cm_reply_file(rq, &rp, ten_bytes(), "text/plain", "tag", NULL, NULL), 0);
	CHECK_INT(rp.status, 206);
	cm_reply_free(&rp);
	cm_request_free(rq);
}

TEST(reply_header__replaces_but_collects_cookies_and_drops_line_breaks)
{
	struct cm_reply rp;

	cm_reply_init(&rp);
	cm_reply_header(&rp, "x-a", "1");
	cm_reply_header(&rp, "x-a", "2\r\nset-cookie: evil=1");
	cm_reply_header(&rp, "set-cookie", "a=1");
	cm_reply_header(&rp, "set-cookie", "b=1");
	CHECK_INT(rp.header_count, 3);
	CHECK_STR(header(&rp, "x-a"), "2  set-cookie: evil=1");
	cm_reply_free(&rp);
}

TEST(reply_redirect__stays_on_this_site)
{
	static const char *const local[] = { "/", "/vault?sort=-size", "/a#b" };
	static const char *const foreign[] = {
		"", "//evil.example", "/\\evil.example", "https://evil.example", "vault", "/a b", "/a\n", "/\xc3\xbc"
	};

	for (size_t i = 0; i < CM_COUNT(local); i++)
		CHECK(cm_path_local(local[i]));
	for (size_t i = 0; i < CM_COUNT(foreign); i++)
		CHECK(!cm_path_local(foreign[i]));
	CHECK(!cm_path_local(NULL));
	struct cm_reply rp;
	cm_reply_init(&rp);
	cm_reply_redirect(&rp, "//evil.example");
	CHECK_INT(rp.status, 303);
	CHECK_STR(header(&rp, "location"), "/");
	cm_reply_free(&rp);
}

TEST(reply_done__page_and_api)
{
	struct cm_request *rq = request(NULL, NULL);
	struct json_object *answer = json_object_new_object();
	struct cm_reply rp;

	cm_reply_init(&rp);
	cm_reply_done(rq, &rp, "/vault", NULL, "%d gone", 3);
	CHECK_INT(rp.status, 303);
	CHECK_STR(cm_json_str(json_object_array_get_idx(cm_json_arr(rp.view, "flash"), 0), "text", ""), "3 gone");
	cm_reply_free(&rp);
	rq->is_api = true;
	cm_reply_init(&rp);
	cm_json_set_int(answer, "deleted_count", 3);
	cm_reply_done(rq, &rp, "/vault", answer, "%d gone", 3);
	CHECK_INT(rp.status, 200);
	CHECK_STR(rp.body.data, "{\"deleted_count\":3,\"success\":true,\"message\":\"3 gone\"}\n");
	cm_reply_free(&rp);
	cm_request_free(rq);
}

static int released;
static void count_release(void *arg)
{
	(void)arg;
	released++;
}

TEST(reply_free__releases_a_stream_once)
{
	struct cm_reply rp;

	cm_reply_init(&rp);
	cm_reply_stream(&rp, "text/plain", -1, NULL, count_release, NULL);
	cm_reply_free(&rp);
	cm_reply_free(&rp);
	CHECK_INT(released, 1);
}
