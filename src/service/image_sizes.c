/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/image_sizes.h"

#include <pthread.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "docker/image.h"
#include "service/engine.h"

/* At most a tenth of the time is spent counting. */
enum { OLD_MS = 60000, SHARE = 10, FIRST_WAIT_MS = 250 };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t done;
	char *text;		/* the sizes as JSON: objects of json-c belong to one thread */
	int64_t at_ms, next_ms; /* next_ms: monotonic */
	bool counting, tried;
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

static void *count(void *arg)
{
	cm_autojson struct json_object *sizes = NULL;
	int64_t began = cm_monotonic_ms(), took;
	struct cm_docker *d;
	int rc = cm_engine_get(arg, &d, NULL);

	rc = rc < 0 ? rc : cm_image_shared_sizes(d, &sizes, NULL);
	took = (cm_monotonic_ms() - began) * SHARE;
	pthread_mutex_lock(&known.lock);
	if (rc == 0) {
		free(known.text);
		known.text = cm_json_text(sizes);
		known.at_ms = cm_now_ms();
	}
	known.next_ms = cm_monotonic_ms() + (took > OLD_MS ? took : OLD_MS);
	known.counting = false;
	known.tried = true;
	pthread_cond_broadcast(&known.done);
	pthread_mutex_unlock(&known.lock);
	return NULL;
}

/* The caller holds the lock. */
static void count_begin(const struct cm_app *app)
{
	pthread_t thread;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	known.counting = pthread_create(&thread, &attr, count, (void *)(uintptr_t)app) == 0;
	pthread_attr_destroy(&attr);
}

void cm_image_sizes_get(const struct cm_app *app, struct cm_image_sizes *ret)
{
	struct timespec end = cm_monotonic_after(FIRST_WAIT_MS);

	*ret = (struct cm_image_sizes){ 0 };
	pthread_once(&known_once, known_begin);
	pthread_mutex_lock(&known.lock);
	if (!known.counting && cm_monotonic_ms() >= known.next_ms)
		count_begin(app);
	while (known.counting && !known.tried && pthread_cond_timedwait(&known.done, &known.lock, &end) == 0)
		;
	if (known.text == NULL || cm_json_parse(known.text, strlen(known.text), &ret->shared, NULL) < 0)
		ret->shared = json_object_new_object();
	ret->at_ms = known.at_ms;
	ret->counting = known.counting;
	pthread_mutex_unlock(&known.lock);
}

void cm_image_sizes_release(struct cm_image_sizes *s)
{
	json_object_put(s->shared);
	s->shared = NULL;
}

int64_t cm_image_sizes_shared(const struct cm_image_sizes *s, const char *id)
{
	return cm_json_int(s->shared, id, -1);
}
