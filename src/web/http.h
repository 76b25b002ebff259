/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The border between the server (kore_*.c) and the product's web side. The server copies a request into a
 * struct cm_request on the event loop, calls cm_web_handle() in a task thread, and sends the struct cm_reply on the
 * event loop. Neither struct knows Kore, so everything behind this border is tested without a server.
 */
#ifndef CM_WEB_HTTP_H
#define CM_WEB_HTTP_H

#include <json-c/json.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/err.h"
#include "service/app.h"
#include "service/role.h"

enum cm_method { CM_GET, CM_HEAD, CM_POST, CM_PUT, CM_PATCH, CM_DELETE, CM_OPTIONS, CM_METHOD_COUNT };

struct cm_header {
	char *name; /* lower-case */
	char *value;
};

struct cm_route;  /* web/route.h */
struct cm_upload; /* web/upload.h */
struct cm_form;	  /* web/form.h: fields of a query or a form, in order, names may repeat */
struct cm_web;	  /* web/web.h: compiled templates, assets, the app; made once before workers start, read-only */

enum { CM_REQ_MAX_HEADERS = 64, CM_REQ_MAX_PARAMS = 4 };

struct cm_request {
	/* Filled by the server; owned by the request. */
	uint64_t id; /* for the log */
	enum cm_method method;
	char *path;  /* as received, still percent-encoded, without the query */
	char *query; /* without '?', or NULL */
	struct cm_header headers[CM_REQ_MAX_HEADERS];
	size_t header_count;
	char *body; /* or NULL */
	size_t body_len;
	int body_fd;   /* instead of body when it is long: a file without a name. 0: none */
	char peer[46]; /* address of the other end of the connection */
	bool tls;      /* our own TLS */

	/* Filled by the dispatcher before the handler runs. */
	struct cm_web *web;
	const struct cm_app *app;
	const struct cm_route *route;
	bool is_api;			 /* the API path of the row was asked: answer JSON */
	char *params[CM_REQ_MAX_PARAMS]; /* decoded captures of the path, in order */
	struct cm_form *get;		 /* query fields; never NULL in a handler */
	struct cm_form *post; /* form fields (urlencoded or multipart, or the top level of a JSON object); never NULL */
	struct json_object *json; /* body of application/json, or NULL */
	struct cm_upload *files;  /* that came with it, in order: rows with CM_R_UPLOAD only */
	size_t file_count;
	char client[46]; /* the client's address, through trusted proxies */
	bool https;	 /* our TLS, or a trusted proxy says so */
	int64_t user_id; /* 0: not logged in */
	char user[128];
	enum cm_role role;
	int64_t session_id; /* 0: none, or an API token was used */
	char csrf[129];	    /* masked token for this answer */
};

const char *cm_request_header(const struct cm_request *rq, const char *lower_name); /* NULL when missing */
void cm_request_free(struct cm_request *rq);

/* Writes a stream's bytes to fd (a pipe or socket; blocking) in a task thread. Return 0 when complete; anything else
 * breaks the connection, so that the client sees a failed download. Must end soon when *stop is set or write fails. */
typedef int (*cm_produce_fn)(void *arg, int fd, const atomic_bool *stop);

enum cm_reply_kind { CM_REPLY_BODY, CM_REPLY_FILE, CM_REPLY_STREAM, CM_REPLY_SOCKET };
enum { CM_REPLY_MAX_HEADERS = 32 };

struct cm_reply {
	enum cm_reply_kind kind;
	int status;					/* default 200 */
	struct cm_header headers[CM_REPLY_MAX_HEADERS]; /* several set-cookie are possible */
	size_t header_count;

	/* What a handler sets for a row with two faces; the dispatcher renders it. */
	struct json_object *view; /* page: the template's object. API: its "data" member is the answer */
	const char *template;	  /* NULL: the row's */

	/* CM_REPLY_BODY: the finished body. A handler may fill it itself (then view stays NULL). */
	struct cm_buf body;
	/* CM_REPLY_FILE: len bytes at off of fd; the server closes fd. Range is handled by cm_reply_file(). */
	int fd;
	off_t off, len;
	/* CM_REPLY_STREAM: produced in a task of its own; length -1 when unknown (chunked). CM_REPLY_SOCKET: produce
	 * talks over fd in a task of its own, see cm_reply_socket(). */
	cm_produce_fn produce;
	void (*release)(void *arg); /* called once, when the stream is over or never began */
	void *arg;
	int64_t stream_len;
	/* For style elements that a script of ours makes; "": none. */
	char style_nonce[33];
};

void cm_reply_init(struct cm_reply *rp);
void cm_reply_free(struct cm_reply *rp); /* closes fd, calls release, puts view */
void cm_reply_header(struct cm_reply *rp, const char *lower_name,
		     const char *value); /* replaces, but set-cookie adds */

/* The whole product behind one call: finds the route, checks, runs the handler, renders. Never fails: errors become
 * error pages or JSON. Blocks: task threads only. */
void cm_web_handle(struct cm_web *web, struct cm_request *rq, struct cm_reply *rp);

#endif
