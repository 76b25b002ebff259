/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the handlers of the containers page.
 */
#ifndef CM_WEB_PAGE_CONTAINERS_H
#define CM_WEB_PAGE_CONTAINERS_H

#include "db/catalog.h"
#include "web/http.h"

/* Fills the view of the page. typed: the options as they were sent, when the page comes again with an error; else
 * NULL. */
int cm_containers_view(struct cm_request *rq, struct cm_reply *rp, const struct cm_form *typed, struct cm_err *err);

/* The newest good backup of this container name in the list, or NULL. Borrowed. */
const struct cm_catalog_row *cm_containers_good(const struct cm_catalog_list *good, const char *name);

#endif
