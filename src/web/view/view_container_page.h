/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pages of one container: what it is, what it may, where its data lies, and whether it can be brought back. Pure:
 * everything comes with the arguments.
 */
#ifndef CM_WEB_VIEW_CONTAINER_PAGE_H
#define CM_WEB_VIEW_CONTAINER_PAGE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "db/catalog.h"
#include "service/own.h"
#include "web/http.h"

struct cm_container_page {
	struct json_object *inspect;	       /* the engine's */
	struct json_object *row;	       /* as the list shows it (view_container.h) */
	struct json_object *env;	       /* revealed variables, or NULL: as the role may see them */
	const struct cm_catalog_list *backups; /* newest first; NULL: not known */
	struct json_object *typed;	       /* {"new_name","memory",…} as sent, when a form comes again; or NULL */
	const char *error_field, *error;       /* what was wrong with it */
	enum cm_own_kind own;
	enum cm_role role;
	int64_t now_ms;
};

/* The head that all of its pages share: names, state, actions, and the tabs; current: "", "top", "changes", "inspect".
 */
void cm_view_container_head(struct json_object *data, const struct cm_container_page *p, const char *current);
/* The overview, the predecessor's members of its details among it. */
void cm_view_container_page(struct json_object *data, const struct cm_container_page *p);

#endif
