/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "docker/container.h"
#include "service/console_int.h"
#include "service/settings.h"

enum {
	TICK_MS = 500,
	ALLOWED_MS = 2000,
	PING_MS = 30000,
	SAY_MS = 2000,
	TAKE_STEP = 16 * 1024, /* typed bytes that are acknowledged together */
	TURNS = 16	       /* reads of one side before the other has its turn */
};

struct pump {
	const struct cm_console *c;
	struct cm_docker *d;
	const char *exec_id;
	struct cm_docker_conn *conn;
	int fd;
	struct cm_console_end *end;
	bool over;

	unsigned char out[1 + CM_CONSOLE_MESSAGE]; /* the packet to be sent; its length is 0 when there is none */
	size_t out_len;
	bool drained; /* the engine had nothing more */
	int64_t sent, shown;

	unsigned char in[1 + CM_CONSOLE_MESSAGE]; /* typed, for the command: [at, len) */
	size_t in_at, in_len;
	int64_t took, took_said;

	int rows, cols; /* asked for; 0: done */
	int idle_s;
	int64_t typed_ms, asked_ms, pinged_ms;
};

__attribute__((format(printf, 2, 3))) static void finish(struct pump *p, const char *fmt, ...)
{
	va_list ap;

	if (p->over)
		return;
	p->over = true;
	va_start(ap, fmt);
	vsnprintf(p->end->text, sizeof(p->end->text), fmt, ap);
	va_end(ap);
}

void cm_console_say(int fd, struct json_object *o)
{
	cm_autofree char *text = cm_json_text(o), *packet = cm_asprintf("%c%s", CM_CONSOLE_TEXT, text);
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	if (send(fd, packet, strlen(packet), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EAGAIN &&
	    poll(&pfd, 1, SAY_MS) > 0)
		(void)send(fd, packet, strlen(packet), MSG_DONTWAIT | MSG_NOSIGNAL);
	json_object_put(o);
}

/* The packet that waits. True when it is gone. */
static bool send_out(struct pump *p)
{
	if (p->out_len == 0)
		return true;
	if (send(p->fd, p->out, p->out_len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			finish(p, "%s", "");
		return false;
	}
	if (p->out[0] == CM_CONSOLE_BINARY)
		p->sent += (int64_t)p->out_len - 1;
	p->out_len = 0;
	return true;
}

static void queue_text(struct pump *p, const char *text)
{
	p->out_len = (size_t)snprintf((char *)p->out, sizeof(p->out), "%c%s", CM_CONSOLE_TEXT, text);
}

static bool window_open(const struct pump *p)
{
	return p->sent - p->shown < CM_CONSOLE_WINDOW;
}

/* From the command to the screen. */
static void move_output(struct pump *p)
{
	for (int i = 0; i < TURNS && !p->over && send_out(p) && window_open(p); i++) {
		struct cm_err err = { 0 };
		size_t n = 0;
		int rc = cm_docker_conn_try_read(p->conn, p->out + 1, CM_CONSOLE_MESSAGE, &n, &err);

		p->drained = rc == CM_EBUSY;
		if (p->drained)
			return;
		if (rc < 0) {
			finish(p, "The connection to the Docker Engine broke: %s", err.text);
			return;
		}
		if (n == 0) {
			p->end->closed = true;
			finish(p, "The session has ended.");
			return;
		}
		p->out[0] = CM_CONSOLE_BINARY;
		p->out_len = n + 1;
	}
}

/* From the keyboard to the command. True when all of it is there. */
static bool move_input(struct pump *p)
{
	while (p->in_at < p->in_len) {
		struct cm_err err = { 0 };
		size_t n = 0;
		int rc = cm_docker_conn_try_write(p->conn, p->in + p->in_at, p->in_len - p->in_at, &n, &err);

		if (rc == CM_EBUSY)
			return false;
		if (rc < 0) {
			finish(p, "The connection to the Docker Engine broke: %s", err.text);
			return false;
		}
		p->in_at += n;
		p->took += (int64_t)n;
	}
	return true;
}

static void on_control(struct pump *p, const char *text, size_t len)
{
	cm_autojson struct json_object *o = NULL;
	int64_t rows, cols, shown;

	if (cm_json_parse(text, len, &o, NULL) < 0 || !json_object_is_type(o, json_type_object)) {
		finish(p, "The browser sent what is no message. Load the page again.");
		return;
	}
	rows = cm_json_int(o, "rows", 0);
	cols = cm_json_int(o, "cols", 0);
	shown = cm_json_int(o, "shown", 0);
	if (rows > 0 && cols > 0 && rows <= CM_CONSOLE_SIZE_MAX && cols <= CM_CONSOLE_SIZE_MAX) {
		p->rows = (int)rows;
		p->cols = (int)cols;
	}
	if (shown > p->shown && shown <= p->sent)
		p->shown = shown;
}

/* One packet from the browser. False when there is none now. */
static bool take_packet(struct pump *p)
{
	ssize_t n = recv(p->fd, p->in, sizeof(p->in), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		finish(p, "%s", ""); /* nobody is there any more */
		return false;
	}
	if (p->in[0] == CM_CONSOLE_TEXT) {
		on_control(p, (const char *)p->in + 1, (size_t)n - 1);
	} else if (p->in[0] == CM_CONSOLE_BINARY) {
		p->in_at = 1;
		p->in_len = (size_t)n;
		p->typed_ms = cm_monotonic_ms();
	}
	return true;
}

static void take_input(struct pump *p)
{
	for (int i = 0; i < TURNS && !p->over && move_input(p) && take_packet(p); i++)
		;
	/* The last size alone: a window that is dragged has many. */
	if (p->rows > 0 && !p->over) {
		(void)cm_container_exec_resize(p->d, p->exec_id, p->rows, p->cols, NULL);
		p->rows = 0;
	}
}

static void look_around(struct pump *p, const atomic_bool *stop)
{
	int64_t now = cm_monotonic_ms();
	char why[128] = "", text[48];

	if (atomic_load(stop))
		finish(p, "The program is ending. Connect again in a moment.");
	if (p->idle_s > 0 && now - p->typed_ms >= (int64_t)p->idle_s * 1000) {
		cm_duration_text(text, p->idle_s);
		finish(p, "Closed, since nothing was typed for %s.", text);
	}
	if (now - p->asked_ms >= ALLOWED_MS) {
		p->asked_ms = now;
		if (!p->c->allowed(p->c->ctx, why))
			finish(p, "%s", why);
	}
	if (p->out_len == 0 && p->took - p->took_said >= TAKE_STEP) {
		p->took_said = p->took;
		snprintf(text, sizeof(text), "{\"took\":%lld}", (long long)p->took);
		queue_text(p, text);
	} else if (p->out_len == 0 && now - p->pinged_ms >= PING_MS) {
		p->pinged_ms = now;
		p->out[0] = CM_CONSOLE_PING;
		p->out_len = 1;
	}
}

static void wait_for_something(struct pump *p)
{
	bool typed = p->in_at < p->in_len, output = p->out_len == 0 && window_open(p);
	struct pollfd fds[2] = {
		{ .fd = p->fd, .events = (short)((typed ? 0 : POLLIN) | (p->out_len > 0 ? POLLOUT : 0)) },
		{ .fd = cm_docker_conn_fd(p->conn), .events = (short)((output ? POLLIN : 0) | (typed ? POLLOUT : 0)) },
	};

	/* A connection that we neither read nor write now is left out: its end would be reported again and again. */
	if (fds[1].events == 0)
		fds[1].fd = -1;
	if (poll(fds, 2, output && !p->drained ? 0 : TICK_MS) > 0 && fds[0].revents & (POLLHUP | POLLERR) &&
	    !(fds[0].revents & POLLIN))
		finish(p, "%s", ""); /* nobody is there any more, whatever else we wait for */
}

void cm_console_pump(const struct cm_console *c, struct cm_docker *d, const char *exec_id, struct cm_docker_conn *conn,
		     int fd, const atomic_bool *stop, struct cm_console_end *end)
{
	struct pump *p = cm_alloc(sizeof(*p));
	int64_t now = cm_monotonic_ms();

	p->c = c;
	p->d = d;
	p->exec_id = exec_id;
	p->conn = conn;
	p->fd = fd;
	p->end = end;
	p->idle_s = cm_settings_console_idle();
	p->typed_ms = p->asked_ms = p->pinged_ms = now;
	while (!p->over) {
		take_input(p);
		move_output(p);
		look_around(p, stop);
		if (!p->over)
			wait_for_something(p);
	}
	cm_secret_wipe(p->in, sizeof(p->in));
	free(p);
}
