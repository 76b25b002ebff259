/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole log as a stream. One container's bytes go through as they are; with a filter, line by line. Several are read
 * by a thread each, a few lines ahead, and the earliest line is written next.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "service/engine.h"
#include "service/logs.h"

enum { OUT_FLUSH = 64 << 10, OUT_MAX = 1 << 20, AHEAD_LINES = 256, AHEAD_BYTES = 256 << 10 };

struct out {
	const struct cm_logs_query *q;
	int fd;
	bool times;
	struct cm_buf buf;
	const atomic_bool *stop;
};

static int left(struct cm_err *err)
{
	return cm_err_set(err, CM_ECANCELLED, "The reader left.");
}

static int out_flush(struct out *o, struct cm_err *err)
{
	int rc = o->buf.len > 0 ? cm_fd_write_all(o->fd, o->buf.data, o->buf.len) : 0;

	cm_buf_reset(&o->buf);
	return rc != 0 ? left(err) : 0;
}

static int out_line(struct out *o, const struct cm_log_line *line, const char *name, struct cm_err *err)
{
	if (o->times)
		cm_log_time_add(&o->buf, line->at_ns);
	if (name != NULL)
		cm_buf_printf(&o->buf, "%s | ", name);
	cm_buf_add(&o->buf, line->text, line->len);
	cm_buf_str(&o->buf, line->cut ? " [cut]\n" : "\n");
	return o->buf.len >= OUT_FLUSH ? out_flush(o, err) : 0;
}

static int through(void *ctx, int stream, const void *data, size_t len, struct cm_err *err)
{
	struct out *o = ctx;

	(void)stream;
	if (len >= OUT_FLUSH / 2) {
		int rc = out_flush(o, err);

		return rc < 0 ? rc : cm_fd_write_all(o->fd, data, len) != 0 ? left(err) : 0;
	}
	cm_buf_add(&o->buf, data, len);
	return o->buf.len >= OUT_FLUSH ? out_flush(o, err) : 0;
}

static int filtered(void *ctx, const struct cm_log_line *line, struct cm_err *err)
{
	struct out *o = ctx;

	return cm_logs_match(o->q, line) ? out_line(o, line, NULL, err) : 0;
}

static bool is_stopped(void *ctx)
{
	return atomic_load((const atomic_bool *)ctx);
}

static struct cm_logs_spec spec_of(const struct cm_logs_query *q, bool times)
{
	return (struct cm_logs_spec){ .no_stdout = q->no_stdout,
				      .no_stderr = q->no_stderr,
				      .timestamps = times,
				      .tail = -1,
				      .since_ns = q->since_ns,
				      .until_ns = q->until_ns };
}

static int write_one(const struct cm_app *app, const struct cm_logs_source *s, struct out *o, struct cm_err *err)
{
	bool lines_wanted = o->q->find[0] != '\0';
	struct cm_logs_spec spec = spec_of(o->q, o->times || lines_wanted);
	struct cm_log_lines lines;
	struct cm_docker *d;
	int rc = cm_engine_get(app, &d, err);

	if (rc < 0)
		return rc;
	cm_docker_set_cancel(d, is_stopped, (void *)o->stop);
	cm_log_lines_init(&lines, filtered, o);
	if (lines_wanted)
		rc = cm_container_logs(d, s->id, &spec, cm_log_lines_feed, &lines, err);
	else
		rc = cm_container_logs(d, s->id, &spec, through, o, err);
	if (rc == 0)
		rc = cm_log_lines_end(&lines, err);
	cm_log_lines_release(&lines);
	cm_docker_set_cancel(d, NULL, NULL);
	return rc == 0 ? out_flush(o, err) : rc;
}

/* One of several logs, read ahead. */
struct ahead {
	struct merge *m;
	const struct cm_logs_source *source;
	struct cm_log_line lines[AHEAD_LINES]; /* a ring; texts are owned */
	size_t head, count, bytes;
	bool ended;
	struct cm_err err;
	pthread_t thread;
};

struct merge {
	const struct cm_app *app;
	const struct cm_logs_query *q;
	atomic_bool stop;
	pthread_mutex_t lock;
	pthread_cond_t more, room;
	struct ahead *readers;
	size_t count, started;
};

static int ahead_line(void *ctx, const struct cm_log_line *line, struct cm_err *err)
{
	struct ahead *a = ctx;
	struct merge *m = a->m;
	struct cm_log_line mine;

	if (!cm_logs_match(m->q, line))
		return 0;
	mine = cm_log_line_copy(line);
	pthread_mutex_lock(&m->lock);
	while (!atomic_load(&m->stop) && (a->count == AHEAD_LINES || (a->count > 0 && a->bytes > AHEAD_BYTES)))
		pthread_cond_wait(&m->room, &m->lock);
	if (atomic_load(&m->stop)) {
		pthread_mutex_unlock(&m->lock);
		free(mine.text);
		return left(err);
	}
	a->lines[(a->head + a->count++) % AHEAD_LINES] = mine;
	a->bytes += mine.len;
	pthread_cond_signal(&m->more);
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static void *ahead_run(void *arg)
{
	struct ahead *a = arg;
	struct cm_logs_spec spec = spec_of(a->m->q, true);
	struct cm_log_lines lines;
	struct cm_err err = { 0 };
	struct cm_docker *d;
	int rc = cm_engine_get(a->m->app, &d, &err);

	cm_log_lines_init(&lines, ahead_line, a);
	if (rc == 0) {
		cm_docker_set_cancel(d, is_stopped, &a->m->stop);
		rc = cm_container_logs(d, a->source->id, &spec, cm_log_lines_feed, &lines, &err);
	}
	if (rc == 0)
		rc = cm_log_lines_end(&lines, &err);
	cm_log_lines_release(&lines);
	pthread_mutex_lock(&a->m->lock);
	a->ended = true;
	if (rc < 0)
		a->err = err;
	pthread_cond_signal(&a->m->more);
	pthread_mutex_unlock(&a->m->lock);
	return NULL;
}

/* The log whose next line is the earliest; waits until each has one or has ended. NULL: all have. The lock is held. */
static struct ahead *earliest(struct merge *m)
{
	for (;;) {
		struct ahead *best = NULL;
		bool wait = false;

		for (size_t i = 0; i < m->count; i++) {
			struct ahead *a = &m->readers[i];

			wait |= a->count == 0 && !a->ended;
			if (a->count > 0 && (best == NULL || a->lines[a->head].at_ns < best->lines[best->head].at_ns))
				best = a;
		}
		if (!wait)
			return best;
		pthread_cond_wait(&m->more, &m->lock);
	}
}

static int merge_write(struct merge *m, struct out *o, struct cm_err *err)
{
	struct ahead *a;
	int rc = 0;

	pthread_mutex_lock(&m->lock);
	while (rc == 0 && (a = earliest(m)) != NULL) {
		struct cm_log_line line = a->lines[a->head];

		a->head = (a->head + 1) % AHEAD_LINES;
		a->count--;
		a->bytes -= line.len;
		pthread_cond_broadcast(&m->room);
		pthread_mutex_unlock(&m->lock);
		rc = atomic_load(o->stop) ? left(err) : out_line(o, &line, a->source->name, err);
		free(line.text);
		pthread_mutex_lock(&m->lock);
	}
	for (size_t i = 0; rc == 0 && i < m->count; i++)
		if (m->readers[i].err.code != 0) {
			rc = m->readers[i].err.code;
			if (err != NULL)
				*err = m->readers[i].err;
		}
	pthread_mutex_unlock(&m->lock);
	return rc == 0 ? out_flush(o, err) : rc;
}

static void merge_end(struct merge *m)
{
	atomic_store(&m->stop, true);
	pthread_mutex_lock(&m->lock);
	pthread_cond_broadcast(&m->room);
	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; i < m->started; i++) {
		struct ahead *a = &m->readers[i];

		pthread_join(a->thread, NULL);
		for (; a->count > 0; a->count--, a->head = (a->head + 1) % AHEAD_LINES)
			free(a->lines[a->head].text);
	}
	free(m->readers);
	pthread_mutex_destroy(&m->lock);
	pthread_cond_destroy(&m->more);
	pthread_cond_destroy(&m->room);
}

static int write_several(const struct cm_app *app, const struct cm_logs_source *sources, size_t count, struct out *o,
			 struct cm_err *err)
{
	struct merge m = { .app = app, .q = o->q, .count = count };
	int rc = 0;

	m.readers = cm_alloc_array(count, sizeof(*m.readers));
	pthread_mutex_init(&m.lock, NULL);
	pthread_cond_init(&m.more, NULL);
	pthread_cond_init(&m.room, NULL);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		m.readers[i].m = &m;
		m.readers[i].source = &sources[i];
		if (pthread_create(&m.readers[i].thread, NULL, ahead_run, &m.readers[i]) != 0)
			rc = cm_err_set(err, CM_ENOMEM, "Too much is read at once: try again in a moment.");
		else
			m.started++;
	}
	if (rc == 0)
		rc = merge_write(&m, o, err);
	merge_end(&m);
	return rc;
}

int cm_logs_write(const struct cm_app *app, const struct cm_logs_source *sources, size_t count,
		  const struct cm_logs_query *q, bool times, int fd, const atomic_bool *stop, struct cm_err *err)
{
	struct out o = { .q = q, .fd = fd, .times = times, .stop = stop };
	int rc;

	cm_buf_init(&o.buf, OUT_MAX);
	rc = count == 1 ? write_one(app, sources, &o, err) : write_several(app, sources, count, &o, err);
	cm_buf_release(&o.buf);
	return rc < 0 ? -1 : 0;
}
