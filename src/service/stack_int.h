/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the files stack*.c only.
 */
#ifndef CM_SERVICE_STACK_INT_H
#define CM_SERVICE_STACK_INT_H

#include "service/stacks.h"

/* One line of the results; why is read when rc is negative. */
void cm_stack_result(struct json_object *results, const char *name, const char *kind, const char *text, int rc,
		     const struct cm_err *why);

/* The verbs on a swarm's services. A stop scales to nothing and notes how many there were, a start scales back. */
int cm_stack_swarm_act(const struct cm_app *app, const struct cm_stack *s, enum cm_stack_verb verb,
		       struct json_object *results, struct cm_err *err);

#endif
