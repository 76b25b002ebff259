/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every vault must keep, whatever lies behind it. VAULT_SUITE(prefix, open, close) makes one test of each rule:
 * open() gives an empty vault, close(v) frees it and what it lies in.
 */
#ifndef CM_TEST_VAULT_SUITE_H
#define CM_TEST_VAULT_SUITE_H

#include "core/mem.h"
#include "test.h"
#include "vault/vault.h"

#define VS_NAME "web_20261122_184500-a1b2c3.tar.gz"

struct vs_seen {
	int count;
	char name[256];
	uint64_t size;
	int64_t modified_ms;
	bool has_companion;
	int stop_after;
};

static int vs_on_entry(void *ctx, const struct cm_vault_entry *e)
{
	struct vs_seen *seen = ctx;

	seen->count++;
	snprintf(seen->name, sizeof(seen->name), "%s", e->name);
	seen->size = e->size;
	seen->modified_ms = e->modified_ms;
	seen->has_companion = e->has_companion;
	return seen->count == seen->stop_after ? 77 : 0;
}

static struct vs_seen vs_list(struct cm_vault *v)
{
	struct vs_seen seen = { 0 };

	if (v->ops->list(v, vs_on_entry, &seen, NULL) != 0)
		seen.count = -1;
	return seen;
}

/* Writes a small backup all the way; returns commit's answer. */
static int vs_put(struct cm_vault *v, const char *name, const char *bytes, const char *companion)
{
	struct cm_vault_writer *w;
	int rc = v->ops->create(v, name, &w, NULL);

	if (rc < 0)
		return rc;
	if (v->ops->write(w, bytes, strlen(bytes), NULL) < 0) {
		v->ops->discard(w);
		return CM_EIO;
	}
	return v->ops->commit(w, companion, strlen(companion), NULL);
}

static void vs_written_backup_reads_back(struct cm_vault *v)
{
	enum { SIZE = 3 << 20 };
	cm_autofree char *data = malloc(SIZE), *back = malloc(SIZE);
	cm_autobuf struct cm_buf companion = CM_BUF_INIT(4096);
	struct cm_vault_writer *w;
	struct cm_vault_file *f;

	for (size_t i = 0; i < SIZE; i++)
		data[i] = (char)(i * 2654435761u >> 24);
	CHECK_INT(v->ops->create(v, VS_NAME, &w, NULL), 0);
	for (size_t off = 0; off < SIZE; off += 100000)
		CHECK_INT(v->ops->write(w, data + off, off + 100000 > SIZE ? SIZE - off : 100000, NULL), 0);
	CHECK_INT(v->ops->commit(w, "{\"a\":1}", 7, NULL), 0);
	CHECK_INT(v->ops->open(v, VS_NAME, &f, NULL), 0);
	CHECK_INT(v->ops->size(f), SIZE);
	CHECK_INT(v->ops->pread(f, back, SIZE, 0, NULL), 0);
	CHECK(memcmp(data, back, SIZE) == 0);
	CHECK_INT(v->ops->pread(f, back, 10, SIZE - 10, NULL), 0);
	CHECK(memcmp(data + SIZE - 10, back, 10) == 0);
	v->ops->close(f);
	CHECK_INT(v->ops->read_companion(v, VS_NAME, &companion, NULL), 0);
	CHECK_STR(companion.data, "{\"a\":1}");
}

static void vs_backup_is_invisible_until_committed(struct cm_vault *v)
{
	struct cm_vault_writer *w;
	struct cm_vault_file *f;
	struct vs_seen seen;

	CHECK_INT(v->ops->create(v, VS_NAME, &w, NULL), 0);
	CHECK_INT(v->ops->write(w, "hello", 5, NULL), 0);
	CHECK_INT(vs_list(v).count, 0);
	CHECK_INT(v->ops->open(v, VS_NAME, &f, NULL), CM_ENOTFOUND);
	CHECK_INT(v->ops->reopen(w, &f, NULL), 0);
	CHECK_INT(v->ops->size(f), 5);
	v->ops->close(f);
	CHECK_INT(vs_list(v).count, 0);
	CHECK_INT(v->ops->commit(w, "{}", 2, NULL), 0);
	seen = vs_list(v);
	CHECK_INT(seen.count, 1);
	CHECK_STR(seen.name, VS_NAME);
	CHECK_INT(seen.size, 5);
	CHECK(seen.has_companion);
	CHECK(seen.modified_ms > 1500000000000);
}

static void vs_discard_leaves_nothing(struct cm_vault *v)
{
	struct cm_vault_writer *w;
	int removed = -1;

	CHECK_INT(v->ops->create(v, VS_NAME, &w, NULL), 0);
	CHECK_INT(v->ops->write(w, "hello", 5, NULL), 0);
	v->ops->discard(w);
	v->ops->discard(NULL);
	CHECK_INT(vs_list(v).count, 0);
	CHECK_INT(v->ops->sweep(v, &removed, NULL), 0);
	CHECK_INT(removed, 0);
	CHECK_INT(vs_put(v, VS_NAME, "again", "{}"), 0);
}

static void vs_taken_name_is_refused(struct cm_vault *v)
{
	struct cm_vault_writer *w;
	struct cm_vault_file *f;
	char back[5];

	CHECK_INT(vs_put(v, VS_NAME, "first", "{}"), 0);
	CHECK_INT(v->ops->create(v, VS_NAME, &w, NULL), CM_EEXIST);
	CHECK_INT(v->ops->open(v, VS_NAME, &f, NULL), 0);
	CHECK_INT(v->ops->pread(f, back, 5, 0, NULL), 0);
	CHECK(memcmp(back, "first", 5) == 0);
	v->ops->close(f);
}

static void vs_patch_changes_the_head_only(struct cm_vault *v)
{
	cm_autofree char *zero = calloc(1, CM_VAULT_HEAD + 4096);
	struct cm_vault_writer *w;
	struct cm_vault_file *f;
	char back[6];

	CHECK_INT(v->ops->create(v, VS_NAME, &w, NULL), 0);
	CHECK_INT(v->ops->write(w, "hello world", 11, NULL), 0);
	CHECK_INT(v->ops->patch(w, 8, "beyond the end", 14, NULL), CM_EINTERNAL);
	CHECK_INT(v->ops->write(w, zero, CM_VAULT_HEAD + 4096, NULL), 0);
	CHECK_INT(v->ops->patch(w, 6, "WORLD", 5, NULL), 0);
	CHECK_INT(v->ops->patch(w, CM_VAULT_HEAD - 2, "xyz", 3, NULL), CM_EINTERNAL);
	CHECK_INT(v->ops->write(w, "end", 3, NULL), 0);
	CHECK_INT(v->ops->reopen(w, &f, NULL), 0);
	CHECK_INT(v->ops->size(f), 11 + CM_VAULT_HEAD + 4096 + 3);
	CHECK_INT(v->ops->pread(f, back, 5, 6, NULL), 0);
	CHECK(memcmp(back, "WORLD", 5) == 0);
	CHECK_INT(v->ops->pread(f, back, 3, 11 + CM_VAULT_HEAD + 4096, NULL), 0);
	CHECK(memcmp(back, "end", 3) == 0);
	v->ops->close(f);
	v->ops->discard(w);
}

static void vs_reading_past_the_end_fails(struct cm_vault *v)
{
	struct cm_vault_file *f;
	char back[8];

	CHECK_INT(vs_put(v, VS_NAME, "first", "{}"), 0);
	CHECK_INT(v->ops->open(v, VS_NAME, &f, NULL), 0);
	CHECK_INT(v->ops->pread(f, back, 6, 0, NULL), CM_ECORRUPT);
	CHECK_INT(v->ops->pread(f, back, 1, 5, NULL), CM_ECORRUPT);
	CHECK_INT(v->ops->pread(f, back, 0, 5, NULL), 0);
	v->ops->close(f);
}

static void vs_remove_takes_the_companion_along(struct cm_vault *v)
{
	cm_autobuf struct cm_buf companion = CM_BUF_INIT(4096);

	CHECK_INT(vs_put(v, VS_NAME, "first", "{}"), 0);
	CHECK_INT(v->ops->remove(v, VS_NAME, NULL), 0);
	CHECK_INT(vs_list(v).count, 0);
	CHECK_INT(v->ops->read_companion(v, VS_NAME, &companion, NULL), CM_ENOTFOUND);
	CHECK_INT(v->ops->remove(v, VS_NAME, NULL), CM_ENOTFOUND);
}

static void vs_companion_can_be_replaced(struct cm_vault *v)
{
	cm_autobuf struct cm_buf companion = CM_BUF_INIT(4096);

	CHECK_INT(v->ops->write_companion(v, VS_NAME, "{}", 2, NULL), CM_ENOTFOUND);
	CHECK_INT(vs_put(v, VS_NAME, "first", "{\"long\":\"text\"}"), 0);
	CHECK_INT(v->ops->write_companion(v, VS_NAME, "{\"b\":2}", 7, NULL), 0);
	CHECK_INT(v->ops->read_companion(v, VS_NAME, &companion, NULL), 0);
	CHECK_STR(companion.data, "{\"b\":2}");
	CHECK_INT(vs_list(v).count, 1);
}

static void vs_foreign_names_are_refused(struct cm_vault *v)
{
	static const char *const bad[] = { "../x.tar.gz", "a/b.tar.gz", ".x.tar.gz", "", "x", "x.txt", "monkey.db" };
	struct cm_vault_writer *w;
	struct cm_vault_file *f;

	for (size_t i = 0; i < CM_COUNT(bad); i++) {
		CHECK_INT(v->ops->create(v, bad[i], &w, NULL), CM_EINVAL);
		CHECK_INT(v->ops->open(v, bad[i], &f, NULL), CM_EINVAL);
		CHECK_INT(v->ops->remove(v, bad[i], NULL), CM_EINVAL);
		CHECK_INT(v->ops->write_companion(v, bad[i], "{}", 2, NULL), CM_EINVAL);
	}
}

static void vs_listing_stops_when_asked(struct cm_vault *v)
{
	struct vs_seen seen = { .stop_after = 2 };

	CHECK_INT(vs_put(v, "a.tar.gz", "1", "{}"), 0);
	CHECK_INT(vs_put(v, "b.tar.zst", "1", "{}"), 0);
	CHECK_INT(vs_put(v, "network_c.json", "{}", "{}"), 0);
	CHECK_INT(vs_list(v).count, 3);
	CHECK_INT(v->ops->list(v, vs_on_entry, &seen, NULL), 77);
	CHECK_INT(seen.count, 2);
}

static void vs_sweep_removes_what_a_crash_left(struct cm_vault *v)
{
	struct cm_vault_writer *w;
	struct vs_seen seen;
	int removed = -1;

	CHECK_INT(vs_put(v, "kept.tar.gz", "1", "{}"), 0);
	CHECK_INT(v->ops->create(v, VS_NAME, &w, NULL), 0);
	CHECK_INT(v->ops->write(w, "hello", 5, NULL), 0);
	CHECK_INT(v->ops->sweep(v, &removed, NULL), 0);
	CHECK_INT(removed, 1);
	CHECK(v->ops->commit(w, "{}", 2, NULL) < 0);
	seen = vs_list(v);
	CHECK_INT(seen.count, 1);
	CHECK_STR(seen.name, "kept.tar.gz");
}

#define VS_ONE(prefix, open_fn, close_fn, rule) \
	TEST(prefix##__##rule)                  \
	{                                       \
		struct cm_vault *v = open_fn(); \
                                                \
		if (v == NULL) {                \
			cm_test_failed = 1;     \
			return;                 \
		}                               \
		vs_##rule(v);                   \
		close_fn(v);                    \
	}

#define VAULT_SUITE(prefix, open_fn, close_fn)                                 \
	VS_ONE(prefix, open_fn, close_fn, written_backup_reads_back)           \
	VS_ONE(prefix, open_fn, close_fn, backup_is_invisible_until_committed) \
	VS_ONE(prefix, open_fn, close_fn, discard_leaves_nothing)              \
	VS_ONE(prefix, open_fn, close_fn, taken_name_is_refused)               \
	VS_ONE(prefix, open_fn, close_fn, patch_changes_the_head_only)         \
	VS_ONE(prefix, open_fn, close_fn, reading_past_the_end_fails)          \
	VS_ONE(prefix, open_fn, close_fn, remove_takes_the_companion_along)    \
	VS_ONE(prefix, open_fn, close_fn, companion_can_be_replaced)           \
	VS_ONE(prefix, open_fn, close_fn, foreign_names_are_refused)           \
	VS_ONE(prefix, open_fn, close_fn, listing_stops_when_asked)            \
	VS_ONE(prefix, open_fn, close_fn, sweep_removes_what_a_crash_left)

#endif
