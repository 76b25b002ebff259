/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/kore_health.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"

static socklen_t address_of(const struct cm_app *app, struct sockaddr_storage *ss)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (strchr(app->bind, ':') != NULL) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(app->port);
		inet_pton(AF_INET6, strcmp(app->bind, "::") == 0 ? "::1" : app->bind, &v6->sin6_addr);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(app->port);
	inet_pton(AF_INET, strcmp(app->bind, "0.0.0.0") == 0 ? "127.0.0.1" : app->bind, &v4->sin_addr);
	return sizeof(*v4);
}

int cm_health_check(const struct cm_app *app)
{
	static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	struct timeval limit = { 3, 0 };
	struct sockaddr_storage ss;
	socklen_t len = address_of(app, &ss);
	char answer[16] = "";
	cm_autoclose int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		if (connect(fd, (struct sockaddr *)&ss, len) == 0 &&
		    cm_fd_write_all(fd, request, sizeof(request) - 1) == 0 && cm_fd_read_all(fd, answer, 12) == 1 &&
		    strcmp(answer, "HTTP/1.1 200") == 0)
			return 0;
	}
	fprintf(stderr, "container-monkey: no answer from %s port %u\n", app->bind, app->port);
	return 1;
}
