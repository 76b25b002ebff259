/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/deflate_ring.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "archive/block.h"
#include "core/mem.h"

enum slot_state { FREE, READY, BUSY, DONE };

struct slot {
	uint8_t *in, *out;
	uint32_t in_len;
	size_t out_len;
	enum slot_state state;
};

struct cm_deflate_ring {
	struct cm_deflate_options o;
	cm_deflate_out_fn out;
	void *ctx;
	struct slot slots[CM_RING_SLOTS];
	uint64_t slot_count;
	uint8_t *memory;
	size_t memory_len;
	struct cm_deflater *own; /* without threads */
	struct slot *filling;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t pushed, claimed, written; /* running numbers; the slot is number % slot_count */
	bool quit, failed;
	struct cm_err err;
	pthread_t workers[CM_RING_THREADS], writer;
	unsigned started;
	bool writer_started;
};

static void fail(struct cm_deflate_ring *r, const struct cm_err *err)
{
	pthread_mutex_lock(&r->lock);
	if (!r->failed) {
		r->failed = true;
		r->err = *err;
	}
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

static int compress(struct cm_deflate_ring *r, struct cm_deflater *d, struct slot *s, struct cm_err *err)
{
	return cm_deflate(d, s->in, s->in_len, s->out, cm_block_bound(r->o.block), &s->out_len, err);
}

static void *work(void *arg)
{
	struct cm_deflate_ring *r = arg;
	struct cm_deflater *d = NULL;
	struct cm_err err = { 0 };

	if (cm_deflater_new(r->o.codec, r->o.level, &d, &err) < 0)
		fail(r, &err);
	pthread_mutex_lock(&r->lock);
	for (;;) {
		while (r->claimed == r->pushed && !r->quit)
			pthread_cond_wait(&r->changed, &r->lock);
		if (r->claimed == r->pushed)
			break;
		struct slot *s = &r->slots[r->claimed++ % r->slot_count];
		s->state = BUSY;
		bool skip = r->failed;
		pthread_mutex_unlock(&r->lock);
		if (!skip && compress(r, d, s, &err) < 0)
			fail(r, &err);
		pthread_mutex_lock(&r->lock);
		s->state = DONE;
		pthread_cond_broadcast(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
	cm_deflater_free(d);
	return NULL;
}

/* After a failure it goes on emptying slots, so that nobody waits for ever. */
static void *write_out(void *arg)
{
	struct cm_deflate_ring *r = arg;
	struct cm_err err = { 0 };

	pthread_mutex_lock(&r->lock);
	for (;;) {
		struct slot *s = &r->slots[r->written % r->slot_count];
		while (!(r->written < r->pushed && s->state == DONE) && !(r->quit && r->written == r->pushed))
			pthread_cond_wait(&r->changed, &r->lock);
		if (r->written == r->pushed)
			break;
		bool skip = r->failed;
		pthread_mutex_unlock(&r->lock);
		if (!skip && r->out(r->ctx, s->in_len, s->out, (uint32_t)s->out_len, &err) < 0)
			fail(r, &err);
		pthread_mutex_lock(&r->lock);
		s->state = FREE;
		r->written++;
		pthread_cond_broadcast(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static size_t page_up(size_t n)
{
	return (n + 4095) & ~(size_t)4095;
}

static int map_slots(struct cm_deflate_ring *r, struct cm_err *err)
{
	size_t in = page_up(r->o.block), out = page_up(cm_block_bound(r->o.block));

	r->slot_count = r->o.threads == 0 ? 1 : r->o.threads + 3;
	if (r->slot_count > CM_RING_SLOTS)
		r->slot_count = CM_RING_SLOTS;
	r->memory_len = r->slot_count * (in + out);
	r->memory = mmap(NULL, r->memory_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->memory == MAP_FAILED) {
		r->memory = NULL;
		return cm_err_set(err, CM_ENOMEM, "Out of memory while compressing.");
	}
	for (size_t i = 0; i < r->slot_count; i++) {
		r->slots[i].in = r->memory + i * (in + out);
		r->slots[i].out = r->slots[i].in + in;
	}
	return 0;
}

static int start(struct cm_deflate_ring *r, struct cm_err *err)
{
	if (r->o.threads == 0)
		return cm_deflater_new(r->o.codec, r->o.level, &r->own, err);
	for (; r->started < r->o.threads; r->started++)
		if (pthread_create(&r->workers[r->started], NULL, work, r) != 0)
			return cm_err_set(err, CM_ENOMEM, "No thread could be started for compressing.");
	r->writer_started = pthread_create(&r->writer, NULL, write_out, r) == 0;
	return r->writer_started ? 0 : cm_err_set(err, CM_ENOMEM, "No thread could be started for compressing.");
}

int cm_deflate_ring_new(const struct cm_deflate_options *o, cm_deflate_out_fn out, void *ctx,
			struct cm_deflate_ring **ret, struct cm_err *err)
{
	struct cm_deflate_ring *r = cm_alloc(sizeof(*r));

	r->o = *o;
	if (r->o.threads > CM_RING_THREADS)
		r->o.threads = CM_RING_THREADS;
	r->out = out;
	r->ctx = ctx;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	int rc = map_slots(r, err);
	if (rc == 0)
		rc = start(r, err);
	if (rc < 0) {
		cm_deflate_ring_free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void cm_deflate_ring_free(struct cm_deflate_ring *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->quit = true;
	r->failed = true; /* what still waits is not written */
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	for (unsigned i = 0; i < r->started; i++)
		pthread_join(r->workers[i], NULL);
	if (r->writer_started)
		pthread_join(r->writer, NULL);
	cm_deflater_free(r->own);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	if (r->memory != NULL)
		munmap(r->memory, r->memory_len);
	free(r);
}

static int failure(struct cm_deflate_ring *r, struct cm_err *err)
{
	if (err != NULL)
		*err = r->err;
	return r->err.code;
}

int cm_deflate_ring_space(struct cm_deflate_ring *r, uint8_t **ret_data, size_t *ret_len, struct cm_err *err)
{
	if (r->filling == NULL) {
		pthread_mutex_lock(&r->lock);
		struct slot *s = &r->slots[r->pushed % r->slot_count];
		while (s->state != FREE && !r->failed)
			pthread_cond_wait(&r->changed, &r->lock);
		bool failed = r->failed;
		pthread_mutex_unlock(&r->lock);
		if (failed)
			return failure(r, err);
		s->in_len = 0;
		r->filling = s;
	}
	*ret_data = r->filling->in + r->filling->in_len;
	*ret_len = r->o.block - r->filling->in_len;
	return 0;
}

static int push(struct cm_deflate_ring *r, struct cm_err *err)
{
	struct slot *s = r->filling;

	r->filling = NULL;
	if (r->o.threads == 0) {
		if (r->failed)
			return failure(r, err);
		if (compress(r, r->own, s, &r->err) < 0 ||
		    r->out(r->ctx, s->in_len, s->out, (uint32_t)s->out_len, &r->err) < 0) {
			r->failed = true;
			return failure(r, err);
		}
		return 0;
	}
	pthread_mutex_lock(&r->lock);
	s->state = READY;
	r->pushed++;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	return 0;
}

int cm_deflate_ring_grew(struct cm_deflate_ring *r, size_t len, struct cm_err *err)
{
	r->filling->in_len += (uint32_t)len;
	return r->filling->in_len == r->o.block ? push(r, err) : 0;
}

int cm_deflate_ring_put(struct cm_deflate_ring *r, const void *data, size_t len, struct cm_err *err)
{
	const uint8_t *p = data;
	uint8_t *to = NULL;
	size_t room = 0;

	while (len > 0) {
		int rc = cm_deflate_ring_space(r, &to, &room, err);
		if (rc < 0)
			return rc;
		size_t n = len < room ? len : room;
		memcpy(to, p, n);
		if ((rc = cm_deflate_ring_grew(r, n, err)) < 0)
			return rc;
		p += n;
		len -= n;
	}
	return 0;
}

int cm_deflate_ring_zero(struct cm_deflate_ring *r, uint64_t len, struct cm_err *err)
{
	uint8_t *to = NULL;
	size_t room = 0;

	while (len > 0) {
		int rc = cm_deflate_ring_space(r, &to, &room, err);
		if (rc < 0 || to == NULL)
			return rc;
		size_t n = len < room ? (size_t)len : room;
		memset(to, 0, n);
		if ((rc = cm_deflate_ring_grew(r, n, err)) < 0)
			return rc;
		len -= n;
	}
	return 0;
}

int cm_deflate_ring_break(struct cm_deflate_ring *r, size_t min, struct cm_err *err)
{
	if (r->filling == NULL || r->filling->in_len == 0 || r->filling->in_len < min)
		return 0;
	return push(r, err);
}

int cm_deflate_ring_drain(struct cm_deflate_ring *r, struct cm_err *err)
{
	int rc = cm_deflate_ring_break(r, 0, err);

	if (rc < 0)
		return rc;
	pthread_mutex_lock(&r->lock);
	while (r->written < r->pushed && !r->failed)
		pthread_cond_wait(&r->changed, &r->lock);
	bool failed = r->failed;
	pthread_mutex_unlock(&r->lock);
	return failed ? failure(r, err) : 0;
}
