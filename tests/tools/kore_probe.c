/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server without the product: the real src/web/kore_*.c over a web side of its own, which does what tests of the
 * server need: echo, slow answers, files, streams that end, fail or never end, crashes, forbidden system calls.
 * Settings are the program's; `-c FILE` adds servers and routes of Kore's own (handler probe_args).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <kore/kore.h>

#include "core/file.h"
#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "jobs/runner.h"
#include "web/form.h"
#include "web/kore_server.h"
#include "web/kore_tls.h"
#include "web/reply.h"

struct cm_web {
	const struct cm_app *app;
};

struct stream_plan {
	int64_t bytes; /* -1: until told to stop */
	int64_t fail_at;
	int64_t pause_ms; /* between pieces */
};

static int64_t number(const struct cm_form *f, const char *name, int64_t def)
{
	int64_t n;

	return cm_form_int(f, name, -1, INT64_MAX, def, &n, NULL) == 0 ? n : def;
}

static void pause_ms(int64_t ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}

/* Byte n of a stream is n % 251, so that a test sees what is lost, doubled or moved. */
static int produce(void *arg, int fd, const atomic_bool *stop)
{
	struct stream_plan *p = arg;
	unsigned char piece[251 * 64];

	for (size_t i = 0; i < sizeof(piece); i++)
		piece[i] = (unsigned char)(i % 251);
	for (int64_t done = 0; p->bytes < 0 || done < p->bytes;) {
		size_t n = p->pause_ms > 0 ? 251 : sizeof(piece);

		if (atomic_load(stop))
			return -1;
		if (p->fail_at >= 0 && done >= p->fail_at)
			return -1;
		if (p->bytes >= 0 && p->bytes - done < (int64_t)n)
			n = (size_t)(p->bytes - done);
		if (cm_fd_write_all(fd, piece, n) != 0) {
			cm_info("probe", "producer: write failed after %lld", (long long)done);
			return -1;
		}
		done += (int64_t)n;
		if (p->pause_ms > 0)
			pause_ms(p->pause_ms);
	}
	return 0;
}

static int produce_events(void *arg, int fd, const atomic_bool *stop)
{
	(void)arg;
	for (int i = 0; !atomic_load(stop); i++) {
		char line[64];
		int n = snprintf(line, sizeof(line), "event: tick\ndata: %d\n\n", i);

		if (cm_fd_write_all(fd, line, (size_t)n) != 0)
			break;
		pause_ms(50);
	}
	cm_info("probe", "events ended");
	return 0;
}

static void released(void *arg)
{
	free(arg);
	cm_info("probe", "stream released");
}

/* All bytes of a body that came as a file without a name, added up. */
static int64_t sum(int fd)
{
	unsigned char piece[65536];
	struct stat st;
	int64_t n = 0;
	ssize_t len;

	if (fstat(fd, &st) != 0 || st.st_nlink != 0)
		return -2;
	for (off_t at = 0; (len = pread(fd, piece, sizeof(piece), at)) > 0; at += len)
		for (ssize_t i = 0; i < len; i++)
			n += piece[i];
	return n;
}

static void echo(struct cm_request *rq, struct cm_reply *rp)
{
	static const char *const names[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };
	struct json_object *o = json_object_new_object(), *headers = json_object_new_object();
	cm_autofree char *text = NULL;

	cm_json_set_str(o, "method", names[rq->method]);
	cm_json_set_str(o, "path", rq->path);
	cm_json_set_str(o, "query", rq->query);
	cm_json_set_str(o, "body", rq->body);
	cm_json_set_int(o, "body_len", (int64_t)rq->body_len);
	cm_json_set_int(o, "body_sum", rq->body_fd > 0 ? sum(rq->body_fd) : -1);
	cm_json_set_int(o, "header_count", (int64_t)rq->header_count);
	cm_json_set_str(o, "peer", rq->peer);
	cm_json_set_bool(o, "tls", rq->tls);
	cm_json_set_int(o, "pid", getpid());
	for (size_t i = 0; i < rq->header_count; i++)
		cm_json_set_str(headers, rq->headers[i].name, rq->headers[i].value);
	cm_json_set(o, "headers", headers);
	text = cm_json_text(o);
	json_object_put(o);
	cm_reply_header(rp, "content-type", "application/json");
	cm_reply_header(rp, "set-cookie", "a=1; Path=/");
	cm_reply_header(rp, "set-cookie", "b=2; Path=/");
	cm_buf_str(&rp->body, text);
}

static void file(struct cm_request *rq, struct cm_reply *rp, const struct cm_form *f)
{
	int fd = open(cm_form_str(f, "path", ""), O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		rp->status = 404;
		return;
	}
	cm_reply_file(rq, rp, fd, "application/octet-stream", NULL, NULL, NULL);
	if (cm_form_get(f, "claim") != NULL) /* as if the file became shorter meanwhile */
		rp->len = number(f, "claim", 0);
}

static void stream(struct cm_reply *rp, const struct cm_form *f)
{
	struct stream_plan *p = cm_alloc(sizeof(*p));

	p->bytes = number(f, "bytes", -1);
	p->fail_at = number(f, "fail", -1);
	p->pause_ms = number(f, "pause", 0);
	cm_reply_stream(rp, "application/octet-stream", number(f, "len", -1), produce, released, p);
}

static void forbidden(void)
{
	char *argv[] = { "true", NULL };

	execve("/bin/true", argv, argv + 1);
}

void cm_web_handle(struct cm_web *web, struct cm_request *rq, struct cm_reply *rp)
{
	struct cm_form *f = cm_form_new();

	(void)web;
	if (rq->query != NULL)
		(void)cm_form_parse_urlencoded(f, rq->query, strlen(rq->query), NULL);
	if (cm_str_has_prefix(rq->path, "/echo"))
		echo(rq, rp);
	else if (strcmp(rq->path, "/slow") == 0)
		pause_ms(number(f, "ms", 1000)), cm_buf_printf(&rp->body, "%d\n", getpid());
	else if (strcmp(rq->path, "/file") == 0)
		file(rq, rp, f);
	else if (strcmp(rq->path, "/stream") == 0)
		stream(rp, f);
	else if (strcmp(rq->path, "/events") == 0)
		cm_reply_stream(rp, "text/event-stream", -1, produce_events, NULL, NULL);
	else if (strcmp(rq->path, "/big") == 0)
		for (int64_t n = number(f, "bytes", 1 << 20); n > 0; n--)
			cm_buf_char(&rp->body, 'x');
	else if (strcmp(rq->path, "/crash") == 0)
		raise(SIGKILL);
	else if (strcmp(rq->path, "/forbidden") == 0)
		forbidden();
	else if (strcmp(rq->path, "/none") == 0)
		rp->status = 204;
	else if (strcmp(rq->path, "/inject") == 0) {
		cm_reply_header(rp, "x-good", "1");
		free(rp->headers[0].value);
		rp->headers[0].value = cm_strdup("1\r\nx-evil: 1");
	} else
		rp->status = 404;
	cm_form_free(f);
}

bool cm_web_handle_fast(struct cm_web *web, struct cm_request *rq, struct cm_reply *rp)
{
	(void)web;
	if (strcmp(rq->path, "/disorder") == 0) {
		void *buffer = kore_pool_get(&nb_pool);

		kore_pool_put(&nb_pool, buffer);
		kore_pool_put(&nb_pool, buffer);
	}
	if (strcmp(rq->path, "/hello") != 0 && strcmp(rq->path, "/healthz") != 0)
		return false;
	cm_reply_header(rp, "content-type", "text/plain");
	cm_buf_str(&rp->body, "hello\n");
	return true;
}

size_t cm_web_body_limit(enum cm_method method, const char *path)
{
	(void)method;
	return strcmp(path, "/echo/large") == 0 ? 8 << 20 : 1 << 20;
}

/* The query "deny" is somebody who may not. */
int cm_web_admit(struct cm_web *web, struct cm_request *rq, uint64_t body_len, int *ret_status, struct cm_err *err)
{
	(void)web;
	(void)body_len;
	*ret_status = 403;
	return cm_str_eq(rq->query, "deny") ? cm_err_set(err, CM_EDENIED, "Not you.") : 0;
}

size_t cm_web_body_limit_max(void)
{
	return 8 << 20;
}

/* A runner without jobs; CM_PROBE_STUBBORN makes it one that does not listen. */
struct cm_runner {
	int unused;
};

struct cm_runner *cm_runner_new(const struct cm_app *app)
{
	(void)app;
	return cm_alloc(sizeof(struct cm_runner));
}

void cm_runner_main(struct cm_runner *r, const atomic_bool *stop)
{
	(void)r;
	cm_info("probe", "runner began");
	while (!atomic_load(stop) || getenv("CM_PROBE_STUBBORN") != NULL)
		pause_ms(20);
	cm_info("probe", "runner ended");
}

void cm_runner_free(struct cm_runner *r)
{
	free(r);
}

/* A handler of Kore's own, for what only its own parsers do. */
int probe_args(struct http_request *req);
int probe_args(struct http_request *req)
{
	struct kore_buf *b = kore_buf_alloc(256);
	struct http_arg *a;
	int n = 0;

	if (req->method == HTTP_METHOD_POST)
		http_populate_post(req);
	else
		http_populate_qs(req);
	TAILQ_FOREACH(a, &req->arguments, list)
	{
		n++;
		kore_buf_appendf(b, "[%s]", a->s_value);
	}
	kore_buf_appendf(b, " n=%d\n", n);
	http_response(req, 200, b->data, b->offset);
	kore_buf_free(b);
	return KORE_RESULT_OK;
}

static struct cm_app app;
static struct cm_web web = { &app };

int main(int argc, char **argv)
{
	struct cm_err err = { 0 };

	umask(077);
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && strcmp(argv[1], "-c") == 0)
		cm_server.conf = argv[2];
	cm_server.app = &app;
	cm_server.web = &web;
	if (cm_app_init(&app, &err) != 0 || cm_secret_init(&err) != 0)
		goto bad;
	cm_identity_choose(&app, &cm_server.identity);
	if (cm_identity_folders(&app, &cm_server.identity, &err) != 0)
		goto bad;
	if (strcmp(app.tls, "self") == 0) {
		snprintf(cm_server.tls_cert, sizeof(cm_server.tls_cert), "%s/self.crt", app.tls_dir);
		snprintf(cm_server.tls_key, sizeof(cm_server.tls_key), "%s/self.key", app.tls_dir);
		if (cm_tls_self_signed(&app, &err) != 0)
			goto bad;
	} else if (strcmp(app.tls, "files") == 0) {
		cm_str_copy(cm_server.tls_cert, sizeof(cm_server.tls_cert), app.tls_cert);
		cm_str_copy(cm_server.tls_key, sizeof(cm_server.tls_key), app.tls_key);
	}
	return cm_server_run(argv);
bad:
	fprintf(stderr, "kore_probe: %s\n", err.text);
	return 1;
}
