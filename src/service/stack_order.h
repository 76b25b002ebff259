/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * In which order the containers of a stack are started; stopped they are in the opposite one. Pure: no I/O, does not
 * block, any thread.
 */
#ifndef CM_SERVICE_STACK_ORDER_H
#define CM_SERVICE_STACK_ORDER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cm_stack_node {
	const char *id, *name;	/* borrowed */
	const char *service;	/* of Compose; "" when none */
	const char *depends_on; /* the label com.docker.compose.depends_on: "db:service_started:false,…"; NULL: none */
	int64_t created;	/* any unit */
	struct json_object *refs; /* as cm_spec_references gives them, or NULL */
	size_t level;		  /* set: 0 for what needs nobody; nodes of one level need none of each other */
};

/* Sorts the nodes by level, then by time of creation, then by name. What Compose wrote down is followed; where it wrote
 * nothing down for any of them (version 1 does not), services stand in the order in which they were made, which is the
 * one Compose made them in. A circle is broken at its oldest. */
void cm_stack_order(struct cm_stack_node *nodes, size_t count);

/* Does a's label name b's service? */
bool cm_stack_needs(const struct cm_stack_node *a, const struct cm_stack_node *b);
/* Does a wait for b to be healthy, by a's label? */
bool cm_stack_waits_healthy(const struct cm_stack_node *a, const struct cm_stack_node *b);

#endif
