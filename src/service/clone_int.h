/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One clone at work, for clone*.c and export*.c only: what is made stands in a journal entry of kind "clone" first.
 */
#ifndef CM_SERVICE_CLONE_INT_H
#define CM_SERVICE_CLONE_INT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "docker/docker.h"
#include "service/app.h"
#include "service/container_spec.h"
#include "service/helper_shift.h"
#include "service/progress.h"

struct cm_clone {
	const struct cm_app *app;
	struct cm_docker *d;
	struct json_object *params;
	struct cm_progress *progress;
	struct cm_shift shift;
	const char *volumes; /* "copy", "share", "none" */
	const char *stack;   /* NULL: one container */
	bool anew;	     /* there is no original: its ports are free, unless others have them */
	char *project;	     /* the new one's name, with stack */
	int64_t journal;
	struct json_object *made;   /* {"containers", "volumes", "networks", "images": names}: the journal's data */
	struct json_object *listed; /* the engine's containers, for ports */
	struct json_object *volume_names;		      /* {"data": "data-clone-1"} */
	struct json_object *network_names;		      /* of a stack */
	struct json_object *refs;			      /* {"id": "new id"} of a stack */
	struct json_object *ports, *copied, *done, *warnings; /* for the result */
};

/* clone.c */
/* Lists, engine, journal. subject: the name for the journal. *c may be released in every case. */
int cm_clone_begin(struct cm_clone *c, const char *subject, struct cm_err *err);
/* After rc < 0 nothing that was made remains; closes the journal's entry. */
void cm_clone_end(struct cm_clone *c, int rc);
void cm_clone_release(struct cm_clone *c);
/* Makes the container, and joins its networks. Caller frees *ret_id. */
int cm_clone_create(struct cm_clone *c, const struct cm_spec *spec, const char *name, char **ret_id,
		    struct cm_err *err);
/* Labels of a project that it is not part of go, or become those of the new one. */
void cm_clone_labels(const struct cm_clone *c, struct json_object *config);
/* Takes volumes and folders of the host out of an inspect object. */
void cm_clone_mounts_drop(struct json_object *inspect);

/* clone_make.c */
/* Notes in the journal that a thing of this name is about to be made, or (taken back) that it was not. */
int cm_clone_note(struct cm_clone *c, const char *list, const char *name, struct cm_err *err);
void cm_clone_unnote(struct cm_clone *c, const char *list, const char *name);
/* "web" of the stack "shop" as "shop-clone-1_web"; else the first of "<name>-clone-<n>" that is free. kind:
 * "container", "volume". Caller frees. */
int cm_clone_name(struct cm_clone *c, const char *kind, const char *name, char **ret, struct cm_err *err);
/* The original's volumes in the clone: makes and fills them. *ret_anon (caller puts): as cm_spec_options.anon_binds. */
int cm_clone_volumes(struct cm_clone *c, struct json_object *inspect, struct json_object **ret_anon,
		     struct cm_err *err);
/* The ports to use instead of those that are taken, with what was asked for. *ret (caller puts): as port_overrides. */
int cm_clone_ports(struct cm_clone *c, struct json_object *inspect, struct json_object **ret, struct cm_err *err);
/* The environment with what was asked for. Errors: CM_EINVAL. */
int cm_clone_env(struct json_object *config, struct json_object *env, struct cm_err *err);

#endif
