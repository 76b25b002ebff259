/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The route table, made from routes.def, and how a path finds its row. A path in the table may hold captures: "<id>"
 * stands for exactly one segment that is not empty. Where a word and a capture both match, the word wins. Read-only,
 * any thread; nothing blocks.
 */
#ifndef CM_WEB_ROUTE_H
#define CM_WEB_ROUTE_H

#include "web/http.h"

typedef int (*cm_page_fn)(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err);

enum cm_route_flags {
	CM_R_NO_CSRF = 1 << 0,	/* no token asked (login by API) */
	CM_R_NO_RATE = 1 << 1,	/* not counted: pages are never, this is for API paths that pages poll */
	CM_R_RAW = 1 << 2,	/* answers bytes or a stream, not JSON (for the OpenAPI document) */
	CM_R_OPEN = 1 << 3,	/* no check of the Host header (health) */
	CM_R_UPLOAD = 1 << 4,	/* takes files: a form with files, or one file as the body (web/upload.h) */
	CM_R_NO_AUDIT = 1 << 5, /* a POST that changes nothing worth a line of the audit log */
	CM_R_SOCKET = 1 << 6,	/* a websocket: refused when a page of another site opens it */
};

struct cm_route {
	const char *id;
	cm_page_fn handler;
	enum cm_method method;
	const char *page;     /* path that shows HTML, or NULL; with method POST: the target of a form */
	const char *api;      /* path that answers JSON, or NULL */
	enum cm_role role;    /* the lowest that may; CM_ROLE_NONE: without login */
	const char *template; /* "pages/vault", or NULL when the handler replies itself */
	const char *title;    /* of the page */
	const char *nav;      /* id of the navigation entry that is current */
	const char *arg;      /* a word for the handler: rows that differ in one word share it */
	const char *audit;    /* operation in the audit log of a change whose service wrote no line; NULL: the id */
	unsigned flags;
	size_t body_limit; /* bytes; 0: CM_BODY_LIMIT */
	/* For the OpenAPI document. Fields as "name:type, name?:type": type is string, int, number, bool, object,
	 * array, or words joined by '|'; '?' marks what may be missing. */
	const char *summary; /* one sentence */
	const char *query;
	const char *body;
	const char *answer;
};

enum { CM_BODY_LIMIT = 1 << 20 };
/* For rows that take files. What is longer than CM_BODY_LIMIT goes to a temporary file as it comes, so the limit is
 * what the disk holds. */
#define CM_UPLOAD_LIMIT ((size_t)1 << 42)

enum cm_route_id {
#define ROUTE(id, handler, ...) CM_ROUTE_##id,
#include "routes.def"
#undef ROUTE
	CM_ROUTE_COUNT
};

extern const struct cm_route cm_routes[CM_ROUTE_COUNT];

struct cm_match {
	const struct cm_route *route;	 /* NULL when no row of this method matches */
	bool is_api;			 /* the path is one of an API, known or not */
	unsigned allowed;		 /* 1 << method of every row whose path matches; 0: unknown path */
	char *params[CM_REQ_MAX_PARAMS]; /* decoded; the caller frees */
};

/* path is percent-encoded. HEAD finds the rows of GET. Errors: CM_EINVAL (bad escape, NUL, not UTF-8). */
int cm_route_match(enum cm_method method, const char *path, struct cm_match *ret, struct cm_err *err);
void cm_match_release(struct cm_match *m);

const char *cm_method_name(enum cm_method method);

#endif
