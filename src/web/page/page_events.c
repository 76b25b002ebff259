/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events: what happened on the engine? From the database, which the follower fills; the engine is not asked.
 */
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/engine_events.h"
#include "service/stats_board.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_events.h"

enum { ROWS = 100, REFRESH_SECONDS = 15, HOUR_MS = 3600 * 1000, OLD_ENOUGH_MS = 5000 };

static const struct {
	const char *word, *text;
	int64_t ms;
} spans[] = {
	{ "1h", "Last hour", HOUR_MS },
	{ "24h", "Last 24 hours", 24LL * HOUR_MS },
	{ "7d", "Last 7 days", 7LL * 24 * HOUR_MS },
};

/* Unix seconds, as the predecessor takes them. */
static int seconds_read(const struct cm_request *rq, const char *name, int64_t *ret_ms, struct cm_err *err)
{
	const char *text = cm_form_str(rq->get, name, NULL);
	int64_t s;

	if (text == NULL)
		return 0;
	if (!cm_str_i64(text, 0, INT64_MAX / 1000000000, &s))
		return cm_err_set(err, CM_EINVAL, "%s must be a valid integer", name);
	*ret_ms = s * 1000;
	return 0;
}

static int query_read(const struct cm_request *rq, struct cm_list *list, struct cm_event_query *q, struct cm_err *err)
{
	const char *last = cm_form_str(rq->get, "last", NULL);
	int rc = cm_list_parse(rq, NULL, rq->is_api ? CM_EVENTS_MAX : ROWS, CM_EVENTS_MAX, list, err);

	*q = (struct cm_event_query){ .type = cm_form_str(rq->get, "type", NULL),
				      .action = cm_form_str(rq->get, "action", NULL),
				      .object = cm_form_str(rq->get, "object", NULL),
				      .search = list->q,
				      .without_exec = !rq->is_api,
				      .limit = list->limit,
				      .offset = list->offset };
	rc = rc < 0 ? rc : seconds_read(rq, "since", &q->since_ms, err);
	rc = rc < 0 ? rc : seconds_read(rq, "until", &q->until_ms, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; last != NULL && i < CM_COUNT(spans); i++)
		if (strcmp(spans[i].word, last) == 0)
			q->since_ms = cm_now_ms() - spans[i].ms;
	if (last != NULL && q->since_ms == 0)
		return cm_err_set(err, CM_EINVAL, "last must be 1h, 24h or 7d");
	/* The predecessor counts until as part of it. */
	q->until_ms += q->until_ms != 0 ? 1000 : 0;
	if (q->since_ms == 0)
		q->since_ms = (q->until_ms ? q->until_ms : cm_now_ms()) - 24LL * HOUR_MS;
	return 0;
}

/* Containers by their id, for events that name them so. */
static struct json_object *names_load(void)
{
	struct json_object *names = json_object_new_object();
	cm_autofree struct cm_stats_now *all = NULL;
	size_t count = cm_stats_all(&all);

	for (size_t i = 0; i < count; i++)
		cm_json_set_str(names, all[i].id, all[i].name);
	return names;
}

static void add_types(struct json_object *filters, const char *chosen)
{
	struct json_object *list = json_object_new_array(), *words = NULL;
	bool found = chosen == NULL;
	char text[64];

	if (cm_events_words(NULL, &words, NULL) != 0)
		words = NULL;
	cm_view_choice(list, "", "All types", NULL, chosen == NULL);
	for (size_t i = 0; i < cm_json_len(words); i++) {
		const char *word = json_object_get_string(json_object_array_get_idx(words, i));

		found = found || cm_str_eq(word, chosen);
		cm_event_type_text(text, word);
		cm_view_choice(list, word, text, NULL, cm_str_eq(word, chosen));
	}
	if (!found)
		cm_view_choice(list, chosen, chosen, NULL, true);
	json_object_put(words);
	cm_json_set(filters, "type", list);
}

/* Of the chosen type, when one is; commands inside containers as one, and only on demand: health checks fill pages. */
static void add_actions(struct json_object *filters, const char *type, const char *chosen)
{
	struct json_object *list = json_object_new_array(), *words = NULL;
	bool found = chosen == NULL || cm_str_eq(chosen, "exec"), exec = false;

	if (cm_events_words(type ? type : "", &words, NULL) != 0)
		words = NULL;
	cm_view_choice(list, "", "All actions", NULL, chosen == NULL);
	for (size_t i = 0; i < cm_json_len(words); i++) {
		const char *word = json_object_get_string(json_object_array_get_idx(words, i));

		if (cm_event_is_exec(word) && !cm_str_eq(word, chosen)) {
			exec = true;
			continue;
		}
		found = found || cm_str_eq(word, chosen);
		cm_view_choice(list, word, cm_event_action_text(word), NULL, cm_str_eq(word, chosen));
	}
	if (exec || cm_str_eq(chosen, "exec"))
		cm_view_choice(list, "exec", cm_event_action_text("exec"), NULL, cm_str_eq(chosen, "exec"));
	if (!found)
		cm_view_choice(list, chosen, cm_event_action_text(chosen), NULL, true);
	json_object_put(words);
	cm_json_set(filters, "action", list);
}

static void add_state(struct json_object *data)
{
	struct json_object *o = json_object_new_object();
	struct cm_events_state s;
	int64_t now = cm_now_ms();

	cm_events_state(&s);
	cm_json_set_bool(o, "is_following", s.following);
	/* A moment without is the start, or an engine that is restarted. */
	cm_json_set_bool(o, "is_failed", s.since_ms != 0 && !s.following && now - s.since_ms > OLD_ENOUGH_MS);
	cm_json_set_str(o, "error", s.error[0] ? s.error : NULL);
	cm_view_time(o, "since", s.since_ms, now);
	cm_json_set(data, "follow", o);
}

static void add_page(struct cm_request *rq, struct json_object *data, const struct cm_event_query *q, int64_t total)
{
	const char *last = cm_form_str(rq->get, "last", "24h");
	struct json_object *filters = json_object_new_object(), *choice = json_object_new_array();
	bool filtered = q->type || q->action || q->object || q->search[0] != '\0';
	char count[96];

	for (size_t i = 0; i < CM_COUNT(spans); i++)
		cm_view_choice(choice, spans[i].word, spans[i].text, NULL, cm_str_eq(spans[i].word, last));
	cm_json_set(filters, "last", choice);
	add_types(filters, q->type);
	add_actions(filters, q->type, q->action);
	cm_json_set(data, "filters", filters);
	cm_count_text(count, total, "event", "events");
	cm_json_set_str(data, "total_text", count);
	cm_json_set_str(data, "object", q->object);
	cm_json_set_bool(data, "is_filtered", filtered);
	cm_json_set_bool(data, "is_empty", total == 0 && !filtered);
	cm_json_set_bool(data, "is_no_match", total == 0 && filtered);
	cm_json_set_int(data, "refresh_seconds", REFRESH_SECONDS);
	/* Further pages stand still. */
	cm_json_set_bool(data, "is_live", q->offset == 0);
	cm_view_keep(data, rq, "object");
}

int cm_page_events(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *names = NULL;
	struct cm_event_list events = { 0 };
	struct json_object *data, *rows;
	struct cm_event_query q;
	struct cm_list list = { 0 };
	int rc = query_read(rq, &list, &q, err);

	rc = rc < 0 ? rc : cm_events_list(&q, &events, err);
	if (rc < 0)
		return rc;
	data = cm_view_data(rp);
	names = names_load();
	rows = json_object_new_array();
	for (size_t i = 0; i < events.count; i++)
		json_object_array_add(rows, cm_view_event(&events.rows[i], names, cm_now_ms()));
	cm_view_list(data, rq, &list, NULL, (int64_t)events.count, events.total);
	cm_json_set_int(data, "count", (int64_t)events.count);
	add_state(data);
	if (!rq->is_api)
		add_page(rq, data, &q, events.total);
	cm_json_set(data, "events", rows);
	cm_event_list_release(&events);
	return 0;
}
