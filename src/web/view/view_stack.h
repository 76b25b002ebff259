/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stacks as the pages and the API show them. Pure: everything comes with the arguments.
 */
#ifndef CM_WEB_VIEW_STACK_H
#define CM_WEB_VIEW_STACK_H

#include <json-c/json.h>
#include <stdint.h>

#include "service/stacks.h"
#include "web/http.h"

struct cm_stack_ctx {
	int64_t now_ms;
	enum cm_role role;
};

/* One row, with the predecessor's members and ours. Caller puts. */
struct json_object *cm_view_stack(const struct cm_stack *stack, const struct cm_stack_ctx *ctx);
/* Adds "services", "networks", "volumes", "images", "networks_list"… of one stack to data, which is a row made before.
 * belongings: of cm_stack_belongings, or NULL: unknown. */
void cm_view_stack_details(struct json_object *data, const struct cm_stack *stack, struct json_object *belongings,
			   const struct cm_stack_ctx *ctx);
/* "2 of 3 running". */
void cm_stack_state_text(char dst[96], const struct cm_stack *stack);

#endif
