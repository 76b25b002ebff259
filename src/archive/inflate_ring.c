/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/inflate_ring.h"

#include <pthread.h>
#include <sys/mman.h>

#include "archive/block.h"
#include "core/mem.h"

enum { THREADS = 4, SLOTS = THREADS + 2 };
enum slot_state { FREE, BUSY, DONE, BAD, LAST };

struct slot {
	uint8_t *data;
	size_t len;
	enum slot_state state;
	struct cm_err err;
};

struct cm_inflate_ring {
	enum cm_codec codec;
	cm_inflate_fetch_fn fetch;
	void *ctx;
	struct slot slots[SLOTS];
	uint64_t slot_count;
	uint8_t *memory;
	size_t memory_len;
	unsigned threads, started;
	pthread_t workers[THREADS];

	pthread_mutex_t order; /* held while fetching: gives blocks their order */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t fetched, taken; /* running numbers */
	bool quit, ended, handed;
};

/* Waits for a free slot for the next block and marks it busy; NULL when there is nothing more to do. Called with order
 * held. */
static struct slot *claim(struct cm_inflate_ring *r)
{
	struct slot *s = NULL;

	pthread_mutex_lock(&r->lock);
	while (!r->quit && !r->ended && r->slots[r->fetched % r->slot_count].state != FREE)
		pthread_cond_wait(&r->changed, &r->lock);
	if (!r->quit && !r->ended) {
		s = &r->slots[r->fetched++ % r->slot_count];
		s->state = BUSY;
	}
	pthread_mutex_unlock(&r->lock);
	return s;
}

static void finish(struct cm_inflate_ring *r, struct slot *s, enum slot_state state)
{
	pthread_mutex_lock(&r->lock);
	s->state = state;
	if (state != DONE)
		r->ended = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

static int expand(struct cm_inflater *i, struct slot *s, const uint8_t *in, const struct cm_fetched *f)
{
	if (f->check_crc && cm_block_crc(0, in, f->len) != f->crc)
		return cm_err_set(&s->err, CM_ECORRUPT, "The backup is damaged: a compressed block has changed.");
	int rc = cm_inflate(i, in, f->len, s->data, f->size, &s->err);
	s->len = f->size;
	return rc;
}

static void *work(void *arg)
{
	struct cm_inflate_ring *r = arg;
	struct cm_inflater *i = NULL;
	const size_t cap = cm_block_bound(CM_BLOCK_MAX);
	uint8_t *in = mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool ready = in != MAP_FAILED && cm_inflater_new(r->codec, &i, NULL) == 0;

	for (;;) {
		struct cm_fetched f = { 0 };
		pthread_mutex_lock(&r->order);
		struct slot *s = claim(r);
		int rc = 0;
		if (s != NULL && !ready)
			rc = cm_err_set(&s->err, CM_ENOMEM, "Out of memory while reading a backup.");
		else if (s != NULL)
			rc = r->fetch(r->ctx, in, &f, &s->err);
		/* Told before the next thread may fetch: nothing comes after the end or after a failure. */
		if (s != NULL && (rc < 0 || f.len == 0))
			finish(r, s, rc < 0 ? BAD : LAST);
		pthread_mutex_unlock(&r->order);
		if (s == NULL || rc < 0 || f.len == 0)
			break;
		finish(r, s, expand(i, s, in, &f) < 0 ? BAD : DONE);
	}
	cm_inflater_free(i);
	if (in != MAP_FAILED)
		munmap(in, cap);
	return NULL;
}

int cm_inflate_ring_new(enum cm_codec codec, unsigned threads, cm_inflate_fetch_fn fetch, void *ctx,
			struct cm_inflate_ring **ret, struct cm_err *err)
{
	struct cm_inflate_ring *r = cm_alloc(sizeof(*r));

	r->codec = codec;
	r->fetch = fetch;
	r->ctx = ctx;
	r->threads = threads == 0 ? 1 : threads > THREADS ? THREADS : threads;
	r->slot_count = r->threads + 2;
	pthread_mutex_init(&r->order, NULL);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	r->memory_len = r->slot_count * CM_BLOCK_MAX;
	r->memory = mmap(NULL, r->memory_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool ok = r->memory != MAP_FAILED;
	if (!ok)
		r->memory = NULL;
	for (size_t i = 0; ok && i < r->slot_count; i++)
		r->slots[i].data = r->memory + i * CM_BLOCK_MAX;
	for (; ok && r->started < r->threads; r->started++)
		if (pthread_create(&r->workers[r->started], NULL, work, r) != 0)
			break;
	if (r->started == 0) {
		cm_inflate_ring_free(r);
		return cm_err_set(err, CM_ENOMEM, "Out of memory while reading a backup.");
	}
	*ret = r;
	return 0;
}

void cm_inflate_ring_free(struct cm_inflate_ring *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->quit = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	for (unsigned i = 0; i < r->started; i++)
		pthread_join(r->workers[i], NULL);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	pthread_mutex_destroy(&r->order);
	if (r->memory != NULL)
		munmap(r->memory, r->memory_len);
	free(r);
}

int cm_inflate_ring_next(struct cm_inflate_ring *r, const uint8_t **ret_data, size_t *ret_len, uint64_t *ret_block,
			 struct cm_err *err)
{
	pthread_mutex_lock(&r->lock);
	if (r->handed) {
		r->slots[r->taken % r->slot_count].state = FREE;
		r->taken++;
		r->handed = false;
		pthread_cond_broadcast(&r->changed);
	}
	struct slot *s = &r->slots[r->taken % r->slot_count];
	while (s->state == FREE || s->state == BUSY)
		pthread_cond_wait(&r->changed, &r->lock);
	r->handed = s->state == DONE;
	pthread_mutex_unlock(&r->lock);
	*ret_block = r->taken;
	if (s->state == BAD) {
		if (err != NULL)
			*err = s->err;
		return s->err.code;
	}
	*ret_data = s->data;
	*ret_len = s->state == LAST ? 0 : s->len;
	return 0;
}
