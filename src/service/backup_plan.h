/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one backup will hold: found by asking the engine, before anything is touched. The rules (what is saved once,
 * what only as configuration) are pure functions over the engine's JSON; backup_gather.c asks. One thread.
 */
#ifndef CM_SERVICE_BACKUP_PLAN_H
#define CM_SERVICE_BACKUP_PLAN_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "service/app.h"
#include "service/backup_options.h"
#include "service/engine.h"

/* More mounts than any real container has. */
enum { CM_BACKUP_PARTS_MAX = 256 };

enum cm_backup_part_kind { CM_BACKUP_VOLUME, CM_BACKUP_BIND, CM_BACKUP_BIND_FILE, CM_BACKUP_ROOTFS };

/* One tree that the helper reads. */
struct cm_backup_part {
	enum cm_backup_part_kind kind;
	char *prefix;	   /* in the archive: "volumes/data", "binds/0", "rootfs" */
	char *name;	   /* for people: the volume's name, the folder on the host */
	char *destination; /* in the container; NULL for the writable layer */
	size_t mount;	   /* the helper sees it at /parts/<mount>: its place in mounts, or the one after them */
	struct json_object *exclude; /* array of paths below the part, or NULL */
};

struct cm_backup_plan {
	struct json_object *inspect;  /* the container; NULL: a volume alone, and no image */
	struct json_object *image;    /* its image's inspect */
	struct json_object *networks; /* array */
	struct json_object *mounts;   /* volumes_info.json */
	struct json_object *changes;  /* of the writable layer; empty: there are none */
	char *upper;		      /* its folder on the engine's host, or NULL: it is read through the engine */
	bool whole;		      /* an export: one part, "rootfs", that is the engine's export */
	struct json_object *warnings; /* array of sentences */
	char id[72];
	char name[256];
	char stack[256];    /* "" when none */
	const char *status; /* "running", "paused", "stopped" */
	bool auto_remove;
	char *image_ref; /* as the container names it */
	char *image_id;
	char *image_digest; /* "repo@sha256:…" or NULL */
	struct cm_backup_part parts[CM_BACKUP_PARTS_MAX];
	size_t part_count;
	int64_t image_expected; /* bytes of image.tar, about; 0 unknown */
};

/* Asks the engine, and decides what is not saved. What the binds are is not known yet: nothing may ask the engine
 * for it before a helper has them mounted, because the engine makes a folder that is missing. Errors: CM_ENOTFOUND (no
 * such container, its image is gone), CM_EUNSUPPORTED (our own container, a helper, no digest for a reference), and
 * those of the engine. */
int cm_backup_plan_look(struct cm_docker *d, const struct cm_engine_overview *engine, struct cm_backup_options *options,
			struct cm_backup_plan *plan, struct cm_err *err);
/* With the helper started (or when it has nothing to mount): asks what the binds are, and makes the parts. Errors:
 * CM_EUNSUPPORTED (more than the limit), those of the engine. */
int cm_backup_plan_finish(const struct cm_app *app, struct cm_docker *d, const struct cm_engine_overview *engine,
			  struct cm_backup_plan *plan, struct cm_err *err);
void cm_backup_plan_release(struct cm_backup_plan *plan);
void cm_backup_plan_warn(struct cm_backup_plan *plan, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * The pure half, open for tests.
 */

/* The mounts of an inspect object as entries of volumes_info.json, without driver details, prefix and state; tmpfs and
 * others are left out. Caller puts. */
struct json_object *cm_backup_mounts(struct json_object *inspect);

/* Folders of the engine's host that no backup holds, or that are left out of one. */
struct cm_backup_host {
	const char *engine_root; /* the engine's data folder, "" when unknown */
	const char *own_data;	 /* our data folder as the host sees it, "" when it does not */
	const char *own_volume;	 /* or the volume it lies in, "" when none */
	const char *own_subpath; /* in that volume */
};

/* Sets "state": "skipped" and "reason" where no content is saved: system folders, memory, other machines by choice. */
void cm_backup_plan_skip(struct cm_backup_plan *plan, const struct cm_backup_host *host, bool skip_remote);

/* Is this entry the one to be read? Not when it is skipped, or an earlier one is the same thing. */
bool cm_backup_mount_read(struct json_object *mounts, size_t i);

/* Decides "prefix" and "state" of the others (whose "kind" is known by now) and adds the parts, the writable layer
 * last. Errors: CM_EUNSUPPORTED (more than the limit). */
int cm_backup_plan_parts(struct cm_backup_plan *plan, const struct cm_backup_host *host, struct cm_err *err);

/* The digest of RepoDigests that belongs to ref, else the first; NULL when there is none. Borrowed. */
const char *cm_backup_digest(struct json_object *image, const char *ref);

/* Does inner lie in outer, or are they the same? Then *ret_rest is the path between ("" when the same). */
bool cm_backup_path_in(const char *outer, const char *inner, const char **ret_rest);

#endif
