/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page before a restore: what would be done, what stands in its way, and the choices. Pure: everything comes with
 * the arguments.
 */
#ifndef CM_WEB_VIEW_RESTORE_H
#define CM_WEB_VIEW_RESTORE_H

#include <json-c/json.h>
#include <stdint.h>

#include "db/catalog.h"
#include "web/form.h"

struct cm_restore_page {
	struct json_object *preview;	  /* of cm_restore_preview */
	const struct cm_catalog_row *row; /* NULL: the catalog does not know it yet */
	const struct cm_form *typed;	  /* the form as it was sent; NULL: the first look */
	struct json_object *errors;	  /* [{"field": "new_name" | "port:8080/tcp", "text"}]; NULL: none */
	int64_t now_ms;
};

/* Adds every member of the restore view to data. */
void cm_view_restore(struct json_object *data, const struct cm_restore_page *p);

#endif
