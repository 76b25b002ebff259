/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of the containers page: what the engine lists and what the vault and the queue know, filtered and in order.
 */
#ifndef CM_WEB_PAGE_CONTAINERS_ROWS_H
#define CM_WEB_PAGE_CONTAINERS_ROWS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/own.h"
#include "web/http.h"

struct cm_container_row {
	struct json_object *view;
	struct json_object *entry; /* of the engine's list; borrowed */
	const char *name, *state, *image, *stack, *address;
	int64_t created, backup;
	bool running, paused, stopped, unhealthy, protected, self;
};

/* One of each entry of the engine's list, in its order. Caller releases. Blocks: task threads only. */
struct cm_container_row *cm_container_rows_make(struct cm_request *rq, struct json_object *list);
void cm_container_rows_release(struct cm_container_row *rows, size_t count);
/* The same for one entry: the view alone; caller puts. */
struct json_object *cm_container_row_view(struct cm_request *rq, struct json_object *entry, enum cm_own_kind own);

/* What a list is narrowed to; "" and false: not at all. Strings are borrowed. */
struct cm_container_filter {
	const char *q, *state, *stack, *network, *image;
	bool own; /* ours too */
};
/* state: "running", "paused", "stopped", "unhealthy", "unprotected", "". */
bool cm_container_row_in_state(const struct cm_container_row *row, const char *state);
/* All but state, which the tabs count by, and q. */
bool cm_container_row_is_meant(const struct cm_container_row *row, const struct cm_container_filter *f);
bool cm_container_row_matches(const struct cm_container_row *row, const struct cm_container_filter *f);

/* sort: a field, with '-' before it for descending. */
void cm_container_rows_sort(struct cm_container_row *rows, size_t count, const char *sort);

#endif
