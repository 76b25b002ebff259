/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/stats_board.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/stats_parse.h"

enum { WORDS = (CM_STATS_POINTS + 31) / 32, FEW_DIGITS = 12 };

/* Points by their tick: that of tick t lies at t % CM_STATS_POINTS, when its bit is set. */
struct ring {
	int64_t last; /* tick of the newest */
	uint32_t known[WORDS];
	float v[CM_STATS_METRICS][CM_STATS_POINTS];
};

struct history {
	struct ring fine, wide;
	/* Of the wide tick that is not over yet. */
	int64_t wide_tick;
	double sum[CM_STATS_METRICS];
	int count;
};

struct place {
	bool used, seen;
	struct cm_stats_now now;
	struct history history;
};

struct board {
	pthread_mutex_t lock;
	struct cm_stats_head head;
	bool busy[CM_STATS_WORKS];
	int64_t tick; /* of the last round */
	atomic_uint asked;
	struct history host;
	struct place places[CM_STATS_CONTAINERS];
};

static struct board *board;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void board_make(void)
{
	pthread_mutexattr_t attr;
	struct board *b;

	if (board != NULL)
		return;
	b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b == MAP_FAILED)
		return;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&b->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	b->head.disk_containers = b->head.disk_images = b->head.disk_volumes = -1;
	board = b;
}

int cm_stats_share(struct cm_err *err)
{
	pthread_once(&once, board_make);
	return board != NULL ? 0 : cm_err_set(err, CM_ENOMEM, "Out of memory at the start.");
}

/* A worker that died while it held the lock wrote at worst half a sample: the next one replaces it. */
static struct board *board_lock(void)
{
	pthread_once(&once, board_make);
	if (board == NULL)
		abort();
	if (pthread_mutex_lock(&board->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&board->lock);
	return board;
}

static void board_unlock(void)
{
	pthread_mutex_unlock(&board->lock);
}

/* ---- History ---- */
static void ring_put(struct ring *r, int64_t tick, const double v[CM_STATS_METRICS])
{
	size_t at = (size_t)(tick % CM_STATS_POINTS);

	if (r->last == 0 || tick < r->last || tick - r->last >= CM_STATS_POINTS)
		memset(r->known, 0, sizeof(r->known));
	else
		for (int64_t t = r->last + 1; t < tick; t++)
			r->known[t % CM_STATS_POINTS / 32] &= ~(1U << (t % CM_STATS_POINTS % 32));
	for (size_t m = 0; m < CM_STATS_METRICS; m++)
		r->v[m][at] = (float)v[m];
	r->known[at / 32] |= 1U << (at % 32);
	r->last = tick;
}

static bool ring_has(const struct ring *r, int64_t tick)
{
	size_t at = (size_t)(tick % CM_STATS_POINTS);

	return r->last != 0 && tick > 0 && tick <= r->last && r->last - tick < CM_STATS_POINTS &&
	       (r->known[at / 32] & (1U << (at % 32))) != 0;
}

/* The wide point of the time that still runs is kept up to date, so that a chart of the day ends now. */
static void history_put(struct history *h, int64_t tick, const double v[CM_STATS_METRICS])
{
	int64_t wide = tick * CM_STATS_EVERY_MS / CM_STATS_WIDE_MS;
	double mean[CM_STATS_METRICS];

	ring_put(&h->fine, tick, v);
	if (wide != h->wide_tick) {
		h->wide_tick = wide;
		h->count = 0;
		memset(h->sum, 0, sizeof(h->sum));
	}
	h->count++;
	for (size_t m = 0; m < CM_STATS_METRICS; m++) {
		h->sum[m] += v[m] > 0 ? v[m] : 0;
		mean[m] = v[m] < 0 ? -1 : h->sum[m] / h->count;
	}
	ring_put(&h->wide, wide, mean);
}

static void history_copy(const struct history *h, const struct board *b, enum cm_stats_span span,
			 struct cm_stats_series *ret)
{
	const struct ring *r = span == CM_STATS_HOUR ? &h->fine : &h->wide;
	int64_t end = span == CM_STATS_HOUR ? b->tick : b->tick * CM_STATS_EVERY_MS / CM_STATS_WIDE_MS;

	ret->step_ms = span == CM_STATS_HOUR ? CM_STATS_EVERY_MS : CM_STATS_WIDE_MS;
	ret->end_ms = b->head.collected_ms;
	for (int64_t i = 0; i < CM_STATS_POINTS; i++) {
		int64_t tick = end - (CM_STATS_POINTS - 1) + i;
		bool has = ring_has(r, tick);

		for (size_t m = 0; m < CM_STATS_METRICS; m++)
			ret->v[m][i] = has ? r->v[m][tick % CM_STATS_POINTS] : -1;
	}
}

/* ---- Places ---- */
static struct place *place_of(struct board *b, const char *id)
{
	for (size_t i = 0; i < CM_STATS_CONTAINERS; i++)
		if (b->places[i].used && strcmp(b->places[i].now.id, id) == 0)
			return &b->places[i];
	return NULL;
}

static struct place *place_by_ref(struct board *b, const char *ref)
{
	size_t len = strlen(ref);
	struct place *by_id = place_of(b, ref);

	for (size_t i = 0; by_id == NULL && i < CM_STATS_CONTAINERS; i++) {
		struct place *p = &b->places[i];

		if (p->used &&
		    (strcmp(p->now.name, ref) == 0 || (len >= FEW_DIGITS && strncmp(p->now.id, ref, len) == 0)))
			return p;
	}
	return by_id;
}

/* For a new container: the place of the one that went and had its name, else an empty one. */
static struct place *place_new(struct board *b, const struct cm_stats_now *c)
{
	struct place *empty = NULL;

	for (size_t i = 0; i < CM_STATS_CONTAINERS; i++) {
		struct place *p = &b->places[i];

		if (p->used && !p->seen && strcmp(p->now.name, c->name) == 0)
			return p;
		if (!p->used && empty == NULL)
			empty = p;
	}
	return empty;
}

static void now_reset(struct cm_stats_now *n)
{
	n->known = false;
	n->at_ms = 0;
	n->error[0] = '\0';
	n->raw =
	    (struct cm_stats_raw){ .read_ms = -1, .cpu_ns = -1, .system_ns = -1, .memory = -1, .memory_limit = -1 };
	n->raw.net_in = n->raw.net_out = n->raw.block_read = n->raw.block_write = n->raw.pids = -1;
	for (size_t m = 0; m < CM_STATS_METRICS; m++)
		n->rate[m] = -1;
}

static void place_fill(struct place *p, const struct cm_stats_now *c)
{
	struct cm_stats_now *n = &p->now;
	bool same = p->used && strcmp(n->id, c->id) == 0;

	if (!same || !c->running)
		now_reset(n);
	if (!same)
		n->size_rw = n->size_root = -1;
	memcpy(n->id, c->id, sizeof(n->id));
	memcpy(n->name, c->name, sizeof(n->name));
	memcpy(n->image, c->image, sizeof(n->image));
	memcpy(n->state, c->state, sizeof(n->state));
	memcpy(n->status, c->status, sizeof(n->status));
	memcpy(n->stack, c->stack, sizeof(n->stack));
	n->running = c->running;
	p->used = p->seen = true;
}

void cm_stats_begin(const struct cm_stats_now *list, size_t count, int64_t memory_total)
{
	struct board *b = board_lock();
	size_t placed = 0;

	b->head.memory_total = memory_total > 0 ? memory_total : b->head.memory_total;
	for (size_t i = 0; i < CM_STATS_CONTAINERS; i++)
		b->places[i].seen = false;
	for (size_t i = 0; i < count; i++) {
		struct place *p = place_of(b, list[i].id);

		if (p != NULL)
			place_fill(p, &list[i]), placed++;
	}
	for (size_t i = 0; i < count; i++) {
		struct place *p = place_of(b, list[i].id) ? NULL : place_new(b, &list[i]);

		if (p != NULL)
			place_fill(p, &list[i]), placed++;
	}
	/* The memory of those that went is given back. */
	for (size_t i = 0; i < CM_STATS_CONTAINERS; i++)
		if (b->places[i].used && !b->places[i].seen)
			memset(&b->places[i], 0, sizeof(b->places[i]));
	b->head.left_out = (int64_t)(count - placed);
	b->tick = cm_monotonic_ms() / CM_STATS_EVERY_MS;
	board_unlock();
}

void cm_stats_put(const char *id, const struct cm_stats_raw *raw, const char *error, int64_t now_ms)
{
	struct board *b = board_lock();
	struct place *p = place_of(b, id);

	if (p != NULL && raw != NULL) {
		if (p->now.known)
			cm_stats_rates(&p->now.raw, raw, p->now.rate);
		else
			p->now.rate[CM_STATS_MEMORY] = (double)raw->memory;
		p->now.raw = *raw;
		p->now.at_ms = now_ms;
		p->now.known = true;
		p->now.error[0] = '\0';
		/* Without a former sample there are no rates to draw. */
		if (p->now.rate[CM_STATS_CPU] >= 0)
			history_put(&p->history, b->tick, p->now.rate);
	} else if (p != NULL) {
		cm_str_copy(p->now.error, sizeof(p->now.error), error ? error : "");
	}
	board_unlock();
}

void cm_stats_end(const char *error, int64_t took_ms, int64_t now_ms, double host_cpu, int64_t host_memory)
{
	double v[CM_STATS_METRICS] = { host_cpu, (double)host_memory, -1, -1, -1, -1 };
	struct board *b = board_lock();

	b->head.tried_ms = now_ms;
	cm_str_copy(b->head.error, sizeof(b->head.error), error ? error : "");
	b->tick = cm_monotonic_ms() / CM_STATS_EVERY_MS;
	if (error == NULL) {
		b->head.collected_ms = now_ms;
		b->head.took_ms = took_ms;
	}
	if (host_cpu >= 0 && host_memory > 0)
		history_put(&b->host, b->tick, v);
	board_unlock();
}

void cm_stats_disk_one(const char *id, int64_t rw, int64_t root)
{
	struct board *b = board_lock();
	struct place *p = place_of(b, id);

	if (p != NULL) {
		p->now.size_rw = rw;
		p->now.size_root = root;
	}
	board_unlock();
}

void cm_stats_disk(int64_t containers, int64_t images, int64_t volumes, int64_t now_ms)
{
	struct board *b = board_lock();

	b->head.disk_containers = containers;
	b->head.disk_images = images;
	b->head.disk_volumes = volumes;
	b->head.disk_ms = now_ms;
	board_unlock();
}

void cm_stats_busy(enum cm_stats_work work, bool busy)
{
	struct board *b = board_lock();

	b->busy[work] = busy;
	b->head.busy = b->busy[CM_STATS_WORK_ROUND] || b->busy[CM_STATS_WORK_DISK];
	board_unlock();
}

/* ---- For pages ---- */
void cm_stats_head(struct cm_stats_head *ret)
{
	struct board *b = board_lock();

	*ret = b->head;
	board_unlock();
}

size_t cm_stats_all(struct cm_stats_now **ret)
{
	struct cm_stats_now *list = cm_alloc_array(CM_STATS_CONTAINERS, sizeof(*list));
	struct board *b = board_lock();
	size_t n = 0;

	for (size_t i = 0; i < CM_STATS_CONTAINERS; i++)
		if (b->places[i].used)
			list[n++] = b->places[i].now;
	board_unlock();
	*ret = list;
	return n;
}

bool cm_stats_one(const char *ref, struct cm_stats_now *ret)
{
	struct board *b = board_lock();
	struct place *p = place_by_ref(b, ref);

	if (p != NULL)
		*ret = p->now;
	board_unlock();
	return p != NULL;
}

bool cm_stats_series(const char *id, enum cm_stats_span span, struct cm_stats_series *ret)
{
	struct board *b = board_lock();
	struct place *p = place_by_ref(b, id);

	bool has = p != NULL && b->tick != 0;

	if (has)
		history_copy(&p->history, b, span, ret);
	board_unlock();
	return has;
}

bool cm_stats_host(enum cm_stats_span span, struct cm_stats_series *ret)
{
	struct board *b = board_lock();
	bool has = b->tick != 0;

	if (has)
		history_copy(&b->host, b, span, ret);
	board_unlock();
	return has;
}

bool cm_stats_ask(void)
{
	struct board *b = board_lock();
	bool free_now = !b->head.busy;

	if (free_now)
		atomic_fetch_add(&b->asked, 1);
	board_unlock();
	return free_now;
}

unsigned cm_stats_asked(void)
{
	pthread_once(&once, board_make);
	return board ? atomic_load(&board->asked) : 0;
}
