/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every step of a restore needs: journal, progress, cancel, and writing one part.
 */
#include "service/restore_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "db/journal.h"
#include "service/engine.h"

static bool run_cancelled(void *ctx)
{
	struct cm_restore_run *r = ctx;
	return cm_progress_cancelled(r->progress);
}

struct cm_docker *cm_restore_docker(struct cm_restore_run *r)
{
	cm_docker_set_cancel(r->d, run_cancelled, r);
	return r->d;
}

struct cm_shift *cm_restore_shift(struct cm_restore_run *r)
{
	r->shift.app = r->app;
	r->shift.d = cm_restore_docker(r);
	return &r->shift;
}

int cm_restore_check(struct cm_restore_run *r, struct cm_err *err)
{
	if (cm_progress_cancelled(r->progress))
		return cm_err_set(err, CM_ECANCELLED, "The restore was cancelled.");
	return 0;
}

void cm_restore_step(struct cm_restore_run *r, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (r->step < r->steps)
		r->step++;
	cm_progress_step(r->progress, r->step, r->steps, text);
}

void cm_restore_warn(struct cm_restore_run *r, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cm_json_add_str(r->warnings, text);
	cm_progress_warn(r->progress, text);
}

static void watch_progress(void *ctx, uint64_t bytes, uint64_t files)
{
	struct cm_restore_run *r = ctx;

	(void)files;
	cm_progress_bytes(r->progress, r->bytes_before + bytes, r->bytes_total);
}

static void watch_warn(void *ctx, const char *text)
{
	cm_restore_warn(ctx, "%s", text);
}

struct cm_archive_watch cm_restore_watch(struct cm_restore_run *r)
{
	return (struct cm_archive_watch){
		.ctx = r, .progress = watch_progress, .warn = watch_warn, .cancelled = run_cancelled
	};
}

int cm_restore_save(struct cm_restore_run *r, struct cm_err *err)
{
	cm_autofree char *text = NULL;

	cm_json_set_int(r->state, "saved_ms", cm_now_ms());
	text = cm_json_text(r->state);
	if (r->journal != 0)
		return cm_journal_update(r->journal, text, err);
	return cm_journal_add(NULL, r->kind, NULL, r->subject ? r->subject : r->plan->name, text, &r->journal, err);
}

int cm_restore_note_name(struct cm_restore_run *r, const char *list, const char *name, struct cm_err *err)
{
	cm_json_add_str(cm_json_arr(r->state, list), name);
	return cm_restore_save(r, err);
}

int cm_restore_note_volume(struct cm_restore_run *r, struct json_object *volume, struct cm_err *err)
{
	json_object_array_add(cm_json_arr(r->state, "volumes"), volume);
	return cm_restore_save(r, err);
}

int cm_restore_fill(struct cm_restore_run *r, struct json_object *entry, const char *target, bool merge,
		    struct cm_err *err)
{
	const struct cm_shift_need need = { target, true };
	struct cm_archive_watch watch = cm_restore_watch(r);
	cm_autojson struct json_object *result = NULL;
	struct cm_shift *s = cm_restore_shift(r);
	int rc = cm_shift_need(s, &need, 1, err);

	if (rc != 0)
		return rc;
	rc = cm_restore_source_unpack(r->plan->source, entry, cm_shift_path(s, target, true), merge, &s->peer, &watch,
				      &result, err);
	if (cm_shift_done(s, rc) != 0)
		return rc;
	r->bytes_before += (uint64_t)cm_json_int(result, "bytes", 0);
	cm_progress_bytes(r->progress, r->bytes_before, r->bytes_total);
	return 0;
}
