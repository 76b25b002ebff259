/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One HTTP exchange with the engine, over libcurl's multi interface, so that every wait has our own deadlines and
 * the cancel function. Internal to docker/. Blocks as docker.h says.
 */
#ifndef CM_DOCKER_TRANSPORT_H
#define CM_DOCKER_TRANSPORT_H

#include <curl/curl.h>

#include "docker/address.h"
#include "docker/docker.h"

enum {
	CM_DOCKER_API_MIN = 40,
	CM_DOCKER_API_MAX = 47,
	CM_DOCKER_CONNECT_MS = 5000,
	CM_DOCKER_CALL_MS = 60000,
	CM_DOCKER_IDLE_MS = 60000,
	CM_DOCKER_TICK_MS = 200, /* how often cancel is asked */
	CM_DOCKER_HEAD_MAX = 64 << 10,
	CM_DOCKER_HIJACK_MAX = 128 << 10, /* a head and what came with it */
	CM_DOCKER_ANSWER_MAX = 64 << 20,
	CM_DOCKER_REFUSAL_MAX = 64 << 10,
	CM_DOCKER_POOL = 16,
};

struct cm_docker {
	struct cm_docker_address addr;
	char *ca, *cert, *key; /* paths, NULL: none */
	CURLM *multi;	       /* owns the connections */
	CURL *pool[CM_DOCKER_POOL];
	size_t pool_len;
	int api; /* agreed minor version, 0: not yet */
	int timeout_ms;
	bool (*cancelled)(void *ctx);
	void *cancel_ctx;
	bool no_socket;	 /* helper.c: helpers do not get through to our socket, attach works */
	bool self_known; /* self.c */
	char self_id[65];
};

struct cm_docker_req {
	struct cm_docker *d;
	CURL *easy;
	struct curl_slist *headers;
	char *path;
	bool stream; /* large buffers; its easy handle is not kept */
	bool added, done, head_done;
	bool framed; /* the answer says where its body ends */
	CURLcode result;
	int status;
	size_t head_bytes;
	int64_t active_ms; /* when the last byte moved */
	cm_docker_source source;
	void *source_ctx;
	cm_docker_sink sink; /* body of a 2xx; without one it goes to answer */
	void *sink_ctx;
	struct cm_buf answer; /* body of a 2xx without sink, and of a refusal */
	const char *want;     /* a header of the answer that is kept */
	char wanted[4096];
	int stop; /* a callback ended it, with stop_err */
	struct cm_err stop_err;
	char curl_text[CURL_ERROR_SIZE];
};

/* method and path are copied; body_text must live until the end. Then set source, sink, want as needed. Release in
 * every case. version false: no "/v1.41" before the path. */
int cm_docker_req_open(struct cm_docker_req *q, struct cm_docker *d, const char *method, const char *path, bool version,
		       bool stream, struct cm_err *err);
void cm_docker_req_json(struct cm_docker_req *q, const char *body_text);
void cm_docker_req_upload(struct cm_docker_req *q, const char *method, const char *content_type, int64_t size);
void cm_docker_req_header(struct cm_docker_req *q, const char *line);
/* Until the answer is complete, or until its head has come (until_head). total_ms and idle_ms negative: no limit.
 * Success means that an answer came, whatever its status. */
int cm_docker_req_run(struct cm_docker_req *q, bool until_head, int total_ms, int idle_ms, struct cm_err *err);
/* The same in parts, for several at once on one handle: add begins, drive moves all that are under way and marks those
 * that are done (curl_multi_poll waits for it), finish says how a done one went. */
int cm_docker_req_add(struct cm_docker_req *q, struct cm_err *err);
int cm_docker_drive(struct cm_docker *d, struct cm_err *err);
int cm_docker_req_finish(struct cm_docker_req *q, struct cm_err *err);
/* 0 for 2xx and 304, else the refusal as an error. */
int cm_docker_req_check(struct cm_docker_req *q, struct cm_err *err);
/* The answer as JSON; NULL when it is empty. */
int cm_docker_req_parse(struct cm_docker_req *q, struct json_object **ret, struct cm_err *err);
void cm_docker_req_release(struct cm_docker_req *q);

/* cm_docker_call() with extra time for calls that are slow by nature. */
int cm_docker_call_slow(struct cm_docker *d, const char *method, const char *path, struct json_object *body,
			int extra_ms, struct json_object **ret, struct cm_err *err);
/* The same over a connection of its own, which an engine that is ending refuses: over one that it has it still serves
 * what it will not live to finish. */
int cm_docker_call_fresh(struct cm_docker *d, const char *method, const char *path, int extra_ms, struct cm_err *err);

/* The same for answers that are an array: null and nothing become an empty one, anything else is CM_EUPSTREAM. */
int cm_docker_call_array(struct cm_docker *d, const char *method, const char *path, struct json_object **ret,
			 struct cm_err *err);

/* Address, certificates, timeouts: what every easy handle needs. */
void cm_docker_easy_setup(const struct cm_docker *d, CURL *easy);
int cm_docker_connect_ms(const struct cm_docker *d);
/* Agrees on the API version if that has not been done. */
int cm_docker_agree(struct cm_docker *d, struct cm_err *err);
bool cm_docker_is_cancelled(const struct cm_docker *d);
int cm_docker_err_cancelled(struct cm_err *err);

/* "filters" as a query's part: appends "<sep>filters=<encoded JSON>", nothing for NULL. */
void cm_docker_path_filters(struct cm_buf *out, char sep, struct json_object *filters);
/* CM_EINVAL with a sentence unless s can name a kind ("container") of thing in a path. */
int cm_docker_ref_check(const char *kind, const char *s, struct cm_err *err);

#endif
