/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/transport.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/refusal.h"

/* Large enough that a stream is not bound by system calls. */
enum { STREAM_BUFFER = 512 << 10, PLAIN_BUFFER = 32 << 10 };

bool cm_docker_is_cancelled(const struct cm_docker *d)
{
	return d->cancelled != NULL && d->cancelled(d->cancel_ctx);
}

int cm_docker_err_cancelled(struct cm_err *err)
{
	return cm_err_set(err, CM_ECANCELLED, "Cancelled.");
}

int cm_docker_connect_ms(const struct cm_docker *d)
{
	return d->timeout_ms > 0 && d->timeout_ms < CM_DOCKER_CONNECT_MS ? d->timeout_ms : CM_DOCKER_CONNECT_MS;
}

void cm_docker_easy_setup(const struct cm_docker *d, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)cm_docker_connect_ms(d));
	if (d->addr.socket[0])
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, d->addr.socket);
	else
		curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	if (!d->addr.tls)
		return;
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (d->ca)
		curl_easy_setopt(easy, CURLOPT_CAINFO, d->ca);
	if (d->cert) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, d->cert);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, d->key);
	}
}

/* A callback wants the transfer to end. */
static void req_stop(struct cm_docker_req *q, int code)
{
	q->stop = code;
	if (q->stop_err.code != code)
		cm_err_set(&q->stop_err, code, "The transfer was stopped.");
}

static void wanted_header(struct cm_docker_req *q, const char *line, size_t len)
{
	size_t n = strlen(q->want);

	if (len <= n || line[n] != ':' || strncasecmp(line, q->want, n) != 0)
		return;
	line += n + 1;
	len -= n + 1;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
		len--;
	if (len < sizeof(q->wanted)) {
		memcpy(q->wanted, line, len);
		q->wanted[len] = '\0';
	}
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
	struct cm_docker_req *q = ctx;
	size_t len = size * n;

	q->active_ms = cm_monotonic_ms();
	q->head_bytes += len;
	if (q->head_bytes > CM_DOCKER_HEAD_MAX) {
		cm_err_set(&q->stop_err, CM_EUPSTREAM, "The Docker Engine's answer has too large a head.");
		req_stop(q, CM_EUPSTREAM);
		return 0;
	}
	if (len > 9 && strncmp(line, "HTTP/", 5) == 0) {
		long status = 0;
		curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &status);
		q->status = (int)status;
	}
	if (len <= 2 && (line[0] == '\r' || line[0] == '\n') && q->status >= 200)
		q->head_done = true;
	if (strncasecmp(line, "Content-Length:", 15) == 0 || strncasecmp(line, "Transfer-Encoding:", 18) == 0)
		q->framed = true;
	if (q->want != NULL)
		wanted_header(q, line, len);
	return len;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct cm_docker_req *q = ctx;
	size_t len = size * n;

	if (q->status >= 200 && q->status < 300 && q->sink != NULL) {
		int r = q->sink(q->sink_ctx, data, len, &q->stop_err);
		q->active_ms = cm_monotonic_ms();
		if (r != 0) {
			req_stop(q, r);
			return 0;
		}
		return len;
	}
	q->active_ms = cm_monotonic_ms();
	bool refused = q->status >= 300;
	if (refused && q->answer.len + len > CM_DOCKER_REFUSAL_MAX)
		return len;
	cm_buf_add(&q->answer, data, len);
	if (cm_buf_failed(&q->answer)) {
		cm_err_set(&q->stop_err, CM_EUPSTREAM, "The Docker Engine's answer is too large.");
		req_stop(q, CM_EUPSTREAM);
		return 0;
	}
	return len;
}

static size_t on_read(char *data, size_t size, size_t n, void *ctx)
{
	struct cm_docker_req *q = ctx;
	size_t got = 0;

	int r = q->source(q->source_ctx, data, size * n, &got, &q->stop_err);
	q->active_ms = cm_monotonic_ms();
	if (r != 0 || got > size * n) {
		req_stop(q, r != 0 ? r : CM_EINTERNAL);
		return CURL_READFUNC_ABORT;
	}
	return got;
}

int cm_docker_req_open(struct cm_docker_req *q, struct cm_docker *d, const char *method, const char *path, bool version,
		       bool stream, struct cm_err *err)
{
	memset(q, 0, sizeof(*q));
	q->d = d;
	q->stream = stream;
	cm_buf_init(&q->answer, CM_DOCKER_ANSWER_MAX);
	if (version) {
		int r = cm_docker_agree(d, err);
		if (r < 0)
			return r;
	}
	q->easy = d->pool_len > 0 && !stream ? d->pool[--d->pool_len] : curl_easy_init();
	if (q->easy == NULL)
		return cm_err_set(err, CM_ENOMEM, "Out of memory while asking the Docker Engine.");
	q->path = cm_strdup(path);
	cm_docker_easy_setup(d, q->easy);
	cm_autofree char *url =
	    version ? cm_asprintf("%s/v1.%d%s", d->addr.base, d->api, path) : cm_asprintf("%s%s", d->addr.base, path);
	curl_easy_setopt(q->easy, CURLOPT_URL, url);
	curl_easy_setopt(q->easy, CURLOPT_PRIVATE, q);
	curl_easy_setopt(q->easy, CURLOPT_ERRORBUFFER, q->curl_text);
	curl_easy_setopt(q->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(q->easy, CURLOPT_HEADERDATA, q);
	curl_easy_setopt(q->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(q->easy, CURLOPT_WRITEDATA, q);
	curl_easy_setopt(q->easy, CURLOPT_BUFFERSIZE, (long)(stream ? STREAM_BUFFER : PLAIN_BUFFER));
	cm_docker_req_header(q, "User-Agent: container-monkey/" CM_VERSION);
	cm_docker_req_header(q, "Expect:");
	if (strcmp(method, "GET") == 0) {
		curl_easy_setopt(q->easy, CURLOPT_HTTPGET, 1L);
	} else if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(q->easy, CURLOPT_NOBODY, 1L);
	} else if (strcmp(method, "POST") == 0) {
		curl_easy_setopt(q->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(q->easy, CURLOPT_POSTFIELDSIZE, 0L);
		curl_easy_setopt(q->easy, CURLOPT_POSTFIELDS, "");
	} else {
		curl_easy_setopt(q->easy, CURLOPT_CUSTOMREQUEST, method);
	}
	return 0;
}

void cm_docker_req_header(struct cm_docker_req *q, const char *line)
{
	struct curl_slist *more = curl_slist_append(q->headers, line);
	if (more != NULL)
		q->headers = more;
}

void cm_docker_req_json(struct cm_docker_req *q, const char *body_text)
{
	curl_easy_setopt(q->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body_text));
	curl_easy_setopt(q->easy, CURLOPT_POSTFIELDS, body_text);
	cm_docker_req_header(q, "Content-Type: application/json");
}

void cm_docker_req_upload(struct cm_docker_req *q, const char *method, const char *content_type, int64_t size)
{
	char line[200];

	curl_easy_setopt(q->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(q->easy, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(q->easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(q->easy, CURLOPT_READDATA, q);
	curl_easy_setopt(q->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)(size < 0 ? -1 : size));
	curl_easy_setopt(q->easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)STREAM_BUFFER);
	/* A kept connection that has died meanwhile could not be tried again: the source cannot be rewound. */
	curl_easy_setopt(q->easy, CURLOPT_FRESH_CONNECT, 1L);
	snprintf(line, sizeof(line), "Content-Type: %s", content_type);
	cm_docker_req_header(q, line);
}

int cm_docker_drive(struct cm_docker *d, struct cm_err *err)
{
	CURLMsg *m;
	int left;

	if (curl_multi_perform(d->multi, &left) != CURLM_OK)
		return cm_err_set(err, CM_EINTERNAL, "The connection to the Docker Engine failed inside.");
	while ((m = curl_multi_info_read(d->multi, &left)) != NULL) {
		struct cm_docker_req *q = NULL;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&q);
		q->done = true;
		q->result = m->data.result;
	}
	return 0;
}

static int timed_out(struct cm_docker_req *q, int64_t ms, struct cm_err *err)
{
	long sent = 0;

	curl_easy_getinfo(q->easy, CURLINFO_REQUEST_SIZE, &sent);
	if (sent == 0)
		return cm_docker_unreachable(&q->d->addr, CURLE_OPERATION_TIMEDOUT, 0, "no connection in time", err);
	cm_err_set(err, CM_ETIMEDOUT,
		   "The Docker Engine did not answer within %lld s. It may be overloaded; try again later.",
		   (long long)((ms + 999) / 1000));
	return cm_err_detail(err, "no progress for %lld ms, status %d", (long long)ms, q->status), CM_ETIMEDOUT;
}

static int failed(struct cm_docker_req *q, struct cm_err *err)
{
	long os_errno = 0;

	if (q->stop != 0) {
		if (err != NULL)
			*err = q->stop_err;
		return q->stop;
	}
	curl_easy_getinfo(q->easy, CURLINFO_OS_ERRNO, &os_errno);
	/* With TLS 1.3 the engine's "no" to our certificate comes after the handshake, or it just hangs up. */
	bool greeting =
	    strcmp(q->path, "/_ping") == 0 && (q->result == CURLE_RECV_ERROR || q->result == CURLE_GOT_NOTHING);
	if (q->d->addr.tls && q->status == 0 && (greeting || strstr(q->curl_text, "alert") != NULL))
		q->result = CURLE_SSL_CONNECT_ERROR;
	switch (q->result) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_OPERATION_TIMEDOUT: /* only the connecting is timed by libcurl */
		return cm_docker_unreachable(&q->d->addr, q->result, (int)os_errno, q->curl_text, err);
	case CURLE_OUT_OF_MEMORY:
		return cm_err_set(err, CM_ENOMEM, "Out of memory while asking the Docker Engine.");
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE:
		cm_err_set(err, CM_EUPSTREAM,
			   "The connection to the Docker Engine broke in the middle of an answer. Was it restarted?");
		break;
	default:
		cm_err_set(err, CM_EUPSTREAM, "The Docker Engine's answer was not understood.");
		break;
	}
	cm_err_detail(err, "%s (curl %d, status %d, %.*s)",
		      q->curl_text[0] ? q->curl_text : curl_easy_strerror(q->result), (int)q->result, q->status,
		      (int)strcspn(q->path, "?"), q->path);
	return CM_EUPSTREAM;
}

static int until_done(struct cm_docker_req *q, bool until_head, int total_ms, int idle_ms, struct cm_err *err)
{
	struct cm_docker *d = q->d;
	int64_t start = cm_monotonic_ms();

	for (;;) {
		int r = cm_docker_drive(d, err);
		if (r < 0)
			return r;
		if (q->done || (until_head && q->head_done))
			return 0;
		if (cm_docker_is_cancelled(d))
			return cm_docker_err_cancelled(err);
		int64_t now = cm_monotonic_ms(), wait = CM_DOCKER_TICK_MS;
		if (total_ms >= 0 && now - start >= total_ms)
			return timed_out(q, total_ms, err);
		if (idle_ms >= 0 && now - q->active_ms >= idle_ms)
			return timed_out(q, idle_ms, err);
		if (total_ms >= 0 && start + total_ms - now < wait)
			wait = start + total_ms - now;
		if (idle_ms >= 0 && q->active_ms + idle_ms - now < wait)
			wait = q->active_ms + idle_ms - now;
		curl_multi_poll(d->multi, NULL, 0, (int)wait, NULL);
	}
}

int cm_docker_req_add(struct cm_docker_req *q, struct cm_err *err)
{
	q->active_ms = cm_monotonic_ms();
	if (q->added)
		return 0;
	curl_easy_setopt(q->easy, CURLOPT_HTTPHEADER, q->headers);
	if (curl_multi_add_handle(q->d->multi, q->easy) != CURLM_OK)
		return cm_err_set(err, CM_EINTERNAL, "The connection to the Docker Engine failed inside.");
	q->added = true;
	return 0;
}

int cm_docker_req_finish(struct cm_docker_req *q, struct cm_err *err)
{
	/* An answer that merely stops looks like one that is complete, unless it has said how long it is. */
	if (q->done && q->result == CURLE_OK && (!q->head_done || (q->stream && q->status == 200 && !q->framed)))
		q->result = CURLE_PARTIAL_FILE;
	if (!q->done || q->result == CURLE_OK)
		return 0;
	/* An upload may break because the engine refused early and hung up: its refusal says more. */
	if (q->stop == 0 && q->head_done && q->status >= 400)
		return 0;
	int r = failed(q, err);
	if (r == CM_EUNREACHABLE)
		q->d->api = 0; /* another version may run there next time */
	return r;
}

int cm_docker_req_run(struct cm_docker_req *q, bool until_head, int total_ms, int idle_ms, struct cm_err *err)
{
	int r = cm_docker_req_add(q, err);

	r = r < 0 ? r : until_done(q, until_head, total_ms, idle_ms, err);
	return r < 0 ? r : cm_docker_req_finish(q, err);
}

int cm_docker_req_check(struct cm_docker_req *q, struct cm_err *err)
{
	if ((q->status >= 200 && q->status < 300) || q->status == 304)
		return 0;
	if (q->status < 400) {
		cm_err_set(err, CM_EUPSTREAM, "The Docker Engine's answer was not understood (status %d).", q->status);
		return CM_EUPSTREAM;
	}
	if (q->status == 400 && strstr(q->answer.data, "client version") != NULL)
		q->d->api = 0;
	return cm_docker_refusal(q->status, q->path, q->answer.data, q->answer.len, err);
}

int cm_docker_req_parse(struct cm_docker_req *q, struct json_object **ret, struct cm_err *err)
{
	struct cm_err why;

	if (q->answer.len == 0 || q->status == 204 || q->status == 304) {
		*ret = NULL;
		return 0;
	}
	if (cm_json_parse(q->answer.data, q->answer.len, ret, &why) == 0)
		return 0;
	cm_err_set(err, CM_EUPSTREAM, "The Docker Engine's answer was not understood: it is not JSON.");
	cm_err_detail(err, "%.*s: %s", (int)strcspn(q->path, "?"), q->path, why.text);
	return CM_EUPSTREAM;
}

void cm_docker_req_release(struct cm_docker_req *q)
{
	struct cm_docker *d = q->d;

	if (q->easy != NULL) {
		if (q->added)
			curl_multi_remove_handle(d->multi, q->easy);
		if (!q->stream && d->pool_len < CM_DOCKER_POOL) {
			curl_easy_reset(q->easy);
			d->pool[d->pool_len++] = q->easy;
		} else {
			curl_easy_cleanup(q->easy);
		}
	}
	curl_slist_free_all(q->headers);
	cm_buf_release(&q->answer);
	free(q->path);
	q->easy = NULL;
	q->headers = NULL;
	q->path = NULL;
}
