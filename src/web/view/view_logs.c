/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_logs.h"

#include <stdio.h>
#include <string.h>

#include "core/ansi.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"

enum { HITS_MAX = 64, SOURCE_COLOURS = 6 };

typedef void (*piece_fn)(void *ctx, const char *class, bool hit, const char *text, size_t len);

/* Where the text that was searched for stands in the line as it is shown. */
struct pieces {
	size_t from[HITS_MAX], to[HITS_MAX], hits, at, next;
	piece_fn fn;
	void *ctx;
};

static void hits_find(struct pieces *p, const struct cm_log_line *line, const char *find)
{
	cm_autobuf struct cm_buf plain = CM_BUF_INIT(CM_LOG_LINE_MAX * 3 + 1);
	const char *s;

	if (find[0] == '\0')
		return;
	cm_ansi_plain(&plain, line->text, line->len);
	s = plain.data;
	while (p->hits < HITS_MAX && (s = strcasestr(s, find)) != NULL) {
		p->from[p->hits] = (size_t)(s - plain.data);
		s += strlen(find);
		p->to[p->hits++] = (size_t)(s - plain.data);
	}
}

static void class_of(char dst[64], const struct cm_ansi_style *s)
{
	int n = 0;

	dst[0] = '\0';
	if (s->fg != 0)
		n += snprintf(dst + n, 64 - (size_t)n, " f%d", s->fg);
	if (s->bg != 0)
		n += snprintf(dst + n, 64 - (size_t)n, " g%d", s->bg);
	snprintf(dst + n, 64 - (size_t)n, "%s%s%s%s%s%s", s->bold ? " bold" : "", s->dim ? " dim" : "",
		 s->italic ? " italic" : "", s->underline ? " under" : "", s->inverse ? " inverse" : "",
		 s->strike ? " strike" : "");
}

static void on_run(void *ctx, const struct cm_ansi_style *style, const char *text, size_t len)
{
	struct pieces *p = ctx;
	char class[64];

	class_of(class, style);
	while (len > 0) {
		size_t n = len;
		bool hit;

		while (p->next < p->hits && p->to[p->next] <= p->at)
			p->next++;
		hit = p->next < p->hits && p->from[p->next] <= p->at;
		if (hit && p->to[p->next] - p->at < n)
			n = p->to[p->next] - p->at;
		else if (!hit && p->next < p->hits && p->from[p->next] - p->at < n)
			n = p->from[p->next] - p->at;
		p->fn(p->ctx, class[0] == ' ' ? class + 1 : class, hit, text, n);
		p->at += n;
		text += n;
		len -= n;
	}
}

static void pieces_of(const struct cm_log_line *line, const char *find, piece_fn fn, void *ctx)
{
	struct pieces p = { .fn = fn, .ctx = ctx };

	hits_find(&p, line, find);
	cm_ansi_runs(line->text, line->len, on_run, &p);
	if (line->cut)
		fn(ctx, "dim", false, " (the rest of this line is left out)", 36);
}

/* "11-22 18:45:12.035" */
static void time_of(char dst[32], const struct cm_log_line *line)
{
	char text[32];

	cm_time_rfc3339(text, line->at_ns / 1000000);
	snprintf(dst, 32, "%s", text[0] != '\0' ? text + 5 : "");
	if (text[0] != '\0') {
		dst[5] = ' ';
		dst[18] = '\0';
	}
}

static void source_class(char dst[32], size_t source)
{
	snprintf(dst, 32, "s%zu", source % SOURCE_COLOURS + 1);
}

static void span_add(void *ctx, const char *class, bool hit, const char *text, size_t len)
{
	struct json_object *o = json_object_new_object(), *value = json_object_new_string_len(text, (int)len);

	if (class[0] == '\0' && !hit) {
		cm_json_set(o, "plain", value);
	} else {
		cm_json_set(o, "plain", NULL);
		cm_json_set(o, "text", value);
		cm_json_set_str(o, "class", class[0] != '\0' ? class : NULL);
		cm_json_set_bool(o, "is_hit", hit);
	}
	json_object_array_add(ctx, o);
}

struct json_object *cm_view_log_line(const struct cm_log_line *line, const struct cm_view_logs_ctx *ctx)
{
	struct json_object *o = json_object_new_object(), *spans = json_object_new_array(), *source = NULL;
	char text[32];

	cm_json_set_str(o, "class", line->is_stderr ? "err" : NULL);
	time_of(text, line);
	cm_json_set_str(o, "time_text", ctx->times && text[0] != '\0' ? text : NULL);
	if (ctx->count > 1) {
		source = json_object_new_object();
		cm_json_set_str(source, "name", ctx->sources[line->source].name);
		source_class(text, line->source);
		cm_json_set_str(source, "class", text);
	}
	cm_json_set(o, "source", source);
	pieces_of(line, ctx->find, span_add, spans);
	cm_json_set(o, "spans", spans);
	return o;
}

static void run_add(void *ctx, const char *class, bool hit, const char *text, size_t len)
{
	struct json_object *run = json_object_new_array();

	json_object_array_add(run, json_object_new_string_len(text, (int)len));
	if (class[0] != '\0' || hit)
		cm_json_add_str(run, class);
	if (hit)
		json_object_array_add(run, json_object_new_int(1));
	json_object_array_add(ctx, run);
}

static struct json_object *event_line(const struct cm_log_line *line, const struct cm_view_logs_ctx *ctx)
{
	struct json_object *o = json_object_new_object(), *runs = json_object_new_array();
	char text[32];

	time_of(text, line);
	if (ctx->times && text[0] != '\0')
		cm_json_set_str(o, "t", text);
	if (line->is_stderr)
		cm_json_set_int(o, "e", 1);
	if (ctx->count > 1) {
		source_class(text, line->source);
		cm_json_set_str(o, "c", text);
		cm_json_set_str(o, "n", ctx->sources[line->source].name);
	}
	pieces_of(line, ctx->find, run_add, runs);
	cm_json_set(o, "r", runs);
	return o;
}

void cm_view_log_event(struct cm_buf *out, const struct cm_log_batch *batch, const struct cm_view_logs_ctx *ctx)
{
	cm_autojson struct json_object *o = json_object_new_object();
	struct json_object *lines = json_object_new_array();
	cm_autofree char *text = NULL;

	for (size_t i = 0; i < batch->count; i++)
		json_object_array_add(lines, event_line(&batch->lines[i], ctx));
	cm_json_set_int(o, "skipped", (int64_t)batch->skipped);
	if (batch->note[0] != '\0')
		cm_json_set_str(o, "note", batch->note);
	cm_json_set(o, "lines", lines);
	text = cm_json_text(o);
	cm_buf_str(out, text);
}
