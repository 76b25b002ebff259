/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images, with the rules of the product around them: exactly what is named is touched, ours is not, and every change is
 * in the audit. A reference is name:tag, name@digest, an id or the beginning of one, and goes to the engine unchanged.
 * All block; task threads only. Errors: those of docker/image.h besides the named ones.
 */
#ifndef CM_SERVICE_IMAGES_H
#define CM_SERVICE_IMAGES_H

#include <json-c/json.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/err.h"
#include "service/app.h"
#include "service/audit.h"

/* The engine's images, each with "Users": [{"id","name","running"}] (containers in any state), "Own": what it is to us
 * (enum cm_own_kind, service/own.h), and "Names": its references for people, without the engine's "<none>"; empty for
 * one without a name. Never waits for longer than some seconds. Caller puts *ret. */
int cm_images_list(const struct cm_app *app, struct json_object **ret, struct cm_err *err);
/* The entry of a list (borrowed) that a reference of it, or a whole id, names; NULL: none. Does not block. */
struct json_object *cm_images_find(struct json_object *list, const char *ref);
/* One inspected, with the same members, and "History" (newest layer first). Caller puts *ret. Errors: CM_ENOTFOUND. */
int cm_images_look(const struct cm_app *app, const char *ref, struct json_object **ret, struct cm_err *err);

/* Removes this name; with its last name the image too. force: also when stopped containers use it, or when an id has
 * several names. *ret (may be NULL; caller puts): {"untagged":[…],"deleted":[…]}. Errors: CM_EINUSE (names who uses
 * it), CM_EUNSUPPORTED (ours), CM_ENOTFOUND. */
int cm_images_remove(const struct cm_app *app, const char *ref, bool force, const struct cm_actor *actor,
		     struct json_object **ret, struct cm_err *err);
/* One more name ("repository:tag"; without a tag ":latest"). *ret_name (caller frees) is the whole name. Errors:
 * CM_EEXIST (another image has it), CM_EUNSUPPORTED (ours). */
int cm_images_tag(const struct cm_app *app, const char *ref, const char *name, const struct cm_actor *actor,
		  char **ret_name, struct cm_err *err);
/* Removes all without a name that no container uses. *ret (caller puts): {"untagged":[…],"deleted":[…],"bytes":n}. */
int cm_images_prune(const struct cm_app *app, const struct cm_actor *actor, struct json_object **ret,
		    struct cm_err *err);

/* What `docker save` writes, to fd, until *stop. By an id it carries all names of the image. */
int cm_images_save(const struct cm_app *app, const char *ref, int fd, const atomic_bool *stop, struct cm_err *err);
/* Loads len bytes at off of fd, as `docker save` or `docker export`'s kin wrote them. *ret_names (caller puts): array
 * of what is there now. Errors: CM_EINVAL (no archive of images). */
int cm_images_load(const struct cm_app *app, int fd, off_t off, int64_t len, const struct cm_actor *actor,
		   struct json_object **ret_names, struct cm_err *err);

#endif
