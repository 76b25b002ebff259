/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client of one Docker Engine: a unix socket, tcp, or tcp with TLS. A handle keeps its connections open between
 * calls and agrees on the API version at its first call. One thread per handle; another thread makes its own. Every
 * function here that takes a handle blocks, if not said otherwise: task threads only. The process must ignore SIGPIPE.
 *
 * Errors of every call, besides those named at it:
 *	CM_EUNREACHABLE  nothing answers there; the sentence says what to check
 *	CM_ETIMEDOUT     no answer, or no progress of a stream, within the time allowed
 *	CM_ECANCELLED    the function given to cm_docker_set_cancel() said so
 *	CM_ENOTFOUND     "There is no container web on this Docker host."
 *	CM_EEXIST        the name is taken
 *	CM_EINUSE        others use it, or it is running
 *	CM_EBUSY         its state does not allow it now (paused, not running, being removed)
 *	CM_ENOSPACE      the engine's disk is full
 *	CM_EUNSUPPORTED  this engine cannot do it
 *	CM_EUPSTREAM     any other refusal, with the engine's own words, or an answer that makes no sense
 * After any error the handle can be used again.
 */
#ifndef CM_DOCKER_DOCKER_H
#define CM_DOCKER_DOCKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"

struct cm_docker;

struct cm_docker_config {
	/* unix:///path, tcp://host[:port], http://…, https://…, a bare path or host:port. NULL or "" is
	 * unix:///var/run/docker.sock. */
	const char *host;
	bool tls;	       /* tcp:// means TLS, and the engine's certificate is checked */
	const char *cert_path; /* folder with ca.pem, cert.pem, key.pem; NULL or "": the system's authorities, no own */
};

/* Copies the config and checks it; does not connect, does not block. Caller frees with cm_docker_free.
 * Errors: CM_EINVAL (malformed host), CM_EUNSUPPORTED (ssh:// and others), CM_ENOTFOUND (certificates missing). */
int cm_docker_new(const struct cm_docker_config *config, struct cm_docker **ret, struct cm_err *err);
void cm_docker_free(struct cm_docker *d);
static inline void cm_cleanup_docker(struct cm_docker **d)
{
	cm_docker_free(*d);
}
#define cm_autodocker __attribute__((cleanup(cm_cleanup_docker)))

/* Asked about five times a second while a call waits; true ends the call with CM_ECANCELLED. NULL: never. */
void cm_docker_set_cancel(struct cm_docker *d, bool (*cancelled)(void *ctx), void *ctx);
/* How long a plain call (JSON in, JSON out) may take altogether; 0 is the default of 60 s. Calls that are slow by
 * nature (stop, remove, sizes) add their own time, and streams have idle limits instead. */
void cm_docker_set_timeout(struct cm_docker *d, int ms);

/* The address for people: "unix:///var/run/docker.sock", "tcp://10.0.0.5:2376". Does not block. */
const char *cm_docker_address(const struct cm_docker *d);
/* A unix socket: the engine most likely runs on this machine. Does not block. */
bool cm_docker_is_local(const struct cm_docker *d);

/* Asks GET /_ping and agrees on the version anew. Errors: CM_EUNSUPPORTED (engine older than API 1.40). */
int cm_docker_ping(struct cm_docker *d, struct cm_err *err);
/* The agreed API version's minor number, 41 for "1.41"; pings first if needed. */
int cm_docker_api(struct cm_docker *d, int *ret_minor, struct cm_err *err);
/* GET /version, /info, /system/df. Caller puts *ret. */
int cm_docker_version(struct cm_docker *d, struct json_object **ret, struct cm_err *err);
int cm_docker_info(struct cm_docker *d, struct json_object **ret, struct cm_err *err);
int cm_docker_df(struct cm_docker *d, struct json_object **ret, struct cm_err *err); /* slow: up to minutes */

/*
 * The generic level, below container.h, image.h, volume.h, network.h and events.h. Paths have no version prefix.
 */

/* Appends a path to out: %s is percent-encoded, %r too but keeps its slashes (image references), %d is an int,
 * %l an int64_t, %b a bool as 1 or 0, %% a percent sign. Does not block. */
void cm_docker_path(struct cm_buf *out, const char *format, ...);

/* Receives the body of a successful answer piece by piece. Non-zero ends the transfer and is passed through, with
 * the err it filled. May block. */
typedef int (*cm_docker_sink)(void *ctx, const void *data, size_t len, struct cm_err *err);
/* Gives up to cap bytes of a request's body; *ret_len 0 is the end. Non-zero as above. May block. */
typedef int (*cm_docker_source)(void *ctx, void *data, size_t cap, size_t *ret_len, struct cm_err *err);

/* JSON in (body NULL: none), JSON out. ret may be NULL; *ret is NULL when the answer has no body (204, 304). At most
 * 64 MiB. Caller puts *ret; body stays the caller's. */
int cm_docker_call(struct cm_docker *d, const char *method, const char *path, struct json_object *body,
		   struct json_object **ret, struct cm_err *err);

/* GET whose body goes to sink. idle_ms: the longest time without a byte; 0 is 60 s, negative without limit. An answer
 * that ends early is CM_EUPSTREAM. */
int cm_docker_stream_get(struct cm_docker *d, const char *path, cm_docker_sink sink, void *ctx, int idle_ms,
			 struct cm_err *err);

struct cm_docker_upload {
	const char *method; /* "POST", "PUT" */
	const char *path;
	const char *content_type; /* NULL: application/x-tar */
	int64_t size;		  /* of the body; negative: unknown, sent in chunks */
	cm_docker_source source;  /* NULL: no body */
	void *source_ctx;
	cm_docker_sink sink; /* NULL: the answer's body is dropped */
	void *sink_ctx;
	int idle_ms; /* as in cm_docker_stream_get */
};
int cm_docker_stream_send(struct cm_docker *d, const struct cm_docker_upload *upload, struct cm_err *err);

/*
 * A hijacked connection: raw bytes both ways after an HTTP head (attach, exec). It is independent of the handle it
 * came from, which may be freed or used before it; the cancel function of that handle is kept. One thread at a time.
 */
struct cm_docker_conn;

/* POST path with body and an upgrade. Caller frees *ret. */
int cm_docker_hijack(struct cm_docker *d, const char *path, struct json_object *body, struct cm_docker_conn **ret,
		     struct cm_err *err);
/* At least one byte, up to cap; *ret_len 0 is the end of the stream. timeout_ms negative: without limit. */
int cm_docker_conn_read(struct cm_docker_conn *c, void *data, size_t cap, int timeout_ms, size_t *ret_len,
			struct cm_err *err);
/* All of data; timeout_ms without progress is CM_ETIMEDOUT. */
int cm_docker_conn_write(struct cm_docker_conn *c, const void *data, size_t len, int timeout_ms, struct cm_err *err);
/* The same without waiting, for event loops: CM_EBUSY when nothing can be done now (err is not filled then). After
 * the descriptor polled readable, read until CM_EBUSY: TLS holds bytes that poll does not see. */
int cm_docker_conn_try_read(struct cm_docker_conn *c, void *data, size_t cap, size_t *ret_len, struct cm_err *err);
int cm_docker_conn_try_write(struct cm_docker_conn *c, const void *data, size_t len, size_t *ret_len,
			     struct cm_err *err);
/* The descriptor to poll; owned by the connection. */
int cm_docker_conn_fd(const struct cm_docker_conn *c);
/* Tells the other side that nothing more is sent; reading goes on. */
int cm_docker_conn_close_write(struct cm_docker_conn *c, struct cm_err *err);
void cm_docker_conn_free(struct cm_docker_conn *c);

#endif
