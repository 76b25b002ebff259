/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Docker Engine for the rest of the product: one handle per thread, and what many pages ask for, remembered for a
 * moment and shared by the threads of this process. All block, if not said otherwise: task threads only. Errors: those
 * of docker/docker.h.
 */
#ifndef CM_SERVICE_ENGINE_H
#define CM_SERVICE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "docker/docker.h"
#include "docker/helper.h"
#include "service/app.h"

/* This thread's handle: made at the first call, freed when the thread ends, never by the caller. It has the default
 * timeout and no cancel function: every call resets both, so set what you need after it, for as long as you need it.
 * Errors: CM_EINVAL, CM_EUNSUPPORTED, CM_ENOTFOUND (the settings are wrong). */
int cm_engine_get(const struct cm_app *app, struct cm_docker **ret, struct cm_err *err);

/* A handle of the caller's own, for work that goes from one thread to another; free it with cm_docker_free. Errors: as
 * cm_engine_get. Does not block. */
int cm_engine_open(const struct cm_app *app, struct cm_docker **ret, struct cm_err *err);

/* For the top bar. */
struct cm_engine_overview {
	bool reachable;
	char error[512];    /* the sentence when it is not reachable */
	char version[64];   /* "20.10.24" */
	char api[16];	    /* "1.41" */
	char name[128];	    /* of the engine's host */
	char os[128];	    /* "Debian GNU/Linux 12 (bookworm)" */
	char arch[32];	    /* "x86_64" */
	char storage[64];   /* "overlay2" */
	char root_dir[256]; /* the engine's data folder */
	char self_id[65];   /* our own container, "" when none */
	int cpus;
	int64_t memory; /* bytes */
	int containers, running, paused, stopped, images;
	int64_t checked_ms; /* when the engine was asked; 0: never yet */
};
/* At most 5 s old (2 s when the engine was not reachable); asks with a deadline of 2 s, and while one thread asks the
 * others get the former answer. Never fails: see reachable. */
void cm_engine_overview(const struct cm_app *app, struct cm_engine_overview *ret);
/* The same for who does not look at the counts: does not ask again because something was changed meanwhile. The engine
 * takes up to 50 ms to count. */
void cm_engine_known(const struct cm_app *app, struct cm_engine_overview *ret);

/* On containers, volumes and networks of drills; its value is the drill's tag. */
#define CM_DRILL_LABEL "container-monkey.drill"
/* On volumes that a restore makes beside those it restores; its value is the restore's tag. */
#define CM_RESTORE_LABEL "container-monkey.restore"

/* In the parent, before workers start: from then on what one of them changes is changed for all. */
int cm_engine_share(struct cm_err *err);

/* The containers as `GET /containers/json?all=1` lists them, our helpers and drills left out; at most 1 s old. The
 * caller puts *ret, in this thread, and changes nothing in it; what is to outlive the call or go to another thread is
 * copied. */
int cm_engine_containers(const struct cm_app *app, struct json_object **ret, struct cm_err *err);
/* Those left out, of the same moment: caller puts *ret, which is the caller's alone. */
int cm_engine_tools(const struct cm_app *app, struct json_object **ret, struct cm_err *err);
/* Something was changed by us: what is remembered is void, in every worker. Does not block. */
void cm_engine_changed(void);

/* How the engine's host sees our folder for temporary files, for cm_helper_start(); found once, remembered. */
int cm_engine_shared(const struct cm_app *app, struct cm_helper_shared *ret, struct cm_err *err);
/* The reference of our helper image, which is made first when the engine does not have it. Caller frees. */
int cm_engine_helper_image(const struct cm_app *app, char **ret_ref, struct cm_err *err);
/* Marks helper containers as those of this installation: 16 hex digits made from the data folder's identity. Does not
 * block. */
void cm_engine_instance(const struct cm_app *app, char ret[17]);

#endif
