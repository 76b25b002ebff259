/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the handlers of the pages of one container.
 */
#ifndef CM_WEB_PAGE_CONTAINER_H
#define CM_WEB_PAGE_CONTAINER_H

#include "web/view/view_container_page.h"

/* Asks the engine about the container of the path: inspect, row, own, role and time are set. Caller releases. Blocks;
 * task threads only. Errors: those of cm_containers_inspect. */
int cm_container_page_load(struct cm_request *rq, struct cm_container_page *ret, struct cm_err *err);
void cm_container_page_release(struct cm_container_page *p);

#endif
