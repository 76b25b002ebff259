/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every long exchange with a helper shares: reading its frames, counting and passing on its warnings, passing on
 * its progress, noticing a cancel. One thread.
 */
#ifndef CM_ARCHIVE_WATCH_H
#define CM_ARCHIVE_WATCH_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "archive/peer.h"
#include "archive/proto.h"
#include "core/err.h"

struct cm_exchange {
	struct cm_peer *peer;
	const struct cm_archive_watch *watch; /* may be NULL */
	unsigned warnings;		      /* passed on so far */
	int64_t progress_ms;		      /* when progress was last passed on */
	struct json_object *end;	      /* the END frame's object, once it came; caller puts */
};

/* CM_ECANCELLED when the user asked to stop, else 0. */
int cm_exchange_check(struct cm_exchange *x, struct cm_err *err);
/* Passes on, at most ten times a second. */
void cm_exchange_progress(struct cm_exchange *x, uint64_t bytes, uint64_t files);
/* Waits for the next frame, looking for a cancel meanwhile; CM_ETIMEDOUT after CM_PEER_SILENCE_MS of silence. */
int cm_exchange_next(struct cm_exchange *x, struct cm_frame *ret, struct cm_err *err);
/* Deals with WARN, PROGRESS, ERROR and END; any other type is CM_EUPSTREAM. After END x->end is set. */
int cm_exchange_take(struct cm_exchange *x, const struct cm_frame *f, struct cm_err *err);
/* Deals with what the helper has said already, without waiting. */
int cm_exchange_poll(struct cm_exchange *x, struct cm_err *err);
/* Sending failed with code rc: if the helper left an ERROR before it went, that one is the reason. Returns the code. */
int cm_exchange_reason(struct cm_exchange *x, int rc, struct cm_err *err);
/* Deals with everything until END. data may be NULL: DATA is then CM_EUPSTREAM. */
int cm_exchange_finish(struct cm_exchange *x, cm_peer_data_fn data, void *data_ctx, struct cm_err *err);

#endif
