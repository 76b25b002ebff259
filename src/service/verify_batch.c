/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/verify_batch.h"

#include <stdio.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "service/catalog_sync.h"
#include "service/verify.h"

enum { ITEMS_MAX = 200, TEXT_SIZE = 900 };

struct batch {
	const struct cm_app *app;
	const char *user;
	int64_t before_ms;
	struct cm_progress *outer; /* of the job */
	struct cm_progress inner;  /* of one backup */
	uint64_t done, total;	   /* bytes of content; where that is unknown, of the file */
	uint64_t current;
	int64_t counts[CM_VERIFIED_STATE_COUNT], before, failed, bytes;
	struct json_object *items;
	struct cm_err first;
};

static void on_bytes(void *ctx, uint64_t bytes, uint64_t total)
{
	struct batch *b = ctx;

	(void)total;
	/* What a backup brings more than was expected of it does not count. */
	cm_progress_bytes(b->outer, b->done + (bytes < b->current ? bytes : b->current), b->total);
}

static bool on_cancelled(void *ctx)
{
	return cm_progress_cancelled(((struct batch *)ctx)->outer);
}

static void item_add(struct batch *b, const char *filename, const struct cm_verify_found *found)
{
	struct json_object *o;
	char text[TEXT_SIZE];

	snprintf(text, sizeof(text), "%.250s: %s", filename, found->why);
	cm_progress_warn(b->outer, text);
	if (cm_json_len(b->items) >= ITEMS_MAX)
		return;
	o = json_object_new_object();
	cm_json_set_str(o, "filename", filename);
	cm_json_set_str(o, "state", cm_verify_state_name(found->state));
	cm_json_set_str(o, "why", found->why);
	json_object_array_add(b->items, o);
}

static int one(struct batch *b, const struct cm_catalog_row *row, struct cm_err *err)
{
	struct cm_verify_found found;
	struct cm_err why = { 0 };
	char text[TEXT_SIZE];
	int rc = cm_verify_file(b->app, row->file, b->user, 1, &b->inner, &found, &why);

	if (rc == CM_ECANCELLED) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	if (rc < 0) {
		if (b->failed++ == 0)
			b->first = why;
		snprintf(text, sizeof(text), "%.250s: %s", row->file, why.text);
		cm_progress_warn(b->outer, text);
		return 0;
	}
	b->counts[found.state]++;
	b->bytes += (int64_t)found.read.bytes;
	if (found.why[0] != '\0')
		item_add(b, row->file, &found);
	return 0;
}

static uint64_t expected(const struct cm_catalog_row *row)
{
	int64_t n = row->content_size > 0 ? row->content_size : row->size;

	return n > 0 ? (uint64_t)n : 0;
}

/* What is to be done: rows by id, with what is expected of each. */
struct todo {
	int64_t *ids;
	size_t count;
};

static void todo_add(struct batch *b, struct todo *t, const struct cm_catalog_row *row)
{
	int64_t now = cm_now_ms();

	if (row->verified_ms >= b->before_ms && row->verified_ms <= now) {
		b->before++;
		return;
	}
	t->ids[t->count++] = row->id;
	b->total += expected(row);
}

/* Those that are no longer listed were deleted by somebody. */
static void todo_of_files(struct batch *b, struct json_object *files, struct todo *t)
{
	t->ids = cm_alloc_array(cm_json_len(files) + 1, sizeof(*t->ids));
	for (size_t i = 0; i < cm_json_len(files); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(files, i));
		struct cm_catalog_row row;

		if (cm_catalog_get(NULL, name ? name : "", &row, NULL) < 0)
			continue;
		todo_add(b, t, &row);
		cm_catalog_row_release(&row);
	}
}

static int todo_of_all(struct batch *b, struct todo *t, struct cm_err *err)
{
	struct cm_catalog_pick *picks;
	size_t count;
	int rc = cm_catalog_oldest_verified(cm_now_ms(), INT64_MAX, &picks, &count, err);

	if (rc < 0)
		return rc;
	t->ids = cm_alloc_array(count + 1, sizeof(*t->ids));
	for (size_t i = 0; i < count; i++) {
		if (picks[i].verified_ms >= b->before_ms) {
			b->before++;
			continue;
		}
		t->ids[t->count++] = picks[i].id;
		b->total += (uint64_t)(picks[i].content_size > 0 ? picks[i].content_size : picks[i].size);
	}
	free(picks);
	return 0;
}

static int walk(struct batch *b, const struct todo *t, struct cm_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < t->count; i++) {
		struct cm_catalog_row row;
		char text[TEXT_SIZE];

		if (cm_progress_cancelled(b->outer))
			return cm_err_set(err, CM_ECANCELLED, "Cancelled.");
		rc = cm_catalog_get_id(t->ids[i], &row, err);
		if (rc == CM_ENOTFOUND) {
			rc = 0;
			continue;
		}
		if (rc < 0)
			return rc;
		snprintf(text, sizeof(text), "Verifying %zu of %zu: %.250s", i + 1, t->count, row.file);
		cm_progress_step(b->outer, (int)(i + 1), (int)t->count, text);
		b->current = expected(&row);
		rc = one(b, &row, err);
		b->done += b->current;
		cm_catalog_row_release(&row);
	}
	return rc;
}

static struct json_object *result_make(struct batch *b, int64_t began_ms)
{
	struct json_object *o = json_object_new_object();

	for (int s = 0; s < CM_VERIFIED_STATE_COUNT; s++)
		cm_json_set_int(o, cm_verify_state_name(s), b->counts[s]);
	cm_json_set_int(o, "verified_before", b->before);
	cm_json_set_int(o, "bytes", b->bytes);
	cm_json_set_int(o, "duration_ms", cm_monotonic_ms() - began_ms);
	cm_json_set(o, "items", json_object_get(b->items));
	return o;
}

/* What the comparison with the vault finds gone belongs to the outcome of a job over all. */
static int compare(struct batch *b, bool all, struct cm_err *err)
{
	struct cm_catalog_changes changes = { 0 };
	char text[96];
	int rc;

	cm_progress_step(b->outer, 0, 0, "Comparing the list with the vault");
	rc = cm_catalog_sync(b->app, &changes, err);
	if (rc < 0 || changes.removed == 0)
		return rc;
	snprintf(text, sizeof(text), "%d of the listed backups %s no longer in the vault.", changes.removed,
		 changes.removed == 1 ? "is" : "are");
	cm_progress_warn(b->outer, text);
	if (all)
		b->counts[CM_VERIFIED_MISSING] += changes.removed;
	return 0;
}

int cm_verify_batch_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
			struct json_object **ret_result, struct cm_err *err)
{
	cm_autojson struct json_object *items = json_object_new_array();
	struct batch b = { .app = app,
			   .user = cm_json_str(params, "user", NULL),
			   .before_ms = cm_json_int(params, "before_ms", 0),
			   .outer = progress,
			   .inner = { .ctx = &b, .bytes = on_bytes, .cancelled = on_cancelled },
			   .items = items };
	struct json_object *files = cm_json_arr(params, "files");
	int64_t began_ms = cm_monotonic_ms();
	struct todo todo = { 0 };
	int rc = compare(&b, files == NULL, err);

	if (rc == 0 && files != NULL)
		todo_of_files(&b, files, &todo);
	else if (rc == 0)
		rc = todo_of_all(&b, &todo, err);
	rc = rc < 0 ? rc : walk(&b, &todo, err);
	if (rc == 0 && b.failed > 0)
		rc = cm_err_set(err, CM_EIO, "%lld of %zu backups could not be verified. The first reason: %s",
				(long long)b.failed, todo.count, b.first.text);
	if (rc == 0)
		*ret_result = result_make(&b, began_ms);
	free(todo.ids);
	return rc;
}

struct json_object *cm_verify_batch_all(const char *user)
{
	struct json_object *params = json_object_new_object();

	cm_json_set_int(params, "before_ms", cm_now_ms());
	if (user != NULL)
		cm_json_set_str(params, "user", user);
	return params;
}
