/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/measured.h"

#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/engine.h"

enum { SHARE = 10, FIRST_WAIT_MS = 250 };

/* The caller holds the lock. */
static void begin(struct cm_measured *m)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->done, &attr);
	pthread_condattr_destroy(&attr);
	m->begun = true;
}

static void *ask(void *arg)
{
	struct cm_measured *m = arg;
	cm_autojson struct json_object *answer = NULL;
	int64_t began = cm_monotonic_ms(), rest;
	struct cm_err err = { 0 };
	struct cm_docker *d;
	int rc = cm_engine_get(m->app, &d, &err);

	rc = rc < 0 ? rc : m->ask(d, &answer, &err);
	rest = (cm_monotonic_ms() - began) * SHARE;
	pthread_mutex_lock(&m->lock);
	m->error[0] = '\0';
	if (rc < 0) {
		cm_str_copy(m->error, sizeof(m->error), err.text);
	} else {
		free(m->text);
		m->text = cm_json_text(answer);
		m->at_ms = cm_now_ms();
	}
	m->next_ms = cm_monotonic_ms() + (rest > m->old_ms ? rest : m->old_ms);
	m->asking = false;
	m->tried = true;
	pthread_cond_broadcast(&m->done);
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

/* The caller holds the lock. */
static void ask_begin(struct cm_measured *m, const struct cm_app *app)
{
	pthread_t thread;
	pthread_attr_t attr;

	m->app = app;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	m->asking = pthread_create(&thread, &attr, ask, m) == 0;
	pthread_attr_destroy(&attr);
}

void cm_measured_get(struct cm_measured *m, const struct cm_app *app, struct cm_measured_answer *ret)
{
	struct timespec end = cm_monotonic_after(FIRST_WAIT_MS);

	*ret = (struct cm_measured_answer){ 0 };
	pthread_mutex_lock(&m->lock);
	if (!m->begun)
		begin(m);
	if (!m->asking && cm_monotonic_ms() >= m->next_ms)
		ask_begin(m, app);
	while (m->asking && !m->tried && pthread_cond_timedwait(&m->done, &m->lock, &end) == 0)
		;
	if (m->text == NULL || cm_json_parse(m->text, strlen(m->text), &ret->value, NULL) < 0)
		ret->value = json_object_new_object();
	ret->at_ms = m->at_ms;
	ret->asking = m->asking;
	cm_str_copy(ret->error, sizeof(ret->error), m->error);
	pthread_mutex_unlock(&m->lock);
}
