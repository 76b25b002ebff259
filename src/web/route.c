/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/route.h"

#include <string.h>

#include "core/mem.h"
#include "core/str.h"
#include "web/form.h"
#include "web/page.h"

const struct cm_route cm_routes[CM_ROUTE_COUNT] = {
#define ROUTE(id, handler, ...) [CM_ROUTE_##id] = { #id, handler, __VA_ARGS__ },
#include "routes.def"
#undef ROUTE
};

const char *cm_method_name(enum cm_method method)
{
	static const char *const names[CM_METHOD_COUNT] = {
		[CM_GET] = "GET",     [CM_HEAD] = "HEAD",     [CM_POST] = "POST",	[CM_PUT] = "PUT",
		[CM_PATCH] = "PATCH", [CM_DELETE] = "DELETE", [CM_OPTIONS] = "OPTIONS",
	};

	return method < CM_METHOD_COUNT ? names[method] : "?";
}

struct capture {
	const char *start;
	size_t len;
};

/* Does path follow the pattern? Fills at most CM_REQ_MAX_PARAMS captures; returns how many, or -1. */
static int follow(const char *pattern, const char *path, struct capture *captures)
{
	int count = 0;

	for (;;) {
		if (*pattern == '<') {
			size_t len = strcspn(path, "/");

			if (len == 0 || count == CM_REQ_MAX_PARAMS)
				return -1;
			captures[count++] = (struct capture){ path, len };
			path += len;
			pattern += strcspn(pattern, ">") + 1;
		}
		if (*pattern != *path)
			return -1;
		if (*pattern == '\0')
			return count;
		pattern++;
		path++;
	}
}

void cm_match_release(struct cm_match *m)
{
	for (size_t i = 0; i < CM_REQ_MAX_PARAMS; i++) {
		free(m->params[i]);
		m->params[i] = NULL;
	}
}

static int decode(const struct capture *capture, char **ret, struct cm_err *err)
{
	size_t len = capture->len;
	char *text = cm_strndup(capture->start, len);

	if (!cm_percent_decode(text, &len, false) || memchr(text, '\0', len) != NULL || !cm_utf8_valid(text, len)) {
		free(text);
		return cm_err_set(err, CM_EINVAL, "The address holds bytes that are not text, or a broken escape.");
	}
	text[len] = '\0';
	*ret = text;
	return 0;
}

int cm_route_match(enum cm_method method, const char *path, struct cm_match *ret, struct cm_err *err)
{
	enum cm_method wanted = method == CM_HEAD ? CM_GET : method;
	struct capture best[CM_REQ_MAX_PARAMS], captures[CM_REQ_MAX_PARAMS];
	int best_count = CM_REQ_MAX_PARAMS + 1;

	*ret = (struct cm_match){ .is_api = cm_str_has_prefix(path, "/api/") };
	for (size_t i = 0; i < CM_ROUTE_COUNT; i++) {
		const char *const patterns[] = { cm_routes[i].page, cm_routes[i].api };

		for (size_t face = 0; face < CM_COUNT(patterns); face++) {
			int count = patterns[face] ? follow(patterns[face], path, captures) : -1;

			if (count < 0)
				continue;
			ret->allowed |= 1u << cm_routes[i].method;
			if (cm_routes[i].method != wanted || count >= best_count)
				continue;
			ret->route = &cm_routes[i];
			ret->is_api = face == 1;
			best_count = count;
			memcpy(best, captures, sizeof(best));
		}
	}
	for (int i = 0; ret->route != NULL && i < best_count; i++) {
		int rc = decode(&best[i], &ret->params[i], err);

		if (rc != 0) {
			cm_match_release(ret);
			return rc;
		}
	}
	return 0;
}
