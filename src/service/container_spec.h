/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the answer of the engine's container inspect to everything that is needed to make the same container again:
 * the body of the create request, and the networks that must be connected afterwards. Restore, redeploy and clone
 * use it. What the engine generates (ids, times, observed addresses, MAC addresses) is left out; what the user gave
 * is kept, also settings this program has no name for. Pure functions over JSON: no I/O, do not block, any thread.
 */
#ifndef CM_SERVICE_CONTAINER_SPEC_H
#define CM_SERVICE_CONTAINER_SPEC_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"

struct cm_spec_options {
	int api_minor;	      /* 41 for API 1.41; 0 means 41 */
	const char *new_name; /* NULL: the recorded name */
	const char *image;    /* reference or id to create from; NULL: the recorded reference (Config.Image) */
	struct json_object *image_config; /* the image's Config, to know what a null entrypoint means; NULL: unknown */
	struct json_object *port_overrides; /* {"8080/tcp": "18095" | "127.0.0.1:18095" | ["…"] | ""}; "" unpublishes */
	struct json_object *volume_names;   /* {"recorded volume": "name to use"} */
	struct json_object
	    *container_refs; /* {"64 hex id": "name or id to use"} for container:<id>, volumes-from, links */
	struct json_object *network_names; /* {"recorded network": "name to use"} */
	struct json_object *anon_binds;	   /* {"/destination": "volume"}: bind this one instead of a fresh anonymous */
	const char
	    *engine_name;    /* the engine's host name: a recorded host name equal to it was not chosen by the user */
	bool drop_addresses; /* no static addresses (the original still lives) */
	bool drop_aliases;   /* no network aliases (the original still answers to them) */
	bool keep_mac;	     /* restore MAC addresses; off: the engine makes new ones */
};

struct cm_spec {
	char *name;		  /* without "/" */
	struct json_object *body; /* for POST /containers/create?name= */
	struct json_object
	    *connects; /* array of {"network": name, "endpoint": {…}} to connect after create, in order */
	struct json_object *disconnects; /* array of network names that create joins although the original had left */
	struct json_object *warnings;	 /* array of sentences: what could not be carried over */
};

/* Caller frees with cm_spec_free. Errors: CM_EINVAL (no inspect object, bad override), CM_EUNSUPPORTED. */
int cm_spec_from_inspect(struct json_object *inspect, const struct cm_spec_options *opt, struct cm_spec **ret,
			 struct cm_err *err);
void cm_spec_free(struct cm_spec *spec);

/* What an inspect object mentions. Arrays; caller puts; never NULL. */
/* [{"name","destination","driver","anonymous":bool,"rw":bool}] of the volumes, in mount order. */
struct json_object *cm_spec_volumes(struct json_object *inspect);
/* [{"source","destination","rw":bool}] of the bind mounts. */
struct json_object *cm_spec_binds(struct json_object *inspect);
/* Names of the networks, without bridge, host, none. */
struct json_object *cm_spec_networks(struct json_object *inspect);
/* [{"container":"8080/tcp","ip":"","host":"18090"}] of the published ports, with the overrides applied (NULL: none). */
struct json_object *cm_spec_ports(struct json_object *inspect, struct json_object *port_overrides);
/* [{"ref":"<id or name>","kind":"network"|"ipc"|"pid"|"volumes_from"|"link"}]: other containers it needs. */
struct json_object *cm_spec_references(struct json_object *inspect);

/* The recorded name without "/". "" when missing. Borrowed. */
const char *cm_spec_name(struct json_object *inspect);

/* True when the port override value is well formed: "", "18095", "8000-8010", "127.0.0.1:18095", "[::1]:80", a number,
 * or an array of these. */
bool cm_spec_port_valid(struct json_object *value);

enum cm_spec_text_flags {
	CM_SPEC_MASK_ENV = 1, /* values of the environment become "***" */
};

/* A `docker run` command that a POSIX shell reads as meant, one option a line, ended by a new line. Settings that come
 * from the image (image_config, NULL: unknown) are not repeated. */
void cm_spec_run_text(struct json_object *inspect, struct json_object *image_config, int flags, struct cm_buf *out);
/* A Compose file (valid YAML; every value quoted, "$" doubled) of one service. */
void cm_spec_compose_text(struct json_object *inspect, struct json_object *image_config, int flags, struct cm_buf *out);

/* The same without the lines that name the service and what lies outside of it; skip_name: without container_name. */
void cm_spec_compose_service(struct json_object *inspect, struct json_object *image_config, int flags, bool skip_name,
			     struct cm_buf *out);

/* A deep copy in which values of the environment are "***" (Config.Env). Caller puts. */
struct json_object *cm_spec_masked(struct json_object *inspect);

#endif
