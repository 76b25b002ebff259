/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What people do to containers, with the rules of the product around it: never to our own container, always in the
 * audit, and a delete that takes no volume which others use. All block; task threads only.
 */
#ifndef CM_SERVICE_CONTAINERS_H
#define CM_SERVICE_CONTAINERS_H

#include <json-c/json.h>
#include <stdbool.h>

#include "core/err.h"
#include "service/app.h"
#include "service/own.h"

/* action: "start", "stop", "restart", "kill", "pause", "resume". *ret_name (caller frees): the container's name. What
 * is so already succeeds. Errors: CM_ENOTFOUND, CM_EUNSUPPORTED (ours, see own.h), CM_EBUSY (not in this state),
 * CM_EINVAL (no such action), those of the engine. */
int cm_containers_action(const struct cm_app *app, const char *id, const char *action, const char *user,
			 char **ret_name, struct cm_err *err);
/* The sentence for a done action: "Container started". NULL: no such action. */
const char *cm_containers_action_text(const char *action);
/* The word for it: "started". NULL: no such action. */
const char *cm_containers_action_done(const char *action);

/* The name in an entry of the engine's list, without its slash; its id when it has none. Borrowed; does not block. */
const char *cm_containers_entry_name(struct json_object *entry);

/* Is this id the container that the program itself runs in? self_id "" means it runs in none. Does not block. */
bool cm_containers_is_self(const char *self_id, const char *id);

/* Inspects one that may be touched. Caller puts *ret. Errors: CM_ENOTFOUND, CM_EUNSUPPORTED (ours, see own.h). */
int cm_containers_look(const struct cm_app *app, const char *id, struct json_object **ret, struct cm_err *err);

/* Inspects one to be shown, ours too; *ret_own says what of ours it is. Caller puts *ret. The engine has 10 s. Errors:
 * CM_ENOTFOUND, those of the engine. */
int cm_containers_inspect(const struct cm_app *app, const char *id, enum cm_own_kind *ret_own, struct json_object **ret,
			  struct cm_err *err);
/* Its processes: {"titles":[…],"processes":[[…]]}. Caller puts *ret. Errors: CM_EBUSY (not running), CM_ENOTFOUND. */
int cm_containers_top(const struct cm_app *app, const char *id, struct json_object **ret, struct cm_err *err);
/* What was changed of its image's files: [{"path","kind":"changed"|"added"|"deleted"}], sorted by path. Caller puts. */
int cm_containers_changes(const struct cm_app *app, const char *id, struct json_object **ret, struct cm_err *err);

/* Another name. Its backups keep the old one. *ret (caller puts): {"id","name","old_name"}. The same name again
 * succeeds. Errors: CM_EINVAL (no such name can be), CM_EEXIST, CM_EINUSE (a job works with it), CM_EUNSUPPORTED
 * (ours). */
int cm_containers_rename(const struct cm_app *app, const char *id, const char *name, const char *user,
			 struct json_object **ret, struct cm_err *err);
/* Limits and restart policy, at once and without a restart; asked, field: see container_limits.h. *ret (caller puts):
 * {"id","name","changed":["memory",…]}. */
int cm_containers_update(const struct cm_app *app, const char *id, struct json_object *asked, const char *user,
			 struct json_object **ret, const char **field, struct cm_err *err);
/* The environment with all values: [{"name","value","is_masked"}]; that it was asked for is in the audit. */
int cm_containers_reveal(const struct cm_app *app, const char *id, const char *user, struct json_object **ret,
			 struct cm_err *err);

/* One line of the audit log: operation "container_<word>", of an inspected container; why NULL: it worked. */
void cm_containers_audit(const char *word, struct json_object *inspect, const char *user, const struct cm_err *why,
			 struct json_object *details);

/* The volumes of an inspected container: [{"name","destination","anonymous","users":[names of other containers]}].
 * Caller puts *ret. */
int cm_containers_volumes(const struct cm_app *app, struct json_object *inspect, struct json_object **ret,
			  struct cm_err *err);

/* The image of an inspected container: {"name": how it would be removed, "users":[names of other containers]}. Caller
 * puts *ret. */
int cm_containers_image(const struct cm_app *app, struct json_object *inspect, struct json_object **ret,
			struct cm_err *err);

struct cm_containers_delete_options {
	bool volumes, image; /* too, when nobody else uses them */
};
/* Stops it and removes it, with what is asked for. *ret (caller puts): {"name", "deleted_volumes":[…],
 * "kept_volumes":[…], "deleted_image"?: name|null, "kept_image"?: name|null, "image_error"?}. */
int cm_containers_delete(const struct cm_app *app, const char *id, const struct cm_containers_delete_options *o,
			 const char *user, struct json_object **ret, struct cm_err *err);

#endif
