/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which host was asked for, and by whom: the proxies we trust, and nobody else, may say who stands behind them. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/str.h"
#include "web/web_int.h"

enum { FORWARDED_MAX = 32 };

/* An address as 16 bytes, IPv4 as ::ffff:a.b.c.d; text is rewritten in its usual form. */
static bool parse_address(const char *text, uint8_t addr[16], char clean[46])
{
	struct in_addr v4;
	struct in6_addr v6;
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (inet_pton(AF_INET, text, &v4) == 1) {
		memcpy(addr, mapped, 12);
		memcpy(addr + 12, &v4, 4);
	} else if (inet_pton(AF_INET6, text, &v6) == 1) {
		memcpy(addr, &v6, 16);
	} else {
		return false;
	}
	if (memcmp(addr, mapped, 12) == 0)
		return inet_ntop(AF_INET, addr + 12, clean, 46) != NULL;
	return inet_ntop(AF_INET6, addr, clean, 46) != NULL;
}

static bool is_proxy(const struct cm_app *app, const uint8_t addr[16])
{
	for (size_t i = 0; i < app->proxy_count; i++) {
		const struct cm_cidr *net = &app->proxies[i];
		unsigned bytes = net->bits / 8, rest = net->bits % 8;

		if (memcmp(addr, net->addr, bytes) == 0 &&
		    (rest == 0 || ((addr[bytes] ^ net->addr[bytes]) >> (8 - rest)) == 0))
			return true;
	}
	return false;
}

/* The last element of a comma separated list that ends at *end; *end moves before it. False when there is none. */
static bool last_element(const char *list, size_t *end, char dst[64])
{
	size_t stop = *end, start;

	if (stop == 0)
		return false;
	for (start = stop; start > 0 && list[start - 1] != ','; start--)
		;
	*end = start > 0 ? start - 1 : 0;
	while (start < stop && (list[start] == ' ' || list[start] == '\t'))
		start++;
	while (stop > start && (list[stop - 1] == ' ' || list[stop - 1] == '\t'))
		stop--;
	snprintf(dst, 64, "%.*s", (int)(stop - start > 63 ? 63 : stop - start), list + start);
	return true;
}

/* From the nearest to the farthest: the first address that is no proxy of ours is the client. */
static void find_client(const struct cm_app *app, struct cm_request *rq)
{
	const char *list = cm_request_header(rq, "x-forwarded-for");
	size_t end = list ? strlen(list) : 0;
	char element[64], clean[46];
	uint8_t addr[16];

	for (int i = 0; i < FORWARDED_MAX && last_element(list, &end, element); i++) {
		if (!parse_address(element, addr, clean))
			return;
		cm_str_copy(rq->client, sizeof(rq->client), clean);
		if (!is_proxy(app, addr))
			return;
	}
}

void cm_guard_client(const struct cm_app *app, struct cm_request *rq)
{
	const char *proto;
	char element[64], clean[46];
	uint8_t addr[16];
	size_t end;

	cm_str_copy(rq->client, sizeof(rq->client), rq->peer);
	rq->https = rq->tls;
	if (!parse_address(rq->peer, addr, clean))
		return;
	cm_str_copy(rq->client, sizeof(rq->client), clean);
	if (!is_proxy(app, addr))
		return;
	find_client(app, rq);
	proto = cm_request_header(rq, "x-forwarded-proto");
	end = proto ? strlen(proto) : 0;
	if (last_element(proto, &end, element) && strcasecmp(element, "https") == 0)
		rq->https = true;
}

/* The host of "host", "host:port", "[v6]:port", without brackets. */
static bool host_only(const char *text, char *dst, size_t size)
{
	const char *end;
	size_t len;

	if (text[0] == '[') {
		text++;
		end = strchr(text, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return false;
	} else {
		end = text + strcspn(text, ":");
	}
	len = (size_t)(end - text);
	if (len == 0 || len >= size)
		return false;
	memcpy(dst, text, len);
	dst[len] = '\0';
	return true;
}

static bool host_listed(const struct cm_app *app, const char *host)
{
	for (size_t i = 0; i < app->host_count; i++)
		if (strcasecmp(app->hosts[i], host) == 0)
			return true;
	return false;
}

int cm_guard_host(const struct cm_app *app, const struct cm_request *rq, struct cm_err *err)
{
	const char *header = cm_request_header(rq, "host");
	char host[256], clean[46];
	uint8_t addr[16];

	if (app->host_count == 0)
		return 0;
	if (header != NULL && host_only(header, host, sizeof(host)) &&
	    (strcasecmp(host, "localhost") == 0 || parse_address(host, addr, clean) || host_listed(app, host)))
		return 0;
	return cm_err_set(err, CM_EINVAL, "This server does not answer to that host name. Add it to CM_HOSTS.");
}

int cm_guard_origin(const struct cm_app *app, const struct cm_request *rq, struct cm_err *err)
{
	const char *site = cm_request_header(rq, "sec-fetch-site"), *origin = cm_request_header(rq, "origin");
	const char *host = cm_request_header(rq, "host"), *authority;
	char name[256];

	if (site != NULL) {
		if (strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0)
			return 0;
		return cm_err_set(err, CM_EDENIED,
				  "Another web site sent this. Open this page yourself and try again.");
	}
	if (origin == NULL)
		return 0;
	authority = strstr(origin, "://");
	if (authority != NULL && host != NULL && strcasecmp(authority + 3, host) == 0)
		return 0;
	if (authority != NULL && host_only(authority + 3, name, sizeof(name)) && host_listed(app, name))
		return 0;
	return cm_err_set(
	    err, CM_EDENIED,
	    "The address in the browser (%.100s) is not the one the server was asked for (%.100s). If a proxy "
	    "stands between them, it must pass the Host header on, or CM_HOSTS must name the address.",
	    origin, host ? host : "none");
}

int cm_guard_socket(const struct cm_app *app, const struct cm_request *rq, struct cm_err *err)
{
	if (cm_request_header(rq, "upgrade") == NULL)
		return 0; /* opens none */
	if (cm_request_header(rq, "origin") == NULL)
		return cm_err_set(err, CM_EDENIED,
				  "The Origin header is missing. Programs use an API token instead of a session.");
	return cm_guard_origin(app, rq, err);
}
