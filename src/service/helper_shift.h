/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A shift: one helper container that does piece of work after piece of work, since starting and removing one takes
 * longer than most pieces. It stays for as long as it has all that the next piece needs; otherwise it is ended, and a
 * new one is started with what is needed now and with what was announced.
 *
 * A piece is done when the helper has answered with END (archive/proto.h): nothing of it waits for the helper's end.
 * While one is at work its volumes cannot be removed: end it first.
 *
 * One thread, that of the handle d, which must outlive it; d's cancel function ends every wait. All functions that
 * return int block: task threads only.
 */
#ifndef CM_SERVICE_HELPER_SHIFT_H
#define CM_SERVICE_HELPER_SHIFT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "archive/peer.h"
#include "core/err.h"
#include "docker/helper.h"
#include "service/app.h"

enum { CM_SHIFT_MOUNTS_MAX = 32 };

/* What a piece of work needs: a volume's name, or a path on the engine's host. */
struct cm_shift_need {
	const char *source;
	bool write;
};

struct cm_shift_mounts {
	struct cm_helper_mount list[CM_SHIFT_MOUNTS_MAX]; /* their strings are the shift's */
	size_t count;
};

/* Begins as { .app = app, .d = d }, all else zero; end it with cm_shift_end or cm_shift_drop, after which it may go on.
 * To be read: h. */
struct cm_shift {
	const struct cm_app *app;
	struct cm_docker *d;
	struct cm_helper *h; /* NULL: none is at work */
	struct cm_peer peer;
	struct cm_shift_mounts has, expected;
};

/* Will be needed soon: the next helper gets it too, where the engine can mount it. What is too much is left out. */
void cm_shift_expect(struct cm_shift *s, const char *source, bool write);

/* A helper is at work that has all of these (count is at most CM_SHIFT_MOUNTS_MAX). Errors: those of cm_helper_start,
 * and of ending the one before. What was only announced is never the reason. */
int cm_shift_need(struct cm_shift *s, const struct cm_shift_need *needs, size_t count, struct cm_err *err);
/* The path of a source in the helper that is at work; NULL when it does not have it. Valid until the next
 * cm_shift_need. Does not block. */
const char *cm_shift_path(const struct cm_shift *s, const char *source, bool write);
/* The helper's mount no longer shows what has that name: it is not used any more. Does not block. */
void cm_shift_forget(struct cm_shift *s, const char *source);

/* Gives the helper a plan: as cm_peer_run. After an error that tells that the helper may be gone, it is. */
int cm_shift_run(struct cm_shift *s, struct json_object *plan, const struct cm_archive_watch *watch,
		 cm_peer_data_fn data, void *data_ctx, struct json_object **ret_result, struct cm_err *err);
/* After a piece that was done over s->peer: rc is how it went, and is returned. */
int cm_shift_done(struct cm_shift *s, int rc);

/* Ends the helper, if there is one, and forgets what was announced. Errors: CM_EUPSTREAM (it did not end well). */
int cm_shift_end(struct cm_shift *s, struct cm_err *err);
/* The same without waiting for its answer, for when something failed. Cannot fail or be cancelled. */
void cm_shift_drop(struct cm_shift *s);

#endif
