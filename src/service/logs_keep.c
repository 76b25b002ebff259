/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/logs_keep.h"

#include <string.h>

#include "core/mem.h"

enum { CAP_FIRST = 256 };

void cm_logs_keep_init(struct cm_logs_keep *k, size_t max)
{
	*k = (struct cm_logs_keep){ .max = max, .max_bytes = CM_LOGS_KEEP_BYTES };
}

static struct cm_log_line *at(const struct cm_logs_keep *k, size_t i)
{
	return &k->lines[(k->head + i) % k->cap];
}

static void drop_first(struct cm_logs_keep *k)
{
	k->bytes -= at(k, 0)->len;
	free(at(k, 0)->text);
	k->head = (k->head + 1) % k->cap;
	k->count--;
	k->dropped++;
}

/* The same lines in a ring of this size, the first in its first place. */
static void lay_out(struct cm_logs_keep *k, size_t cap)
{
	struct cm_log_line *lines = cm_alloc_array(cap, sizeof(*lines));

	for (size_t i = 0; i < k->count; i++)
		lines[i] = *at(k, i);
	free(k->lines);
	k->lines = lines;
	k->cap = cap;
	k->head = 0;
}

/* Takes the text. */
static void put(struct cm_logs_keep *k, const struct cm_log_line *line)
{
	while (k->count > 0 && (k->count == k->max || k->bytes + line->len > k->max_bytes))
		drop_first(k);
	if (k->count == k->cap)
		lay_out(k, k->cap == 0 ? CAP_FIRST : k->cap * 2);
	k->count++;
	k->bytes += line->len;
	*at(k, k->count - 1) = *line;
}

void cm_logs_keep_add(struct cm_logs_keep *k, const struct cm_log_line *line)
{
	struct cm_log_line mine = cm_log_line_copy(line);

	put(k, &mine);
}

void cm_logs_keep_move(struct cm_logs_keep *to, struct cm_logs_keep *from)
{
	for (size_t i = 0; i < from->count; i++)
		put(to, at(from, i));
	from->count = from->head = from->bytes = 0;
}

void cm_logs_keep_swap(struct cm_logs_keep *a, struct cm_logs_keep *b)
{
	struct cm_logs_keep c = *a;

	*a = *b;
	*b = c;
}

/* Stable: equal times stay in the order of their sources. */
static int time_order(const void *a, const void *b)
{
	const struct cm_log_line *const *x = a, *const *y = b;

	if ((*x)->at_ns != (*y)->at_ns)
		return (*x)->at_ns < (*y)->at_ns ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

struct cm_log_line *cm_logs_keep_take(struct cm_logs_keep *k, bool sort, size_t tail, size_t *ret_count,
				      bool *ret_older)
{
	size_t count = k->count, skip = count > tail ? count - tail : 0;
	const struct cm_log_line **order = cm_alloc_array(count + 1, sizeof(void *));
	struct cm_log_line *out = cm_alloc_array(count - skip + 1, sizeof(*out));

	if (k->head != 0)
		lay_out(k, k->cap); /* so that addresses tell who came first */
	for (size_t i = 0; i < count; i++)
		order[i] = &k->lines[i];
	if (sort && count > 1)
		qsort(order, count, sizeof(void *), time_order);
	for (size_t i = 0; i < skip; i++)
		free(order[i]->text);
	for (size_t i = skip; i < count; i++)
		out[i - skip] = *order[i];
	free(order);
	k->count = k->head = k->bytes = 0;
	*ret_count = count - skip;
	*ret_older = skip > 0;
	return out;
}

void cm_logs_keep_release(struct cm_logs_keep *k)
{
	for (size_t i = 0; i < k->count; i++)
		free(at(k, i)->text);
	free(k->lines);
	*k = (struct cm_logs_keep){ .max = k->max, .max_bytes = k->max_bytes };
}
