/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What lies on the engine beside containers, as numbers for the dashboard, without what is ours (own.h). Remembered for
 * a moment and shared by the threads of this process. Blocks; task threads only.
 */
#ifndef CM_SERVICE_INVENTORY_H
#define CM_SERVICE_INVENTORY_H

#include <stdint.h>

#include "core/err.h"
#include "service/app.h"

struct cm_inventory {
	int64_t images, image_bytes; /* bytes as the engine lists them: layers that images share count in each */
	int64_t volumes;
	int64_t networks, user_networks; /* all; those that are not the engine's own */
};

/* At most 10 s old. Errors: those of the engine, among them CM_ETIMEDOUT when an answer takes over 3 s. */
int cm_inventory_get(const struct cm_app *app, struct cm_inventory *ret, struct cm_err *err);

#endif
