/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal: what we did to the user's things and must undo, written before we do it. An entry is on the disk when
 * cm_journal_add returns (its commit is synced, where ordinary commits wait for the next checkpoint), so after a power
 * cut there may be an entry for something that never happened, but never something that happened without an entry:
 * undoing must look first whether there is anything to undo. Task threads only; errors as in db/db.h.
 */
#ifndef CM_DB_JOURNAL_H
#define CM_DB_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct cm_journal_entry {
	int64_t id;
	char *job_id;	    /* NULL: of no job */
	char *kind;	    /* the undoer's word: "stopped", "paused", "renamed", "created", "restore", … */
	char *container_id; /* or NULL */
	char *name;	    /* of the thing, for people; or NULL */
	char *data;	    /* JSON text that the undoer understands; or NULL; at most 1 MiB */
	char *state;	    /* "open" | "closed" */
	char *error;	    /* why the last try to undo failed, or NULL */
	int64_t tries;	    /* how often undoing failed */
	int64_t created_ms;
	int64_t closed_ms;
};

/* Which job the calling thread works for: the runner sets it; entries and audit lines of this thread carry it. NULL
 * forgets. The text is copied (at most 63 characters). */
void cm_journal_set_job(const char *job_id);
const char *cm_journal_job(void); /* NULL: none */

/* job_id NULL: the thread's job. Durable on return. */
int cm_journal_add(const char *job_id, const char *kind, const char *container_id, const char *name, const char *data,
		   int64_t *ret_id, struct cm_err *err);
/* Replaces the data of an open entry (a restore that got one step further). Durable on return. CM_ENOTFOUND. */
int cm_journal_update(int64_t id, const char *data, struct cm_err *err);
/* It is undone, or need not be. Closing twice is fine. */
int cm_journal_close(int64_t id, struct cm_err *err);
/* Undoing failed; the entry stays open. */
int cm_journal_failed(int64_t id, const char *error, struct cm_err *err);

/* Open entries, newest first (the order of undoing); job_id NULL: of all jobs. Caller frees. */
int cm_journal_list(const char *job_id, struct cm_journal_entry **ret, size_t *ret_count, struct cm_err *err);
void cm_journal_list_free(struct cm_journal_entry *list, size_t count);

#endif
