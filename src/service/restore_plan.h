/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a restore is going to do: the backup, the options and what the engine has, brought together. Made for the
 * preview and again for the restore itself, because the engine changes in between. One thread; making it blocks.
 */
#ifndef CM_SERVICE_RESTORE_PLAN_H
#define CM_SERVICE_RESTORE_PLAN_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "docker/docker.h"
#include "service/app.h"
#include "service/container_spec.h"
#include "service/restore_options.h"
#include "service/restore_source.h"

enum cm_volume_action {
	CM_RV_CREATE,	 /* there is none of that name: made, and filled directly */
	CM_RV_REPLACE,	 /* exists: prepared beside, then switched */
	CM_RV_KEEP,	 /* exists: used as it is */
	CM_RV_ANONYMOUS, /* the engine makes one for the new container; prepared beside, then switched */
	CM_RV_OTHER,	 /* comes with another container (volumes-from): not ours to touch */
	CM_RV_BLOCKED,	 /* exists, and nobody said what to do with it */
};

struct cm_restore_volume {
	struct json_object *entry; /* of source->volumes; borrowed */
	const char *recorded;	   /* its name in the backup; borrowed */
	const char *destination;   /* borrowed */
	char *name;		   /* on the engine; NULL for a fresh anonymous one */
	char *fresh;		   /* what a new one beside it would be called */
	char *keepable;		   /* of an anonymous one: the volume that could be kept in its place, or NULL */
	enum cm_volume_action action;
	enum cm_volume_choice choice;
	bool anonymous;
	bool exists;		      /* a volume of that name is there */
	bool has_data;		      /* the backup holds its content */
	struct json_object *existing; /* the engine's volume object, or NULL */
	struct json_object *users;    /* [{"name","running"}] of containers that mount it, without the old one */
	char *scratch;		      /* filled while restoring */
};

enum cm_network_action {
	CM_RN_EXISTS,
	CM_RN_CREATE,
	CM_RN_CREATE_ANYWHERE, /* its addresses are taken, and none of them is needed: the engine chooses others */
	CM_RN_UNKNOWN,	       /* missing, and the backup does not know it */
};

struct cm_restore_network {
	char *name;
	struct json_object *recorded; /* inspect object, or NULL */
	struct json_object *existing; /* or NULL */
	enum cm_network_action action;
	bool guessed;	      /* recorded is only what the container's endpoint told */
	const char *overlaps; /* name of the network that has its addresses; borrowed, or NULL */
};

enum cm_path_state { CM_PATH_UNKNOWN, CM_PATH_MISSING, CM_PATH_EMPTY, CM_PATH_PRESENT };

struct cm_restore_bind {
	struct json_object *entry; /* of source->binds; borrowed */
	const char *source;	   /* borrowed */
	enum cm_path_state state;
	enum cm_bind_choice choice;
	bool is_file;
	bool has_data;
	bool write; /* its content will be written */
};

enum cm_image_action {
	CM_RI_PRESENT,	/* the recorded image is there */
	CM_RI_LOAD,	/* from the backup */
	CM_RI_PULL,	/* by digest */
	CM_RI_OTHER,	/* another image of that name is there, and there is nothing better */
	CM_RI_PULL_REF, /* by name: nothing better is known */
	CM_RI_NONE,	/* nowhere */
};

struct cm_restore_plan {
	const struct cm_app *app;
	struct cm_docker *d; /* this thread's; borrowed */
	int api_minor;
	struct cm_restore_options options;
	struct cm_restore_source *source;
	const char *name;     /* of the container to be; borrowed */
	const char *recorded; /* its recorded name; borrowed */
	bool start;	      /* it will be started */
	bool beside;	      /* under another name while the original lives */

	/* What the engine has. */
	struct json_object *info, *containers, *volumes_now, *networks_now;
	struct json_object *old; /* inspect object of the container that has the name; NULL: none */
	char self_id[65];
	int64_t free_bytes; /* of the engine's disk; -1: unknown */

	enum cm_image_action image_action;
	struct json_object *image_now;	  /* inspect object of the recorded image on the engine, or NULL */
	struct json_object *image_of_ref; /* inspect object of what the reference names now, or NULL */
	bool image_tag;			  /* the reference names nothing now: tag the image with it */

	struct cm_restore_volume *volumes;
	size_t volume_count;
	struct cm_restore_network *networks;
	size_t network_count;
	struct cm_restore_bind *binds;
	size_t bind_count;
	struct json_object *refs;     /* {"recorded id or name of another container": "what to call it now"} */
	struct json_object *refs_now; /* [{"ref","kind","name"|null}] */

	struct json_object *findings; /* filled by cm_preflight_run */
};

/* Opens the backup and asks the engine. params as in service/restore.h. Caller frees *ret. Blocks; task threads only.
 * Errors: CM_EINVAL, those of cm_restore_source_open, those of the engine. */
int cm_restore_plan_make(const struct cm_app *app, struct json_object *params, struct cm_restore_plan **ret,
			 struct cm_err *err);
/* The two halves of it: opens the backup, whose story may then be changed (service/drill_isolate.h), and asks the
 * engine. When filling fails the plan must still be freed. */
int cm_restore_plan_open(const struct cm_app *app, struct json_object *params, struct cm_restore_plan **ret,
			 struct cm_err *err);
int cm_restore_plan_fill(struct cm_restore_plan *p, struct cm_err *err);
void cm_restore_plan_free(struct cm_restore_plan *p);

/* The create request for this plan. image: what to create from. anon: {"/destination": "volume"} for anonymous volumes
 * that keep an existing one (cm_restore_plan_anon). */
int cm_restore_plan_spec(struct cm_restore_plan *p, const char *image, struct json_object *image_config,
			 struct cm_spec **ret, struct cm_err *err);

/* The image reference to create from once load and tag are done: the recorded one where it names the recorded image,
 * else the image's id. Borrowed. */
const char *cm_restore_plan_image(const struct cm_restore_plan *p);

/* Is a container of the list the one that will be replaced? */
bool cm_restore_plan_is_old(const struct cm_restore_plan *p, const char *id);

/* Parts of making it, in files of their own. */
int cm_restore_plan_volumes(struct cm_restore_plan *p, struct cm_err *err);
int cm_restore_plan_networks(struct cm_restore_plan *p, struct cm_err *err);
int cm_restore_plan_binds(struct cm_restore_plan *p, struct cm_err *err);
int cm_restore_plan_image_find(struct cm_restore_plan *p, struct cm_err *err);
int cm_restore_plan_refs(struct cm_restore_plan *p, struct cm_err *err);

#endif
