/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands between a backup and its restore, told before anything is touched: a list of findings a person can
 * read. A finding "block" must be resolved (by another option, or by hand) before the restore can run.
 */
#ifndef CM_SERVICE_PREFLIGHT_H
#define CM_SERVICE_PREFLIGHT_H

#include <stdbool.h>

#include "core/err.h"
#include "core/json.h"

struct cm_restore_plan; /* service/restore_plan.h */

enum cm_finding_level { CM_FINDING_OK, CM_FINDING_WARN, CM_FINDING_BLOCK };

/* Adds {"level": "ok"|"warn"|"block", "code","text","hint"|null,"field"|null} to the array. code is a stable word like
 * "NAME_TAKEN". field names the option it is about: "name", "port:8080/tcp", "volume:<recorded name>",
 * "bind:<source>". hint says what to do. Both may be NULL. */
void cm_finding_add(struct json_object *findings, enum cm_finding_level level, const char *code, const char *field,
		    const char *hint, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* The worst level in the list. */
enum cm_finding_level cm_findings_worst(struct json_object *findings);
/* The first block's text, or NULL. Borrowed. */
const char *cm_findings_first_block(struct json_object *findings);
/* True when a block's code says that a thing of that name exists, or is in use (HTTP 409 rather than 422). */
bool cm_findings_conflict(struct json_object *findings);

/* Looks at the engine and fills plan->findings. Changes nothing. Blocks (task threads only). Errors: only when the
 * engine cannot be asked. */
int cm_preflight_run(struct cm_restore_plan *plan, struct cm_err *err);

/* Parts of it, in files of their own. */
void cm_preflight_ports(struct cm_restore_plan *plan);
void cm_preflight_volumes(struct cm_restore_plan *plan);
void cm_preflight_binds(struct cm_restore_plan *plan);
void cm_preflight_networks(struct cm_restore_plan *plan);

/* What the container may do to its host: privileged, folders of the system, sockets of engines, namespaces,
 * capabilities, devices, guards that are off. volumes: those of the backup. Adds "warn" findings whose codes begin with
 * "POWER_". Pure. */
void cm_preflight_power(struct json_object *inspect, struct json_object *volumes, struct json_object *findings);
/* The same of a network that will be made. Pure. */
void cm_preflight_power_network(struct json_object *network, struct json_object *findings);

/* "amd64" of an image on an engine that says "x86_64": does it run there? Unknown names: yes. Pure. */
bool cm_preflight_architecture_fits(const char *image, const char *engine);
/* Two published addresses that cannot both be had. "" and 0.0.0.0 are every address. Pure. */
bool cm_preflight_ports_clash(const char *ip_a, const char *ip_b);

#endif
