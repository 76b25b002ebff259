/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "docker/network.h"
#include "service/network_restore.h"
#include "service/restore_run.h"

static int network_make(struct cm_restore_run *r, const struct cm_restore_network *n, bool anywhere, struct cm_err *err)
{
	cm_autojson struct json_object *body = NULL;
	cm_autofree char *id = NULL;
	int rc = cm_network_body(n->recorded, anywhere, &body, err);

	return rc ? rc : cm_network_create(cm_restore_docker(r), body, &id, err);
}

int cm_restore_networks(struct cm_restore_run *r, struct cm_err *err)
{
	for (size_t i = 0; i < r->plan->network_count; i++) {
		const struct cm_restore_network *n = &r->plan->networks[i];
		bool anywhere = n->action == CM_RN_CREATE_ANYWHERE;
		int rc;

		if (n->action != CM_RN_CREATE && !anywhere)
			continue;
		cm_restore_step(r, "Making network %s", n->name);
		rc = cm_restore_note_name(r, "networks", n->name, err);
		rc = rc ? rc : network_make(r, n, anywhere, err);
		if (rc != 0)
			return cm_err_prefix(err, "The network %s could not be made", n->name);
		if (anywhere)
			cm_restore_warn(r, "Network %s was made with other addresses: %s has the recorded ones.",
					n->name, n->overlaps);
		CM_FAULT_POINT("restore_network_made");
	}
	return cm_restore_check(r, err);
}
