/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/volume_sizes.h"

#include <pthread.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/volume.h"
#include "service/engine.h"

enum { OLD_MS = 10000, SHARE = 10, FIRST_WAIT_MS = 250 };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t done;
	char *text;		/* the sizes as JSON: objects of json-c belong to one thread */
	int64_t at_ms, next_ms; /* next_ms: monotonic */
	bool measuring, tried;
	char error[512];
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };
static pthread_once_t known_once = PTHREAD_ONCE_INIT;

static void known_begin(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&known.done, &attr);
	pthread_condattr_destroy(&attr);
}

static void *measure(void *arg)
{
	const struct cm_app *app = arg;
	cm_autojson struct json_object *sizes = NULL;
	struct cm_err err = { 0 };
	struct cm_docker *d;
	int64_t began = cm_monotonic_ms(), took;
	int rc = cm_engine_get(app, &d, &err);

	rc = rc < 0 ? rc : cm_volume_sizes(d, &sizes, &err);
	took = cm_monotonic_ms() - began;
	pthread_mutex_lock(&known.lock);
	known.error[0] = '\0';
	if (rc < 0) {
		cm_str_copy(known.error, sizeof(known.error), err.text);
	} else {
		free(known.text);
		known.text = cm_json_text(sizes);
		known.at_ms = cm_now_ms();
	}
	known.next_ms = cm_monotonic_ms() + (took * SHARE > OLD_MS ? took * SHARE : OLD_MS);
	known.measuring = false;
	known.tried = true;
	pthread_cond_broadcast(&known.done);
	pthread_mutex_unlock(&known.lock);
	return NULL;
}

/* The caller holds the lock. */
static void measure_begin(const struct cm_app *app)
{
	pthread_t thread;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	known.measuring = pthread_create(&thread, &attr, measure, (void *)app) == 0;
	pthread_attr_destroy(&attr);
}

void cm_volume_sizes_get(const struct cm_app *app, struct cm_volume_sizes *ret)
{
	struct timespec end = cm_monotonic_after(FIRST_WAIT_MS);

	*ret = (struct cm_volume_sizes){ 0 };
	pthread_once(&known_once, known_begin);
	pthread_mutex_lock(&known.lock);
	if (!known.measuring && cm_monotonic_ms() >= known.next_ms)
		measure_begin(app);
	while (known.measuring && !known.tried && pthread_cond_timedwait(&known.done, &known.lock, &end) == 0)
		;
	if (known.text == NULL || cm_json_parse(known.text, strlen(known.text), &ret->by_name, NULL) < 0)
		ret->by_name = json_object_new_object();
	ret->at_ms = known.at_ms;
	ret->measuring = known.measuring;
	cm_str_copy(ret->error, sizeof(ret->error), known.error);
	pthread_mutex_unlock(&known.lock);
}

void cm_volume_sizes_release(struct cm_volume_sizes *s)
{
	json_object_put(s->by_name);
	s->by_name = NULL;
}

int64_t cm_volume_sizes_of(const struct cm_volume_sizes *s, const char *name)
{
	return cm_json_int(s->by_name, name, -1);
}
