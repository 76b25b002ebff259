/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/log_follow.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "service/engine.h"
#include "service/logs_keep.h"

enum { CATCH_UP_LINES = 100000, FOLLOW_BYTES = 1 << 20, RETRY_MS = 1000 };

struct reader {
	struct cm_log_follow *f;
	struct cm_logs_source source;
	size_t number;
	int64_t next_ns; /* what comes before it was read */
	pthread_t thread;
	bool started;
};

struct cm_log_follow {
	const struct cm_app *app;
	struct cm_logs_query q;
	struct reader *readers;
	size_t count;
	atomic_bool stop;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t some, ended;
	struct cm_logs_keep keep;
	char note[1024];
	size_t left; /* readers that go on */
};

static bool stopped(void *ctx)
{
	const struct cm_log_follow *f = ctx;

	return atomic_load(&f->stop);
}

static int on_line(void *ctx, const struct cm_log_line *line, struct cm_err *err)
{
	struct reader *r = ctx;
	struct cm_log_line mine = *line;

	(void)err;
	if (line->at_ns >= r->next_ns)
		r->next_ns = line->at_ns + 1;
	mine.source = r->number;
	if (!cm_logs_match(&r->f->q, &mine))
		return 0;
	pthread_mutex_lock(&r->f->lock);
	cm_logs_keep_add(&r->f->keep, &mine);
	pthread_cond_signal(&r->f->some);
	pthread_mutex_unlock(&r->f->lock);
	return 0;
}

static void tell(struct cm_log_follow *f, const char *sentence)
{
	size_t len;

	pthread_mutex_lock(&f->lock);
	len = strlen(f->note);
	if (len > 0 && len + 1 < sizeof(f->note))
		f->note[len++] = ' ';
	cm_str_copy(f->note + len, sizeof(f->note) - len, sentence);
	pthread_cond_signal(&f->some);
	pthread_mutex_unlock(&f->lock);
}

/* Until the container stops, or something breaks. */
static int follow_once(struct reader *r, struct cm_docker *d, struct cm_err *err)
{
	struct cm_logs_spec spec = {
		.follow = true, .timestamps = true, .tail = CATCH_UP_LINES, .since_ns = r->next_ns
	};
	struct cm_log_lines lines;
	int rc;

	cm_log_lines_init(&lines, on_line, r);
	rc = cm_container_logs(d, r->source.id, &spec, cm_log_lines_feed, &lines, err);
	if (rc == 0)
		rc = cm_log_lines_end(&lines, err);
	cm_log_lines_release(&lines);
	return rc;
}

static void rest(struct cm_log_follow *f)
{
	struct timespec end = cm_monotonic_after(RETRY_MS);

	pthread_mutex_lock(&f->lock);
	while (!atomic_load(&f->stop) && pthread_cond_timedwait(&f->ended, &f->lock, &end) == 0)
		;
	pthread_mutex_unlock(&f->lock);
}

/* What a person wants to know: that it stopped, that it runs again, that it is gone, that the engine is away. */
static void tell_state(struct reader *r, int rc, const struct cm_err *err, bool running, bool was_running, int was)
{
	char text[800];

	if (rc == CM_ENOTFOUND)
		snprintf(text, sizeof(text), "%s was removed.", r->source.name);
	else if (rc < 0 && rc != was)
		snprintf(text, sizeof(text), "%s: %.300s", r->source.name, err->text);
	else if (rc == 0 && was_running && !running)
		snprintf(text, sizeof(text), "%s has stopped. What it writes after a start is shown here.",
			 r->source.name);
	else if (rc == 0 && !was_running && running)
		snprintf(text, sizeof(text), "%s runs again.", r->source.name);
	else
		return;
	tell(r->f, text);
}

static void *run(void *arg)
{
	struct reader *r = arg;
	bool running = r->source.running;
	int was = 0;

	while (!atomic_load(&r->f->stop)) {
		struct cm_logs_source now;
		struct cm_err err = { 0 };
		struct cm_docker *d;
		int rc = cm_engine_get(r->f->app, &d, &err);

		if (rc == 0)
			cm_docker_set_cancel(d, stopped, r->f);
		if (rc == 0)
			rc = follow_once(r, d, &err);
		if (rc == CM_ECANCELLED)
			break;
		if (rc == 0)
			rc = cm_logs_source(r->f->app, r->source.id, &now, &err);
		if (rc != 0)
			now.running = running;
		tell_state(r, rc, &err, now.running, running, was);
		running = now.running;
		was = rc;
		if (rc == CM_ENOTFOUND || rc == CM_EUNSUPPORTED)
			break;
		rest(r->f);
	}
	pthread_mutex_lock(&r->f->lock);
	r->f->left--;
	pthread_cond_signal(&r->f->some);
	pthread_mutex_unlock(&r->f->lock);
	return NULL;
}

int cm_log_follow_open(const struct cm_app *app, const struct cm_logs_source *sources, size_t count,
		       const struct cm_logs_query *q, struct cm_log_follow **ret, struct cm_err *err)
{
	struct cm_log_follow *f = cm_alloc(sizeof(*f));
	pthread_condattr_t attr;

	f->app = app;
	f->q = *q;
	f->count = count;
	f->readers = cm_alloc_array(count + 1, sizeof(*f->readers));
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&f->some, &attr);
	pthread_cond_init(&f->ended, &attr);
	pthread_condattr_destroy(&attr);
	cm_logs_keep_init(&f->keep, CM_LOG_FOLLOW_LINES);
	f->keep.max_bytes = FOLLOW_BYTES;
	f->left = count;
	for (size_t i = 0; i < count; i++) {
		struct reader *r = &f->readers[i];

		*r = (struct reader){ .f = f, .source = sources[i], .number = i };
		r->next_ns = q->since_ns > 0 ? q->since_ns : cm_now_ms() * 1000000;
		r->started = pthread_create(&r->thread, NULL, run, r) == 0;
		if (!r->started) {
			pthread_mutex_lock(&f->lock);
			f->left -= count - i;
			pthread_mutex_unlock(&f->lock);
			cm_log_follow_close(f);
			return cm_err_set(err, CM_ENOMEM, "Too much is followed at once: try again in a moment.");
		}
	}
	*ret = f;
	return 0;
}

void cm_log_follow_take(struct cm_log_follow *f, int ms, struct cm_log_batch *ret)
{
	struct timespec end = cm_monotonic_after(ms);
	bool older;

	*ret = (struct cm_log_batch){ 0 };
	pthread_mutex_lock(&f->lock);
	while (f->keep.count == 0 && f->note[0] == '\0' && f->left > 0 &&
	       pthread_cond_timedwait(&f->some, &f->lock, &end) == 0)
		;
	ret->skipped = f->keep.dropped;
	ret->lines = cm_logs_keep_take(&f->keep, f->count > 1, CM_LOG_FOLLOW_LINES, &ret->count, &older);
	f->keep.dropped = 0;
	cm_str_copy(ret->note, sizeof(ret->note), f->note);
	f->note[0] = '\0';
	ret->over = f->left == 0;
	pthread_mutex_unlock(&f->lock);
}

void cm_log_batch_release(struct cm_log_batch *b)
{
	cm_log_lines_free(b->lines, b->count);
	*b = (struct cm_log_batch){ 0 };
}

void cm_log_follow_close(struct cm_log_follow *f)
{
	atomic_store(&f->stop, true);
	pthread_mutex_lock(&f->lock);
	pthread_cond_broadcast(&f->ended);
	pthread_mutex_unlock(&f->lock);
	for (size_t i = 0; i < f->count; i++)
		if (f->readers[i].started)
			pthread_join(f->readers[i].thread, NULL);
	cm_logs_keep_release(&f->keep);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->some);
	pthread_cond_destroy(&f->ended);
	free(f->readers);
	free(f);
}
