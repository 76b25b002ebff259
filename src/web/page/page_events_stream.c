/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine's events as server-sent events, as they are kept: {"type","action","id","name"}, enough for a page to know
 * that it should look again. Commands inside containers are left out. The stream looks at a counter in shared memory
 * and asks the database only when that moved.
 */
#include <poll.h>
#include <string.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/engine_events.h"
#include "web/page.h"
#include "web/reply.h"

enum { SLICE_MS = 200, PING_MS = 15000, LONGEST_MS = 15 * 60 * 1000, BATCH = 200, TEXT_MAX = 1 << 20 };

struct stream {
	int64_t last_id;
	unsigned seen;
};

static int send_events(int fd, const struct cm_event_list *events)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(TEXT_MAX);

	for (size_t i = 0; i < events->count; i++) {
		const struct cm_event *e = &events->rows[i];
		cm_autojson struct json_object *o = json_object_new_object();
		cm_autofree char *json = NULL;

		cm_json_set_str(o, "type", e->type);
		cm_json_set_str(o, "action", e->action);
		cm_json_set_str(o, "id", e->object_id);
		cm_json_set_str(o, "name", e->name);
		json = cm_json_text(o);
		cm_buf_printf(&text, "event: engine\nid: %lld\ndata: %s\n\n", (long long)e->id, json);
	}
	return cm_buf_failed(&text) ? -1 : cm_fd_write_all(fd, text.data, text.len);
}

/* What came since the last look. A database that is busy is asked again. */
static int look(struct stream *s, int fd, bool *ret_sent)
{
	struct cm_event_query q = { .after_id = s->last_id, .without_exec = true, .limit = BATCH };
	unsigned seen = cm_events_seen();
	struct cm_event_list events;
	int rc;

	*ret_sent = false;
	if (seen == s->seen || cm_events_list(&q, &events, NULL) != 0)
		return 0;
	if (events.count < BATCH)
		s->seen = seen;
	rc = events.count > 0 ? send_events(fd, &events) : 0;
	*ret_sent = events.count > 0;
	if (events.count > 0)
		s->last_id = events.rows[events.count - 1].id;
	cm_event_list_release(&events);
	return rc;
}

static bool wait_a_bit(int fd, const atomic_bool *stop)
{
	struct pollfd p = { .fd = fd };

	return !atomic_load(stop) && !(poll(&p, 1, SLICE_MS) > 0 && p.revents & (POLLERR | POLLHUP | POLLNVAL)) &&
	       !atomic_load(stop);
}

static int produce(void *arg, int fd, const atomic_bool *stop)
{
	static const char begin[] = "retry: 3000\nevent: ready\ndata: {}\n\n", ping[] = ": still here\n\n";
	int64_t end = cm_monotonic_ms() + LONGEST_MS, sent = cm_monotonic_ms();
	struct stream *s = arg;
	int rc = cm_fd_write_all(fd, begin, sizeof(begin) - 1);

	while (rc == 0 && cm_monotonic_ms() < end && wait_a_bit(fd, stop)) {
		bool any;

		rc = look(s, fd, &any);
		if (rc == 0 && !any && cm_monotonic_ms() - sent > PING_MS) {
			rc = cm_fd_write_all(fd, ping, sizeof(ping) - 1);
			any = true;
		}
		if (any)
			sent = cm_monotonic_ms();
	}
	return rc;
}

int cm_page_events_stream(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *last = cm_request_header(rq, "last-event-id");
	int64_t newest = 0, nano = 0, id = 0;
	unsigned seen = cm_events_seen();
	struct stream *s;
	int rc = cm_events_last(&newest, &nano, err);

	if (rc != 0)
		return rc;
	s = cm_alloc(sizeof(*s));
	s->last_id = newest;
	s->seen = seen;
	/* It was here before: also what came meanwhile. */
	if (last != NULL && cm_str_i64(last, 1, newest, &id)) {
		s->last_id = id;
		s->seen = seen - 1;
	}
	cm_reply_header(rp, "cache-control", "no-store");
	cm_reply_header(rp, "x-accel-buffering", "no");
	cm_reply_stream(rp, "text/event-stream; charset=utf-8", -1, produce, free, s);
	return 0;
}
