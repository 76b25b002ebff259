/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "helper/hardlinks.h"

#include <string.h>
#include <sys/mman.h>

#include "core/mem.h"

struct entry {
	uint64_t ino;
	uint32_t dir, name; /* offsets in text */
};

/* Mapped, so that growing moves pages and not bytes, and pages never touched cost nothing. */
struct area {
	char *at;
	size_t len, cap;
};

struct cm_hardlinks {
	struct area text;    /* names and folders, each ended by a NUL */
	struct area entries; /* struct entry */
	uint32_t *table;     /* index + 1 into entries; 0 is free */
	uint32_t table_size, count;
	uint32_t last_dir; /* offset of the folder of the last entry, or UINT32_MAX */
};

struct cm_hardlinks *cm_hardlinks_new(void)
{
	struct cm_hardlinks *h = cm_alloc(sizeof(*h));

	h->last_dir = UINT32_MAX;
	return h;
}

void cm_hardlinks_free(struct cm_hardlinks *h)
{
	if (h == NULL)
		return;
	if (h->text.at != NULL)
		munmap(h->text.at, h->text.cap);
	if (h->entries.at != NULL)
		munmap(h->entries.at, h->entries.cap);
	if (h->table != NULL)
		munmap(h->table, (size_t)h->table_size * sizeof(*h->table));
	free(h);
}

static bool room(struct area *a, size_t len)
{
	size_t cap = a->cap ? a->cap : 65536;

	while (cap < a->len + len)
		cap += cap / 2 + 4096;
	cap = (cap + 4095) & ~(size_t)4095;
	if (cap == a->cap)
		return true;
	void *p = a->at == NULL ? mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
				: mremap(a->at, a->cap, cap, MREMAP_MAYMOVE);
	if (p == MAP_FAILED)
		return false;
	a->at = p;
	a->cap = cap;
	return true;
}

static uint32_t slot_of(const struct cm_hardlinks *h, uint64_t ino)
{
	uint32_t i = (uint32_t)((ino * 0x9E3779B97F4A7C15ull) >> 32) & (h->table_size - 1);
	const struct entry *e = (const struct entry *)(const void *)h->entries.at;

	while (h->table[i] != 0 && e[h->table[i] - 1].ino != ino)
		i = (i + 1) & (h->table_size - 1);
	return i;
}

/* At most three quarters full. */
static bool table_room(struct cm_hardlinks *h)
{
	if (h->table != NULL && h->count < h->table_size / 4 * 3)
		return true;
	uint32_t size = h->table_size ? 2 * h->table_size : 4096;
	uint32_t *old = h->table, old_size = h->table_size;
	uint32_t *t = mmap(NULL, (size_t)size * sizeof(*t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t == MAP_FAILED)
		return false;
	h->table = t;
	h->table_size = size;
	const struct entry *e = (const struct entry *)(const void *)h->entries.at;
	for (uint32_t i = 0; i < h->count; i++)
		t[slot_of(h, e[i].ino)] = i + 1;
	if (old != NULL)
		munmap(old, (size_t)old_size * sizeof(*old));
	return true;
}

static uint32_t add_text(struct cm_hardlinks *h, const char *s, size_t len)
{
	uint32_t at = (uint32_t)h->text.len;

	memcpy(h->text.at + at, s, len);
	h->text.at[at + len] = '\0';
	h->text.len += len + 1;
	return at;
}

static bool add(struct cm_hardlinks *h, uint64_t ino, const char *path, size_t dir_len)
{
	const char *name = dir_len > 0 ? path + dir_len + 1 : path;
	size_t name_len = strlen(name);
	size_t used = h->text.len + h->entries.len + (size_t)h->table_size * 2 * sizeof(*h->table);

	if (used + dir_len + name_len > CM_HARDLINKS_MEMORY || !room(&h->text, dir_len + name_len + 2) ||
	    !room(&h->entries, sizeof(struct entry)) || !table_room(h))
		return false;
	/* Names of one folder come together: its path is kept once for all of them. */
	if (h->last_dir == UINT32_MAX || strlen(h->text.at + h->last_dir) != dir_len ||
	    memcmp(h->text.at + h->last_dir, path, dir_len) != 0)
		h->last_dir = add_text(h, path, dir_len);
	struct entry e = { ino, h->last_dir, add_text(h, name, name_len) };
	memcpy(h->entries.at + h->entries.len, &e, sizeof(e));
	h->entries.len += sizeof(e);
	uint32_t slot = slot_of(h, ino);
	h->table[slot] = ++h->count;
	return true;
}

enum cm_hardlink cm_hardlinks_seen(struct cm_hardlinks *h, uint64_t ino, const char *path, size_t dir_len,
				   struct cm_buf *ret)
{
	uint32_t index = h->table != NULL ? h->table[slot_of(h, ino)] : 0;

	if (index == 0)
		return add(h, ino, path, dir_len) ? CM_HARDLINK_FIRST : CM_HARDLINK_FULL;
	const struct entry *e = (const struct entry *)(const void *)h->entries.at + (index - 1);
	cm_buf_reset(ret);
	cm_buf_str(ret, h->text.at + e->dir);
	if (ret->len > 0)
		cm_buf_char(ret, '/');
	cm_buf_str(ret, h->text.at + e->name);
	return CM_HARDLINK_AGAIN;
}
