/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Statistics: what takes the host's processors, memory, network and disks? The page shows what the collector measured
 * last; it never asks the engine.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/stats_board.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_stats.h"

static const char *const columns[] = {
	"name", "state", "-cpu", "-memory", "-network", "-block", "-pids", "-disk", NULL
};

enum { ROWS = 100, ROWS_MAX = 1000, REFRESH_SECONDS = 10, FRESH_WAIT_MS = 2000, SLICE_MS = 50 };

static bool in_state(const struct cm_stats_now *c, const char *state)
{
	return cm_str_eq(state, "all") || c->running == cm_str_eq(state, "running");
}

static bool matches(const struct cm_stats_now *c, const char *q)
{
	return q[0] == '\0' || strcasestr(c->name, q) != NULL || strcasestr(c->image, q) != NULL ||
	       strcasestr(c->stack, q) != NULL || strncasecmp(c->id, q, strlen(q)) == 0;
}

/* Unknown comes below everything. */
static double value_of(const struct cm_stats_now *c, const char *field)
{
	const double *r = c->rate;

	if (cm_str_eq(field, "disk"))
		return (double)c->size_rw;
	if (!c->known)
		return -2;
	if (cm_str_eq(field, "cpu"))
		return r[CM_STATS_CPU];
	if (cm_str_eq(field, "memory"))
		return (double)c->raw.memory;
	if (cm_str_eq(field, "network"))
		return r[CM_STATS_NET_IN] + r[CM_STATS_NET_OUT];
	if (cm_str_eq(field, "block"))
		return r[CM_STATS_BLOCK_READ] + r[CM_STATS_BLOCK_WRITE];
	return (double)c->raw.pids;
}

static int order_of(const void *a, const void *b, void *sort)
{
	const struct cm_stats_now *x = a, *y = b;
	const char *field = sort;
	bool descending = field[0] == '-';
	int order = 0;

	field += descending;
	if (cm_str_eq(field, "state")) {
		order = strcmp(x->state, y->state);
	} else if (!cm_str_eq(field, "name")) {
		double d = value_of(x, field) - value_of(y, field);

		order = (d > 0) - (d < 0);
	}
	if (order == 0 && !cm_str_eq(field, "name"))
		return strcasecmp(x->name, y->name);
	order = order != 0 ? order : strcasecmp(x->name, y->name);
	return descending ? -order : order;
}

static void add_tabs(struct cm_request *rq, struct json_object *data, const struct cm_stats_now *list, size_t count,
		     const char *now)
{
	static const char *const words[] = { "running", "stopped", "all" };
	static const char *const texts[] = { "Running", "Stopped", "All" };
	struct json_object *tabs = json_object_new_array();

	for (size_t k = 0; k < CM_COUNT(words); k++) {
		int64_t n = 0;

		for (size_t i = 0; i < count; i++)
			n += in_state(&list[i], words[k]);
		cm_view_tab(tabs, texts[k], n, cm_view_href(rq, "state", words[k]), cm_str_eq(now, words[k]));
	}
	cm_json_set(data, "states", tabs);
}

static void add_rows(struct cm_request *rq, struct json_object *data, const struct cm_list *list,
		     const struct cm_stats_head *head, const char *state)
{
	struct json_object *rows = json_object_new_array();
	cm_autofree struct cm_stats_now *all = NULL;
	size_t count = cm_stats_all(&all);
	int64_t total = 0, now = cm_now_ms();

	qsort_r(all, count, sizeof(*all), order_of, (void *)list->sort);
	for (size_t i = 0; i < count; i++) {
		if (!in_state(&all[i], state) || !matches(&all[i], list->q))
			continue;
		if (total >= list->offset && total < list->offset + list->limit)
			json_object_array_add(rows, cm_view_stats_row(&all[i], head, !rq->is_api, now));
		total++;
	}
	cm_view_stats_totals(data, head, all, count);
	add_tabs(rq, data, all, count, state);
	cm_view_list(data, rq, list, columns, (int64_t)cm_json_len(rows), total);
	cm_view_keep(data, rq, "state");
	cm_json_set_bool(data, "is_empty", count == 0);
	cm_json_set_bool(data, "is_no_match", count > 0 && total == 0);
	cm_json_set_bool(data, "is_filtered", list->q[0] != '\0');
	cm_json_set(data, "containers", rows);
}

int cm_page_statistics(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *state = cm_form_str(rq->get, "state", rq->is_api ? "all" : "running");
	struct cm_stats_head head;
	struct json_object *data;
	struct cm_list list;
	int rc = cm_list_parse(rq, columns, rq->is_api ? ROWS_MAX : ROWS, ROWS_MAX, &list, err);

	if (rc != 0)
		return rc;
	if (!cm_str_eq(state, "running") && !cm_str_eq(state, "stopped") && !cm_str_eq(state, "all"))
		return cm_err_set(err, CM_EINVAL, "state must be running, stopped or all");
	data = cm_view_data(rp);
	cm_stats_head(&head);
	cm_view_stats_age(data, &head, cm_now_ms());
	cm_json_set_int(data, "refresh_seconds", REFRESH_SECONDS);
	cm_json_set_int(data, "live_ms", CM_STATS_EVERY_MS);
	cm_json_set_str(data, "refresh_action", "/statistics/refresh");
	add_rows(rq, data, &list, &head, state);
	return 0;
}

/* The page that follows should show the new values, when they come soon. */
static void wait_for_round(int64_t tried_ms)
{
	int64_t end = cm_monotonic_ms() + FRESH_WAIT_MS;
	struct cm_stats_head head;

	do {
		nanosleep(&(struct timespec){ .tv_nsec = SLICE_MS * 1000000L }, NULL);
		cm_stats_head(&head);
	} while (head.tried_ms == tried_ms && cm_monotonic_ms() < end);
}

int cm_page_statistics_refresh(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *answer;
	struct cm_stats_head head;
	bool begun;

	(void)err;
	cm_stats_head(&head);
	begun = cm_stats_ask();
	if (!rq->is_api) {
		wait_for_round(head.tried_ms);
		cm_reply_redirect(rp, "/statistics");
		return 0;
	}
	answer = json_object_new_object();
	cm_json_set_bool(answer, "success", begun);
	cm_json_set_str(answer, "message",
			begun ? "Stats refresh started in background" : "Stats refresh already in progress");
	if (!begun) {
		cm_json_set_str(answer, "error", "Stats refresh already in progress");
		cm_json_set_str(answer, "code", cm_err_word(CM_EBUSY));
	}
	cm_reply_json(rp, begun ? 200 : 409, answer);
	return 0;
}

static void add_series(struct json_object *data, const struct cm_stats_series *s)
{
	static const char *const names[CM_STATS_METRICS] = {
		"cpu_percent", "memory", "network_in_rate", "network_out_rate", "block_read_rate", "block_write_rate"
	};
	char text[48];

	for (size_t m = 0; m < CM_STATS_METRICS; m++) {
		struct json_object *list = json_object_new_array_ext(CM_STATS_POINTS);

		for (size_t i = 0; i < CM_STATS_POINTS; i++) {
			double v = (double)s->v[m][i];

			snprintf(text, sizeof(text), m == CM_STATS_CPU ? "%.2f" : "%.0f", v);
			json_object_array_add(list, v < 0 ? NULL : json_object_new_double_s(v, text));
		}
		cm_json_set(data, names[m], list);
	}
}

int cm_page_container_statistics(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *span = cm_form_str(rq->get, "span", "hour");
	cm_autofree struct cm_stats_series *s = cm_alloc(sizeof(*s));
	enum cm_stats_span which = cm_str_eq(span, "day") ? CM_STATS_DAY : CM_STATS_HOUR;
	struct cm_stats_now c;
	struct json_object *data;
	char at[32];

	if (which == CM_STATS_HOUR && !cm_str_eq(span, "hour"))
		return cm_err_set(err, CM_EINVAL, "span must be hour or day");
	if (!cm_stats_one(rq->params[0], &c) || !cm_stats_series(c.id, which, s))
		return cm_err_set(err, CM_ENOTFOUND,
				  "There are no statistics of a container %.80s: there is none, or it was not measured "
				  "yet.",
				  rq->params[0]);
	data = cm_view_data(rp);
	cm_json_set_str(data, "id", c.id);
	cm_json_set_str(data, "name", c.name);
	cm_json_set_int(data, "step_seconds", s->step_ms / 1000);
	cm_time_rfc3339(at, s->end_ms);
	cm_json_set_str(data, "end_at", s->end_ms ? at : NULL);
	add_series(data, s);
	return 0;
}
