/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The writable layer: what was changed inside the container outside of its volumes, put into the new container before
 * its first start.
 */
#include <string.h>

#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "service/restore_pipe.h"
#include "service/restore_run.h"

static int pump_layer(void *ctx, cm_archive_write_fn write, void *write_ctx, struct cm_err *err)
{
	struct cm_restore_source *s = ctx;
	return cm_archive_part_tar(s->ours, cm_json_str(s->rootfs, "prefix", "rootfs"), write, write_ctx, err);
}

/* Through the engine: other storage drivers, or an engine whose folders our helper cannot mount. It cannot delete. */
static int layer_put(struct cm_restore_run *r, struct cm_err *err)
{
	cm_autobuf struct cm_buf deleted = CM_BUF_INIT(64 << 20);
	struct cm_restore_pipe *pipe;
	int rc = cm_restore_pipe_begin(pump_layer, r->plan->source, &pipe, err);

	if (rc != 0)
		return rc;
	rc = cm_container_archive_put(cm_restore_docker(r), r->new_id, "/", cm_restore_pipe_read, pipe, err);
	cm_restore_pipe_end(pipe);
	if (rc != 0)
		return rc;
	cm_restore_warn(r, "The changes inside the container were restored through the engine, which does not keep "
			   "extended attributes.");
	if (cm_archive_member(r->plan->source->ours, "rootfs_deleted.json", &deleted, NULL) == 0 && deleted.len > 4)
		cm_restore_warn(r, "Files of the image that had been deleted inside the container are there again.");
	return 0;
}

int cm_restore_layer(struct cm_restore_run *r, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	const char *upper;
	int rc;

	if (r->plan->source->rootfs == NULL)
		return 0;
	cm_restore_step(r, "Restoring changes inside the container");
	rc = cm_container_inspect(cm_restore_docker(r), r->new_id, false, &inspect, err);
	if (rc != 0)
		return rc;
	upper = cm_json_str_at(inspect, "GraphDriver.Data.UpperDir", "");
	if (cm_str_eq(cm_json_str_at(inspect, "GraphDriver.Name", ""), "overlay2") && upper[0] == '/')
		rc = cm_restore_fill(r, r->plan->source->rootfs, upper, true, err);
	else
		rc = layer_put(r, err);
	if (rc != 0)
		return rc == CM_ECANCELLED
			   ? rc
			   : cm_err_prefix(err, "The changes inside the container could not be restored");
	CM_FAULT_POINT("restore_layer_written");
	return cm_restore_check(r, err);
}
