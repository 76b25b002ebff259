/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which containers' logs, and which lines of them, a request asks for. */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/form.h"
#include "web/page/page_logs.h"
#include "web/route.h"

enum { TAIL_USUAL = 100 };
static const int64_t second_ns = 1000000000;

/* "15m": seconds; 0 when it is no such thing. */
static int64_t span_seconds(const char *text)
{
	static const struct {
		char unit;
		int seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	char digits[16];
	size_t len = strlen(text);
	int64_t n;

	if (len < 2 || len > sizeof(digits))
		return 0;
	memcpy(digits, text, len - 1);
	digits[len - 1] = '\0';
	for (size_t i = 0; i < CM_COUNT(units); i++)
		if (text[len - 1] == units[i].unit && cm_str_i64(digits, 1, 100000000, &n))
			return n * units[i].seconds;
	return 0;
}

/* A time as people, forms and programs write it: "15m" ago, unix seconds, "2026-11-22", "2026-11-22T18:45", RFC 3339.
 * No zone is UTC. */
static int time_read(const struct cm_request *rq, const char *name, int64_t *ret_ns, struct cm_err *err)
{
	const char *text = cm_form_str(rq->get, name, NULL);
	char full[64];
	int64_t n, span;

	if (text == NULL)
		return 0;
	span = span_seconds(text);
	if (span > 0) {
		n = cm_now_ms() - span * 1000;
		*ret_ns = n > 0 ? n * 1000000 : 1;
		return 0;
	}
	if (cm_str_i64(text, 1, INT32_MAX * (int64_t)2, &n)) {
		*ret_ns = n * second_ns;
		return 0;
	}
	snprintf(full, sizeof(full), "%.40s%s", text,
		 strlen(text) == 10   ? "T00:00:00"
		 : strlen(text) == 16 ? ":00"
				      : "");
	if (!cm_time_parse(full, &n) || n <= 0)
		return cm_err_set(err, CM_EINVAL,
				  "%s is no time: write 2026-11-22T18:45, or 15m, 1h, 24h for so long ago.", name);
	*ret_ns = n * 1000000;
	return 0;
}

static int sources_read(struct cm_request *rq, struct cm_logs_ask *ask, struct cm_err *err)
{
	size_t pos = 0;
	const char *id = rq->params[0];
	int rc = 0;

	ask->stack = id == NULL ? cm_form_str(rq->get, "stack", NULL) : NULL;
	if (ask->stack != NULL)
		return cm_logs_stack(rq->app, ask->stack, ask->sources, &ask->count, &ask->all, err);
	if (id == NULL)
		id = cm_form_each(rq->get, "with", &pos);
	if (id == NULL)
		return cm_err_set(err, CM_EINVAL, "Name a stack, as in /logs?stack=NAME.");
	for (; rc == 0 && id != NULL; id = cm_form_each(rq->get, "with", &pos)) {
		struct cm_logs_source *s = &ask->sources[ask->count];
		bool known = false;

		if (id[0] == '\0')
			continue;
		if (ask->count == CM_LOGS_SOURCES)
			return cm_err_set(err, CM_EINVAL, "At most %d logs can be read together.", CM_LOGS_SOURCES);
		rc = cm_logs_source(rq->app, id, s, err);
		for (size_t i = 0; rc == 0 && i < ask->count; i++)
			known |= strcmp(ask->sources[i].id, s->id) == 0;
		ask->count += rc == 0 && !known;
	}
	ask->all = ask->count;
	return rc;
}

static int tail_read(const struct cm_request *rq, struct cm_logs_ask *ask, struct cm_err *err)
{
	const char *text = cm_form_str(rq->get, "tail", "");
	int64_t n = TAIL_USUAL;

	ask->tail_all = cm_str_eq(text, "all");
	ask->tail = rq->is_api ? CM_LOGS_TAIL_MAX : CM_LOGS_SHOWN;
	if (ask->tail_all)
		return 0;
	/* What is no number counts as none, as the predecessor has it. */
	if (cm_str_i64(text, INT32_MIN, INT32_MAX, &n) && n < 0)
		return cm_err_set(err, CM_EINVAL, "tail must be at least 0");
	if (n > CM_LOGS_TAIL_MAX)
		return cm_err_set(err, CM_EINVAL, "tail must be at most %d", CM_LOGS_TAIL_MAX);
	if ((size_t)n < ask->tail)
		ask->tail = (size_t)n;
	return 0;
}

int cm_logs_ask_read(struct cm_request *rq, struct cm_logs_ask *ret, struct cm_err *err)
{
	const char *stream = cm_form_str(rq->get, "stream", "");
	int rc;

	*ret = (struct cm_logs_ask){ .times = cm_form_bool(rq->get, "timestamps",
							   !rq->is_api && rq->route->template != NULL) };
	ret->q.no_stdout = cm_str_eq(stream, "stderr") || !cm_form_bool(rq->get, "stdout", true);
	ret->q.no_stderr = cm_str_eq(stream, "stdout") || !cm_form_bool(rq->get, "stderr", true);
	if (ret->q.no_stdout && ret->q.no_stderr)
		return cm_err_set(err, CM_EINVAL, "Choose standard output, standard error, or both.");
	if (!cm_str_copy(ret->q.find, sizeof(ret->q.find), cm_form_str(rq->get, "q", "")))
		return cm_err_set(err, CM_EINVAL, "The search text is longer than %d bytes.", CM_LOGS_FIND_MAX);
	rc = tail_read(rq, ret, err);
	rc = rc < 0 ? rc : time_read(rq, "last", &ret->q.since_ns, err);
	rc = rc < 0 ? rc : time_read(rq, "since", &ret->q.since_ns, err);
	rc = rc < 0 ? rc : time_read(rq, "until", &ret->q.until_ns, err);
	if (rc == 0 && ret->q.until_ns > 0 && ret->q.until_ns < ret->q.since_ns)
		rc = cm_err_set(err, CM_EINVAL, "The end lies before the beginning.");
	return rc < 0 ? rc : sources_read(rq, ret, err);
}

void cm_logs_ask_name(const struct cm_logs_ask *ask, char dst[300])
{
	if (ask->stack != NULL)
		snprintf(dst, 300, "stack %.250s", ask->stack);
	else if (ask->count == 1)
		snprintf(dst, 300, "%s", ask->sources[0].name);
	else if (ask->count == 2)
		snprintf(dst, 300, "%.140s and %.140s", ask->sources[0].name, ask->sources[1].name);
	else
		snprintf(dst, 300, "%.250s and %zu more", ask->sources[0].name, ask->count - 1);
}
