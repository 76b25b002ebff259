/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The line to a helper program: one byte stream in each direction, whatever carries it (a unix socket, the attached
 * standard streams of a container). One thread at a time. Blocks: task threads only.
 */
#ifndef CM_ARCHIVE_PEER_H
#define CM_ARCHIVE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <json-c/json.h>

#include "core/err.h"

struct cm_peer {
	void *ctx;
	/* Writes all of data. Gives up with CM_ETIMEDOUT when nothing moves for the transport's own deadline. */
	int (*write)(void *ctx, const void *data, size_t len, struct cm_err *err);
	/* Reads 1 to len bytes and waits at most timeout_ms for the first (0: only what is there). Nothing in time:
	 * *ret_len = 0 and success. At the end of the stream: CM_EUNREACHABLE. */
	int (*read)(void *ctx, void *data, size_t len, int timeout_ms, size_t *ret_len, struct cm_err *err);
};

/* What the caller of a long operation wants to hear. Every member may be NULL. Called in the calling thread. */
struct cm_archive_watch {
	void *ctx;
	/* Bytes of file content handled so far, and files. At most ten times a second. */
	void (*progress)(void *ctx, uint64_t bytes, uint64_t files);
	/* One sentence that names the thing, fit for people; at most CM_ARCHIVE_WARNINGS of them, then their number. */
	void (*warn)(void *ctx, const char *text);
	/* Asked several times a second; true ends the operation with CM_ECANCELLED. */
	bool (*cancelled)(void *ctx);
};

enum { CM_ARCHIVE_WARNINGS = 1000 };

/* A peer over a connected stream socket; the descriptor stays the caller's. It gives up after deadline_ms without
 * movement. *state belongs to the peer: keep it as long. */
struct cm_peer_fd {
	int fd;
	int deadline_ms;
};
void cm_peer_over_fd(struct cm_peer *p, struct cm_peer_fd *state, int fd, int deadline_ms);

/* Takes what DATA frames carry (a listing, a file's bytes). A negative result ends the operation. */
typedef int (*cm_peer_data_fn)(void *ctx, const void *data, size_t len, struct cm_err *err);

/* Gives the helper a plan of any operation that needs no archive (exchange, copy, empty, list, cat, hash, du; see
 * proto.h) and waits for its end. *ret_result (may be NULL; caller puts): the END frame's object. Errors: what the
 * helper reports; CM_EUPSTREAM when it breaks the protocol, CM_EUNREACHABLE when it goes away; CM_ETIMEDOUT when it is
 * silent for a minute; CM_ECANCELLED. */
int cm_peer_run(struct cm_peer *peer, struct json_object *plan, const struct cm_archive_watch *watch,
		cm_peer_data_fn data, void *data_ctx, struct json_object **ret_result, struct cm_err *err);

/* Gives up to cap bytes; *ret_len 0 is the end. A negative result ends the operation. */
typedef int (*cm_peer_source_fn)(void *ctx, void *data, size_t cap, size_t *ret_len, struct cm_err *err);

/* The same for an operation that is sent DATA after its plan. After an error the helper is of no more use. */
int cm_peer_run_source(struct cm_peer *peer, struct json_object *plan, const struct cm_archive_watch *watch,
		       cm_peer_source_fn source, void *source_ctx, struct json_object **ret_result, struct cm_err *err);

#endif
