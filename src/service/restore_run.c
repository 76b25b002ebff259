/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every step of a restore needs: journal, progress, cancel, and writing one part.
 */
#include "service/restore_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "db/journal.h"
#include "service/engine.h"
#include "service/helper_peer.h"

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
	cm_autofree char *text = cm_json_text(r->state);

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

int cm_restore_fill(struct cm_restore_run *r, struct json_object *entry, const char *target, bool is_volume,
		    const char *inside, bool merge, struct cm_err *err)
{
	struct cm_helper_mount mount = { .source = target, .target = "/t", .is_volume = is_volume };
	struct cm_archive_watch watch = cm_restore_watch(r);
	cm_autojson struct json_object *result = NULL;
	cm_autofree char *path = cm_asprintf("/t%s%s", inside[0] ? "/" : "", inside);
	struct cm_helper *h;
	struct cm_peer peer;
	int code = 0, rc;

	rc = cm_helper_open(r->app, cm_restore_docker(r), &mount, 1, CM_HELPER_WRITE, &h, err);
	if (rc != 0)
		return rc;
	cm_restore_docker(r);
	cm_helper_peer(&peer, h);
	rc = cm_restore_source_unpack(r->plan->source, entry, path, merge, &peer, &watch, &result, err);
	if (rc != 0) {
		cm_helper_abort(h);
		return rc;
	}
	rc = cm_helper_finish(h, &code, NULL, err);
	if (rc == 0 && code != 0)
		rc = cm_err_set(err, CM_EUPSTREAM, "The helper container ended with code %d.", code);
	if (rc == 0) {
		r->bytes_before += (uint64_t)cm_json_int(result, "bytes", 0);
		cm_progress_bytes(r->progress, r->bytes_before, r->bytes_total);
	}
	return rc;
}
