/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the parts of the dispatcher share; nobody else includes it. The way of a request through them: guard.c (which
 * host, which client), route.c, identity.c (who), limit.c, body.c, csrf.c, the handler, then context.c and error_page.c
 * for pages, and headers.c and compress.c for everything.
 */
#ifndef CM_WEB_WEB_INT_H
#define CM_WEB_WEB_INT_H

#include "service/session.h"
#include "web/mustache.h"
#include "web/route.h"
#include "web/web.h"

struct cm_limits;

struct cm_web {
	const struct cm_app *app;
	const struct cm_embedded *files;
	struct cm_mustache *templates;
	struct cm_limits *limits;
	const char *app_css, *app_js, *sprite, *favicon, *licences; /* names of assets, or "" */
	const char *console_css, *console_js, *xterm_js;
};

/* One request on its way. */
struct cm_call {
	struct cm_web *web;
	struct cm_request *rq;
	struct cm_reply *rp;
	struct cm_session session;    /* id 0: none */
	bool by_token;		      /* an API token: no cookie, no CSRF token */
	bool had_cookie;	      /* a session cookie came, whether it was good or not */
	char visit[CM_TOKEN_LEN + 1]; /* who is not logged in yet: a random cookie that the token hangs on, or "" */
	unsigned retry_after;	      /* seconds; with CM_ELIMIT */
	bool csrf_failed;
};

/* guard.c: fills client and https. */
void cm_guard_client(const struct cm_app *app, struct cm_request *rq);
/* CM_EINVAL: this host name is not served (421). */
int cm_guard_host(const struct cm_app *app, const struct cm_request *rq, struct cm_err *err);
/* CM_EDENIED: the browser says that another site sent this. */
int cm_guard_origin(const struct cm_app *app, const struct cm_request *rq, struct cm_err *err);
/* The same for a websocket, which browsers let any site open, with our cookies: the origin must be there. */
int cm_guard_socket(const struct cm_app *app, const struct cm_request *rq, struct cm_err *err);

/* identity.c: who asks. Nobody is no error; CM_EAUTH: an API token that is none. */
int cm_identity_find(struct cm_call *call, struct cm_err *err);

/* csrf.c: tokens are 32 bytes of a session (or of a visit), masked anew for each answer. */
void cm_csrf_make(struct cm_call *call); /* fills rq->csrf, or leaves it empty */
int cm_csrf_check(struct cm_call *call, struct cm_err *err);

/* limit.c: counters shared by all workers. */
struct cm_limits *cm_limits_new(void); /* NULL: no memory */
void cm_limits_free(struct cm_limits *limits);
/* Counts one; false when key had more than max in this minute, and *ret_wait says how many seconds are left. */
bool cm_limits_allow(struct cm_limits *limits, const char *key, unsigned max, int64_t now_ms, unsigned *ret_wait);

/* body.c: query and body into rq->get, post, json. *ret_status: 415 when the type is unknown. */
int cm_body_parse(struct cm_call *call, int *ret_status, struct cm_err *err);

/* context.c: makes the object a template sees out of rp->view; takes its flash messages and those that wait. */
struct json_object *cm_context_make(struct cm_call *call, const char *page_id, const char *title);

/* error_page.c */
void cm_error_reply(struct cm_call *call, int status, const struct cm_err *err);

/* render.c: the page of rp->view. CM_E… of the template. */
int cm_page_render(struct cm_call *call, const char *template, const char *title, struct cm_err *err);

/* headers.c */
bool cm_reply_has(const struct cm_reply *rp, const char *lower_name);
void cm_headers_secure(const struct cm_request *rq, struct cm_reply *rp);

/* compress.c: gzip when it is worth it and the client takes it. */
void cm_reply_compress(const struct cm_request *rq, struct cm_reply *rp);
bool cm_accepts_gzip(const struct cm_request *rq);

#endif
