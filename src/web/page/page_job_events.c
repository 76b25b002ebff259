/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A job as server-sent events: "progress" with the whole job whenever it changed, "done" at its end. The stream asks
 * the database twice a second: the job may run in another process. A comment now and then keeps proxies from closing it
 * and finds out that nobody listens any more.
 */
#include <poll.h>
#include <string.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "jobs/queue.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view/view_job.h"

enum { ASK_MS = 500, SLICE_MS = 100, PING_MS = 15000, LONGEST_MS = 3600 * 1000, EVENT_MAX = 1 << 20 };

struct watch {
	char id[CM_UUID_LEN + 1];
	enum cm_role role;
	int64_t version; /* of what was sent last; -1: nothing yet */
	int64_t sent_ms;
};

static int send_event(int fd, const char *name, struct json_object *o)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(EVENT_MAX);
	cm_autofree char *json = cm_json_text(o);

	cm_buf_printf(&text, "event: %s\ndata: %s\n\n", name, json);
	return cm_buf_failed(&text) ? -1 : cm_fd_write_all(fd, text.data, text.len);
}

/* One look at the job. 1: it is over; 0: it goes on; -1: the stream cannot go on. */
static int look(struct watch *w, int fd)
{
	struct cm_view_who who = { w->role, cm_now_ms() };
	struct json_object *view;
	struct cm_job job;
	struct cm_err err;
	int rc = cm_queue_get(w->id, &job, &err), over = 0;

	if (rc == CM_EBUSY)
		return 0;
	if (rc != 0)
		return -1;
	over = cm_job_state_over(job.state);
	rc = 0;
	if (job.version != w->version || over) {
		view = cm_view_job(&job, 0, &who);
		rc = send_event(fd, "progress", view);
		if (rc == 0 && over)
			rc = send_event(fd, "done", view);
		json_object_put(view);
		w->version = job.version;
		w->sent_ms = cm_monotonic_ms();
	}
	cm_job_release(&job);
	return rc != 0 ? -1 : over;
}

/* Waits for the next look; false when the stream should end. */
static bool wait_a_bit(const atomic_bool *stop, int fd)
{
	for (int ms = 0; ms < ASK_MS; ms += SLICE_MS) {
		struct pollfd p = { .fd = fd };

		if (atomic_load(stop))
			return false;
		if (poll(&p, 1, SLICE_MS) > 0 && p.revents & (POLLERR | POLLHUP | POLLNVAL))
			return false;
	}
	return !atomic_load(stop);
}

static int produce(void *arg, int fd, const atomic_bool *stop)
{
	static const char begin[] = "retry: 2000\n\n", ping[] = ": still here\n\n";
	struct watch *w = arg;
	int64_t end = cm_monotonic_ms() + LONGEST_MS;
	int over = cm_fd_write_all(fd, begin, sizeof(begin) - 1);

	while (over == 0 && cm_monotonic_ms() < end) {
		over = look(w, fd);
		if (over == 0 && cm_monotonic_ms() - w->sent_ms > PING_MS) {
			over = cm_fd_write_all(fd, ping, sizeof(ping) - 1);
			w->sent_ms = cm_monotonic_ms();
		}
		if (over == 0 && !wait_a_bit(stop, fd))
			return 0;
	}
	return over < 0 ? -1 : 0;
}

int cm_page_job_events(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct watch *w;
	struct cm_job job;
	int rc = cm_queue_get(rq->params[0], &job, err);

	if (rc != 0)
		return rc;
	w = cm_alloc(sizeof(*w));
	memcpy(w->id, job.id, sizeof(w->id));
	w->role = rq->role;
	w->version = -1;
	w->sent_ms = cm_monotonic_ms();
	cm_job_release(&job);
	cm_reply_header(rp, "cache-control", "no-store");
	cm_reply_header(rp, "x-accel-buffering", "no");
	cm_reply_stream(rp, "text/event-stream; charset=utf-8", -1, produce, free, w);
	return 0;
}
