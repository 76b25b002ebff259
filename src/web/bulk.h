/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One action on several things, named by a repeated field of a form or an array of a JSON body: each thing has a result
 * of its own, and one that fails does not stop the others. Blocks as long as the action does; task threads only.
 *
 * The API answers 200 with {"success": at least one worked, "message", "done_count", "results": [{"id", "name",
 * "success", "error", "code"}], "errors": [sentences] or null}. In the browser the page `back` comes again and says how
 * many worked and what went wrong with the others.
 */
#ifndef CM_WEB_BULK_H
#define CM_WEB_BULK_H

#include "web/http.h"

enum { CM_BULK_ERRORS_SHOWN = 5 }; /* sentences on a page; the rest is counted */

struct cm_bulk {
	const char *field;	/* "container" */
	const char *one, *many; /* "container", "containers" */
	const char *done;	/* what happened to them: "started" */
	const char *back;	/* the page to go back to, a path of ours */
	/* Does it to one. id is as it was sent. *ret_name: what people call it, or NULL when that is the id; the caller
	 * frees it, also after an error. */
	int (*act)(struct cm_request *rq, const char *id, void *ctx, char **ret_name, struct cm_err *err);
	void *ctx;
};

/* A thing that is named twice is done once. extra (taken, may be NULL): more members for the API's answer. Errors:
 * CM_EINVAL when the API named none (a page gets a flash instead, and 0). */
int cm_bulk_run(struct cm_request *rq, struct cm_reply *rp, const struct cm_bulk *bulk, struct json_object *extra,
		struct cm_err *err);

#endif
