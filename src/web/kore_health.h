/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `container-monkey --health`: is the program that runs with these settings answering? For health checks of images. */
#ifndef CM_WEB_KORE_HEALTH_H
#define CM_WEB_KORE_HEALTH_H

#include "service/app.h"

/* 0 when GET /healthz is answered with 200 within 3 s, else 1 and a sentence on standard error. Blocks. */
int cm_health_check(const struct cm_app *app);

#endif
