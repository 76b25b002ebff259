/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/address.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/str.h"

#define DEFAULT_SOCKET "/var/run/docker.sock"

static int bad(struct cm_err *err, const char *host, const char *why)
{
	return cm_err_set(
	    err, CM_EINVAL,
	    "\"%.200s\" is not the address of a Docker Engine: %s. Examples: unix:///var/run/docker.sock, "
	    "tcp://192.0.2.10:2375.",
	    host, why);
}

static int parse_unix(const char *host, const char *path, struct cm_docker_address *a, struct cm_err *err)
{
	if (path[0] != '/')
		return bad(err, host, "the path of a socket begins with a slash");
	if (!cm_str_copy(a->socket, sizeof(a->socket), path))
		return bad(err, host, "the path of a socket has at most 107 characters");
	for (const char *p = path; *p; p++)
		if (iscntrl((unsigned char)*p))
			return bad(err, host, "it has control characters");
	cm_str_copy(a->base, sizeof(a->base), "http://docker");
	cm_str_copy(a->authority, sizeof(a->authority), "docker");
	snprintf(a->text, sizeof(a->text), "unix://%s", a->socket);
	return 0;
}

/* The length of the host name or bracketed IPv6 address at s, 0 when it is none. */
static size_t name_span(const char *s)
{
	if (s[0] == '[') {
		size_t n = strspn(s + 1, "0123456789abcdefABCDEF:.");
		return n >= 2 && s[n + 1] == ']' ? n + 2 : 0;
	}
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
}

static int parse_tcp(const char *host, const char *rest, int default_port, struct cm_docker_address *a,
		     struct cm_err *err)
{
	size_t n = name_span(rest);
	if (n == 0 || n > 255)
		return bad(err, host, "the name of the host is missing or malformed");
	const char *p = rest + n;
	uint64_t port = (uint64_t)default_port;
	if (*p == ':') {
		char digits[8];
		size_t k = strspn(++p, "0123456789");
		snprintf(digits, sizeof(digits), "%.*s", k < sizeof(digits) ? (int)k : 0, p);
		if (!cm_str_u64(digits, 1, 65535, &port))
			return bad(err, host, "the port is a number from 1 to 65535");
		p += k;
	}
	if (*p != '\0' && *p != '/')
		return bad(err, host, "something follows the host that does not belong there");
	size_t len = strlen(p);
	while (len > 0 && p[len - 1] == '/')
		len--;
	if (len >= sizeof(a->prefix) || strcspn(p, "?#% \"\\") < len || strstr(p, "..") != NULL)
		return bad(err, host, "the path is too long or has characters that do not belong there");
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)p[i]))
			return bad(err, host, "it has blanks or control characters");
	snprintf(a->prefix, sizeof(a->prefix), "%.*s", (int)len, p);
	snprintf(a->authority, sizeof(a->authority), "%.*s:%u", (int)n, rest, (unsigned)port);
	snprintf(a->base, sizeof(a->base), "%s://%s%s", a->tls ? "https" : "http", a->authority, a->prefix);
	snprintf(a->text, sizeof(a->text), "tcp://%s%s", a->authority, a->prefix);
	return 0;
}

int cm_docker_address_parse(const char *host, bool tls, struct cm_docker_address *ret, struct cm_err *err)
{
	struct cm_docker_address a = { .tls = false };
	int r;

	if (host == NULL || host[0] == '\0')
		host = "unix://" DEFAULT_SOCKET;
	const char *rest = strstr(host, "://");
	size_t scheme = rest ? (size_t)(rest - host) : 0;
	rest = rest ? rest + 3 : host;
	if (scheme == 0 && host[0] == '/') {
		r = parse_unix(host, host, &a, err);
	} else if (scheme == 4 && strncmp(host, "unix", 4) == 0) {
		r = parse_unix(host, rest, &a, err);
	} else if (scheme == 0 || (scheme == 3 && strncmp(host, "tcp", 3) == 0)) {
		a.tls = tls;
		r = parse_tcp(host, rest, tls ? 2376 : 2375, &a, err);
	} else if (scheme == 4 && strncmp(host, "http", 4) == 0) {
		r = parse_tcp(host, rest, 2375, &a, err);
	} else if (scheme == 5 && strncmp(host, "https", 5) == 0) {
		a.tls = true;
		r = parse_tcp(host, rest, 2376, &a, err);
	} else {
		return cm_err_set(
		    err, CM_EUNSUPPORTED,
		    "Docker hosts by %.*s:// are not supported. Use unix://, tcp://, http:// or https://; "
		    "for ssh, forward the socket (ssh -L) and give its path.",
		    (int)(scheme < 16 ? scheme : 16), host);
	}
	if (r < 0)
		return r;
	*ret = a;
	return 0;
}
