/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/kore_server.h"

#include <kore/tasks.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <strings.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/kore_socket.h"
#include "web/kore_stream.h"

enum { LEAST_RATE = 16 << 10 }; /* bytes a second of a long body */

/* One request on its way: made on the event loop, lent to a task, answered on the event loop, freed with the request.
 */
struct exchange {
	struct kore_task task;
	struct cm_web *web;
	struct cm_request *rq;
	struct cm_reply rp;
	bool task_made;
};

/* Kore finds these by their names. */
int cm_kore_request(struct http_request *req);
int cm_kore_headers(struct http_request *req);
void cm_kore_free(struct http_request *req);

static uint64_t next_id;

static enum cm_method method_of(const struct http_request *req)
{
	switch (req->method) {
	case HTTP_METHOD_HEAD:
		return CM_HEAD;
	case HTTP_METHOD_POST:
		return CM_POST;
	case HTTP_METHOD_PUT:
		return CM_PUT;
	case HTTP_METHOD_PATCH:
		return CM_PATCH;
	case HTTP_METHOD_DELETE:
		return CM_DELETE;
	case HTTP_METHOD_OPTIONS:
		return CM_OPTIONS;
	default:
		return CM_GET;
	}
}

static void add_header(struct cm_request *rq, const char *name, const char *value)
{
	struct cm_header *h;

	if (rq->header_count == CM_REQ_MAX_HEADERS)
		return; /* Kore takes no more than these */
	h = &rq->headers[rq->header_count++];
	h->name = cm_strdup(name);
	for (char *p = h->name; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	h->value = cm_strdup(value);
}

static void copy_peer(const struct connection *c, struct cm_request *rq)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (c->family == AF_INET)
		inet_ntop(AF_INET, &c->addr.ipv4.sin_addr, rq->peer, sizeof(rq->peer));
	else if (c->family == AF_INET6 && memcmp(&c->addr.ipv6.sin6_addr, mapped, sizeof(mapped)) == 0)
		inet_ntop(AF_INET, (const uint8_t *)&c->addr.ipv6.sin6_addr + 12, rq->peer, sizeof(rq->peer));
	else if (c->family == AF_INET6)
		inet_ntop(AF_INET6, &c->addr.ipv6.sin6_addr, rq->peer, sizeof(rq->peer));
}

static struct cm_request *copy_request(struct http_request *req)
{
	struct cm_request *rq = cm_alloc(sizeof(*rq));
	struct http_header *h;

	/* Unique over workers and their restarts, without a lock: the process id is part of it. */
	rq->id = ((uint64_t)getpid() << 32) | ++next_id;
	rq->method = method_of(req);
	rq->path = cm_strdup(req->path);
	rq->query = cm_strdup(req->query_string);
	add_header(rq, "host", req->host);
	TAILQ_FOREACH(h, &req->req_headers, list)
	add_header(rq, h->header, h->value);
	if (req->http_body != NULL && req->http_body_length > 0) {
		rq->body_len = (size_t)req->http_body_length;
		rq->body = cm_realloc(NULL, rq->body_len + 1, 1);
		memcpy(rq->body, req->http_body->data, rq->body_len);
		rq->body[rq->body_len] = '\0';
		kore_buf_free(req->http_body);
		req->http_body = NULL;
	}
	/* Kore takes its file away with the request, which a task may outlive. */
	if (req->http_body_fd >= 0 && req->flags & HTTP_REQUEST_COMPLETE) {
		rq->body_fd = fcntl(req->http_body_fd, F_DUPFD_CLOEXEC, 3);
		rq->body_len = rq->body_fd > 0 ? (size_t)req->http_body_length : 0;
	}
	copy_peer(req->owner, rq);
	rq->tls = req->owner->tls != NULL;
	return rq;
}

/* No line break, no other control character: Kore writes values as they are. */
static bool header_safe(const char *s)
{
	for (; *s != '\0'; s++)
		if (iscntrl((unsigned char)*s) && *s != '\t')
			return false;
	return true;
}

void cm_server_headers(struct http_request *req, const struct cm_reply *rp)
{
	for (size_t i = 0; i < rp->header_count; i++) {
		const char *name = rp->headers[i].name, *value = rp->headers[i].value;
		struct http_header *h;

		if (strcmp(name, "content-length") == 0 || strcmp(name, "connection") == 0)
			continue; /* the server's own */
		if (!header_safe(name) || !header_safe(value)) {
			cm_error("web", "a reply header was left out: control characters in %.64s", name);
			continue;
		}
		/* Kore's function would replace one of the same name: there may be several cookies. */
		h = kore_pool_get(&http_header_pool);
		h->header = kore_strdup(name);
		h->value = kore_strdup(value);
		TAILQ_INSERT_TAIL(&req->resp_headers, h, list);
	}
}

void cm_server_refuse(struct http_request *req, int status, const char *word, const char *sentence)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(2048);

	if (cm_str_has_prefix(req->path, "/api/")) {
		http_response_header(req, "content-type", "application/json");
		cm_buf_printf(&b, "{\"error\":\"%s\",\"code\":\"%s\"}\n", sentence, word);
	} else {
		http_response_header(req, "content-type", "text/html; charset=utf-8");
		cm_buf_printf(
		    &b,
		    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%d</title></head>"
		    "<body><h1>%s</h1><p><a href=\"/\">Back to the start</a></p></body></html>\n",
		    status, sentence);
	}
	http_response_header(req, "cache-control", "no-store");
	http_response_header(req, "content-security-policy", "default-src 'none'; frame-ancestors 'none'");
	http_response(req, status, b.data, b.len);
}

static void send_reply(struct http_request *req, struct cm_reply *rp)
{
	const void *body = rp->body.data;
	size_t len = rp->body.len;

	/* Who left in this very turn of the loop is taken away at its end: nothing may hang on the connection then. */
	if (req->owner == NULL || req->owner->state != CONN_STATE_ESTABLISHED)
		return;
	if (cm_server_ending)
		req->flags |= HTTP_REQUEST_CLOSE;
	if (rp->kind == CM_REPLY_SOCKET) {
		cm_socket_start(req, rp);
		return;
	}
	if (rp->kind != CM_REPLY_BODY) {
		cm_stream_start(req, rp);
		return;
	}
	if (cm_buf_failed(&rp->body) != 0) {
		cm_server_refuse(req, 500, "INTERNAL", "The answer became too large.");
		return;
	}
	cm_server_headers(req, rp);
	if (rp->status == 204 || rp->status == 304) {
		req->flags |= HTTP_REQUEST_NO_CONTENT_LENGTH;
		body = NULL;
		len = 0;
	}
	http_response(req, rp->status, len > 0 ? body : NULL, len);
}

/* In a task thread. */
static int run_handler(struct kore_task *t)
{
	struct exchange *ex = (struct exchange *)t;

	cm_web_handle(ex->web, ex->rq, &ex->rp);
	return KORE_RESULT_OK;
}

static struct exchange *begin(struct http_request *req)
{
	struct exchange *ex = cm_alloc(sizeof(*ex));

	ex->web = cm_server.web;
	ex->rq = copy_request(req);
	cm_reply_init(&ex->rp);
	req->hdlr_extra = ex;
	req->flags |= HTTP_REQUEST_RETAIN_EXTRA; /* cm_kore_free() frees it */
	return ex;
}

int cm_kore_request(struct http_request *req)
{
	struct exchange *ex = req->hdlr_extra;

	if (ex == NULL) {
		ex = begin(req);
		if (cm_web_handle_fast(ex->web, ex->rq, &ex->rp)) {
			send_reply(req, &ex->rp);
			return KORE_RESULT_OK;
		}
		if (cm_server_ending) {
			req->flags |= HTTP_REQUEST_CLOSE;
			cm_server_refuse(req, 503, "BUSY", "The program is ending.");
			return KORE_RESULT_OK;
		}
		ex->task_made = true;
		kore_task_create(&ex->task, run_handler);
		kore_task_bind_request(&ex->task, req);
		kore_task_run(&ex->task);
		return KORE_RESULT_RETRY;
	}
	if (!kore_task_finished(&ex->task)) {
		http_request_sleep(req);
		return KORE_RESULT_RETRY;
	}
	kore_task_destroy(&ex->task);
	ex->task_made = false;
	send_reply(req, &ex->rp);
	return KORE_RESULT_OK;
}

/* Kore calls this whenever it tries to free the request: while a task still has it, it will call again. */
void cm_kore_free(struct http_request *req)
{
	struct exchange *ex = req->hdlr_extra;

	if (ex == NULL)
		return;
	if (ex->task_made) {
		if (!kore_task_finished(&ex->task))
			return;
		if (ex->task.req != NULL) /* else Kore did so when the client left */
			kore_task_destroy(&ex->task);
	}
	req->hdlr_extra = NULL;
	cm_request_free(ex->rq);
	cm_reply_free(&ex->rp);
	free(ex);
}

static void refuse_body(struct http_request *req, int status, const char *word, const char *sentence)
{
	req->flags |= HTTP_REQUEST_CLOSE;
	req->owner->flags |= CONN_LINGER; /* the client is still sending */
	cm_server_refuse(req, status, word, sentence);
}

/* A long body goes to a file: it has no name from here on, so that nothing of it survives us; who may not send it is
 * told so now; and it may take as long as it comes at a moderate rate. */
static bool admit_long(struct http_request *req, uint64_t length)
{
	struct cm_request *rq = copy_request(req);
	struct cm_err err = { 0 };
	int status = 0;
	bool ok;

	if (req->http_body_path != NULL)
		(void)unlink(req->http_body_path);
	ok = cm_web_admit(cm_server.web, rq, length, &status, &err) == 0;
	if (!ok)
		refuse_body(req, status, cm_err_word(err.code), err.text);
	else
		req->owner->http_timeout += length / LEAST_RATE * 1000;
	cm_request_free(rq);
	return ok;
}

/* The headers are here, the body perhaps not yet: the time to refuse one that is too long. */
int cm_kore_headers(struct http_request *req)
{
	const char *expect;
	uint64_t length = req->flags & HTTP_REQUEST_COMPLETE ? req->http_body_length : req->content_length;

	if (!(req->flags & HTTP_REQUEST_EXPECT_BODY) && req->http_body == NULL)
		return KORE_RESULT_OK;
	if (req->http_body_length > length)
		length = req->http_body_length;
	if (length > cm_web_body_limit(method_of(req), req->path)) {
		refuse_body(req, 413, "TOO_BIG", "This request is too large.");
		return KORE_RESULT_ERROR;
	}
	if (req->http_body_fd >= 0 && !admit_long(req, length))
		return KORE_RESULT_ERROR;
	if (!(req->flags & HTTP_REQUEST_COMPLETE) && http_request_header(req, "expect", &expect) &&
	    strcasecmp(expect, "100-continue") == 0) {
		static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

		net_send_queue(req->owner, go_on, sizeof(go_on) - 1);
		if (!net_send_flush(req->owner))
			kore_connection_disconnect(req->owner);
	}
	return KORE_RESULT_OK;
}
