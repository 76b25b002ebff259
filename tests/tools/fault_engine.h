/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A Docker Engine that answers badly: a thread that listens on a unix socket. GET /_ping is answered well unless the
 * mode begins with "ping-"; every other request gets the answer that the mode names. For unit tests only.
 *
 *	struct fault_engine e;
 *	fault_engine_start(&e);
 *	fault_engine_mode(&e, &(struct fault){ .text = "HTTP/1.1 200 OK\r\n…", .end = FAULT_CLOSE });
 *	… a client at e.host …
 *	fault_engine_stop(&e);
 */
#ifndef CM_TEST_FAULT_ENGINE_H
#define CM_TEST_FAULT_ENGINE_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum fault_end {
	FAULT_CLOSE, /* hang up after the answer */
	FAULT_KEEP,  /* wait for the next request */
	FAULT_HANG,  /* say nothing more until the client leaves */
};

struct fault {
	const char *text;
	size_t len;	   /* 0: strlen(text) */
	size_t repeat;	   /* text is sent that many times more */
	const char *after; /* then this */
	int drip_ms;	   /* byte by byte, with that pause */
	enum fault_end end;
	bool for_ping;	/* GET /_ping gets it too */
	bool take_body; /* reads a chunked body to its end first; otherwise it is left lying */
};

#define FAULT_OK "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{\"ok\": 42}"

struct fault_engine {
	char dir[64];
	char path[96];
	char host[128];
	int fd;
	pthread_t thread;
	pthread_mutex_t lock;
	struct fault mode;
	atomic_bool stopping;
	atomic_int requests; /* without pings */
	atomic_int connections;
};

static bool fault_wait(struct fault_engine *e, int fd)
{
	while (!e->stopping) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (poll(&p, 1, 20) > 0)
			return true;
	}
	return false;
}

static bool fault_send(struct fault_engine *e, int fd, const char *s, size_t len, int drip_ms)
{
	while (len > 0 && !e->stopping) {
		ssize_t n = send(fd, s, drip_ms ? 1 : len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		s += n;
		len -= (size_t)n;
		if (drip_ms)
			usleep((useconds_t)drip_ms * 1000);
	}
	return true;
}

/* Reads one head; a body of a request is left unread, so it must come with the head or not matter. */
static bool fault_request(struct fault_engine *e, int fd, char *head, size_t cap)
{
	size_t len = 0;

	while (len + 1 < cap) {
		if (!fault_wait(e, fd))
			return false;
		ssize_t n = recv(fd, head + len, 1, 0);
		if (n <= 0)
			return false;
		len += (size_t)n;
		head[len] = '\0';
		if (len >= 4 && strcmp(head + len - 4, "\r\n\r\n") == 0)
			return true;
	}
	return false;
}

static void fault_body(struct fault_engine *e, int fd, const char *head)
{
	const char *p = strcasestr(head, "content-length:");
	long left = p ? strtol(p + 15, NULL, 10) : 0;
	char part[4096];

	while (left > 0 && fault_wait(e, fd)) {
		ssize_t n = recv(fd, part, left < (long)sizeof(part) ? (size_t)left : sizeof(part), 0);
		if (n <= 0)
			return;
		left -= n;
	}
}

static void fault_chunks(struct fault_engine *e, int fd)
{
	char last[5] = "";

	while (memcmp(last, "0\r\n\r\n", 5) != 0 && fault_wait(e, fd)) {
		char c;
		if (recv(fd, &c, 1, 0) <= 0)
			return;
		memmove(last, last + 1, 4);
		last[4] = c;
	}
}

static void fault_connection(struct fault_engine *e, int fd)
{
	static const struct fault ping = { .text =
					       "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK",
					   .end = FAULT_KEEP };
	char head[16384];

	while (fault_request(e, fd, head, sizeof(head))) {
		pthread_mutex_lock(&e->lock);
		struct fault f = e->mode;
		pthread_mutex_unlock(&e->lock);
		if (strncmp(head, "GET /_ping", 10) == 0) {
			if (!f.for_ping)
				f = ping;
		} else {
			e->requests++;
		}
		fault_body(e, fd, head);
		if (f.take_body && strcasestr(head, "transfer-encoding: chunked") != NULL)
			fault_chunks(e, fd);
		bool on = fault_send(e, fd, f.text, f.len ? f.len : strlen(f.text), f.drip_ms);
		for (size_t i = 0; on && i < f.repeat; i++)
			on = fault_send(e, fd, f.text, f.len ? f.len : strlen(f.text), f.drip_ms);
		if (on && f.after)
			on = fault_send(e, fd, f.after, strlen(f.after), f.drip_ms);
		if (!on || f.end == FAULT_CLOSE)
			break;
		if (f.end == FAULT_HANG) {
			char c;
			while (fault_wait(e, fd) && recv(fd, &c, 1, 0) > 0)
				;
			break;
		}
	}
}

struct fault_client {
	struct fault_engine *e;
	int fd;
};

static void *fault_serve(void *arg)
{
	struct fault_client c = *(struct fault_client *)arg;

	free(arg);
	fault_connection(c.e, c.fd);
	close(c.fd);
	c.e->connections--;
	return NULL;
}

static void *fault_listen(void *arg)
{
	struct fault_engine *e = arg;

	while (fault_wait(e, e->fd)) {
		struct fault_client *c = malloc(sizeof(*c));
		pthread_t t;
		if (c == NULL)
			break;
		*c = (struct fault_client){ e, accept(e->fd, NULL, NULL) };
		if (c->fd < 0) {
			free(c);
			continue;
		}
		e->connections++;
		if (pthread_create(&t, NULL, fault_serve, c) == 0)
			pthread_detach(t);
	}
	return NULL;
}

static void fault_engine_start(struct fault_engine *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memset(e, 0, sizeof(*e));
	snprintf(e->dir, sizeof(e->dir), "/tmp/cm-fault-XXXXXX");
	if (mkdtemp(e->dir) == NULL)
		abort();
	snprintf(e->path, sizeof(e->path), "%s/s", e->dir);
	snprintf(e->host, sizeof(e->host), "unix://%s", e->path);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", e->path);
	e->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(e->fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(e->fd, 64) != 0)
		abort();
	pthread_mutex_init(&e->lock, NULL);
	e->mode = (struct fault){ .text = FAULT_OK, .end = FAULT_KEEP };
	if (pthread_create(&e->thread, NULL, fault_listen, e) != 0)
		abort();
}

static inline void fault_engine_mode(struct fault_engine *e, const struct fault *f)
{
	pthread_mutex_lock(&e->lock);
	e->mode = *f;
	pthread_mutex_unlock(&e->lock);
}

static void fault_engine_stop(struct fault_engine *e)
{
	e->stopping = true;
	pthread_join(e->thread, NULL);
	for (int i = 0; i < 250 && e->connections > 0; i++)
		usleep(20000);
	close(e->fd);
	unlink(e->path);
	rmdir(e->dir);
	pthread_mutex_destroy(&e->lock);
}

#endif
