/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What on the engine is ours: the container we run in with its image and volumes, helpers with their image, and what
 * restores and drills make for a while. Lists leave it out (a switch shows it, greyed), and nothing of it is stopped or
 * deleted from the pages.
 */
#ifndef CM_SERVICE_OWN_H
#define CM_SERVICE_OWN_H

#include <json-c/json.h>
#include <stdbool.h>

#include "core/err.h"
#include "service/app.h"

enum cm_own_kind {
	CM_OWN_NOT,
	CM_OWN_SELF,	/* the container the program runs in, its image, its volumes */
	CM_OWN_HELPER,	/* a helper container, the image of helpers */
	CM_OWN_RESTORE, /* a volume that a restore works in; what it keeps for the user is the user's */
	CM_OWN_DRILL,	/* container, volume or network of a drill */
};

enum { CM_OWN_VOLUMES = 32 };

/* What only the engine can say. A plain value; all empty when we run in no container of it. */
struct cm_own {
	char self_id[65];
	char image_id[80]; /* "sha256:…" */
	char volumes[CM_OWN_VOLUMES][256];
};

/* Asks the engine once and remembers it. Blocks; task threads only. Errors: those of docker/docker.h; *ret is zeroed
 * then, which finds everything but CM_OWN_SELF. */
int cm_own_get(const struct cm_app *app, struct cm_own *ret, struct cm_err *err);

/* An object as the engine lists or inspects it. own may be NULL: then CM_OWN_SELF is not found. None blocks. */
enum cm_own_kind cm_own_container(const struct cm_own *own, struct json_object *container);
enum cm_own_kind cm_own_image(const struct cm_own *own, struct json_object *image);
enum cm_own_kind cm_own_volume(const struct cm_own *own, struct json_object *volume);
enum cm_own_kind cm_own_network(struct json_object *network);

/* What to write beside a greyed row: "this program", "helper", "restore", "drill"; "" for CM_OWN_NOT. */
const char *cm_own_word(enum cm_own_kind kind);
/* 0 for CM_OWN_NOT, else CM_EUNSUPPORTED with "NAME belongs to this program …". what: "container", "image", … */
int cm_own_refuse(enum cm_own_kind kind, const char *what, const char *name, struct cm_err *err);

#endif
