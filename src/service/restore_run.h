/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One restore at work: shared by restore*.c and image_restore.c only. Every step that changes something writes first
 * what it is about to do into the state, which is the data of one journal entry of kind "restore"; restore_undo.c
 * understands it:
 *
 *	{"v": 1, "file", "name": of the container, "tag": 8 hex digits in the names of everything temporary,
 *	 "since_ms": when it began, "saved_ms": when this was written,
 *	 "old": {"id", "name", "aside": its name meanwhile, "running", "paused", "stop_ms", "timeout":
 *		 when it was asked to stop and the seconds it may take, "keep": bool, "volumes": bool (remove
 *		 its anonymous volumes with it)} | null,
 *	 "new": {"aside": the name it is made under, "asked": bool, "id"},
 *	 "networks": ["name"],			made by us, if they are there
 *	 "image": {"id", "load": bool, "tags": [{"ref", "was": id | null}]} | null,
 *	 "volumes": [{"name", "how": "create"}	made by us, if it is there
 *		    | {"name", "how": "swap", "new": scratch, "old": scratch that gets what was there}
 *		    | {"name", "how": "copy", "old": scratch, "stage": "saving"|"writing"}
 *		    | {"path", "how": "copy", "missing": there was no such folder, …}]	a bind mount
 *	 "scratch": ["name"], "kept": ["name"]		volumes of ours; kept ones survive success
 *	 "what": "redeploy", or missing
 *	 "done": bool				true: the new container runs; from here on everything goes forward
 *	 "undone": ["volumes"|"old"|"late"|"made"|"networks"|"image"]}	what the undo has put back for good
 */
#ifndef CM_SERVICE_RESTORE_RUN_H
#define CM_SERVICE_RESTORE_RUN_H

#include <json-c/json.h>
#include <stdint.h>

#include "archive/peer.h"
#include "core/err.h"
#include "docker/docker.h"
#include "service/helper_shift.h"
#include "service/progress.h"
#include "service/restore_plan.h"

struct cm_restore_run {
	const struct cm_app *app;
	struct cm_docker *d;   /* this thread's; borrowed */
	struct cm_shift shift; /* none is at work before and after cm_restore_steps */
	struct cm_restore_plan *plan;
	struct cm_progress *progress;
	struct json_object *warnings; /* array of sentences */
	struct json_object *state;    /* as above */
	const char *kind;	      /* of the journal entry: "restore" or "drill" */
	const char *subject;	      /* its name there; NULL: the plan's */
	int64_t journal;	      /* 0: nothing was begun */
	char tag[9];
	char *new_id; /* of the new container */
	bool started;
	bool back; /* it failed, and all is as before */
	int step, steps;
	uint64_t bytes_before, bytes_total; /* of the parts that are done; of all */
};

/* The handle, with the cancel function of this restore: other calls of the service layer may have taken it off. */
struct cm_docker *cm_restore_docker(struct cm_restore_run *r);
/* The helper at work, with d prepared in the same way. */
struct cm_shift *cm_restore_shift(struct cm_restore_run *r);
/* CM_ECANCELLED when somebody asked to. */
int cm_restore_check(struct cm_restore_run *r, struct cm_err *err);
void cm_restore_step(struct cm_restore_run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cm_restore_warn(struct cm_restore_run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* For work of a helper: progress counted over the whole restore, warnings, cancel. */
struct cm_archive_watch cm_restore_watch(struct cm_restore_run *r);

/* Writes the state to the journal; durable on return. */
int cm_restore_save(struct cm_restore_run *r, struct cm_err *err);
/* Adds to an array of the state and saves: "networks", "scratch", "kept" (strings), "volumes" (objects, taken). */
int cm_restore_note_name(struct cm_restore_run *r, const char *list, const char *name, struct cm_err *err);
int cm_restore_note_volume(struct cm_restore_run *r, struct json_object *volume, struct cm_err *err);

/* Checks what the preflight found: the first finding that blocks becomes the error. */
int cm_restore_findings(struct cm_restore_plan *plan, struct cm_err *err);
/* Counts the steps and makes the state, with a tag if there is none yet; nothing is written. */
void cm_restore_begin(struct cm_restore_run *r);
/* All steps; afterwards the new container is there under its name, and started where the plan says so. */
int cm_restore_steps(struct cm_restore_run *r, struct cm_err *err);
/* The steps, and then the way on or the way back: afterwards either all is done or all is as before. */
int cm_restore_go(struct cm_restore_run *r, struct cm_err *err);
/* Takes back what was done, and closes the journal entry; it stays open when that fails. Cannot be cancelled. text: the
 * step for people. Errors: those of cm_restore_undo. */
int cm_restore_back(struct cm_restore_run *r, const char *text, struct cm_err *err);

/* The steps, in this order. Each leaves everything to the undo when it fails. */
int cm_restore_image(struct cm_restore_run *r, struct cm_err *err);
int cm_restore_networks(struct cm_restore_run *r, struct cm_err *err);
int cm_restore_volumes_prepare(struct cm_restore_run *r, struct cm_err *err);
int cm_restore_old_aside(struct cm_restore_run *r, struct cm_err *err);
int cm_restore_volumes_switch(struct cm_restore_run *r, struct cm_err *err);
int cm_restore_binds(struct cm_restore_run *r, struct cm_err *err);
int cm_restore_container_make(struct cm_restore_run *r, struct cm_err *err);
int cm_restore_volumes_anonymous(struct cm_restore_run *r, struct cm_err *err);
int cm_restore_layer(struct cm_restore_run *r, struct cm_err *err);
int cm_restore_container_name(struct cm_restore_run *r, struct cm_err *err);
int cm_restore_container_start(struct cm_restore_run *r, struct cm_err *err);

/* The way on after success: the old container and everything temporary go. Also for a state that was left after a
 * crash. Errors: the first thing that could not be removed. */
int cm_restore_finish(const struct cm_app *app, struct cm_docker *d, struct json_object *state, struct cm_err *err);

/* Writes one part into a volume, or a folder of the engine's host. entry is of the source. */
int cm_restore_fill(struct cm_restore_run *r, struct json_object *entry, const char *target, bool merge,
		    struct cm_err *err);

#endif
