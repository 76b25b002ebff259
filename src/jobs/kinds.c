/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/kinds.h"

#include "core/mem.h"
#include "jobs/due.h"
#include "jobs/drill_due.h"
#include "jobs/runner.h"
#include "service/backup.h"
#include "service/clone.h"
#include "service/drill.h"
#include "service/export.h"
#include "service/image_pull.h"
#include "service/recover.h"
#include "service/redeploy.h"
#include "service/restore.h"
#include "service/stack_backup.h"
#include "service/verify.h"
#include "service/volume_backup.h"
#include "service/verify_batch.h"

static const struct cm_job_kind kinds[] = {
	{ .name = "backup",
	  .label = "Backup",
	  .lane = "backup",
	  .run = cm_backup_run,
	  .lock = "container",
	  .starting = "Starting backup...",
	  .done = "Backup completed!",
	  .audit = "backup_manual",
	  .audit_scheduled = "backup_scheduled",
	  .then = cm_drill_after_backup,
	  .again = true,
	  .needs_recovery = true },
	{ .name = "restore",
	  .label = "Restore",
	  .lane = "interactive",
	  .run = cm_restore_run,
	  .lock = "container",
	  .starting = "Starting restore...",
	  .done = "Restore completed!",
	  .audit = "restore",
	  .needs_recovery = true },
	{ .name = "stack_backup",
	  .label = "Backup of stack",
	  .lane = "backup",
	  .run = cm_stack_backup_run,
	  .lock = "stack",
	  .starting = "Starting backup...",
	  .done = "Backup completed!",
	  .audit = "stack_backup",
	  .again = true,
	  .needs_recovery = true },
	{ .name = "stack_restore",
	  .label = "Restore of stack",
	  .lane = "interactive",
	  .run = cm_stack_restore_run,
	  .lock = "stack",
	  .starting = "Starting restore...",
	  .done = "Restore completed!",
	  .audit = "stack_restore",
	  .needs_recovery = true },
	{ .name = "volume_backup",
	  .label = "Backup of volume",
	  .lane = "backup",
	  .run = cm_volume_backup_run,
	  .lock = "volume",
	  .starting = "Starting backup...",
	  .done = "Backup completed!",
	  .audit = "volume_backup",
	  .again = true },
	{ .name = "volume_restore",
	  .label = "Restore of volume",
	  .lane = "interactive",
	  .run = cm_volume_restore_run,
	  .lock = "volume",
	  .starting = "Starting restore...",
	  .done = "Restore completed!",
	  .audit = "volume_restore",
	  .needs_recovery = true },
	{ .name = "clone",
	  .label = "Clone",
	  .lane = "interactive",
	  .run = cm_clone_run,
	  .lock = "container",
	  .starting = "Starting...",
	  .done = "Cloned",
	  .audit = "container_clone",
	  .needs_recovery = true },
	{ .name = "export",
	  .label = "Export",
	  .lane = "backup",
	  .run = cm_export_run,
	  .lock = "container",
	  .starting = "Starting the export...",
	  .done = "Exported",
	  .audit = "container_export",
	  .again = true,
	  .needs_recovery = true },
	{ .name = "export_restore",
	  .label = "Restore of export",
	  .lane = "interactive",
	  .run = cm_export_restore_run,
	  .lock = "container",
	  .starting = "Starting restore...",
	  .done = "Restore completed!",
	  .audit = "export_restore",
	  .needs_recovery = true },
	{ .name = "redeploy",
	  .label = "Redeployment",
	  .lane = "interactive",
	  .run = cm_redeploy_run,
	  .lock = "container",
	  .starting = "Starting redeployment...",
	  .done = "Redeployment completed!",
	  .audit = "container_redeploy",
	  .needs_recovery = true },
	{ .name = "verify",
	  .label = "Verification",
	  .lane = "interactive",
	  .run = cm_verify_run,
	  .lock = "file",
	  .starting = "Starting verification...",
	  .done = "Verification completed!",
	  .audit = "verify",
	  .again = true },
	{ .name = "verify_batch",
	  .label = "Verification",
	  .lane = "verify",
	  .run = cm_verify_batch_run,
	  .starting = "Starting verification...",
	  .done = "Verification completed!",
	  .audit = "verify",
	  .again = true },
	{ .name = "drill",
	  .label = "Drill",
	  .lane = "drill",
	  .run = cm_drill_run,
	  .lock = "file",
	  .starting = "Starting drill...",
	  .done = "Restored and started",
	  .audit = "drill",
	  .again = true,
	  .needs_recovery = true },
	{ .name = "image_pull",
	  .label = "Pull",
	  .lane = "image",
	  .run = cm_image_pull_run,
	  .lock = "image",
	  .starting = "Starting the pull...",
	  .done = "Pulled",
	  .audit = "image_pull" },
};

static const struct cm_job_lane lanes[] = {
	{ .name = "backup", .per_host = 1, .threads = 1 },
	{ .name = "interactive", .per_host = 2, .threads = 2 },
	{ .name = "image", .per_host = 2, .threads = 2 },
	{ .name = "verify", .per_host = 1, .threads = 1, .yields = true },
	{ .name = "drill", .per_host = 1, .threads = 1 },
};

const struct cm_job_table cm_job_table = {
	.kinds = kinds,
	.kind_count = CM_COUNT(kinds),
	.lanes = lanes,
	.lane_count = CM_COUNT(lanes),
	.timetable = cm_due_rows,
	.timetable_count = CM_DUE_COUNT,
	.watch = cm_watch_rows,
	.watch_count = CM_WATCH_COUNT,
	.recover = cm_recover,
};

int cm_job_add(const struct cm_app *app, const struct cm_job_request *rq, char ret_id[CM_UUID_LEN + 1],
	       struct cm_err *err)
{
	return cm_job_add_with(&cm_job_table, app, rq, ret_id, err);
}

struct cm_runner *cm_runner_new(const struct cm_app *app)
{
	return cm_runner_new_with(app, &cm_job_table);
}
