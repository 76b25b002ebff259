/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What makes a restore a drill: the backup's own description of its container is changed, before a plan is made of it,
 * into one that names nothing of the host's. Restoring that proves the same as restoring the original, and cannot
 * touch it. Pure; one thread.
 *
 *	name          cm-drill-<tag>; no label but ours, so that no proxy, updater or Compose takes it for the original
 *	volumes       every one, named, anonymous or another container's, becomes a volume cm-drill-<tag>-<n> of the
 *		      local driver, without options
 *	bind mounts   a folder becomes such a volume; a file is mounted out of one; sockets, devices and what the backup
 *		      does not hold as a file are left out, and so is everything in /dev, /proc and /sys
 *	network       one of its own, cm-drill-<tag>: internal, the bridge without an address, so that neither the host
 *nor the world can be reached; "none" stays "none". No published ports, no name server outside host          only
 *settings of a list are taken over: limits, tmpfs, sysctls and the like. Not taken over: privileged, devices, host
 *namespaces, capabilities beyond ordinary ones, security options that weaken, cgroup parents, links, other runtimes,
 *log drivers bounds        where nothing is recorded: half of the host's memory and processors, 4096 processes; 10 MB
 *of log restart       never
 */
#ifndef CM_SERVICE_DRILL_ISOLATE_H
#define CM_SERVICE_DRILL_ISOLATE_H

#include <json-c/json.h>
#include <stdint.h>

#include "core/err.h"
#include "service/restore_source.h"

/* Where the drill takes place. */
struct cm_drill_place {
	const char *tag;      /* letters and digits: what all names of this drill end with */
	const char *root;     /* the engine's data folder: files are mounted out of its volumes */
	const char *runtime;  /* the engine's default one */
	int64_t memory, cpus; /* of the host; 0: unknown */
};

/* Changes inspect, volumes, binds and networks of s. Adds to notes (an array) a sentence for each thing that is not as
 * it was and may matter. Errors: CM_EUNSUPPORTED (a mount that cannot be read). */
int cm_drill_isolate(struct cm_restore_source *s, const struct cm_drill_place *place, struct json_object *notes,
		     struct cm_err *err);

#endif
