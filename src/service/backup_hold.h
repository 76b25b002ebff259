/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Holding a container still while its data is read: the command before, pause or stop, and all of it undone. Every
 * step stands in the journal before it is done, so that cm_hold_undo can put it right after a crash. One thread;
 * blocks.
 *
 * Journal entries made here: kind "stopped", data {"state": "stopping"|"stopped", "timeout": seconds}; kind "paused";
 * kind "exec_post", data {"argv": […]}.
 */
#ifndef CM_SERVICE_BACKUP_HOLD_H
#define CM_SERVICE_BACKUP_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "db/journal.h"
#include "docker/docker.h"
#include "service/backup_options.h"
#include "service/backup_plan.h"
#include "service/progress.h"

enum { CM_HOLD_MAX = 64 };

struct cm_held {
	char id[72];
	char name[256];
	int64_t journal;
	bool stopped; /* else paused */
	bool unsure;  /* the stop failed: it may still be about to end */
};

struct cm_backup_hold {
	struct cm_docker *d;
	const struct cm_backup_options *options;
	struct cm_backup_plan *plan; /* its warnings get what went wrong without failing the backup */
	struct cm_progress *progress;
	const char *self_id;
	struct json_object *together;  /* ids of others that are held at the same time, or NULL */
	enum cm_consistency effective; /* what is really done */
	struct cm_held held[CM_HOLD_MAX];
	size_t held_count;
	int64_t post_journal; /* 0: the command after is not due */
	int64_t since_ms;     /* monotonic, 0: nothing is held */
	int64_t held_ms;
};

/* Decides what will be done ("stop" becomes "pause" for a container that would vanish or be replaced when stopped;
 * nothing is done to one that does not run) and adds the warnings that belong to it. Touches nothing. */
int cm_backup_hold_plan(struct cm_backup_hold *h, struct cm_err *err);
/* The command before. Errors: CM_EUPSTREAM (it failed), those of the engine. */
int cm_backup_hold_pre(struct cm_backup_hold *h, struct cm_err *err);
/* Pauses or stops. */
int cm_backup_hold_begin(struct cm_backup_hold *h, struct cm_err *err);
/* Puts everything back and runs the command after. Cannot be cancelled. What fails becomes a warning, and stays in the
 * journal for the next start of the program. Any number of times. */
void cm_backup_hold_end(struct cm_backup_hold *h);

/* Undoes one journal entry of the kinds above, after a crash. *ret_text (1,024 bytes): what was done, "" when nothing
 * had to be. Errors: those of the engine; the entry then stays open. */
int cm_hold_undo(struct cm_docker *d, const struct cm_journal_entry *entry, char *ret_text, struct cm_err *err);

#endif
