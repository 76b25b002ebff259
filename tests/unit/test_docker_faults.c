/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An engine that answers badly: each fault is the right error in time, and the handle works afterwards. */
#include "test.h"

#include <signal.h>

#include "../tools/fault_engine.h"
#include "core/clock.h"
#include "core/mem.h"
#include "docker/container.h"
#include "docker/docker.h"
#include "docker/events.h"
#include "docker/image.h"

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"

static struct fault_engine engine;

__attribute__((constructor)) static void begin(void)
{
	signal(SIGPIPE, SIG_IGN);
}

static struct cm_docker *open_engine(const struct fault *f)
{
	struct cm_docker *d = NULL;

	fault_engine_start(&engine);
	fault_engine_mode(&engine, f);
	if (cm_docker_new(&(struct cm_docker_config){ .host = engine.host }, &d, NULL) != 0)
		abort();
	cm_docker_set_timeout(d, 1000);
	return d;
}

/* The handle must work again once the engine does. */
static int close_engine(struct cm_docker *d)
{
	cm_autojson struct json_object *o = NULL;

	fault_engine_mode(&engine, &(struct fault){ .text = FAULT_OK, .end = FAULT_KEEP });
	int r = cm_docker_info(d, &o, NULL);
	if (r == 0 && cm_json_int(o, "ok", 0) != 42)
		r = -1000;
	cm_docker_free(d);
	fault_engine_stop(&engine);
	return r;
}

/* One plain call against a fault: its code, in at most max_ms. */
#define CALL(fault_, code_, max_ms)                                    \
	do {                                                           \
		struct cm_err err_ = { .code = 0 };                    \
		cm_autojson struct json_object *o_ = NULL;             \
		struct cm_docker *d_ = open_engine(fault_);            \
		int64_t t_ = cm_monotonic_ms();                        \
		int r_ = cm_docker_info(d_, &o_, &err_);               \
		t_ = cm_monotonic_ms() - t_;                           \
		int again_ = close_engine(d_);                         \
		if (r_ != (code_))                                     \
			printf("# %s | %s\n", err_.text, err_.detail); \
		CHECK_INT(r_, code_);                                  \
		CHECK(o_ == NULL);                                     \
		CHECK(err_.text[0] != '\0' && strchr(err_.text, '.')); \
		CHECK(t_ <= (max_ms));                                 \
		CHECK_INT(again_, 0);                                  \
	} while (0)

TEST(call__truncated_body)
{
	CALL((&(struct fault){ .text = HEAD "Content-Length: 100\r\n\r\n{\"ok\": 42}" }), CM_EUPSTREAM, 500);
}

TEST(call__truncated_head)
{
	CALL((&(struct fault){ .text = "HTTP/1.1 200 OK\r\nContent-Le" }), CM_EUPSTREAM, 500);
}

TEST(call__hangs_up_without_a_byte)
{
	CALL((&(struct fault){ .text = "" }), CM_EUPSTREAM, 500);
}

TEST(call__never_answers)
{
	CALL((&(struct fault){ .text = "", .end = FAULT_HANG }), CM_ETIMEDOUT, 1500);
}

TEST(call__stops_in_the_middle)
{
	CALL((&(struct fault){ .text = HEAD "Content-Length: 100\r\n\r\n{\"ok\"", .end = FAULT_HANG }), CM_ETIMEDOUT,
	     1500);
}

TEST(call__drips_for_longer_than_it_may_take)
{
	CALL((&(struct fault){ .text = HEAD "Content-Length: 10\r\n\r\n{\"ok\": 42}", .drip_ms = 60 }), CM_ETIMEDOUT,
	     1500);
}

TEST(call__garbage_chunk_sizes)
{
	CALL((&(struct fault){ .text = CHUNKED "zz\r\n{\"ok\"" }), CM_EUPSTREAM, 500);
	CALL((&(struct fault){ .text = CHUNKED "fffffffffffffffff\r\n{\"ok\"" }), CM_EUPSTREAM, 500);
	CALL((&(struct fault){ .text = CHUNKED "-5\r\n{\"ok\"" }), CM_EUPSTREAM, 500);
}

TEST(call__chunks_end_too_early)
{
	CALL((&(struct fault){ .text = CHUNKED "a\r\n{\"ok\": 42}\r\n" }), CM_EUPSTREAM, 500);
}

TEST(call__length_shorter_than_the_body)
{
	CALL((&(struct fault){ .text = HEAD "Content-Length: 5\r\n\r\n{\"ok\": 42}" }), CM_EUPSTREAM, 500);
}

TEST(call__length_that_is_no_number)
{
	CALL((&(struct fault){ .text = HEAD "Content-Length: x\r\n\r\n" }), CM_EUPSTREAM, 500);
}

TEST(call__no_http)
{
	CALL((&(struct fault){ .text = "\x16\x03\x01 what is this\r\n\r\n" }), CM_EUPSTREAM, 500);
}

TEST(call__no_json)
{
	CALL((&(struct fault){ .text = HEAD "Content-Length: 5\r\n\r\nhello" }), CM_EUPSTREAM, 500);
}

TEST(call__a_redirect_is_not_followed)
{
	CALL((&(struct fault){
		 .text = "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n" }),
	     CM_EUPSTREAM, 500);
}

TEST(call__a_proxys_page)
{
	CALL((&(struct fault){ .text = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 15\r\n\r\n<html>no</html>" }),
	     CM_EUPSTREAM, 500);
}

TEST(call__huge_head)
{
	CALL((&(struct fault){ .text = "HTTP/1.1 200 OK\r\nX: 1\r\n", .after = "Y: 2\r\n", .end = FAULT_HANG }),
	     CM_ETIMEDOUT, 1500);
	char line[1002];
	memset(line, 'x', 1000);
	memcpy(line + 998, "\r\n", 3);
	memcpy(line, "HTTP/1.1 200 OK\r\nX: ", 20);
	CALL((&(struct fault){ .text = line, .repeat = 500, .after = "\r\n" }), CM_EUPSTREAM, 1000);
	char endless[4096];
	memset(endless, 'x', sizeof(endless));
	CALL((&(struct fault){ .text = endless, .len = sizeof(endless), .repeat = 1000 }), CM_EUPSTREAM, 1000);
}

TEST(call__a_body_without_end)
{
	static char part[1 << 20];
	struct cm_err err;
	cm_autojson struct json_object *o = NULL;

	memset(part, ' ', sizeof(part));
	memcpy(part, "HTTP/1.1 200 OK\r\n\r\n", 19);
	struct cm_docker *d = open_engine(&(struct fault){ .text = part, .len = sizeof(part), .repeat = 200 });
	cm_docker_set_timeout(d, 20000);
	int r = cm_docker_info(d, &o, &err);
	int again = close_engine(d);
	CHECK_INT(r, CM_EUPSTREAM);
	CHECK(strstr(err.text, "too large") != NULL);
	CHECK_INT(again, 0);
}

TEST(call__a_kept_connection_that_died_is_replaced)
{
	struct cm_docker *d = open_engine(&(struct fault){ .text = FAULT_OK, .end = FAULT_CLOSE });
	int bad = 0;

	for (int i = 0; i < 20; i++) {
		cm_autojson struct json_object *o = NULL;
		bad += cm_docker_info(d, &o, NULL) != 0;
	}
	int again = close_engine(d);
	CHECK_INT(bad, 0);
	CHECK_INT(again, 0);
}

TEST(ping__faults)
{
	static const struct {
		const char *answer;
		int code;
	} table[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", CM_EUPSTREAM },
		{ "HTTP/1.1 200 OK\r\nApi-Version: x\r\nContent-Length: 2\r\n\r\nOK", CM_EUPSTREAM },
		{ "HTTP/1.1 200 OK\r\nApi-Version: 1.39\r\nContent-Length: 2\r\n\r\nOK", CM_EUNSUPPORTED },
		{ "HTTP/1.1 200 OK\r\nApi-Version: 2.0\r\nContent-Length: 2\r\n\r\nOK", CM_EUPSTREAM },
		{ "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", CM_EUPSTREAM },
		{ "HTTP/1.1 200 OK\r\napi-version:1.40\r\nContent-Length: 2\r\n\r\nOK", 0 },
		{ "HTTP/1.1 200 OK\r\nApi-Version: 1.99\r\nContent-Length: 2\r\n\r\nOK", 0 },
	};
	for (size_t i = 0; i < CM_COUNT(table); i++) {
		int minor = 0;
		struct cm_docker *d =
		    open_engine(&(struct fault){ .text = table[i].answer, .end = FAULT_KEEP, .for_ping = true });
		int r = cm_docker_api(d, &minor, NULL);
		int again = close_engine(d);
		CHECK_INT(r, table[i].code);
		if (i == 5)
			CHECK_INT(minor, 40);
		if (i == 6)
			CHECK_INT(minor, 47);
		CHECK_INT(again, 0);
	}
}

TEST(reach__nothing_there)
{
	static const struct {
		const char *host, *words;
	} table[] = {
		{ "unix:///tmp/cm-fault-none/s", "no socket" },
		{ "tcp://127.0.0.1:1", "not reachable" },
		{ "tcp://no-such-host.invalid:1", "no address" },
	};
	for (size_t i = 0; i < CM_COUNT(table); i++) {
		struct cm_docker *d = NULL;
		struct cm_err err;
		CHECK_INT(cm_docker_new(&(struct cm_docker_config){ .host = table[i].host }, &d, NULL), 0);
		cm_docker_set_timeout(d, 3000);
		int r = cm_docker_ping(d, &err);
		cm_docker_free(d);
		CHECK_INT(r, CM_EUNREACHABLE);
		CHECK(strstr(err.text, table[i].words) != NULL);
	}
}

TEST(reach__a_socket_that_nobody_serves)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/cm-unit-XXXXXX", host[128];
	struct cm_docker *d = NULL;
	struct cm_err err;

	/* The file stays when whoever listened there has ended. */
	CHECK(mkdtemp(dir) != NULL);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/engine.sock", dir);
	snprintf(host, sizeof(host), "unix://%s", at.sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_INT(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
	CHECK_INT(cm_docker_new(&(struct cm_docker_config){ .host = host }, &d, NULL), 0);
	int r = cm_docker_ping(d, &err);
	cm_docker_free(d);
	unlink(at.sun_path);
	rmdir(dir);
	CHECK_INT(r, CM_EUNREACHABLE);
	CHECK(strstr(err.text, "nothing answers") != NULL);
}

static bool after_300(void *ctx)
{
	return cm_monotonic_ms() - *(int64_t *)ctx > 300;
}

TEST(cancel__ends_a_wait)
{
	struct cm_docker *d = open_engine(&(struct fault){ .text = "", .end = FAULT_HANG });
	int64_t start = cm_monotonic_ms();

	cm_docker_set_timeout(d, 10000);
	cm_docker_set_cancel(d, after_300, &start);
	int r = cm_docker_call(d, "GET", "/info", NULL, NULL, NULL);
	int64_t took = cm_monotonic_ms() - start;
	cm_docker_set_cancel(d, NULL, NULL);
	int again = close_engine(d);
	CHECK_INT(r, CM_ECANCELLED);
	CHECK(took >= 300 && took < 800);
	CHECK_INT(again, 0);
}

static int count(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)data;
	(void)err;
	*(size_t *)ctx += len;
	return 0;
}

static int refuse_all(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)ctx, (void)data, (void)len;
	return cm_err_set(err, CM_ENOSPACE, "The sink is full.");
}

TEST(stream__faults)
{
	static const struct {
		struct fault f;
		int code;
		size_t bytes;
	} table[] = {
		{ { .text = CHUNKED "5\r\nhello\r\n0\r\n\r\n" }, 0, 5 },
		{ { .text = CHUNKED "5\r\nhello\r\n" }, CM_EUPSTREAM, 5 },
		{ { .text = CHUNKED "5\r\nhello\r\nq" }, CM_EUPSTREAM, 5 },
		{ { .text = HEAD "Content-Length: 10\r\n\r\nhello" }, CM_EUPSTREAM, 5 },
		{ { .text = CHUNKED "5\r\nhello\r\n", .end = FAULT_HANG }, CM_ETIMEDOUT, 5 },
		{ { .text =
			"HTTP/1.1 404 No\r\nContent-Length: 40\r\n\r\n{\"message\":\"No such container: nothing\"} " },
		  CM_ENOTFOUND,
		  0 },
		{ { .text = "HTTP/1.1 500 Oops\r\nContent-Length: 400\r\n\r\n{\"message\":" }, CM_EUPSTREAM, 0 },
	};
	for (size_t i = 0; i < CM_COUNT(table); i++) {
		size_t bytes = 0;
		struct cm_docker *d = open_engine(&table[i].f);
		int r = cm_docker_stream_get(d, "/containers/x/export", count, &bytes, 400, NULL);
		int again = close_engine(d);
		CHECK_INT(r, table[i].code);
		CHECK_INT(bytes, table[i].bytes);
		CHECK_INT(again, 0);
	}
}

TEST(stream__a_slow_one_that_moves_is_no_fault)
{
	size_t bytes = 0;
	struct cm_docker *d =
	    open_engine(&(struct fault){ .text = HEAD "Content-Length: 10\r\n\r\n0123456789", .drip_ms = 15 });

	int r = cm_docker_stream_get(d, "/containers/x/export", count, &bytes, 800, NULL);
	int again = close_engine(d);
	CHECK_INT(r, 0);
	CHECK_INT(bytes, 10);
	CHECK_INT(again, 0);
}

TEST(stream__the_sinks_error_is_passed_on)
{
	struct cm_err err;
	struct cm_docker *d = open_engine(&(struct fault){ .text = CHUNKED "5\r\nhello\r\n0\r\n\r\n" });

	int r = cm_docker_stream_get(d, "/x", refuse_all, NULL, 0, &err);
	int again = close_engine(d);
	CHECK_INT(r, CM_ENOSPACE);
	CHECK_STR(err.text, "The sink is full.");
	CHECK_INT(again, 0);
}

static int endless(void *ctx, void *data, size_t cap, size_t *ret_len, struct cm_err *err)
{
	(void)err;
	memset(data, 'x', cap);
	*(size_t *)ctx += cap;
	*ret_len = *(size_t *)ctx > (64 << 20) ? 0 : cap;
	return 0;
}

static int broken_source(void *ctx, void *data, size_t cap, size_t *ret_len, struct cm_err *err)
{
	(void)ctx, (void)data, (void)cap, (void)ret_len;
	return cm_err_set(err, CM_ECORRUPT, "The archive is damaged.");
}

static struct cm_docker_upload upload(cm_docker_source source, void *ctx)
{
	return (struct cm_docker_upload){
		.method = "PUT", .path = "/x", .size = -1, .source = source, .source_ctx = ctx, .idle_ms = 500
	};
}

TEST(upload__refused_before_it_is_read)
{
	struct cm_err err;
	size_t sent = 0;
	struct cm_docker *d = open_engine(&(struct fault){
	    .text = "HTTP/1.1 404 No\r\nContent-Length: 40\r\n\r\n{\"message\":\"No such container: nothing\"} ",
	    .end = FAULT_HANG });
	struct cm_docker_upload up = upload(endless, &sent);

	int r = cm_docker_stream_send(d, &up, &err);
	int again = close_engine(d);
	CHECK_INT(r, CM_ENOTFOUND);
	CHECK_STR(err.text, "There is no container nothing on this Docker host.");
	CHECK(sent < (32 << 20));
	CHECK_INT(again, 0);
}

TEST(upload__nobody_reads_it)
{
	size_t sent = 0;
	struct cm_docker *d = open_engine(&(struct fault){ .text = "", .end = FAULT_KEEP });
	struct cm_docker_upload up = upload(endless, &sent);

	fault_engine_mode(&engine, &(struct fault){ .text = "HTTP/1.1 100 Continue\r\n\r\n", .drip_ms = 2000 });
	int r = cm_docker_stream_send(d, &up, NULL);
	int again = close_engine(d);
	CHECK(r == CM_ETIMEDOUT || r == CM_EUPSTREAM);
	CHECK_INT(again, 0);
}

TEST(upload__the_sources_error_is_passed_on)
{
	struct cm_err err;
	struct cm_docker *d = open_engine(&(struct fault){ .text = FAULT_OK, .end = FAULT_HANG });
	struct cm_docker_upload up = upload(broken_source, NULL);

	fault_engine_mode(&engine, &(struct fault){ .text = "", .end = FAULT_HANG });
	int r = cm_docker_stream_send(d, &up, &err);
	int again = close_engine(d);
	CHECK_INT(r, CM_ECORRUPT);
	CHECK_STR(err.text, "The archive is damaged.");
	CHECK_INT(again, 0);
}

static int nothing(void *ctx, void *data, size_t cap, size_t *ret_len, struct cm_err *err)
{
	(void)ctx, (void)data, (void)cap, (void)err;
	*ret_len = 0;
	return 0;
}

/* A chunked answer of these pieces, whole or broken off. */
static void chunked(struct cm_buf *out, const char *const *pieces, bool whole)
{
	cm_buf_str(out, CHUNKED);
	for (; *pieces != NULL; pieces++)
		cm_buf_printf(out, "%zx\r\n%s\r\n", strlen(*pieces), *pieces);
	if (whole)
		cm_buf_str(out, "0\r\n\r\n");
}

#define LOADED "{\"stream\":\"Loaded image: busybox:local\\n\"}\r\n"
#define FAILED "{\"errorDetail\":{\"message\":\"no tar\"},\"error\":\"no tar\"}\r\n"

TEST(load__answers_of_status_200)
{
	static const struct {
		const char *pieces[4];
		bool whole;
		int code;
		const char *words;
	} table[] = {
		{ { LOADED }, true, 0, NULL },
		{ { "{\"stream\":\"Loaded", " image: busybox:local\\n\"}" }, true, 0, NULL },
		{ { FAILED }, true, CM_EUPSTREAM, "no tar" },
		{ { LOADED, FAILED }, true, CM_EUPSTREAM, "no tar" },
		{ { "{\"stream\":" }, true, CM_EUPSTREAM, "not understood" },
		{ { "hello" }, true, CM_EUPSTREAM, "not understood" },
		{ { LOADED }, false, CM_EUPSTREAM, "broke" },
		{ { NULL }, true, CM_EUPSTREAM, "no image" },
	};
	for (size_t i = 0; i < CM_COUNT(table); i++) {
		struct cm_err err = { .code = 0 };
		cm_autojson struct json_object *names = NULL;
		cm_autobuf struct cm_buf answer = CM_BUF_INIT(10000);
		chunked(&answer, table[i].pieces, table[i].whole);
		struct cm_docker *d = open_engine(&(struct fault){ .text = answer.data, .take_body = true });
		int r = cm_image_load(d, nothing, NULL, &names, &err);
		int again = close_engine(d);
		if (r != table[i].code)
			printf("# %zu: %s | %s\n", i, err.text, err.detail);
		CHECK_INT(r, table[i].code);
		if (r == 0)
			CHECK_STR(json_object_get_string(json_object_array_get_idx(names, 0)), "busybox:local");
		else
			CHECK(strstr(err.text, table[i].words) != NULL);
		CHECK_INT(again, 0);
	}
}

TEST(stream__without_a_length_may_be_cut)
{
	size_t bytes = 0;
	struct cm_docker *d = open_engine(&(struct fault){ .text = HEAD "\r\nall or a part" });

	int r = cm_docker_stream_get(d, "/containers/x/export", count, &bytes, 300, NULL);
	int again = close_engine(d);
	CHECK_INT(r, CM_EUPSTREAM);
	CHECK_INT(again, 0);
}

static int on_event(void *ctx, struct json_object *o, struct cm_err *err)
{
	(void)o;
	++*(int *)ctx;
	return *(int *)ctx == 2 ? cm_err_set(err, CM_ECANCELLED, "Enough.") : 0;
}

TEST(events__end_by_the_callback_or_by_the_engine)
{
	int n = 0;
	struct cm_events_spec spec = { .since_ms = 1 };
	struct cm_docker *d =
	    open_engine(&(struct fault){ .text = CHUNKED "e\r\n{\"a\":1}{\"a\":2}\r\n", .end = FAULT_HANG });

	int r = cm_events_run(d, &spec, on_event, &n, NULL);
	CHECK_INT(r, CM_ECANCELLED);
	CHECK_INT(n, 2);
	n = 0;
	fault_engine_mode(&engine, &(struct fault){ .text = CHUNKED "7\r\n{\"a\":1}\r\n0\r\n\r\n" });
	r = cm_events_run(d, &spec, on_event, &n, NULL);
	int again = close_engine(d);
	CHECK_INT(r, CM_EUPSTREAM);
	CHECK_INT(n, 1);
	CHECK_INT(again, 0);
}

TEST(hijack__faults)
{
	static const struct {
		struct fault f;
		int code;
		const char *words;
	} table[] = {
		{ { .text = "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nearly" }, 0, NULL },
		{ { .text = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nearly" },
		  0,
		  NULL },
		{ { .text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 UPGRADED\r\n\r\nearly", .drip_ms = 2 },
		  0,
		  NULL },
		{ { .text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" }, CM_EUNSUPPORTED, "upgraded" },
		{ { .text = "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n"
			    "20\r\n{\"message\":\"No such container: x\"\r\n1\r\n}\r\n0\r\n\r\n",
		    .end = FAULT_HANG },
		  CM_ENOTFOUND,
		  "no container x" },
		{ { .text =
			"HTTP/1.1 409 No\r\nContent-Length: 41\r\n\r\n{\"message\":\"Container x is not running\"}  ",
		    .end = FAULT_HANG },
		  CM_EBUSY,
		  "not running" },
		{ { .text = "HTTP/1.1 500 No\r\n\r\nbad luck" }, CM_EUPSTREAM, "bad luck" },
		{ { .text = "HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\nhalf", .end = FAULT_HANG },
		  CM_EUPSTREAM,
		  "half" },
		{ { .text = "garbage\r\n\r\n" }, CM_EUPSTREAM, "not understood" },
		{ { .text = "HTTP/1.1 101 UPGR" }, CM_EUPSTREAM, "hung up" },
		{ { .text = "" }, CM_EUPSTREAM, "hung up" },
		{ { .text = "", .end = FAULT_HANG }, CM_ETIMEDOUT, "time allowed" },
		{ { .text = "HTTP/1.1 101 x\r\nA: b\r\n", .repeat = 9000 }, CM_EUPSTREAM, "" },
	};
	for (size_t i = 0; i < CM_COUNT(table); i++) {
		struct cm_err err = { .code = 0 };
		struct cm_docker_conn *c = NULL;
		char text[16] = "";
		size_t len = 0, n = 1;
		int64_t start = cm_monotonic_ms();
		struct cm_docker *d = open_engine(&table[i].f);
		int r = cm_docker_hijack(d, "/containers/x/attach", NULL, &c, &err);
		while (r == 0 && n > 0 && len < 10) {
			r = cm_docker_conn_read(c, text + len, 10 - len, 500, &n, &err);
			len += r == 0 ? n : 0;
		}
		cm_docker_conn_free(c);
		int64_t took = cm_monotonic_ms() - start;
		int again = close_engine(d);
		if (r != table[i].code)
			printf("# %zu: %s | %s\n", i, err.text, err.detail);
		CHECK_INT(r, table[i].code);
		CHECK(took < 2500);
		if (r == 0)
			CHECK_STR(text, "early");
		else
			CHECK(strstr(err.text, table[i].words) != NULL);
		CHECK_INT(again, 0);
	}
}

TEST(wait__that_is_refused_or_broken)
{
	static const struct {
		const char *answer;
		int code;
	} table[] = {
		{ "HTTP/1.1 404 No\r\nContent-Length: 34\r\n\r\n{\"message\":\"No such container: x\"} ",
		  CM_ENOTFOUND },
		{ HEAD "Content-Length: 16\r\n\r\n{\"StatusCode\": 7", CM_EUPSTREAM },
		{ HEAD "Content-Length: 2\r\n\r\n{}", CM_EUPSTREAM },
		{ CHUNKED "10\r\n{\"StatusCode\": 7\r\n", CM_EUPSTREAM },
		{ CHUNKED "11\r\n{\"StatusCode\": 7}\r\n0\r\n\r\n", 0 },
	};
	for (size_t i = 0; i < CM_COUNT(table); i++) {
		struct cm_container_wait *w = NULL;
		int code = -1;
		struct cm_docker *d = open_engine(&(struct fault){ .text = table[i].answer });
		/* What breaks at once is seen by the first of the two already. */
		int r = cm_container_wait_start(d, "x", "next-exit", &w, NULL);
		if (r == 0)
			r = cm_container_wait_finish(w, 1000, &code, NULL);
		cm_container_wait_free(w);
		int again = close_engine(d);
		CHECK_INT(r, table[i].code);
		CHECK_INT(code, r == 0 ? 7 : -1);
		CHECK_INT(again, 0);
	}
}
