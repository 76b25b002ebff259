/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/peer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "archive/proto.h"
#include "archive/watch.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"

enum { SOURCE_PIECE = 262144, POLL_MS = 250, PROGRESS_MS = 100 };

static int gone(struct cm_err *err)
{
	return cm_err_set(err, CM_EUNREACHABLE, "The helper has gone away.");
}

static int fd_write(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	const struct cm_peer_fd *s = ctx;
	const char *p = data;

	while (len > 0) {
		struct pollfd pfd = { .fd = s->fd, .events = POLLOUT };
		ssize_t n = send(s->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			int rc = poll(&pfd, 1, s->deadline_ms);
			if (rc == 0)
				return cm_err_set(err, CM_ETIMEDOUT, "The helper has stopped reading.");
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return gone(err);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int fd_read(void *ctx, void *data, size_t len, int timeout_ms, size_t *ret_len, struct cm_err *err)
{
	const struct cm_peer_fd *s = ctx;

	for (;;) {
		struct pollfd pfd = { .fd = s->fd, .events = POLLIN };
		ssize_t n = recv(s->fd, data, len, MSG_DONTWAIT);
		if (n > 0) {
			*ret_len = (size_t)n;
			return 0;
		}
		if (n == 0)
			return gone(err);
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return gone(err);
		int rc = timeout_ms == 0 ? 0 : poll(&pfd, 1, timeout_ms);
		if (rc == 0) {
			*ret_len = 0;
			return 0;
		}
	}
}

void cm_peer_over_fd(struct cm_peer *p, struct cm_peer_fd *state, int fd, int deadline_ms)
{
	state->fd = fd;
	state->deadline_ms = deadline_ms;
	*p = (struct cm_peer){ state, fd_write, fd_read };
}

int cm_exchange_check(struct cm_exchange *x, struct cm_err *err)
{
	const struct cm_archive_watch *w = x->watch;

	if (w != NULL && w->cancelled != NULL && w->cancelled(w->ctx))
		return cm_err_set(err, CM_ECANCELLED, "Cancelled.");
	return 0;
}

void cm_exchange_progress(struct cm_exchange *x, uint64_t bytes, uint64_t files)
{
	const struct cm_archive_watch *w = x->watch;
	int64_t now = cm_monotonic_ms();

	if (w == NULL || w->progress == NULL || now - x->progress_ms < PROGRESS_MS)
		return;
	x->progress_ms = now;
	w->progress(w->ctx, bytes, files);
}

int cm_exchange_next(struct cm_exchange *x, struct cm_frame *ret, struct cm_err *err)
{
	int64_t end = cm_monotonic_ms() + CM_PEER_SILENCE_MS;

	for (;;) {
		int rc = cm_exchange_check(x, err);
		if (rc < 0)
			return rc;
		struct cm_err own = { 0 };
		rc = cm_peer_next(x->peer, POLL_MS, ret, &own);
		if (rc == CM_ETIMEDOUT && cm_monotonic_ms() < end)
			continue;
		if (rc < 0 && err != NULL)
			*err = own;
		return rc;
	}
}

static void warn(struct cm_exchange *x, struct json_object *o)
{
	const struct cm_archive_watch *w = x->watch;
	const char *path = cm_json_str(o, "path", ""), *text = cm_json_str(o, "text", "");

	if (w == NULL || w->warn == NULL || x->warnings++ >= CM_ARCHIVE_WARNINGS)
		return;
	cm_autofree char *line = path[0] != '\0' ? cm_asprintf("%s: %s", path, text) : cm_strdup(text);
	w->warn(w->ctx, line);
}

int cm_exchange_take(struct cm_exchange *x, const struct cm_frame *f, struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;

	if (f->type != CM_FRAME_WARN && f->type != CM_FRAME_PROGRESS && f->type != CM_FRAME_ERROR &&
	    f->type != CM_FRAME_END)
		return cm_err_set(err, CM_EUPSTREAM, "The helper sent something that was not expected.");
	int rc = cm_peer_json(x->peer, f, &o, err);
	if (rc < 0)
		return rc;
	if (f->type == CM_FRAME_WARN)
		warn(x, o);
	else if (f->type == CM_FRAME_PROGRESS)
		cm_exchange_progress(x, (uint64_t)cm_json_int(o, "bytes", 0), (uint64_t)cm_json_int(o, "files", 0));
	else if (f->type == CM_FRAME_ERROR)
		return cm_peer_error(o, err);
	else if (x->end == NULL)
		x->end = cm_move(&o);
	return 0;
}

int cm_exchange_poll(struct cm_exchange *x, struct cm_err *err)
{
	struct cm_frame f;

	for (;;) {
		int rc = cm_peer_next(x->peer, 0, &f, err);
		if (rc < 0 || f.type == 0)
			return rc;
		rc = cm_exchange_take(x, &f, err);
		if (rc < 0)
			return rc;
		if (x->end != NULL)
			return cm_err_set(err, CM_EUPSTREAM, "The helper ended before it had everything.");
	}
}

int cm_exchange_reason(struct cm_exchange *x, int rc, struct cm_err *err)
{
	struct cm_err own = { 0 };
	struct cm_frame f;

	if (rc != CM_EUNREACHABLE && rc != CM_ETIMEDOUT)
		return rc;
	while (cm_peer_next(x->peer, POLL_MS, &f, &own) == 0) {
		bool is_error = f.type == CM_FRAME_ERROR;
		int code = cm_exchange_take(x, &f, &own);
		if (is_error && code < 0) {
			if (err != NULL)
				*err = own;
			return code;
		}
		if (code < 0)
			break;
	}
	return rc;
}

int cm_exchange_finish(struct cm_exchange *x, cm_peer_data_fn data, void *data_ctx, struct cm_err *err)
{
	struct cm_frame f;

	while (x->end == NULL) {
		int rc = cm_exchange_next(x, &f, err);
		if (rc < 0)
			return rc;
		if (f.type != CM_FRAME_DATA || data == NULL) {
			rc = cm_exchange_take(x, &f, err);
		} else {
			cm_autofree char *piece = cm_alloc(f.len);
			rc = cm_peer_read_all(x->peer, piece, f.len, CM_PEER_SILENCE_MS, err);
			if (rc == 0)
				rc = data(data_ctx, piece, f.len, err);
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

int cm_peer_run(struct cm_peer *peer, struct json_object *plan, const struct cm_archive_watch *watch,
		cm_peer_data_fn data, void *data_ctx, struct json_object **ret_result, struct cm_err *err)
{
	struct cm_exchange x = { .peer = peer, .watch = watch };

	cm_json_set_int(plan, "v", CM_PROTO_VERSION);
	int rc = cm_peer_send_json(peer, CM_FRAME_PLAN, plan, err);
	if (rc < 0)
		return cm_exchange_reason(&x, rc, err);
	rc = cm_exchange_finish(&x, data, data_ctx, err);
	if (rc == 0 && ret_result != NULL)
		*ret_result = cm_move(&x.end);
	json_object_put(x.end);
	return rc;
}

static int source_send(struct cm_exchange *x, cm_peer_source_fn source, void *ctx, struct cm_err *err)
{
	cm_autofree char *piece = cm_alloc(SOURCE_PIECE);
	size_t len = 1;
	int rc = 0;

	while (rc == 0 && len > 0) {
		rc = cm_exchange_check(x, err);
		rc = rc < 0 ? rc : cm_exchange_poll(x, err);
		rc = rc < 0 ? rc : source(ctx, piece, SOURCE_PIECE, &len, err);
		if (rc == 0 && len > 0)
			rc = cm_peer_send(x->peer, CM_FRAME_DATA, piece, len, err);
	}
	return rc < 0 ? rc : cm_peer_send(x->peer, CM_FRAME_EOF, NULL, 0, err);
}

int cm_peer_run_source(struct cm_peer *peer, struct json_object *plan, const struct cm_archive_watch *watch,
		       cm_peer_source_fn source, void *source_ctx, struct json_object **ret_result, struct cm_err *err)
{
	struct cm_exchange x = { .peer = peer, .watch = watch };

	cm_json_set_int(plan, "v", CM_PROTO_VERSION);
	int rc = cm_peer_send_json(peer, CM_FRAME_PLAN, plan, err);
	rc = rc < 0 ? rc : source_send(&x, source, source_ctx, err);
	if (rc < 0)
		rc = cm_exchange_reason(&x, rc, err);
	else
		rc = cm_exchange_finish(&x, NULL, NULL, err);
	if (rc == 0 && ret_result != NULL)
		*ret_result = cm_move(&x.end);
	json_object_put(x.end);
	return rc;
}
