/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/kore_stream.h"

#include <kore/kore.h>
#include <kore/http.h>
#include <kore/tasks.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "core/mem.h"
#include "web/kore_server.h"

enum {
	CHUNK_HEAD = 16, /* room for the length of a chunk before its bytes */
	CHUNK_BODY = 64 * 1024,
	CHUNK_TAIL = 2,
	PIPE_SIZE = 256 * 1024,
	TURNS = 32 /* chunks before other connections have their turn */
};

struct stream {
	struct kore_event evt; /* first: the event loop hands us its address */
	struct kore_task task;
	struct stream *prev, *next;

	/* The producer's. */
	cm_produce_fn produce;
	void (*release)(void *arg);
	void *arg;
	int file; /* CM_REPLY_FILE: what produce_file reads */
	off_t file_off, file_len;
	int write_fd;
	atomic_bool stop;
	atomic_int result;
	bool producing;

	/* The transfer's; c is NULL when it is over. */
	struct connection *c;
	struct connection *again; /* serves its next request when this answer is freed */
	int fd;
	int64_t left; /* of a known length; -1 */
	bool chunked, close_after, reset_on_error;
	bool in_flight, done, resuming, freeing;
	int turns;
	unsigned char buf[CHUNK_HEAD + CHUNK_BODY + CHUNK_TAIL];
};

static struct stream *streams; /* all of this worker */
static size_t stream_count;

static void fill(struct stream *st);

static void remember(struct stream *st)
{
	st->next = streams;
	if (streams != NULL)
		streams->prev = st;
	streams = st;
	stream_count++;
}

static void forget(struct stream *st)
{
	if (st->prev != NULL)
		st->prev->next = st->next;
	else
		streams = st->next;
	if (st->next != NULL)
		st->next->prev = st->prev;
	stream_count--;
}

/* Part of a file into the pipe without copying it; with file systems that cannot, through a buffer. */
static int produce_file(void *arg, int fd, const atomic_bool *stop)
{
	struct stream *st = arg;
	char buf[64 * 1024];

	while (st->file_len > 0 && !atomic_load(stop)) {
		size_t want = st->file_len < PIPE_SIZE ? (size_t)st->file_len : PIPE_SIZE;
		ssize_t n = splice(st->file, &st->file_off, fd, NULL, want, SPLICE_F_MOVE);

		if (n == -1 && (errno == EINVAL || errno == ENOSYS)) {
			n = pread(st->file, buf, want < sizeof(buf) ? want : sizeof(buf), st->file_off);
			if (n > 0) {
				ssize_t w = write(fd, buf, (size_t)n);
				n = w;
				st->file_off += w > 0 ? w : 0;
			}
		}
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1; /* the client left, or the file became shorter */
		st->file_len -= n;
	}
	return st->file_len == 0 ? 0 : -1;
}

/* In a task thread. */
static int run_producer(struct kore_task *t)
{
	struct stream *st = (struct stream *)((char *)t - offsetof(struct stream, task));
	int rc = st->produce(st->arg, st->write_fd, &st->stop);

	atomic_store(&st->result, rc);
	close(st->write_fd); /* the transfer reads the result when it comes to the end of the pipe */
	if (st->release != NULL)
		st->release(st->arg);
	if (st->file >= 0)
		close(st->file);
	return KORE_RESULT_OK;
}

static void close_pipe(struct stream *st)
{
	if (st->fd == -1)
		return;
	kore_platform_disable_read(st->fd);
	close(st->fd); /* a producer that still writes gets EPIPE */
	st->fd = -1;
}

static void free_now(void *arg, u_int64_t now)
{
	struct stream *st = arg;
	struct connection *c, *again = st->again;

	(void)now;
	st->freeing = false;
	if (st->producing || st->c != NULL || st->in_flight || st->resuming)
		return; /* whoever is last asks again */
	forget(st);
	free(st);
	/* What came while we were sending waits in the socket without an event. */
	TAILQ_FOREACH(c, &connections, list)
	if (c == again) {
		if (!net_recv_flush(c))
			kore_connection_disconnect(c);
		break;
	}
}

/* Not at once: events of this turn of the loop may still point at it. */
static void free_later(struct stream *st)
{
	if (st->freeing || st->producing || st->c != NULL || st->in_flight || st->resuming)
		return;
	st->freeing = true;
	kore_timer_add(free_now, 0, st, KORE_TIMER_ONESHOT);
}

static void producer_over(struct kore_task *t)
{
	struct stream *st = (struct stream *)((char *)t - offsetof(struct stream, task));

	if (!kore_task_finished(t))
		return;
	kore_task_destroy(t);
	st->producing = false;
	free_later(st);
}

/* The connection ended before the answer did. */
static void client_gone(struct connection *c)
{
	struct stream *st = c->hdlr_extra;

	c->hdlr_extra = NULL; /* else Kore frees it */
	c->disconnect = NULL;
	if (st == NULL)
		return;
	st->c = NULL;
	atomic_store(&st->stop, true);
	close_pipe(st);
	free_later(st);
}

static void break_off(struct stream *st)
{
	struct linger now = { 1, 0 };

	if (st->reset_on_error) /* nothing else tells a cut answer of unknown length from a whole one */
		(void)setsockopt(st->c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	kore_connection_disconnect(st->c);
}

/* The whole answer is with the client: the connection is Kore's again. */
static void transfer_over(struct stream *st)
{
	struct connection *c = st->c;

	st->c = NULL;
	atomic_store(&st->stop, true);
	c->hdlr_extra = NULL;
	c->disconnect = NULL;
	c->flags &= (u_int16_t)~CONN_IS_BUSY;
	c->idle_timer.length = (u_int64_t)http_keepalive_time * 1000;
	if (st->close_after || http_keepalive_time == 0 || cm_server_ending) {
		c->flags |= CONN_CLOSE_EMPTY;
	} else {
		http_start_recv(c);
		st->again = c;
	}
	free_later(st);
}

/* A buffer is with the kernel, or the connection is being removed. */
static int buffer_sent(struct netbuf *nb)
{
	struct stream *st = nb->extra;

	st->in_flight = false;
	if (st->c == NULL) {
		free_later(st);
		return KORE_RESULT_OK;
	}
	kore_connection_start_idletimer(st->c);
	if (st->done)
		transfer_over(st);
	else
		fill(st);
	return KORE_RESULT_OK;
}

static void flush(struct stream *st)
{
	struct connection *c = st->c;

	if (c != NULL && c->state != CONN_STATE_DISCONNECTING && !net_send_flush(c))
		kore_connection_disconnect(c);
}

static void resume(void *arg, u_int64_t now)
{
	struct stream *st = arg;

	(void)now;
	st->resuming = false;
	if (st->c == NULL) {
		free_later(st);
		return;
	}
	st->turns = TURNS;
	fill(st);
	flush(st);
}

static void send_buffer(struct stream *st, unsigned char *data, size_t len)
{
	struct netbuf *nb;

	st->in_flight = true;
	net_send_stream(st->c, data, len, buffer_sent, &nb);
	nb->extra = st;
}

static void end_of_pipe(struct stream *st)
{
	close_pipe(st);
	if (atomic_load(&st->result) != 0 || st->left > 0) {
		break_off(st);
		return;
	}
	st->done = true;
	if (st->chunked) {
		memcpy(st->buf, "0\r\n\r\n", 5);
		send_buffer(st, st->buf, 5);
	} else {
		transfer_over(st);
	}
}

/* Puts the next bytes of the pipe on their way; does not flush. */
static void fill(struct stream *st)
{
	unsigned char *data = st->buf + CHUNK_HEAD;
	size_t len;
	ssize_t n;

	if (st->c == NULL || st->in_flight || st->done || st->fd == -1 || st->resuming)
		return;
	if (st->turns-- <= 0) {
		st->resuming = true;
		kore_timer_add(resume, 0, st, KORE_TIMER_ONESHOT);
		return;
	}
	do {
		n = read(st->fd, data, CHUNK_BODY);
	} while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		end_of_pipe(st);
		return;
	}
	len = (size_t)n;
	if (st->left >= 0) {
		if ((int64_t)len > st->left) { /* more than was announced */
			break_off(st);
			return;
		}
		st->left -= n;
		if (st->left == 0) {
			st->done = true;
			close_pipe(st);
		}
	} else if (st->chunked) {
		char head[CHUNK_HEAD];
		int h = snprintf(head, sizeof(head), "%zx\r\n", len);

		data -= h;
		memcpy(data, head, (size_t)h);
		memcpy(data + h + len, "\r\n", 2);
		len += (size_t)h + 2;
	}
	send_buffer(st, data, len);
}

static void pipe_event(void *arg, int error)
{
	struct stream *st = arg;

	(void)error; /* the other end is closed: read() says so after the last bytes */
	if (st->c == NULL || st->fd == -1 || st->in_flight)
		return;
	st->turns = TURNS;
	fill(st);
	flush(st);
}

/* Sends the headers and makes the connection ours until the answer is over. */
static void take_connection(struct stream *st, struct http_request *req, const struct cm_reply *rp)
{
	struct connection *c = req->owner;
	char text[32];

	req->flags |= HTTP_REQUEST_NO_CONTENT_LENGTH;
	cm_server_headers(req, rp);
	if (st->left >= 0) {
		snprintf(text, sizeof(text), "%lld", (long long)st->left);
		http_response_header(req, "content-length", text);
	} else if (req->flags & HTTP_VERSION_1_1) {
		st->chunked = true;
		http_response_header(req, "transfer-encoding", "chunked");
	} else {
		st->reset_on_error = true;
	}
	c->flags |= CONN_IS_BUSY; /* reads no further request meanwhile */
	http_response(req, rp->status, NULL, 0);
	st->close_after = (c->flags & CONN_CLOSE_EMPTY) != 0 || (st->left < 0 && !st->chunked);
	c->flags &= (u_int16_t)~CONN_CLOSE_EMPTY; /* the queue may run empty before the end */
	c->http_timeout = 0;
	c->idle_timer.length = CM_STREAM_STALL_SECONDS * 1000;
	c->hdlr_extra = st;
	c->disconnect = client_gone;
	st->c = c;
}

/* The headers alone: HEAD, or a length of nothing. */
static void headers_only(struct http_request *req, struct cm_reply *rp, int64_t len)
{
	char text[32];

	cm_server_headers(req, rp);
	req->flags |= HTTP_REQUEST_NO_CONTENT_LENGTH;
	if (len >= 0) {
		snprintf(text, sizeof(text), "%lld", (long long)len);
		http_response_header(req, "content-length", text);
	}
	http_response(req, rp->status, NULL, 0);
}

void cm_stream_start(struct http_request *req, struct cm_reply *rp)
{
	bool file = rp->kind == CM_REPLY_FILE;
	int64_t len = file ? (int64_t)rp->len : rp->stream_len;
	struct stream *st;
	int fds[2];

	if (req->method == HTTP_METHOD_HEAD || len == 0) {
		headers_only(req, rp, len);
		return;
	}
	if (stream_count >= CM_STREAM_MAX || pipe2(fds, O_CLOEXEC) != 0) {
		http_response_header(req, "retry-after", "10");
		cm_server_refuse(req, 503, "LIMIT", "Too many downloads at once: try again in a moment.");
		return;
	}
	st = malloc(sizeof(*st)); /* the buffer is touched when it is used */
	if (st == NULL) {
		close(fds[0]);
		close(fds[1]);
		cm_server_refuse(req, 503, "LIMIT", "Out of memory: try again in a moment.");
		return;
	}
	memset(st, 0, offsetof(struct stream, buf));
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	st->evt.type = KORE_TYPE_CONNECTION;
	st->evt.handle = pipe_event;
	st->fd = fds[0];
	st->write_fd = fds[1];
	st->left = len;
	st->turns = TURNS;
	st->file = -1;
	if (file) {
		st->produce = produce_file;
		st->arg = st;
		st->file = rp->fd;
		st->file_off = rp->off;
		st->file_len = rp->len;
		rp->fd = -1;
	} else {
		st->produce = rp->produce;
		st->release = rp->release;
		st->arg = rp->arg;
		rp->produce = NULL;
		rp->release = NULL;
		rp->arg = NULL;
	}
	remember(st);

	take_connection(st, req, rp);
	kore_platform_schedule_read(st->fd, st);
	st->producing = true;
	kore_task_create(&st->task, run_producer);
	kore_task_bind_callback(&st->task, producer_over);
	kore_task_run(&st->task);
}

void cm_stream_stop_all(void)
{
	struct stream *st;

	for (st = streams; st != NULL; st = st->next)
		atomic_store(&st->stop, true);
}

size_t cm_stream_count(void)
{
	return stream_count;
}
