/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "core/clock.h"
#include "core/mem.h"
#include "docker/http_head.h"
#include "docker/refusal.h"
#include "docker/transport.h"

struct cm_docker_conn {
	CURL *easy;
	int fd;
	struct cm_buf early; /* bytes that came with the head */
	bool (*cancelled)(void *ctx);
	void *cancel_ctx;
};

void cm_docker_conn_free(struct cm_docker_conn *c)
{
	if (c == NULL)
		return;
	curl_easy_cleanup(c->easy);
	cm_buf_release(&c->early);
	free(c);
}

int cm_docker_conn_fd(const struct cm_docker_conn *c)
{
	return c->fd;
}

static int broken(struct cm_err *err, CURLcode code)
{
	cm_err_set(err, CM_EUPSTREAM, "The connection to the Docker Engine broke.");
	cm_err_detail(err, "%s", curl_easy_strerror(code));
	return CM_EUPSTREAM;
}

int cm_docker_conn_try_read(struct cm_docker_conn *c, void *data, size_t cap, size_t *ret_len, struct cm_err *err)
{
	if (c->early.len > 0) {
		size_t n = c->early.len < cap ? c->early.len : cap;
		memcpy(data, c->early.data, n);
		cm_buf_consume(&c->early, n);
		*ret_len = n;
		return 0;
	}
	size_t n = 0;
	CURLcode e = curl_easy_recv(c->easy, data, cap, &n);
	if (e == CURLE_AGAIN)
		return CM_EBUSY;
	if (e != CURLE_OK)
		return broken(err, e);
	*ret_len = n;
	return 0;
}

int cm_docker_conn_try_write(struct cm_docker_conn *c, const void *data, size_t len, size_t *ret_len,
			     struct cm_err *err)
{
	size_t n = 0;

	CURLcode e = curl_easy_send(c->easy, data, len, &n);
	if (e == CURLE_AGAIN || (e == CURLE_OK && n == 0 && len > 0))
		return CM_EBUSY;
	if (e != CURLE_OK)
		return broken(err, e);
	*ret_len = n;
	return 0;
}

/* Until the descriptor is ready. CM_ETIMEDOUT, CM_ECANCELLED. until_ms negative: without limit. */
static int conn_wait(struct cm_docker_conn *c, short events, int64_t until_ms, struct cm_err *err)
{
	for (;;) {
		if (c->cancelled != NULL && c->cancelled(c->cancel_ctx))
			return cm_docker_err_cancelled(err);
		int64_t wait = CM_DOCKER_TICK_MS;
		if (until_ms >= 0) {
			int64_t left = until_ms - cm_monotonic_ms();
			if (left <= 0)
				return cm_err_set(
				    err, CM_ETIMEDOUT,
				    "Nothing moved on the connection to the Docker Engine in the time allowed.");
			if (left < wait)
				wait = left;
		}
		struct pollfd p = { .fd = c->fd, .events = events };
		int n = poll(&p, 1, (int)wait);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return cm_err_errno(err, errno, "waiting for the Docker Engine");
	}
}

static int64_t limit(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : cm_monotonic_ms() + timeout_ms;
}

int cm_docker_conn_read(struct cm_docker_conn *c, void *data, size_t cap, int timeout_ms, size_t *ret_len,
			struct cm_err *err)
{
	int64_t until = limit(timeout_ms);

	for (;;) {
		int r = cm_docker_conn_try_read(c, data, cap, ret_len, err);
		if (r != CM_EBUSY)
			return r;
		r = conn_wait(c, POLLIN, until, err);
		if (r < 0)
			return r;
	}
}

int cm_docker_conn_write(struct cm_docker_conn *c, const void *data, size_t len, int timeout_ms, struct cm_err *err)
{
	const char *p = data;
	int64_t until = limit(timeout_ms);

	while (len > 0) {
		size_t n = 0;
		int r = cm_docker_conn_try_write(c, p, len, &n, err);
		if (r == CM_EBUSY) {
			r = conn_wait(c, POLLOUT, until, err);
			if (r < 0)
				return r;
			continue;
		}
		if (r < 0)
			return r;
		p += n;
		len -= n;
		until = limit(timeout_ms);
	}
	return 0;
}

int cm_docker_conn_close_write(struct cm_docker_conn *c, struct cm_err *err)
{
	struct curl_tlssessioninfo *tls = NULL;

	if (curl_easy_getinfo(c->easy, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK && tls != NULL &&
	    tls->backend == CURLSSLBACKEND_OPENSSL && tls->internals != NULL) {
		if (SSL_shutdown(tls->internals) < 0)
			return cm_err_set(err, CM_EUPSTREAM, "The connection to the Docker Engine broke.");
		return 0;
	}
	if (shutdown(c->fd, SHUT_WR) != 0 && errno != ENOTCONN)
		return cm_err_errno(err, errno, "closing the connection to the Docker Engine");
	return 0;
}

/* Reads until the head of the final answer is complete; what follows it stays in c->early. */
static int read_head(struct cm_docker_conn *c, struct cm_buf *in, int timeout_ms, struct cm_http_head *head,
		     struct cm_err *err)
{
	int64_t until = limit(timeout_ms);

	for (;;) {
		int r = cm_http_head_parse(in->data, in->len, head, err);
		if (r == 0 && head->status < 200 && head->status != 101) {
			cm_buf_consume(in, head->len);
			continue;
		}
		if (r != CM_EBUSY)
			return r;
		char part[4096];
		size_t n = 0;
		int64_t left = until - cm_monotonic_ms();
		r = cm_docker_conn_read(c, part, sizeof(part), left > 0 ? (int)left : 0, &n, err);
		if (r < 0)
			return r;
		if (n == 0)
			return cm_err_set(err, CM_EUPSTREAM, "The Docker Engine hung up instead of answering.");
		cm_buf_add(in, part, n);
		if (cm_buf_failed(in))
			return cm_err_set(err, CM_EUPSTREAM, "The Docker Engine's answer has too large a head.");
	}
}

/* The engine answered with an error: reads its reason. */
static int refused(struct cm_docker_conn *c, const struct cm_http_head *head, struct cm_buf *in, const char *path,
		   int timeout_ms, struct cm_err *err)
{
	cm_autobuf struct cm_buf body = CM_BUF_INIT(CM_DOCKER_REFUSAL_MAX);
	int64_t until = limit(timeout_ms);

	for (;;) {
		cm_buf_reset(&body);
		if (cm_http_body(head, in->data + head->len, in->len - head->len, &body, NULL) != CM_EBUSY)
			break;
		char part[4096];
		size_t n = 0;
		int64_t left = until - cm_monotonic_ms();
		if (cm_docker_conn_read(c, part, sizeof(part), left > 0 ? (int)left : 0, &n, NULL) < 0 || n == 0)
			break;
		cm_buf_add(in, part, n);
		if (cm_buf_failed(in))
			break;
	}
	return cm_docker_refusal(head->status, path, body.data, body.len, err);
}

static int progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t e)
{
	(void)a, (void)b, (void)c, (void)e;
	return cm_docker_is_cancelled(ctx) ? 1 : 0;
}

static int conn_open(struct cm_docker *d, struct cm_docker_conn **ret, struct cm_err *err)
{
	char text[CURL_ERROR_SIZE] = "";
	struct cm_docker_conn *c = cm_alloc(sizeof(*c));

	cm_buf_init(&c->early, CM_DOCKER_HIJACK_MAX);
	c->cancelled = d->cancelled;
	c->cancel_ctx = d->cancel_ctx;
	c->easy = curl_easy_init();
	if (c->easy == NULL) {
		free(c);
		return cm_err_set(err, CM_ENOMEM, "Out of memory while asking the Docker Engine.");
	}
	cm_docker_easy_setup(d, c->easy);
	curl_easy_setopt(c->easy, CURLOPT_URL, d->addr.base);
	curl_easy_setopt(c->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, text);
	curl_easy_setopt(c->easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c->easy, CURLOPT_XFERINFOFUNCTION, progress);
	curl_easy_setopt(c->easy, CURLOPT_XFERINFODATA, d);
	CURLcode e = curl_easy_perform(c->easy);
	curl_socket_t fd = CURL_SOCKET_BAD;
	long os_errno = 0;
	curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_errno);
	if (e == CURLE_OK)
		e = curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd);
	/* Both point into this call. */
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_setopt(c->easy, CURLOPT_NOPROGRESS, 1L);
	if (e != CURLE_OK || fd == CURL_SOCKET_BAD) {
		cm_docker_conn_free(c);
		return e == CURLE_ABORTED_BY_CALLBACK ? cm_docker_err_cancelled(err)
						      : cm_docker_unreachable(&d->addr, e, (int)os_errno, text, err);
	}
	c->fd = fd;
	*ret = c;
	return 0;
}

int cm_docker_hijack(struct cm_docker *d, const char *path, struct json_object *body, struct cm_docker_conn **ret,
		     struct cm_err *err)
{
	struct cm_docker_conn *c = NULL;
	struct cm_http_head head = { .status = 0 };
	cm_autobuf struct cm_buf ask = CM_BUF_INIT(1 << 20);
	cm_autobuf struct cm_buf in = CM_BUF_INIT(CM_DOCKER_HIJACK_MAX);
	cm_autofree char *text = body ? cm_json_text(body) : NULL;
	int timeout = d->timeout_ms ? d->timeout_ms : CM_DOCKER_CALL_MS;

	int r = cm_docker_agree(d, err);
	if (r == 0)
		r = conn_open(d, &c, err);
	if (r < 0 || c == NULL)
		return r;
	cm_buf_printf(&ask, "POST %s/v1.%d%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: container-monkey/%s\r\n",
		      d->addr.prefix, d->api, path, d->addr.authority, CM_VERSION);
	cm_buf_printf(&ask, "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n");
	cm_buf_printf(&ask, "Content-Length: %zu\r\n\r\n%s", text ? strlen(text) : 0, text ? text : "");
	r = cm_buf_failed(&ask) ? cm_err_set(err, CM_ETOOBIG, "The request to the Docker Engine is too large.")
				: cm_docker_conn_write(c, ask.data, ask.len, timeout, err);
	if (r == 0)
		r = read_head(c, &in, timeout, &head, err);
	if (r == 0 && head.status == 200 && head.chunked)
		r = cm_err_set(err, CM_EUNSUPPORTED,
			       "What stands between us and the Docker Engine does not let a connection be upgraded.");
	else if (r == 0 && head.status != 101 && head.status != 200)
		r = refused(c, &head, &in, path, timeout, err);
	if (r < 0) {
		cm_docker_conn_free(c);
		return r;
	}
	cm_buf_add(&c->early, in.data + head.len, in.len - head.len);
	*ret = c;
	return 0;
}
