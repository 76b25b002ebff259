/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stacks: the projects that Compose made, known by its labels, and the stacks of a swarm. A stack is what exists on the
 * engine; no file of it is read. Our own container is never part of one. All block; task threads only.
 */
#ifndef CM_SERVICE_STACKS_H
#define CM_SERVICE_STACKS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "service/app.h"

#define CM_COMPOSE_PROJECT "com.docker.compose.project"
#define CM_COMPOSE_SERVICE "com.docker.compose.service"
#define CM_COMPOSE_DEPENDS "com.docker.compose.depends_on"
#define CM_SWARM_STACK "com.docker.stack.namespace"
#define CM_SWARM_SERVICE "com.docker.swarm.service.name"

enum { CM_STACK_MEMBERS = 200 }; /* containers that one action touches */

struct cm_stack {
	char *name;
	bool swarm;
	struct json_object
	    *containers;	      /* array of entries of the engine's list, as they are started one after another */
	struct json_object *services; /* array of {"name","image","mode": "replicated"|"global"|null,"replicas",
					 "running","id": of a swarm's service or null,"ports":[{…}]}, by name */
	struct json_object *networks; /* array of names, sorted */
	struct json_object *volumes;  /* array of names that the containers mount, sorted, without anonymous ones */
	int64_t running, stopped;     /* containers */
};

struct cm_stack_list {
	struct cm_stack *stacks; /* by name */
	size_t count;
	struct json_object *source;
};

/* Caller releases, in this thread. Errors: those of the engine; a swarm that cannot be asked is left out. */
int cm_stacks_list(const struct cm_app *app, struct cm_stack_list *ret, struct cm_err *err);
void cm_stack_list_release(struct cm_stack_list *list);
/* Borrowed from the list. CM_ENOTFOUND: "There is no stack … on this Docker host." */
int cm_stack_find(const struct cm_stack_list *list, const char *name, const struct cm_stack **ret, struct cm_err *err);

/* The stack of a container by its labels; "" when it is in none. Borrowed; does not block. */
const char *cm_stack_of(struct json_object *labels);

/* What belongs to a stack beside its containers, and which images they run. *ret (caller puts): {"networks":
 * [{"name","id","driver","scope","internal","own"}], "volumes": [{"name","driver","own","used_by":[names]}], "images":
 * [{"name","id","created","newer": the engine has another image of that name by now,"gone"}]}. own: made with the
 * stack, and removed with it. */
int cm_stack_belongings(const struct cm_app *app, const struct cm_stack *stack, struct json_object **ret,
			struct cm_err *err);

/* The containers of a Compose project as inspected, with their levels (0 starts first). One that vanished meanwhile is
 * left out. Caller releases. Errors: CM_ETOOBIG, those of the engine. */
struct cm_stack_member {
	char id[65];
	char *name, *service;
	size_t level;
	struct json_object *inspect;
};
struct cm_stack_members {
	struct cm_stack_member *all; /* in the order of starting */
	size_t count;
};
int cm_stack_members(const struct cm_app *app, const struct cm_stack *stack, struct cm_stack_members *ret,
		     struct cm_err *err);
void cm_stack_members_release(struct cm_stack_members *m);

enum cm_stack_verb { CM_STACK_START, CM_STACK_STOP, CM_STACK_RESTART, CM_STACK_REMOVE };

/* Does it to the whole stack, in order; what needs nobody of each other goes at the same time. A failing one does not
 * stop the others, but for a start, which does not start what needs the failed one. *ret (caller puts): array of
 * {"name", "kind": "container"|"service"|"network"|"volume"|"secret"|"config", "success", "text": "stopped", "error",
 * "code"}. Audited as one. volumes: of a removal, its own volumes and the anonymous ones go too. Errors: CM_ENOTFOUND,
 * those of the engine as long as nothing was touched. */
int cm_stack_act(const struct cm_app *app, const char *name, enum cm_stack_verb verb, bool volumes, const char *user,
		 struct json_object **ret, struct cm_err *err);

#endif
