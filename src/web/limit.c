/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests a minute, counted for all workers together: they are processes, so the table lies in memory that they share
 * (mapped before they start). No lock: a worker that dies in the middle must not hold up the others. A slot is a key
 * (hash) and one word with minute and count; two threads that meet in a free slot may lose a count, which does not
 * matter here.
 */
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "core/mem.h"
#include "core/secret.h"
#include "web/web_int.h"

enum { SLOTS = 4096, PROBES = 8, MINUTE_MS = 60000 };

struct slot {
	_Atomic uint64_t key;
	_Atomic uint64_t minute_count; /* minute << 32 | count */
};

struct table {
	struct slot slots[SLOTS];
};

struct cm_limits {
	struct table *table;
	uint8_t secret[16]; /* so that nobody can choose keys that meet */
};

struct cm_limits *cm_limits_new(void)
{
	void *p = mmap(NULL, sizeof(struct table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct cm_limits *limits;

	if (p == MAP_FAILED)
		return NULL;
	limits = cm_alloc(sizeof(*limits));
	limits->table = p;
	cm_random(limits->secret, sizeof(limits->secret));
	return limits;
}

void cm_limits_free(struct cm_limits *limits)
{
	if (limits == NULL)
		return;
	munmap(limits->table, sizeof(struct table));
	free(limits);
}

static uint64_t hash(const struct cm_limits *limits, const char *key)
{
	uint8_t digest[CM_SHA256_LEN];
	uint64_t h;

	cm_hmac_sha256(digest, limits->secret, sizeof(limits->secret), key, strlen(key));
	memcpy(&h, digest, sizeof(h));
	return h != 0 ? h : 1;
}

/* The key's slot, or one that nobody used this minute; when all are taken the last is shared. */
static struct slot *find_slot(struct cm_limits *limits, uint64_t h, uint64_t minute)
{
	struct slot *idle = NULL, *slot = NULL;

	for (unsigned i = 0; i < PROBES; i++) {
		slot = &limits->table->slots[(h + i) % SLOTS];
		if (atomic_load(&slot->key) == h)
			return slot;
		if (idle == NULL && atomic_load(&slot->minute_count) >> 32 != minute)
			idle = slot;
	}
	if (idle == NULL)
		return slot;
	atomic_store(&idle->minute_count, minute << 32);
	atomic_store(&idle->key, h);
	return idle;
}

bool cm_limits_allow(struct cm_limits *limits, const char *key, unsigned max, int64_t now_ms, unsigned *ret_wait)
{
	uint64_t minute = (uint64_t)(now_ms / MINUTE_MS) & 0xffffffff;
	struct slot *slot = find_slot(limits, hash(limits, key), minute);
	uint64_t old = atomic_load(&slot->minute_count), next;

	do {
		if (old >> 32 != minute)
			next = minute << 32 | 1;
		else if ((uint32_t)old == UINT32_MAX)
			next = old;
		else
			next = old + 1;
	} while (!atomic_compare_exchange_weak(&slot->minute_count, &old, next));
	*ret_wait = (unsigned)((MINUTE_MS - now_ms % MINUTE_MS + 999) / 1000);
	return (uint32_t)next <= max;
}
