/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/engine_events.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "core/clock.h"
#include "core/str.h"

/* In memory of all workers after cm_events_share(). */
struct shared {
	pthread_mutex_t lock;
	struct cm_events_state state;
	atomic_uint seen;
};

static struct shared own = { .lock = PTHREAD_MUTEX_INITIALIZER }, *shared = &own;

int cm_events_share(struct cm_err *err)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attr;

	if (s == MAP_FAILED)
		return cm_err_set(err, CM_ENOMEM, "Out of memory at the start.");
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&s->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	shared = s;
	return 0;
}

static void lock(void)
{
	if (pthread_mutex_lock(&shared->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&shared->lock);
}

void cm_events_state(struct cm_events_state *ret)
{
	lock();
	*ret = shared->state;
	pthread_mutex_unlock(&shared->lock);
}

void cm_events_state_set(bool following, const char *error)
{
	struct cm_events_state *s = &shared->state;

	lock();
	if (s->since_ms == 0 || s->following != following)
		s->since_ms = cm_now_ms();
	s->following = following;
	cm_str_copy(s->error, sizeof(s->error), error ? error : "");
	pthread_mutex_unlock(&shared->lock);
}

unsigned cm_events_seen(void)
{
	return atomic_load(&shared->seen);
}

void cm_events_seen_more(void)
{
	atomic_fetch_add(&shared->seen, 1);
}
