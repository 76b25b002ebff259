/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/stack_order.h"

#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

/* The entry of this service in "db:service_healthy:true,redis:service_started"; NULL when there is none. */
static const char *label_find(const char *label, const char *service)
{
	size_t len = strlen(service);

	while (label != NULL && *label != '\0' && len > 0) {
		if (strncmp(label, service, len) == 0 && strchr(":,", label[len]) != NULL)
			return label + len;
		label = strchr(label, ',');
		label += label != NULL;
	}
	return NULL;
}

bool cm_stack_needs(const struct cm_stack_node *a, const struct cm_stack_node *b)
{
	return !cm_str_eq(a->service, b->service) && label_find(a->depends_on, b->service) != NULL;
}

bool cm_stack_waits_healthy(const struct cm_stack_node *a, const struct cm_stack_node *b)
{
	const char *rest = label_find(a->depends_on, b->service);

	return rest != NULL && cm_str_has_prefix(rest, ":service_healthy");
}

static bool refers(const struct cm_stack_node *a, const struct cm_stack_node *b)
{
	for (size_t i = 0; i < cm_json_len(a->refs); i++) {
		const char *ref = cm_json_str(json_object_array_get_idx(a->refs, i), "ref", "");

		if (cm_str_eq(ref, b->id) || cm_str_eq(ref, b->name))
			return true;
	}
	return false;
}

/* Services of a time without labels follow each other as they were made: containers of one service stand together. */
static bool made_after(const struct cm_stack_node *nodes, size_t count, const struct cm_stack_node *a,
		       const struct cm_stack_node *b)
{
	int64_t first_a = a->created, first_b = b->created;

	if (cm_str_eq(a->service, b->service) && a->service[0] != '\0')
		return false;
	for (size_t i = 0; i < count; i++) {
		if (a->service[0] != '\0' && cm_str_eq(nodes[i].service, a->service) && nodes[i].created < first_a)
			first_a = nodes[i].created;
		if (b->service[0] != '\0' && cm_str_eq(nodes[i].service, b->service) && nodes[i].created < first_b)
			first_b = nodes[i].created;
	}
	return first_a > first_b;
}

static int by_age(const void *pa, const void *pb)
{
	const struct cm_stack_node *a = pa, *b = pb;

	if (a->created != b->created)
		return a->created < b->created ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int by_level(const void *pa, const void *pb)
{
	const struct cm_stack_node *a = pa, *b = pb;

	if (a->level != b->level)
		return a->level < b->level ? -1 : 1;
	return by_age(pa, pb);
}

struct graph {
	struct cm_stack_node *nodes;
	size_t count;
	bool labels; /* Compose wrote down who needs whom */
};

static bool needs(const struct graph *g, size_t i, size_t k)
{
	const struct cm_stack_node *a = &g->nodes[i], *b = &g->nodes[k];

	if (i == k)
		return false;
	if (refers(a, b))
		return true;
	if (!g->labels)
		return made_after(g->nodes, g->count, a, b) && !refers(b, a);
	return cm_stack_needs(a, b);
}

/* May it be placed now: is everything it needs placed? *ret_level: one above those. */
static bool ready(const struct graph *g, const bool *placed, size_t i, size_t *ret_level)
{
	*ret_level = 0;
	for (size_t k = 0; k < g->count; k++) {
		if (!needs(g, i, k))
			continue;
		if (!placed[k])
			return false;
		if (g->nodes[k].level >= *ret_level)
			*ret_level = g->nodes[k].level + 1;
	}
	return true;
}

static void levels_set(const struct graph *g)
{
	bool *placed = cm_alloc_array(g->count + 1, sizeof(*placed));
	size_t left = g->count, top = 0, level;

	while (left > 0) {
		size_t first = g->count, before = left;

		for (size_t i = 0; i < g->count; i++) {
			if (placed[i])
				continue;
			if (first == g->count)
				first = i;
			if (!ready(g, placed, i, &level))
				continue;
			g->nodes[i].level = level;
			top = level > top ? level : top;
			placed[i] = true;
			left--;
		}
		/* A circle: the oldest of it goes first. */
		if (left == before) {
			g->nodes[first].level = ++top;
			placed[first] = true;
			left--;
		}
	}
	free(placed);
}

void cm_stack_order(struct cm_stack_node *nodes, size_t count)
{
	struct graph g = { .nodes = nodes, .count = count };

	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		g.labels |= nodes[i].depends_on != NULL;
	qsort(nodes, count, sizeof(*nodes), by_age);
	levels_set(&g);
	qsort(nodes, count, sizeof(*nodes), by_level);
}
