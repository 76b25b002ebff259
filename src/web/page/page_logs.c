/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a container, or several, wrote: the last lines, searched and chosen, as a page or as text.
 */
#include "web/page/page_logs.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_logs.h"

enum { TEXT_MAX = 64 << 20 };

static const char *const tails[] = { "100", "500", "1000", "all" };

static struct json_object *tail_choices(const struct cm_logs_ask *ask)
{
	struct json_object *list = json_object_new_array();
	char now[32];
	bool found = false;

	snprintf(now, sizeof(now), "%zu", ask->tail);
	if (ask->tail_all)
		cm_str_copy(now, sizeof(now), "all");
	for (size_t i = 0; i < CM_COUNT(tails); i++)
		found |= cm_str_eq(tails[i], now);
	if (!found)
		cm_view_choice(list, now, now, NULL, true);
	for (size_t i = 0; i < CM_COUNT(tails); i++)
		cm_view_choice(list, tails[i], tails[i], NULL, cm_str_eq(tails[i], now));
	return list;
}

static void choices_add(struct json_object *data, const struct cm_request *rq, const struct cm_logs_ask *ask)
{
	struct json_object *streams = json_object_new_array(), *lasts = json_object_new_array(),
			   *times = json_object_new_array();
	const char *last = cm_form_str(rq->get, "last", "");
	bool both = !ask->q.no_stdout && !ask->q.no_stderr;

	cm_view_choice(streams, "", "Both outputs", NULL, both);
	cm_view_choice(streams, "stdout", "Standard output", NULL, !both && !ask->q.no_stdout);
	cm_view_choice(streams, "stderr", "Standard error", NULL, !both && !ask->q.no_stderr);
	cm_view_choice(lasts, "", "Any time", NULL, last[0] == '\0');
	cm_view_choice(lasts, "15m", "Last 15 minutes", NULL, cm_str_eq(last, "15m"));
	cm_view_choice(lasts, "1h", "Last hour", NULL, cm_str_eq(last, "1h"));
	cm_view_choice(lasts, "24h", "Last 24 hours", NULL, cm_str_eq(last, "24h"));
	cm_view_choice(times, "1", "With times", NULL, ask->times);
	cm_view_choice(times, "0", "Without times", NULL, !ask->times);
	cm_json_set(data, "tails", tail_choices(ask));
	cm_json_set(data, "streams", streams);
	cm_json_set(data, "lasts", lasts);
	cm_json_set(data, "times", times);
	cm_json_set_str(data, "query", ask->q.find);
	cm_json_set_str(data, "since", cm_form_str(rq->get, "since", ""));
	cm_json_set_str(data, "until", cm_form_str(rq->get, "until", ""));
}

/* The fields that say whose logs these are go along with the form. */
static void keep_add(struct json_object *data, const struct cm_request *rq)
{
	struct json_object *keep = json_object_new_array();

	for (size_t i = 0; i < cm_form_count(rq->get); i++) {
		const char *name = cm_form_name_at(rq->get, i);
		struct json_object *o;

		if (!cm_str_eq(name, "with") && !cm_str_eq(name, "stack"))
			continue;
		o = json_object_new_object();
		cm_json_set_str(o, "name", name);
		cm_json_set_str(o, "value", cm_form_value_at(rq->get, i));
		json_object_array_add(keep, o);
	}
	cm_json_set(data, "keep", keep);
}

/* This page's query under another path. */
static char *other_url(const struct cm_request *rq, const char *path, const char *extra)
{
	struct cm_buf url = CM_BUF_INIT(16384);
	const char *sep = "?";

	cm_buf_str(&url, path);
	for (size_t i = 0; i < cm_form_count(rq->get); i++) {
		const char *name = cm_form_name_at(rq->get, i), *value = cm_form_value_at(rq->get, i);

		if (cm_str_eq(name, "tail") || cm_str_eq(name, "refresh") || cm_str_eq(name, "timestamps") ||
		    value[0] == '\0')
			continue;
		cm_buf_str(&url, sep);
		cm_url_encode(&url, name, false);
		cm_buf_char(&url, '=');
		cm_url_encode(&url, value, false);
		sep = "&";
	}
	if (extra != NULL)
		cm_buf_printf(&url, "%s%s", sep, extra);
	return cm_buf_detach(&url);
}

static void links_add(struct json_object *data, const struct cm_request *rq, const struct cm_logs_ask *ask,
		      const struct cm_logs_list *list)
{
	cm_autofree char *path =
	    rq->params[0] != NULL ? cm_url_make("/logs/%s/download", rq->params[0]) : cm_strdup("/logs/download");
	cm_autofree char *events = rq->params[0] != NULL ? cm_url_make("/api/container/%s/logs/stream", rq->params[0])
							 : cm_strdup("/api/logs/stream");
	int64_t last_ns = list->count > 0 ? list->lines[list->count - 1].at_ns : cm_now_ms() * 1000000;
	cm_autofree char *from = cm_asprintf("from_ns=%lld&timestamps=%d", (long long)last_ns, ask->times);
	cm_autofree char *download = other_url(rq, path, ask->times ? "timestamps=1" : NULL);
	cm_autofree char *follow = other_url(rq, events, from);
	cm_autofree char *refresh = cm_view_href(rq, "refresh", "5"), *still = cm_view_href(rq, "refresh", NULL);
	bool refreshes = cm_form_bool(rq->get, "refresh", cm_form_str(rq->get, "refresh", NULL) != NULL);

	cm_json_set_str(data, "form_action", rq->path);
	cm_json_set_str(data, "clear_url", rq->path);
	cm_json_set_str(data, "download_url", download);
	cm_json_set_str(data, "follow_url", ask->q.until_ns == 0 ? follow : NULL);
	cm_json_set_str(data, "refresh_url", refreshes ? NULL : refresh);
	cm_json_set_str(data, "still_url", refreshes ? still : NULL);
	cm_json_set(data, "refresh_seconds", refreshes ? json_object_new_int(5) : NULL);
	cm_json_set(data, "stack", NULL);
	if (ask->count == 1 && ask->sources[0].stack[0] != '\0') {
		struct json_object *o = json_object_new_object();

		cm_json_set_str(o, "name", ask->sources[0].stack);
		cm_view_url(o, "url", "/logs?stack=%s", ask->sources[0].stack);
		cm_json_set(data, "stack", o);
	}
}

static void sources_add(struct json_object *data, const struct cm_logs_ask *ask)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; ask->count > 1 && i < ask->count; i++) {
		struct json_object *o = json_object_new_object();

		cm_json_set_str(o, "name", ask->sources[i].name);
		cm_view_text(o, "class", "s%zu", i % 6 + 1);
		cm_view_url(o, "url", "/logs/%s", ask->sources[i].name);
		json_object_array_add(list, o);
	}
	cm_json_set_bool(data, "is_several", ask->count > 1);
	cm_json_set(data, "sources", list);
	cm_view_text(data, "left_out_text",
		     ask->all > ask->count ? "%zu of the %zu containers are shown: the others keep no log, or are more "
					     "than can be read together."
					   : NULL,
		     ask->count, ask->all);
}

static void texts_add(struct json_object *data, const struct cm_logs_ask *ask, const struct cm_logs_list *list)
{
	char text[96], name[300];
	bool filtered = ask->q.find[0] != '\0' || ask->q.no_stdout || ask->q.no_stderr || ask->q.since_ns > 0 ||
			ask->q.until_ns > 0;

	cm_count_text(text, (int64_t)list->count, "line", "lines");
	cm_view_text(data, "count_text", list->older ? "The last %s" : "%s", text);
	cm_logs_ask_name(ask, name);
	cm_json_set_str(data, "name", name);
	cm_json_set_bool(data, "is_empty", list->count == 0 && !filtered);
	cm_json_set_bool(data, "is_no_match", list->count == 0 && filtered);
	cm_view_text(data, "capped_text",
		     ask->tail_all && list->older ? "This page shows the last %s. The download has all of them." : NULL,
		     text);
	cm_json_set_str(data, "partial_text",
			list->partial ? "The log is too long to be searched whole for a page: only its last 20,000 "
					"lines were. The download searches all of it."
				      : NULL);
	cm_json_set_bool(data, "is_stopped", ask->count == 1 && !ask->sources[0].running);
}

/* JSON holds UTF-8 only; controls and escapes stay, being the container's own. */
static void text_add(struct cm_buf *out, const struct cm_log_line *l)
{
	for (size_t at = 0, n; at < l->len; at += n) {
		const unsigned char *p = (const unsigned char *)l->text + at;
		bool ascii = p[0] < 0x80;

		for (n = 1; at + n < l->len && (p[n] < 0x80) == ascii; n++)
			;
		if (ascii)
			cm_buf_add(out, p, n);
		else
			cm_utf8_clean(out, (const char *)p, n);
	}
}

/* As the predecessor answers: one text. */
static void text_answer(struct cm_reply *rp, const struct cm_logs_ask *ask, const struct cm_logs_list *list)
{
	struct json_object *o = json_object_new_object();
	cm_autobuf struct cm_buf text = CM_BUF_INIT(TEXT_MAX);

	for (size_t i = 0; i < list->count; i++) {
		const struct cm_log_line *l = &list->lines[i];

		if (ask->times && l->at_ns > 0)
			cm_log_time_add(&text, l->at_ns);
		if (ask->count > 1)
			cm_buf_printf(&text, "%s | ", ask->sources[l->source].name);
		text_add(&text, l);
		cm_buf_char(&text, '\n');
	}
	cm_json_set(o, "logs", json_object_new_string_len(text.data, (int)text.len));
	cm_json_set_int(o, "lines", (int64_t)list->count);
	cm_json_set_bool(o, "older", list->older);
	cm_json_set_bool(o, "partial", list->partial);
	cm_reply_json(rp, 200, o);
}

int cm_page_logs(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_logs_list list = { 0 };
	struct cm_view_logs_ctx ctx;
	struct json_object *data, *lines;
	struct cm_logs_ask ask;
	int rc = cm_logs_ask_read(rq, &ask, err);

	if (rc == 0 && ask.tail > 0)
		rc = cm_logs_last(rq->app, ask.sources, ask.count, &ask.q, ask.tail, &list, err);
	if (rc < 0)
		return rc;
	if (rq->is_api) {
		text_answer(rp, &ask, &list);
		cm_logs_list_release(&list);
		return 0;
	}
	ctx = (struct cm_view_logs_ctx){
		.sources = ask.sources, .count = ask.count, .find = ask.q.find, .times = ask.times
	};
	data = cm_view_data(rp);
	lines = json_object_new_array();
	for (size_t i = 0; i < list.count; i++)
		json_object_array_add(lines, cm_view_log_line(&list.lines[i], &ctx));
	texts_add(data, &ask, &list);
	choices_add(data, rq, &ask);
	keep_add(data, rq);
	links_add(data, rq, &ask, &list);
	sources_add(data, &ask);
	cm_json_set(data, "lines", lines);
	cm_view_title(rp, "Logs of %s", cm_json_str(data, "name", ""));
	cm_logs_list_release(&list);
	return 0;
}
