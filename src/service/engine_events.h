/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine's events, kept in the database: 7 days of them, at most CM_EVENTS_KEEP, and of those about commands run
 * inside containers (health checks make thousands a day) at most CM_EVENTS_KEEP_EXEC. What our own helpers and drills
 * cause is not kept, nor are command lines: they may hold secrets. All block, if not said otherwise; task threads only.
 * Errors: those of db/db.h.
 */
#ifndef CM_SERVICE_ENGINE_EVENTS_H
#define CM_SERVICE_ENGINE_EVENTS_H

#include <json-c/json.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "service/app.h"

enum { CM_EVENTS_KEEP = 20000, CM_EVENTS_KEEP_EXEC = 4000, CM_EVENTS_KEEP_DAYS = 7, CM_EVENTS_MAX = 10000 };

struct cm_event {
	int64_t id, time_nano;
	char *type, *action, *object_id, *name, *scope;
	char *attributes; /* a JSON object of strings */
};
struct cm_event_list {
	struct cm_event *rows;
	size_t count;
	int64_t total;
};
void cm_event_list_release(struct cm_event_list *list);

struct cm_event_query {
	int64_t since_ms, until_ms; /* 0: without; until is exclusive */
	const char *type, *action;  /* NULL or "": any. action "exec": all three of those */
	const char *object;	    /* id, its beginning of at least 12 digits, or name */
	const char *search;	    /* in type, action, name, id and attributes */
	bool without_exec;
	int64_t after_id;      /* 0: without; only newer ones, the oldest first */
	int64_t limit, offset; /* limit 0: CM_EVENTS_MAX, the most */
};
/* Newest first. Caller releases *ret. */
int cm_events_list(const struct cm_event_query *q, struct cm_event_list *ret, struct cm_err *err);
/* The types that are there; or the actions of one type, of all when it is "". *ret: an array of strings, sorted; caller
 * puts. */
int cm_events_words(const char *type, struct json_object **ret, struct cm_err *err);
/* Of the newest; 0: none. */
int cm_events_last(int64_t *ret_id, int64_t *ret_time_nano, struct cm_err *err);

/* Begins with "exec_": a command inside a container. Pure. */
bool cm_event_is_exec(const char *action);
/* What is kept of an event as the engine sends it; false: it is not kept. Caller frees the strings. Pure. */
bool cm_event_read(struct json_object *engine, struct cm_event *ret);
void cm_event_release(struct cm_event *e);
/* Puts them in; those that are there already are passed over. *ret_new: how many were not. */
int cm_events_add(const struct cm_event *events, size_t count, int64_t *ret_new, struct cm_err *err);
/* Removes what is not to be kept any longer. */
int cm_events_prune(int64_t now_ms, struct cm_err *err);

/* How it stands with following them; shared by all workers. Do not block. */
struct cm_events_state {
	bool following;
	int64_t since_ms; /* of this state; 0: not begun yet */
	char error[512];  /* why not */
};
int cm_events_share(struct cm_err *err); /* in the parent, before workers start */
void cm_events_state(struct cm_events_state *ret);
void cm_events_state_set(bool following, const char *error);
/* Grows whenever one was put in: what waits for news looks at it. */
unsigned cm_events_seen(void);
void cm_events_seen_more(void);

#endif
