/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Networks from their inspect objects: as recorded with a container, or from a network_*.json file of the vault.
 */
#ifndef CM_SERVICE_NETWORK_RESTORE_H
#define CM_SERVICE_NETWORK_RESTORE_H

#include <stdbool.h>

#include "core/err.h"
#include "core/json.h"
#include "service/app.h"

/* The body for POST /networks/create: driver, options, labels, internal, attachable, IPv6, IPAM with ranges and
 * auxiliary addresses. without_subnets: let the engine choose the addresses. Pure. Errors: CM_EINVAL. */
int cm_network_body(struct json_object *inspect, bool without_subnets, struct json_object **ret, struct cm_err *err);

/* True when both inspect objects describe the same addresses (driver, and every subnet). Pure. */
bool cm_network_same(struct json_object *recorded, struct json_object *existing);

/* True when a subnet of one overlaps a subnet of the other ("10.0.0.0/8" and "10.1.0.0/16"). Pure. */
bool cm_network_overlaps(struct json_object *a, struct json_object *b);

/* True when the address lies in one of the network's subnets. Pure. */
bool cm_network_holds(struct json_object *network, const char *address);

/* The network as far as one endpoint of a container tells it (NetworkSettings.Networks[name]): a bridge with the
 * gateway's subnet. For backups that hold nothing better. Pure; caller puts. */
struct json_object *cm_network_guess(const char *name, struct json_object *endpoint);

/* bridge, host, none, default, ingress, docker_gwbridge: there on every engine, never made by us. */
bool cm_network_is_default(const char *name);

/* Reads a network_*.json of the vault. Caller puts *ret. Blocks. Errors: CM_EINVAL, CM_ENOTFOUND, CM_ECORRUPT. */
int cm_network_file_read(const struct cm_app *app, const char *file, struct json_object **ret, struct cm_err *err);

/* Restores network_*.json of the default vault, and writes the audit (user may be NULL). *ret: {"success", "message",
 * "network_name"}; caller puts. Blocks. Errors: CM_EEXIST (a network of that name), CM_EINVAL (a default network,
 * malformed), CM_ENOTFOUND. */
int cm_network_restore(const struct cm_app *app, const char *file, const char *user, struct json_object **ret,
		       struct cm_err *err);

#endif
