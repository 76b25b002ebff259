/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/kore_socket.h"

#include <kore/kore.h>
#include <kore/http.h>
#include <kore/tasks.h>

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/mem.h"
#include "web/kore_server.h"

enum {
	HEAD = 4, /* of a frame whose payload has up to 65,535 bytes */
	TURNS = 16,
	FIN = 0x80,
	SHORT_MAX = 125,
	LONG_FORM = 126
};

/* What a client sent and the talk has not taken yet. */
struct packet {
	struct packet *next;
	size_t len;
	unsigned char data[]; /* the kind, then the message */
};

struct ws {
	struct kore_event evt; /* first: the event loop hands us its address */
	struct kore_task task;
	struct ws *prev, *next;

	/* The talk's. */
	cm_produce_fn talk;
	void (*release)(void *arg);
	void *arg;
	int talk_fd;
	atomic_bool stop;
	bool talking;

	/* The loop's; c is NULL when the client is gone. */
	struct connection *c;
	int fd;
	struct packet *first, **last;
	size_t queued;
	bool in_flight, resuming, freeing;
	int turns;
	unsigned char out[HEAD + CM_SOCKET_MESSAGE];
};

/* Kore finds these by their names. */
void cm_socket_message(struct connection *c, u_int8_t op, void *data, size_t len);
void cm_socket_gone(struct connection *c);

static struct ws *sockets; /* all of this worker */
static size_t socket_count;

static void forward(struct ws *ws);

static void remember(struct ws *ws)
{
	ws->next = sockets;
	if (sockets != NULL)
		sockets->prev = ws;
	sockets = ws;
	socket_count++;
}

static void forget(struct ws *ws)
{
	if (ws->prev != NULL)
		ws->prev->next = ws->next;
	else
		sockets = ws->next;
	if (ws->next != NULL)
		ws->next->prev = ws->prev;
	socket_count--;
}

static void close_pair(struct ws *ws)
{
	if (ws->fd == -1)
		return;
	kore_platform_disable_read(ws->fd);
	close(ws->fd); /* the talk sees the end */
	ws->fd = -1;
}

static void drop_packets(struct ws *ws)
{
	for (struct packet *p = ws->first, *next; p != NULL; p = next) {
		next = p->next;
		free(p);
	}
	ws->first = NULL;
	ws->last = &ws->first;
	ws->queued = 0;
}

static void free_now(void *arg, u_int64_t now)
{
	struct ws *ws = arg;

	(void)now;
	ws->freeing = false;
	if (ws->talking || ws->c != NULL || ws->in_flight || ws->resuming)
		return; /* whoever is last asks again */
	close_pair(ws);
	drop_packets(ws);
	forget(ws);
	free(ws);
}

/* Not at once: events of this turn of the loop may still point at it. */
static void free_later(struct ws *ws)
{
	if (ws->freeing || ws->talking || ws->c != NULL || ws->in_flight || ws->resuming)
		return;
	ws->freeing = true;
	kore_timer_add(free_now, 0, ws, KORE_TIMER_ONESHOT);
}

/* In a task thread. */
static int run_talk(struct kore_task *t)
{
	struct ws *ws = (struct ws *)((char *)t - offsetof(struct ws, task));

	(void)ws->talk(ws->arg, ws->talk_fd, &ws->stop);
	close(ws->talk_fd);
	if (ws->release != NULL)
		ws->release(ws->arg);
	return KORE_RESULT_OK;
}

static void talk_over(struct kore_task *t)
{
	struct ws *ws = (struct ws *)((char *)t - offsetof(struct ws, task));

	if (!kore_task_finished(t))
		return;
	kore_task_destroy(t);
	ws->talking = false;
	free_later(ws);
}

/* The connection has ended. */
void cm_socket_gone(struct connection *c)
{
	struct ws *ws = c->hdlr_extra;

	c->hdlr_extra = NULL; /* else Kore frees it */
	if (ws == NULL)
		return;
	ws->c = NULL;
	atomic_store(&ws->stop, true);
	close_pair(ws);
	free_later(ws);
}

/* The talk has ended, and all it said is sent: the client is told, and closes. Does not flush: Kore's queue is not to
 * be sent from within a function that it calls about a buffer. */
static void say_goodbye(struct ws *ws)
{
	static const unsigned char goodbye[] = { FIN | WEBSOCKET_OP_CLOSE, 2, 0x03, 0xe8 }; /* 1000: all is well */
	struct connection *c = ws->c;

	ws->c = NULL;
	c->hdlr_extra = NULL;
	close_pair(ws);
	free_later(ws);
	c->flags |= CONN_WS_CLOSE_SENT | CONN_CLOSE_EMPTY | CONN_LINGER;
	net_send_queue(c, goodbye, sizeof(goodbye));
}

/* A frame is with the kernel, or the connection is being removed. */
static int frame_sent(struct netbuf *nb)
{
	struct ws *ws = nb->extra;

	ws->in_flight = false;
	if (ws->c == NULL)
		free_later(ws);
	else
		forward(ws);
	return KORE_RESULT_OK;
}

/* The talk's next messages, now. */
static void forward_now(struct ws *ws)
{
	struct connection *c = ws->c; /* forward() may have it forgotten */

	ws->turns = TURNS;
	forward(ws);
	if (c->state == CONN_STATE_ESTABLISHED && !net_send_flush(c))
		kore_connection_disconnect(c);
}

static void resume(void *arg, u_int64_t now)
{
	struct ws *ws = arg;

	(void)now;
	ws->resuming = false;
	if (ws->c == NULL) {
		free_later(ws);
		return;
	}
	forward_now(ws);
}

/* A frame around the len bytes at out + HEAD. */
static void send_frame(struct ws *ws, unsigned char op, size_t len)
{
	unsigned char *frame = ws->out;
	struct netbuf *nb;

	if (len > SHORT_MAX) {
		frame[1] = LONG_FORM;
		frame[2] = (unsigned char)(len >> 8);
		frame[3] = (unsigned char)len;
	} else {
		frame += 2;
		frame[1] = (unsigned char)len;
	}
	frame[0] = FIN | op;
	ws->in_flight = true;
	net_send_stream(ws->c, frame, (size_t)(ws->out + HEAD + len - frame), frame_sent, &nb);
	nb->extra = ws;
}

/* The talk's next message on its way to the client; does not flush. */
static void forward(struct ws *ws)
{
	unsigned char *packet = ws->out + HEAD - 1;
	ssize_t n;

	if (ws->c == NULL || ws->in_flight || ws->fd == -1 || ws->resuming || ws->c->state != CONN_STATE_ESTABLISHED)
		return;
	if (ws->turns-- <= 0) {
		ws->resuming = true;
		kore_timer_add(resume, 0, ws, KORE_TIMER_ONESHOT);
		return;
	}
	/* A talk that ended without reading all is said once, before its last messages. */
	do {
		n = recv(ws->fd, packet, 1 + CM_SOCKET_MESSAGE, MSG_DONTWAIT);
	} while (n == -1 && (errno == EINTR || errno == ECONNRESET));
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0)
		say_goodbye(ws);
	else
		send_frame(ws, packet[0], (size_t)n - 1);
}

/* What the client sent, to the talk, as far as it takes it. */
static void deliver(struct ws *ws)
{
	while (ws->first != NULL && ws->fd != -1) {
		struct packet *p = ws->first;

		if (send(ws->fd, p->data, p->len, MSG_DONTWAIT | MSG_NOSIGNAL) == -1 && errno == EAGAIN)
			return;
		ws->queued -= p->len;
		ws->first = p->next;
		if (ws->first == NULL)
			ws->last = &ws->first;
		free(p);
	}
}

static void pair_event(void *arg, int error)
{
	struct ws *ws = arg;

	(void)error; /* the other end is closed: recv() says so after the last message */
	if (ws->c == NULL || ws->fd == -1)
		return;
	deliver(ws);
	forward_now(ws);
}

void cm_socket_message(struct connection *c, u_int8_t op, void *data, size_t len)
{
	struct ws *ws = c->hdlr_extra;
	struct packet *p;

	if (ws == NULL || ws->fd == -1)
		return;
	if (ws->queued + len + 1 > CM_SOCKET_QUEUE) {
		kore_connection_disconnect(c); /* does not keep to the window */
		return;
	}
	p = malloc(sizeof(*p) + len + 1);
	if (p == NULL) {
		kore_connection_disconnect(c);
		return;
	}
	p->next = NULL;
	p->len = len + 1;
	p->data[0] = op;
	memcpy(p->data + 1, data, len);
	*ws->last = p;
	ws->last = &p->next;
	ws->queued += p->len;
	deliver(ws);
}

static bool is_handshake(struct http_request *req)
{
	const char *upgrade, *key, *version;

	return req->method == HTTP_METHOD_GET && !(req->flags & HTTP_VERSION_1_0) &&
	       http_request_header(req, "upgrade", &upgrade) && strcasecmp(upgrade, "websocket") == 0 &&
	       http_request_header(req, "sec-websocket-key", &key) &&
	       http_request_header(req, "sec-websocket-version", &version) && strcmp(version, "13") == 0;
}

static struct ws *ws_new(struct cm_reply *rp)
{
	struct ws *ws;
	int fds[2];

	if (socket_count >= CM_SOCKET_MAX || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return NULL;
	ws = calloc(1, sizeof(*ws));
	if (ws == NULL) {
		close(fds[0]);
		close(fds[1]);
		return NULL;
	}
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	ws->evt.type = KORE_TYPE_CONNECTION;
	ws->evt.handle = pair_event;
	ws->fd = fds[0];
	ws->talk_fd = fds[1];
	ws->last = &ws->first;
	ws->turns = TURNS;
	ws->talk = rp->produce;
	ws->release = rp->release;
	ws->arg = rp->arg;
	rp->produce = NULL;
	rp->release = NULL;
	rp->arg = NULL;
	remember(ws);
	return ws;
}

void cm_socket_start(struct http_request *req, struct cm_reply *rp)
{
	struct connection *c = req->owner;
	struct ws *ws;

	if (!is_handshake(req)) {
		http_response_header(req, "sec-websocket-version", "13");
		cm_server_refuse(req, 400, "INVALID", "This is no handshake of a websocket, version 13.");
		return;
	}
	ws = ws_new(rp);
	if (ws == NULL) {
		http_response_header(req, "retry-after", "10");
		cm_server_refuse(req, 503, "LIMIT", "Too many consoles at once: try again in a moment.");
		return;
	}
	kore_websocket_handshake(req, NULL, "cm_socket_message", "cm_socket_gone");
	c->flags |= CONN_IS_BUSY; /* a full worker makes no room by it */
	c->hdlr_extra = ws;
	ws->c = c;
	kore_connection_start_idletimer(c);
	kore_platform_event_all(ws->fd, ws);
	ws->talking = true;
	kore_task_create(&ws->task, run_talk);
	kore_task_bind_callback(&ws->task, talk_over);
	kore_task_run(&ws->task);
}

void cm_socket_stop_all(void)
{
	for (struct ws *ws = sockets; ws != NULL; ws = ws->next)
		atomic_store(&ws->stop, true);
}

size_t cm_socket_count(void)
{
	return socket_count;
}
