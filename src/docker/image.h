/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images of an engine. "ref" is name:tag, name@digest, an id or the beginning of one. JSON is the engine's own. All
 * block: task threads only. Errors: see docker.h; a reference that cannot be one is CM_EINVAL.
 */
#ifndef CM_DOCKER_IMAGE_H
#define CM_DOCKER_IMAGE_H

#include "docker/docker.h"

/* A well-formed reference or id. Does not block. */
bool cm_image_ref_valid(const char *ref);
/* Bytes of ref before its tag or digest: the ':' after the last slash, or the '@'. Does not block. */
size_t cm_image_name_len(const char *ref);
/* The registry of a reference: "localhost:5000", or "docker.io" when it names none. Caller frees; does not block. */
char *cm_image_registry(const char *ref);

/* An array. filters: {"dangling": ["true"]}, NULL for none. Caller puts *ret. */
int cm_image_list(struct cm_docker *d, bool all, struct json_object *filters, struct json_object **ret,
		  struct cm_err *err);
int cm_image_inspect(struct cm_docker *d, const char *ref, struct json_object **ret, struct cm_err *err);
int cm_image_history(struct cm_docker *d, const char *ref, struct json_object **ret, struct cm_err *err);
int cm_image_tag(struct cm_docker *d, const char *ref, const char *repo, const char *tag, struct cm_err *err);
/* [{"Untagged": …}, {"Deleted": …}]; ret may be NULL. Errors: CM_EINUSE. */
int cm_image_remove(struct cm_docker *d, const char *ref, bool force, bool noprune, struct json_object **ret,
		    struct cm_err *err);
int cm_image_prune(struct cm_docker *d, struct json_object *filters, struct json_object **ret, struct cm_err *err);

/* {id: bytes that it shares with other images}. Slow: engines before API 1.42 count all they have. Caller puts *ret. */
int cm_image_shared_sizes(struct cm_docker *d, struct json_object **ret, struct cm_err *err);
/* Tries a login. server as in a reference ("localhost:5000", "docker.io"). Errors: CM_EUNSUPPORTED (the registry
 * refuses it, or is not reachable for the engine; the sentence says which). */
int cm_image_registry_login(struct cm_docker *d, const char *server, const char *username, const char *password,
			    struct cm_err *err);

/* The image as `docker save` writes it. Saved by id it carries no tag: tag again after the load. */
int cm_image_save(struct cm_docker *d, const char *ref, cm_docker_sink sink, void *ctx, struct cm_err *err);
/* Several in one, with their names: an array of references, at least one. */
int cm_image_save_several(struct cm_docker *d, struct json_object *refs, cm_docker_sink sink, void *ctx,
			  struct cm_err *err);
/* *ret_names: array of what the engine says it loaded, each "name:tag" or "sha256:…"; never empty. Caller puts it. */
int cm_image_load(struct cm_docker *d, cm_docker_source source, void *ctx, struct json_object **ret_names,
		  struct cm_err *err);
/* Makes an image of one layer from a tar of a filesystem. changes: Dockerfile lines, ends with NULL. Caller frees
 * *ret_id ("sha256:…"). */
int cm_image_import(struct cm_docker *d, const char *repo, const char *tag, const char *const *changes,
		    cm_docker_source source, void *ctx, char **ret_id, struct cm_err *err);

/* What happens while an image is pulled: status text, the layer it is about (or NULL), bytes done and expected (0:
 * unknown). Non-zero stops the pull. */
typedef int (*cm_image_progress)(void *ctx, const char *status, const char *layer, int64_t done, int64_t total);
/* platform and auth may be NULL; auth is the X-Registry-Auth value (base64url JSON). progress may be NULL.
 * Errors: CM_ENOTFOUND (no such image, or no right to it). */
int cm_image_pull(struct cm_docker *d, const char *ref, const char *platform, const char *auth,
		  cm_image_progress progress, void *ctx, struct cm_err *err);

#endif
