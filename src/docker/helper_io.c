/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/helper_int.h"
#include "docker/transport.h"

/* Room is kept in the words for a sentence of ours. */
enum { LAST_WORDS_MS = 2000, WORDS_SHOWN = 300, WORDS_SPARE = 128 };

static size_t queued(const struct cm_helper *h)
{
	return h->in.len - h->in_at;
}

static size_t queue_take(struct cm_helper *h, void *data, size_t cap)
{
	size_t n = queued(h) < cap ? queued(h) : cap;

	memcpy(data, h->in.data + h->in_at, n);
	h->in_at += n;
	if (h->in_at == h->in.len) {
		cm_buf_reset(&h->in);
		h->in_at = 0;
	}
	return n;
}

static int queue_add(struct cm_helper *h, const void *data, size_t len, struct cm_err *err)
{
	if (h->in_at > 0 && h->in.len + len > h->in.max) {
		cm_buf_consume(&h->in, h->in_at);
		h->in_at = 0;
	}
	cm_buf_add(&h->in, data, len);
	return cm_buf_failed(&h->in) ? cm_err_set(err, CM_EUPSTREAM, "The helper sends more than was asked for.") : 0;
}

/* One piece of what came by attach: stdout is data, stderr is words. */
static int take(void *ctx, int stream, const void *data, size_t len, struct cm_err *err)
{
	struct cm_helper *h = ctx;
	const char *p = data;

	if (stream == CM_STDERR) {
		size_t room = h->words.max - WORDS_SPARE - h->words.len;
		cm_buf_add(&h->words, p, len < room ? len : room);
		return 0;
	}
	if (h->direct != NULL && queued(h) == 0) {
		size_t room = h->direct_cap - h->direct_len;
		size_t n = len < room ? len : room;
		memcpy(h->direct + h->direct_len, p, n);
		h->direct_len += n;
		p += n;
		len -= n;
	}
	return len > 0 ? queue_add(h, p, len, err) : 0;
}

int cm_helper_drain(struct cm_helper *h, struct cm_err *err)
{
	while (!h->attach_ended) {
		size_t n = 0;
		/* Not more than can be kept: the engine waits with the rest. */
		if (h->fd < 0 && queued(h) + CM_HELPER_PART > CM_HELPER_QUEUE_MAX)
			return 0;
		int r = cm_docker_conn_try_read(h->attach, h->part, CM_HELPER_PART, &n, err);
		if (r == CM_EBUSY)
			return 0;
		if (r < 0 || n == 0)
			h->attach_ended = true;
		else if ((r = cm_stdcopy_feed(&h->copy, h->part, n, take, h, err)) < 0)
			return r;
		if (h->direct != NULL && h->direct_len == h->direct_cap)
			return 0;
	}
	if (h->fd < 0)
		h->in_ended = true;
	return 0;
}

int cm_helper_poll(struct cm_helper *h, bool want_read, bool want_write, int ms, int extra_fd, struct cm_err *err)
{
	struct pollfd p[3] = { { .fd = h->fd }, { .fd = -1 }, { .fd = extra_fd, .events = POLLIN } };

	/* One that has hung up would wake us at once, for ever. */
	if (h->in_ended && !want_write)
		p[0].fd = -1;
	if (!h->attach_ended)
		p[1] = (struct pollfd){ .fd = cm_docker_conn_fd(h->attach), .events = POLLIN };
	struct pollfd *data = h->fd >= 0 ? &p[0] : &p[1];
	if (h->fd < 0 && !want_read)
		p[1].events = 0;
	if (h->fd >= 0 && want_read)
		data->events |= POLLIN;
	if (want_write)
		data->events |= POLLOUT;
	if (poll(p, 3, ms) < 0 && errno != EINTR)
		return cm_err_errno(err, errno, "waiting for the helper");
	if (cm_docker_is_cancelled(h->d))
		return cm_docker_err_cancelled(err);
	if (h->fd >= 0 && p[1].revents != 0)
		return cm_helper_drain(h, err);
	return 0;
}

int cm_helper_ended(struct cm_helper *h, struct cm_err *err)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT((size_t)4 * CM_HELPER_WORDS_MAX);
	int64_t until = cm_monotonic_ms() + LAST_WORDS_MS;

	while (!h->attach_ended && cm_monotonic_ms() < until) {
		struct pollfd p = { .fd = cm_docker_conn_fd(h->attach), .events = POLLIN };
		poll(&p, 1, CM_DOCKER_TICK_MS);
		if (cm_helper_drain(h, NULL) < 0)
			break;
	}
	size_t shown = h->words.len < WORDS_SHOWN ? h->words.len : WORDS_SHOWN;
	while (shown > 0 && h->words.data[shown - 1] == '\n')
		shown--;
	cm_utf8_clean(&text, h->words.data, shown);
	if (text.len > 0)
		cm_err_set(err, CM_EUPSTREAM, "The helper container ended before its work was done: %s", text.data);
	else
		cm_err_set(err, CM_EUPSTREAM,
			   "The helper container ended before its work was done. Was it killed, or out of memory?");
	return CM_EUPSTREAM;
}

/* What can be read now: *ret_len 0 with in_ended unset means nothing yet. */
static int read_now(struct cm_helper *h, void *data, size_t cap, size_t *ret_len, struct cm_err *err)
{
	*ret_len = 0;
	if (queued(h) > 0) {
		*ret_len = queue_take(h, data, cap);
		return 0;
	}
	if (h->in_ended)
		return 0;
	if (h->fd >= 0) {
		ssize_t n = recv(h->fd, data, cap, MSG_DONTWAIT);
		if (n > 0)
			*ret_len = (size_t)n;
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			h->in_ended = true;
		return 0;
	}
	h->direct = data;
	h->direct_len = 0;
	h->direct_cap = cap;
	int r = cm_helper_drain(h, err);
	*ret_len = h->direct_len;
	h->direct = NULL;
	return r;
}

/* At least one byte, or *ret_len 0 with in_ended set, or CM_ETIMEDOUT (err is not filled). */
static int read_wait(struct cm_helper *h, void *data, size_t cap, int timeout_ms, size_t *ret_len, struct cm_err *err)
{
	int64_t until = cm_monotonic_ms() + timeout_ms;

	for (;;) {
		int r = read_now(h, data, cap, ret_len, err);
		if (r < 0 || *ret_len > 0 || h->in_ended)
			return r;
		int64_t left = until - cm_monotonic_ms();
		if (left <= 0)
			return CM_ETIMEDOUT;
		r = cm_helper_poll(h, true, false, left < CM_DOCKER_TICK_MS ? (int)left : CM_DOCKER_TICK_MS, -1, err);
		if (r < 0)
			return r;
	}
}

int cm_helper_read_some(struct cm_helper *h, void *data, size_t cap, int idle_ms, size_t *ret_len, struct cm_err *err)
{
	int idle = idle_ms > 0 ? idle_ms : h->idle_ms;
	size_t n = 0;

	int r = read_wait(h, data, cap, idle, &n, err);
	if (r == CM_ETIMEDOUT)
		return cm_err_set(err, CM_ETIMEDOUT, "The helper container has been silent for %d s.",
				  (idle + 999) / 1000);
	if (r == 0)
		*ret_len = n;
	return r;
}

int cm_helper_read(struct cm_helper *h, void *data, size_t len, int idle_ms, struct cm_err *err)
{
	char *p = data;

	while (len > 0) {
		size_t n = 0;
		int r = cm_helper_read_some(h, p, len, idle_ms, &n, err);
		if (r == 0 && n == 0)
			r = cm_helper_ended(h, err);
		if (r < 0)
			return r;
		p += n;
		len -= n;
	}
	return 0;
}

/* Keeps what the helper says while we send, so that neither waits for the other. Returns the bytes, or an error. */
static int receive_aside(struct cm_helper *h, size_t *ret_moved, struct cm_err *err)
{
	size_t before = queued(h);

	*ret_moved = 0;
	if (h->fd < 0) {
		int r = cm_helper_drain(h, err);
		*ret_moved = queued(h) - before;
		return r;
	}
	while (!h->in_ended && queued(h) + CM_HELPER_PART <= CM_HELPER_QUEUE_MAX) {
		ssize_t n = recv(h->fd, h->part, CM_HELPER_PART, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			h->in_ended = true;
			break;
		}
		int r = queue_add(h, h->part, (size_t)n, err);
		if (r < 0)
			return r;
		*ret_moved += (size_t)n;
	}
	return 0;
}

/* Sends what fits now. 0 with *ret_len, CM_EBUSY, or CM_EUPSTREAM (err is not filled). */
static int send_now(struct cm_helper *h, const char *data, size_t len, size_t *ret_len)
{
	if (h->fd < 0) {
		int r = cm_docker_conn_try_write(h->attach, data, len, ret_len, NULL);
		return r == 0 || r == CM_EBUSY ? r : CM_EUPSTREAM;
	}
	ssize_t n = send(h->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? CM_EBUSY : CM_EUPSTREAM;
	*ret_len = (size_t)n;
	return 0;
}

int cm_helper_send(struct cm_helper *h, const void *data, size_t len, struct cm_err *err)
{
	const char *p = data;
	int64_t moved_ms = cm_monotonic_ms();

	while (len > 0) {
		size_t n = 0, came = 0;
		int sent = h->fd < 0 && h->attach_ended ? CM_EUPSTREAM : send_now(h, p, len, &n);
		int r = sent == 0 ? 0 : receive_aside(h, &came, err);
		if (r < 0)
			return r;
		if (sent == CM_EUPSTREAM)
			return cm_helper_ended(h, err);
		int64_t now = cm_monotonic_ms();
		if (n > 0 || came > 0)
			moved_ms = now;
		if (now - moved_ms > h->idle_ms)
			return cm_err_set(err, CM_ETIMEDOUT, "The helper container has taken nothing for %d s.",
					  h->idle_ms / 1000);
		p += n;
		len -= n;
		if (sent == CM_EBUSY) {
			bool room = queued(h) + CM_HELPER_PART <= CM_HELPER_QUEUE_MAX && !h->in_ended;
			r = cm_helper_poll(h, room, true, CM_DOCKER_TICK_MS, -1, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int cm_helper_send_end(struct cm_helper *h, struct cm_err *err)
{
	if (h->fd >= 0 && shutdown(h->fd, SHUT_WR) != 0 && errno != ENOTCONN)
		return cm_err_errno(err, errno, "closing the connection to the helper");
	return 0;
}

bool cm_helper_readable(struct cm_helper *h)
{
	if (queued(h) > 0 || h->in_ended)
		return true;
	if (h->fd >= 0) {
		struct pollfd p = { .fd = h->fd, .events = POLLIN };
		return poll(&p, 1, 0) > 0;
	}
	return cm_helper_drain(h, NULL) < 0 || queued(h) > 0 || h->in_ended;
}
