/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit log: who did what, when, with which result. Never put a secret into it. Task threads only; errors as in
 * db/db.h besides those named.
 */
#ifndef CM_SERVICE_AUDIT_H
#define CM_SERVICE_AUDIT_H

#include <json-c/json.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* The operations that a filter offers: the predecessor's first, then ours. Others may be written too (a word of a-z,
 * 0-9 and _), e.g. "container_" and an action. */
extern const char *const cm_audit_operations[]; /* NULL-ended */
extern const char *const cm_audit_statuses[];	/* started completed error interrupted cancelled; NULL-ended */

enum { CM_AUDIT_KEEP = 200000 }; /* lines; the oldest go */

/* Who asks for a change. Borrowed; members may be NULL. */
struct cm_actor {
	const char *user, *address;
};

/* A line to write. Fields may be NULL but for operation and status (CM_EINVAL when malformed).
 * Texts are cut at 1,000 bytes, details at 64 KB (then left out). */
struct cm_audit_event {
	const char *operation;
	const char *status;
	const char *container_id;
	const char *container_name;
	const char *backup_filename;
	const char *error;
	const char *user;
	const char *address;
	struct json_object *details; /* borrowed; its "duration_ms" is the line's duration */
	bool by_program;	     /* what the program found by itself, whoever made it look */
};

/* Within a job (see cm_journal_set_job) details get "progress_id", the job's id, unless they have one. */
int cm_audit(const struct cm_audit_event *event, struct cm_err *err);

/* Who acts in the calling thread: lines that name no user, or this one, take user and address from here, and count
 * their duration from this call ("started" has none). The texts are borrowed until cm_audit_act_end(). The dispatcher
 * does it around a handler, the runner around a job. */
void cm_audit_act_begin(const char *user, const char *address);
void cm_audit_act_end(void);
const char *cm_audit_act_address(void); /* NULL: none */
/* Has a line been written in this thread since then? The dispatcher writes one for a change that left none. */
bool cm_audit_act_told(void);
/* No line is needed: nothing was changed, or a job will tell. */
void cm_audit_act_covered(void);

/* The runner tells the calling thread that its job may be ended by the program's end: while *ending is true,
 * "cancelled" is written as "interrupted", which is what it is then. NULL forgets. */
void cm_audit_set_ending(const atomic_bool *ending);

struct cm_audit_row {
	int64_t id, at_ms;
	char *operation, *status, *container_id, *container_name, *backup_filename, *error, *user, *address;
	char *details;	     /* JSON text or NULL */
	int64_t duration_ms; /* -1: unknown */
};

/* What to list, newest first. Everything 0 or NULL: all. */
struct cm_audit_query {
	const char *operation, *status, *user;
	const char *container_id; /* of 12 hex digits or more the beginning is enough */
	const char *container;	  /* name, or id as above */
	const char *search; /* part of operation, container, file, error, user, address or details; any case (ASCII) */
	int64_t before_id;  /* only older lines than this one; 0: all */
	int64_t from_ms, to_ms; /* to is exclusive; 0: open */
	const char *sort;	/* NULL or "-time": newest first; "time"; "operation", "status", "user", "container" */
	int64_t limit;		/* 1 to 10,000; 0: 1,000; else CM_EINVAL "limit must be between 1 and 10000" */
	int64_t offset;		/* negative: CM_EINVAL */
};

struct cm_audit_list {
	struct cm_audit_row *rows;
	size_t count;
	int64_t total; /* that match, whatever limit and offset */
};

/* Caller releases. */
int cm_audit_list(const struct cm_audit_query *q, struct cm_audit_list *ret, struct cm_err *err);
void cm_audit_list_release(struct cm_audit_list *list);

/* The words of one column that occur, sorted, at most limit: "operation" or "container_name". Caller puts (an array).
 */
int cm_audit_words(const char *column, int limit, struct json_object **ret, struct cm_err *err);

/* {"by_operation":{…},"by_status":{…},"last_24h":n,"last_7d":n,"total_logs":n}; caller puts. */
int cm_audit_statistics(struct json_object **ret, struct cm_err *err);
/* Removes all lines. The caller writes the line that says who did. */
int cm_audit_clear(int64_t *ret_deleted, struct cm_err *err);

/* A day ("2026-11-22"; end: the first instant after it), "2026-11-22 18:45:12", or RFC 3339, for from_ms and to_ms.
 * NULL and "" give 0. CM_EINVAL. */
int cm_audit_parse_date(const char *text, bool end, int64_t *ret_ms, struct cm_err *err);

#endif
