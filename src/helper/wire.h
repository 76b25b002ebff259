/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The helper's end of its connection: one for the whole process. Frames may be sent by several threads. When the peer
 * vanishes the process exits at once with status 3: there is nobody left to work for.
 */
#ifndef CM_HELPER_WIRE_H
#define CM_HELPER_WIRE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "archive/peer.h"
#include "archive/proto.h"
#include "core/err.h"

enum { CM_EXIT_OK = 0, CM_EXIT_FAILED = 1, CM_EXIT_USAGE = 2, CM_EXIT_PEER_GONE = 3 };

/* "unix:<path>" or "stdio". */
int cm_wire_open(const char *where, struct cm_err *err);
/* Waits for the plan. Caller puts *ret; NULL: the peer says that none will come. */
int cm_wire_plan(int timeout_ms, struct json_object **ret, struct cm_err *err);
/* Until the answer nothing more is expected from the peer: a thread waits for it to vanish. */
void cm_wire_watch(void);
/* Reads frames that follow the plan, in the main thread. The process exits when the peer is gone. */
struct cm_peer *cm_wire_peer(void);

void cm_wire_send(enum cm_frame_type type, const void *data, size_t len);
void cm_wire_send_json(enum cm_frame_type type, struct json_object *o);
/* A MEMBER frame. */
void cm_wire_send_member(uint32_t size, const void *data, uint32_t len);

/* A warning about one thing: name is made fit for people. At most limit are sent, all are counted. */
void cm_wire_warn_limit(unsigned limit);
void cm_wire_warn(unsigned part, const char *name, size_t len, const char *text);
uint64_t cm_wire_warnings(void);

/* Counters of PROGRESS, which a thread sends four times a second once it was started, while there is a plan. */
void cm_wire_progress_start(void);
void cm_wire_count(uint64_t bytes, uint64_t files);

/* ERROR or END, the answer to the plan. stay: another plan may follow; otherwise no thread can send any more, and the
 * process must end. */
void cm_wire_fail(const struct cm_err *err, bool stay);
void cm_wire_end(struct json_object *o, bool stay); /* takes o */

#endif
