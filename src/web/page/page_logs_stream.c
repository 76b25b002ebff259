/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logs as they come, by server-sent events, and as a file. Events: "lines" ten times a second at most, with how many
 * lines were left out because they came faster; "done" when all containers are gone.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/audit.h"
#include "service/log_follow.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_logs.h"
#include "web/reply.h"
#include "web/view/view_logs.h"

enum { WAIT_MS = 500, BETWEEN_MS = 100, PING_MS = 15000, LONGEST_MS = 4 * 3600 * 1000, EVENT_MAX = 16 << 20 };

struct stream {
	const struct cm_app *app;
	struct cm_logs_ask ask;
};

static struct stream *stream_new(const struct cm_request *rq, const struct cm_logs_ask *ask)
{
	struct stream *s = cm_alloc(sizeof(*s));

	s->app = rq->app;
	s->ask = *ask;
	s->ask.stack = NULL; /* the request's */
	return s;
}

/* The last line's time is the event's id: a browser that connects again says where it was. */
static int send_batch(int fd, const struct cm_log_batch *batch, const struct cm_view_logs_ctx *ctx, int64_t *last_ns)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(EVENT_MAX);

	for (size_t i = 0; i < batch->count; i++)
		if (batch->lines[i].at_ns > *last_ns)
			*last_ns = batch->lines[i].at_ns;
	cm_buf_printf(&b, "id: %lld\nevent: lines\ndata: ", (long long)*last_ns);
	cm_view_log_event(&b, batch, ctx);
	cm_buf_str(&b, "\n\n");
	return cm_buf_failed(&b) ? -1 : cm_fd_write_all(fd, b.data, b.len);
}

/* False when nobody listens any more. */
static bool pause_a_bit(int fd, const atomic_bool *stop, int ms)
{
	struct pollfd p = { .fd = fd };

	if (atomic_load(stop))
		return false;
	return !(poll(&p, 1, ms) > 0 && p.revents & (POLLERR | POLLHUP | POLLNVAL)) && !atomic_load(stop);
}

static int follow(void *arg, int fd, const atomic_bool *stop)
{
	static const char begin[] = "retry: 2000\n\n", ping[] = ": still here\n\n",
			  done[] = "event: done\ndata: {}\n\n";
	struct stream *s = arg;
	struct cm_view_logs_ctx ctx = {
		.sources = s->ask.sources, .count = s->ask.count, .find = s->ask.q.find, .times = s->ask.times
	};
	int64_t end = cm_monotonic_ms() + LONGEST_MS, sent = cm_monotonic_ms(), last_ns = s->ask.q.since_ns;
	struct cm_log_follow *f;
	bool over = false;
	int rc = cm_fd_write_all(fd, begin, sizeof(begin) - 1);

	if (rc != 0 || cm_log_follow_open(s->app, s->ask.sources, s->ask.count, &s->ask.q, &f, NULL) != 0)
		return -1;
	while (rc == 0 && !over && cm_monotonic_ms() < end && pause_a_bit(fd, stop, BETWEEN_MS)) {
		struct cm_log_batch batch;

		cm_log_follow_take(f, WAIT_MS, &batch);
		over = batch.over;
		if (batch.count > 0 || batch.note[0] != '\0') {
			rc = send_batch(fd, &batch, &ctx, &last_ns);
			sent = cm_monotonic_ms();
		} else if (cm_monotonic_ms() - sent > PING_MS) {
			rc = cm_fd_write_all(fd, ping, sizeof(ping) - 1);
			sent = cm_monotonic_ms();
		}
		cm_log_batch_release(&batch);
	}
	cm_log_follow_close(f);
	if (rc == 0 && over)
		rc = cm_fd_write_all(fd, done, sizeof(done) - 1);
	return rc;
}

int cm_page_logs_stream(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *last = cm_request_header(rq, "last-event-id"), *from = cm_form_str(rq->get, "from_ns", NULL);
	struct cm_logs_ask ask;
	struct stream *s;
	int64_t ns = 0;
	int rc = cm_logs_ask_read(rq, &ask, err);

	if (rc < 0)
		return rc;
	if ((last != NULL && cm_str_i64(last, 1, INT64_MAX - 1, &ns)) ||
	    (from != NULL && cm_str_i64(from, 1, INT64_MAX - 1, &ns)))
		ask.q.since_ns = ns + 1;
	ask.q.until_ns = 0;
	s = stream_new(rq, &ask);
	cm_reply_header(rp, "cache-control", "no-store");
	cm_reply_header(rp, "x-accel-buffering", "no");
	cm_reply_stream(rp, "text/event-stream; charset=utf-8", -1, follow, free, s);
	return 0;
}

static int download(void *arg, int fd, const atomic_bool *stop)
{
	struct stream *s = arg;
	struct cm_err err = { 0 };
	int rc = cm_logs_write(s->app, s->ask.sources, s->ask.count, &s->ask.q, s->ask.times, fd, stop, &err);

	if (rc != 0 && err.code != CM_ECANCELLED)
		cm_warn("web", "a download of a log broke off: %s (%s)", err.text, err.detail);
	return rc;
}

static void audit_download(const struct cm_request *rq, const struct cm_logs_ask *ask, const char *name)
{
	struct json_object *details = json_object_new_object();
	struct cm_audit_event event = { .operation = "download",
					.status = "completed",
					.container_id = ask->sources[0].id,
					.container_name = ask->count == 1 ? ask->sources[0].name : name,
					.user = rq->user,
					.address = rq->client,
					.details = details };

	json_object_object_add(details, "what", json_object_new_string("log"));
	if (rq->method == CM_GET)
		(void)cm_audit(&event, NULL);
	json_object_put(details);
}

int cm_page_logs_download(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autofree char *file = NULL;
	struct cm_logs_ask ask;
	char name[300], stamp[32];
	int rc = cm_logs_ask_read(rq, &ask, err);

	if (rc < 0)
		return rc;
	cm_logs_ask_name(&ask, name);
	audit_download(rq, &ask, name);
	for (char *p = name; *p != '\0'; p++)
		if (*p == ' ' || *p == '/')
			*p = '_';
	cm_time_stamp(stamp, cm_now_ms());
	file = cm_asprintf("%s_%s.log", name, stamp);
	cm_reply_attachment(rp, file);
	cm_reply_header(rp, "cache-control", "no-store");
	cm_reply_stream(rp, "text/plain; charset=utf-8", -1, download, free, stream_new(rq, &ask));
	return 0;
}
