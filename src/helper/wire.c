/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "helper/wire.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "archive/block_tail.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

enum { TICK_US = 250000, SOCKET_BUFFER = 1 << 20, NAME_MAX_LEN = 4096 };

static int in_fd = -1, out_fd = -1;
static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;
static bool busy, ticking; /* busy: between a plan and its answer; with the lock */
static pthread_t watcher;
static bool watching;
static int watch_end = -1; /* an eventfd: the watcher is no longer needed */
static unsigned warn_limit = CM_ARCHIVE_WARNINGS;
static atomic_uint_fast64_t warnings, bytes_done, files_done;

static _Noreturn void gone(void)
{
	_exit(CM_EXIT_PEER_GONE);
}

static void write_all(struct iovec *v, int n)
{
	while (n > 0) {
		ssize_t done = writev(out_fd, v, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			gone();
		while (n > 0 && (size_t)done >= v->iov_len) {
			done -= (ssize_t)v->iov_len;
			v++;
			n--;
		}
		if (n > 0) {
			v->iov_base = (char *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
	}
}

static int on_write(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct iovec v = { (void *)data, len };

	(void)ctx;
	(void)err;
	write_all(&v, 1);
	return 0;
}

static int on_read(void *ctx, void *data, size_t len, int timeout_ms, size_t *ret_len, struct cm_err *err)
{
	struct pollfd p = { .fd = in_fd, .events = POLLIN };

	(void)ctx;
	(void)err;
	*ret_len = 0;
	for (;;) {
		int ready = poll(&p, 1, timeout_ms);
		if (ready == 0)
			return 0;
		ssize_t n = ready > 0 ? read(in_fd, data, len) : -1;
		if (n > 0) {
			*ret_len = (size_t)n;
			return 0;
		}
		if (n == 0 || (errno != EINTR && errno != EAGAIN))
			gone();
	}
}

struct cm_peer *cm_wire_peer(void)
{
	static struct cm_peer peer = { NULL, on_write, on_read };

	return &peer;
}

int cm_wire_open(const char *where, struct cm_err *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int size = SOCKET_BUFFER;

	if (cm_str_eq(where, "stdio")) {
		in_fd = STDIN_FILENO;
		out_fd = STDOUT_FILENO;
		return 0;
	}
	if (!cm_str_has_prefix(where, "unix:") || !cm_str_copy(a.sun_path, sizeof(a.sun_path), where + 5))
		return cm_err_set(err, CM_EINVAL, "usage: cm-helper [serve] unix:PATH | stdio");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return cm_err_errno(err, errno, "making a socket");
	/* As large as the system allows: fewer, longer writes. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		int e = errno;
		close(fd);
		return cm_err_errno(err, e, "connecting to the socket");
	}
	in_fd = out_fd = fd;
	return 0;
}

int cm_wire_plan(int timeout_ms, struct json_object **ret, struct cm_err *err)
{
	struct cm_frame f;
	int rc = cm_peer_next(cm_wire_peer(), timeout_ms, &f, err);

	*ret = NULL;
	if (rc == 0 && f.type == CM_FRAME_EOF)
		return 0;
	if (rc == 0 && f.type != CM_FRAME_PLAN)
		rc = cm_err_set(err, CM_EUPSTREAM, "The helper got no plan.");
	if (rc == 0)
		rc = cm_peer_json(cm_wire_peer(), &f, ret, err);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&out_lock);
	atomic_store(&bytes_done, 0);
	atomic_store(&files_done, 0);
	atomic_store(&warnings, 0);
	warn_limit = CM_ARCHIVE_WARNINGS;
	busy = true;
	pthread_mutex_unlock(&out_lock);
	return 0;
}

/* Nothing may come before the answer: bytes are as wrong as the end. */
static void *watch(void *arg)
{
	struct pollfd p[2] = { { .fd = in_fd, .events = POLLIN }, { .fd = watch_end, .events = POLLIN } };
	char byte;

	(void)arg;
	for (;;) {
		if (poll(p, CM_COUNT(p), -1) <= 0)
			continue;
		if ((p[0].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL)) != 0 &&
		    (read(in_fd, &byte, 1) >= 0 || (errno != EINTR && errno != EAGAIN)))
			gone();
		if (p[1].revents != 0)
			return NULL;
	}
}

static pthread_t start(void *(*run)(void *))
{
	pthread_t t;
	pthread_attr_t a;

	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 65536);
	if (pthread_create(&t, &a, run, NULL) != 0)
		_exit(CM_EXIT_FAILED);
	pthread_attr_destroy(&a);
	return t;
}

void cm_wire_watch(void)
{
	if (watch_end < 0)
		watch_end = eventfd(0, EFD_CLOEXEC);
	if (watch_end < 0)
		_exit(CM_EXIT_FAILED);
	watcher = start(watch);
	watching = true;
}

/* The next plan is for us, not for the watcher. */
static void watch_stop(void)
{
	uint64_t n = 1;

	if (!watching)
		return;
	if (write(watch_end, &n, sizeof(n)) != sizeof(n))
		_exit(CM_EXIT_FAILED);
	pthread_join(watcher, NULL);
	if (read(watch_end, &n, sizeof(n)) != sizeof(n))
		_exit(CM_EXIT_FAILED);
	watching = false;
}

/* The caller has the lock. */
static void send_locked(enum cm_frame_type type, const void *data, size_t len)
{
	uint8_t head[CM_PROTO_HEAD];
	struct iovec v[2] = { { head, sizeof(head) }, { (void *)data, len } };

	cm_frame_encode(head, type, (uint32_t)len);
	write_all(v, len > 0 ? 2 : 1);
}

void cm_wire_send(enum cm_frame_type type, const void *data, size_t len)
{
	pthread_mutex_lock(&out_lock);
	send_locked(type, data, len);
	pthread_mutex_unlock(&out_lock);
}

void cm_wire_send_json(enum cm_frame_type type, struct json_object *o)
{
	cm_autofree char *text = cm_json_text(o);

	cm_wire_send(type, text, strlen(text));
}

void cm_wire_send_member(uint32_t size, const void *data, uint32_t len)
{
	uint8_t head[CM_PROTO_HEAD + 4];
	struct iovec v[2] = { { head, sizeof(head) }, { (void *)data, len } };

	cm_frame_encode(head, CM_FRAME_MEMBER, len + 4);
	cm_put_le(head + CM_PROTO_HEAD, size, 4);
	pthread_mutex_lock(&out_lock);
	write_all(v, 2);
	pthread_mutex_unlock(&out_lock);
}

void cm_wire_warn_limit(unsigned limit)
{
	warn_limit = limit;
}

void cm_wire_warn(unsigned part, const char *name, size_t len, const char *text)
{
	cm_autobuf struct cm_buf clean = CM_BUF_INIT((size_t)4 * NAME_MAX_LEN);

	if (atomic_fetch_add(&warnings, 1) >= warn_limit)
		return;
	cm_utf8_clean(&clean, name, len < NAME_MAX_LEN ? len : NAME_MAX_LEN);
	cm_autojson struct json_object *o = json_object_new_object();
	cm_json_set_int(o, "part", part);
	cm_json_set_str(o, "path", clean.data);
	cm_json_set_str(o, "text", text);
	cm_wire_send_json(CM_FRAME_WARN, o);
}

uint64_t cm_wire_warnings(void)
{
	return atomic_load(&warnings);
}

void cm_wire_count(uint64_t bytes, uint64_t files)
{
	atomic_fetch_add_explicit(&bytes_done, bytes, memory_order_relaxed);
	if (files > 0)
		atomic_fetch_add_explicit(&files_done, files, memory_order_relaxed);
}

static void *tick(void *arg)
{
	(void)arg;
	for (;;) {
		usleep(TICK_US);
		cm_autojson struct json_object *o = json_object_new_object();
		cm_json_set_int(o, "bytes", (int64_t)atomic_load(&bytes_done));
		cm_json_set_int(o, "files", (int64_t)atomic_load(&files_done));
		cm_autofree char *text = cm_json_text(o);
		pthread_mutex_lock(&out_lock);
		if (busy)
			send_locked(CM_FRAME_PROGRESS, text, strlen(text));
		pthread_mutex_unlock(&out_lock);
	}
	return NULL;
}

void cm_wire_progress_start(void)
{
	if (!ticking)
		pthread_detach(start(tick));
	ticking = true;
}

/* The last frame of a plan: nothing may follow it, also not from the other threads. */
static void answer(enum cm_frame_type type, struct json_object *o, bool stay)
{
	cm_autofree char *text = cm_json_text(o);

	if (stay)
		watch_stop();
	pthread_mutex_lock(&out_lock);
	busy = false;
	send_locked(type, text, strlen(text));
	if (stay)
		pthread_mutex_unlock(&out_lock);
}

void cm_wire_fail(const struct cm_err *err, bool stay)
{
	cm_autojson struct json_object *o = json_object_new_object();
	/* A sentence may hold a file's name, cut in the middle of a character. */
	cm_autobuf struct cm_buf text = CM_BUF_INIT(4096);

	cm_utf8_clean(&text, err->text, strlen(err->text));
	cm_json_set_str(o, "code", cm_err_word(err->code));
	cm_json_set_str(o, "text", text.data);
	answer(CM_FRAME_ERROR, o, stay);
}

void cm_wire_end(struct json_object *o, bool stay)
{
	answer(CM_FRAME_END, o, stay);
	json_object_put(o);
}
