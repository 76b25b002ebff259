/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which backups are verified by the clock: so many per cent of the vault's bytes a day (the setting verify_percent),
 * the oldest verified first. By bytes, not by number: that is what reading costs, and whatever the sizes, each backup
 * has its turn once in 100 / n days. Every hour the share of the time since the last look is added to an allowance, and
 * as many backups are chosen as it pays for; what is left is kept, so a backup larger than a day's share has its turn
 * when enough is saved. No more is saved than a day's share or the next backup: after a week without power there is no
 * storm.
 */
#ifndef CM_SERVICE_VERIFY_SCHEDULE_H
#define CM_SERVICE_VERIFY_SCHEDULE_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "db/catalog.h"

enum { CM_VERIFY_SCHEDULE_MS = 3600 * 1000, CM_VERIFY_SCHEDULE_FILES_MAX = 1000 };

/* Where the state lies: cm_settings_load(CM_VERIFY_SCHEDULE_KEY) is {"last_ms","allowance"}. */
#define CM_VERIFY_SCHEDULE_KEY "verify_schedule"

/* When was it looked at last? 0: never. */
int cm_verify_schedule_last(int64_t *ret_ms, struct cm_err *err);
/* Looks, and writes that down. *ret_params is for a job of service/verify_batch.h (caller puts), or NULL when nothing
 * is due. Task threads only. */
int cm_verify_schedule_look(int64_t now_ms, struct json_object **ret_params, struct cm_err *err);

/* How many of picks (the oldest first) are due after elapsed_ms. *allowance: bytes left from before; what is left now.
 * Pure. */
size_t cm_verify_schedule_choose(const struct cm_catalog_pick *picks, size_t count, int percent, int64_t elapsed_ms,
				 int64_t *allowance);

#endif
