/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does something answer at a port? Asked from inside another container's network. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "helper/ops.h"
#include "helper/wire.h"

enum { CONNECT_MS = 2000, ANSWER_MS = 10000, AGAIN_MS = 200, HEAD_MAX = 4096, ADDRESSES_MAX = 16, WAIT_MAX_MS = 60000 };

struct probe {
	bool http;
	uint16_t port;
	const char *path, *host;
	int status; /* of HTTP; 0: none */
	char why[200];
};

static bool address_make(const char *text, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*ret_len = sizeof(*v4);
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		return false;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	*ret_len = sizeof(*v6);
	return true;
}

static bool ready(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do {
		n = poll(&p, 1, ms);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

/* A connected socket, or -1 with the reason in p->why. */
static int connect_to(struct probe *p, const char *address)
{
	struct sockaddr_storage to;
	socklen_t len, size = sizeof(int);
	int error = 0, fd;

	if (!address_make(address, p->port, &to, &len)) {
		snprintf(p->why, sizeof(p->why), "%.40s is no address", address);
		return -1;
	}
	fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		snprintf(p->why, sizeof(p->why), "%s", strerror(errno));
		return -1;
	}
	if (connect(fd, (struct sockaddr *)&to, len) != 0) {
		error = errno;
		if (error == EINPROGRESS)
			error = !ready(fd, POLLOUT, CONNECT_MS)				   ? ETIMEDOUT
				: getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ? errno
											   : error;
	}
	if (error == 0 || error == EINPROGRESS)
		return fd;
	snprintf(p->why, sizeof(p->why), "%s", strerror(error));
	close(fd);
	return -1;
}

static bool send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR) && ready(fd, POLLOUT, ANSWER_MS))
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Reads until the status line is there. */
static bool status_read(struct probe *p, int fd)
{
	char head[HEAD_MAX + 1] = "";
	size_t len = 0;
	int major = 0;

	while (len < HEAD_MAX && memchr(head, '\n', len) == NULL) {
		ssize_t n;
		if (!ready(fd, POLLIN, ANSWER_MS))
			break;
		n = recv(fd, head + len, HEAD_MAX - len, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	head[len] = '\0';
	if (sscanf(head, "HTTP/%d.%*d %3d", &major, &p->status) == 2 && p->status >= 100)
		return true;
	p->status = 0;
	snprintf(p->why, sizeof(p->why), "%s",
		 len > 0 ? "what answers there does not speak HTTP" : "it gave no answer");
	return false;
}

static bool ask(struct probe *p, int fd)
{
	cm_autofree char *request = cm_asprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: container-monkey-drill\r\n"
						"Accept: */*\r\nConnection: close\r\n\r\n",
						p->path, p->host);

	if (!send_all(fd, request, strlen(request))) {
		snprintf(p->why, sizeof(p->why), "it closed the connection");
		return false;
	}
	if (!status_read(p, fd))
		return false;
	if (p->status >= 200 && p->status < 400)
		return true;
	snprintf(p->why, sizeof(p->why), "it answers with status %d", p->status);
	return false;
}

static bool try_all(struct probe *p, struct json_object *addresses)
{
	for (size_t i = 0; i < cm_json_len(addresses) && i < ADDRESSES_MAX; i++) {
		const char *address = json_object_get_string(json_object_array_get_idx(addresses, i));
		int fd = connect_to(p, address ? address : "");
		bool good;
		if (fd < 0)
			continue;
		good = !p->http || ask(p, fd);
		close(fd);
		/* What answers badly here would not answer better by another of its addresses. */
		if (good || p->status != 0)
			return good;
	}
	return false;
}

int cm_op_probe(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	static const struct timespec pause = { .tv_nsec = AGAIN_MS * 1000000L };
	struct json_object *addresses = cm_json_arr(plan, "addresses");
	int64_t port = cm_json_int(plan, "port", 0), wait = cm_json_int(plan, "wait_ms", 0), end;
	struct probe p = { .http = cm_json_bool(plan, "http", false),
			   .path = cm_json_str(plan, "path", "/"),
			   .host = cm_json_str(plan, "host", "localhost") };
	bool good;

	if (port < 1 || port > 65535 || cm_json_len(addresses) == 0 || p.path[0] != '/' ||
	    strpbrk(p.path, " \r\n") != NULL || strpbrk(p.host, " \r\n") != NULL)
		return cm_err_set(err, CM_EINVAL, "The plan of a probe is malformed.");
	p.port = (uint16_t)port;
	cm_wire_watch();
	cm_wire_progress_start();
	end = cm_monotonic_ms() + (wait < WAIT_MAX_MS ? wait : WAIT_MAX_MS);
	while (!(good = try_all(&p, addresses)) && cm_monotonic_ms() < end) {
		p.status = 0;
		nanosleep(&pause, NULL);
	}
	*ret = json_object_new_object();
	cm_json_set_bool(*ret, "answered", good);
	cm_json_set_int(*ret, "status", p.status);
	cm_json_set_str(*ret, "text", good ? NULL : p.why);
	return 0;
}
