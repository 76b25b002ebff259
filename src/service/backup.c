/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One backup from end to end. The order matters: everything that can fail without touching the container comes first
 * (plan, vault, image, helper), then the container is held only while its data is read, and the archive is verified
 * before it gets its name.
 */
#include "service/backup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "service/audit.h"
#include "service/backup_int.h"
#include "service/backup_meta.h"
#include "service/settings.h"

enum { LIST_WAIT_MS = 60000 };

static void step(struct cm_backup_run *r, int number, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void step(struct cm_backup_run *r, int number, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cm_progress_step(r->progress, number, CM_BACKUP_STEPS, text);
}

static void audit(const struct cm_backup_run *r, const char *status, const struct cm_err *why,
		  struct json_object *details)
{
	struct cm_audit_event event = {
		.operation = r->options.volume != NULL ? "volume_backup"
			     : r->options.whole	       ? "container_export"
			     : r->options.scheduled    ? "backup_scheduled"
						       : "backup_manual",
		.status = status,
		.container_id = r->plan.id[0] != '\0' ? r->plan.id : NULL,
		.container_name = r->plan.name[0] != '\0'     ? r->plan.name
				  : r->options.volume != NULL ? r->options.volume
							      : r->options.container,
		.backup_filename = cm_str_eq(status, "completed") ? r->filename : NULL,
		.error = why != NULL ? why->text : NULL,
		.user = r->options.user,
		.details = details,
	};

	/* The log must not decide whether a backup succeeds. */
	(void)cm_audit(&event, NULL);
}

/* Lets the user's cancel end what the engine is asked to do. */
static void cancel_arm(struct cm_backup_run *r)
{
	cm_docker_set_cancel(r->d, cm_backup_cancelled, r);
}

static int cancelled(struct cm_backup_run *r, struct cm_err *err)
{
	return cm_backup_cancelled(r) ? cm_err_set(err, CM_ECANCELLED, "The backup was cancelled.") : 0;
}

/* "volume data", "folder /srv/www and 2 more". */
static void parts_text(const struct cm_backup_plan *plan, char *dst, size_t size)
{
	static const char *const words[] = { "volume ", "folder ", "file ", "" };
	const struct cm_backup_part *first = &plan->parts[0];
	/* An anonymous volume is known by the beginning of its name. */
	int shown = plan->part_count > 0 && first->kind == CM_BACKUP_VOLUME && strlen(first->name) == 64 ? 12 : 120;

	if (plan->part_count == 0)
		cm_str_copy(dst, size, "no data outside the image");
	else if (first->kind == CM_BACKUP_ROOTFS)
		cm_str_copy(dst, size, plan->whole ? "the whole filesystem" : "changes inside the container");
	else if (plan->part_count == 1)
		snprintf(dst, size, "%s%.*s", words[first->kind], shown, first->name);
	else
		snprintf(dst, size, "%s%.*s and %zu more", words[first->kind], shown, first->name,
			 plan->part_count - 1);
}

static void filename_make(struct cm_backup_run *r)
{
	const char *kind = r->options.volume != NULL ? "volume_" : r->options.whole ? "export_" : "";
	char stamp[32], random[7];

	cm_time_stamp(stamp, r->created_ms);
	cm_random_hex(random, 3);
	snprintf(r->filename, sizeof(r->filename), "%s%.140s_%s-%s.%s", kind, r->plan.name, stamp, random,
		 r->options.codec == CM_CODEC_ZSTD ? "tar.zst" : "tar.gz");
	for (char *c = r->filename; *c != '\0'; c++) {
		if (*c == '/')
			*c = '_';
	}
}

/* Everything is looked at, and the helper has it mounted: from here on nothing of the data can turn out missing. */
static int look(struct cm_backup_run *r, struct cm_err *err)
{
	int rc;

	step(r, 1, r->options.volume != NULL ? "Inspecting the volume" : "Inspecting the container");
	cancel_arm(r);
	rc = cm_backup_plan_look(r->d, &r->engine, &r->options, &r->plan, err);
	if (rc < 0)
		return rc;
	audit(r, "started", NULL, NULL);
	/* Of several that belong together none goes on while another stands still. */
	if (r->set != NULL && r->options.consistency == CM_CONSISTENCY_LIVE)
		r->options.consistency = CM_CONSISTENCY_PAUSE;
	r->hold = (struct cm_backup_hold){ .d = r->d,
					   .options = &r->options,
					   .plan = &r->plan,
					   .progress = r->progress,
					   .self_id = r->engine.self_id,
					   .together = cm_json_arr(r->set, "ids") };
	rc = cm_backup_helper_start(r, &r->helper, err);
	cancel_arm(r);
	rc = rc < 0 ? rc : cm_backup_plan_finish(r->app, r->d, &r->engine, &r->plan, err);
	cancel_arm(r);
	return rc < 0 ? rc : cm_backup_hold_plan(&r->hold, err);
}

/* From here on what is written is read back and verified at the same time, where the vault allows it. */
static void follow(struct cm_backup_run *r)
{
	const struct cm_vault_ops *ops = r->out.vault->ops;
	struct cm_source source;

	r->sofar.vault = r->out.vault;
	if (ops->peek == NULL || ops->peek(r->out.writer, &r->sofar.file, NULL) < 0)
		return;
	source = cm_vaults_source(&r->sofar);
	r->follow = cm_follow_new(&source, r->options.codec);
}

static int begin(struct cm_backup_run *r, struct cm_err *err)
{
	struct cm_archive_options archive = { .codec = r->options.codec, .threads = 2 };
	struct cm_sink sink;
	int rc = cm_vaults_open(r->app, r->options.vault, &r->out.vault, err);

	if (rc < 0)
		return rc;
	filename_make(r);
	cm_backup_size_guess(r);
	rc = r->out.vault->ops->create(r->out.vault, r->filename, &r->out.writer, err);
	if (rc < 0)
		return rc;
	CM_FAULT_POINT("backup_created");
	follow(r);
	archive.follow = r->follow;
	sink = cm_vaults_sink(&r->out);
	return cm_archive_writer_new(&archive, &sink, &r->writer, err);
}

/* Members and image, while the container still does what it did. */
static int write_head(struct cm_backup_run *r, struct cm_err *err)
{
	int rc;

	step(r, 2, "Saving the configuration");
	rc = cm_backup_write_members(r, err);
	if (rc < 0 || r->plan.image == NULL)
		return rc;
	if (r->options.reference)
		step(r, 3, "Noting the image %.200s", r->plan.image_ref);
	else
		step(r, 3, "Saving the image %.200s", r->plan.image_ref);
	return cm_backup_write_image(r, err);
}

int cm_backup_prepare(struct cm_backup_run *r, struct cm_err *err)
{
	int rc = look(r, err);

	rc = rc < 0 ? rc : begin(r, err);
	return rc < 0 ? rc : write_head(r, err);
}

int cm_backup_read(struct cm_backup_run *r, struct cm_err *err)
{
	char parts[160];
	int rc;

	parts_text(&r->plan, parts, sizeof(parts));
	step(r, 4, "Saving %s", parts);
	cancel_arm(r);
	r->data_ms = cm_monotonic_ms();
	rc = cm_backup_write_parts(r, err);
	cm_backup_sizer_stop(cm_move(&r->sizer));
	return rc;
}

static int write_data(struct cm_backup_run *r, struct cm_err *err)
{
	int rc = cm_backup_hold_pre(&r->hold, err);

	rc = rc < 0 ? rc : cm_backup_hold_begin(&r->hold, err);
	CM_FAULT_POINT("backup_held");
	rc = rc < 0 ? rc : cm_backup_read(r, err);
	cm_backup_hold_end(&r->hold);
	cm_backup_sizer_stop(cm_move(&r->sizer));
	return rc;
}

/* Everything that was noted so far goes into the archive too. */
static void pass_warnings(struct cm_backup_run *r)
{
	for (size_t i = 0; i < cm_json_len(r->plan.warnings); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(r->plan.warnings, i));

		cm_archive_writer_warn(r->writer, text);
		cm_progress_warn(r->progress, text);
	}
}

static void on_verified(void *ctx, uint64_t bytes, uint64_t files)
{
	(void)files;
	cm_backup_show_verified(ctx, bytes);
}

int cm_backup_complete(struct cm_backup_run *r, struct cm_err *err)
{
	cm_autojson struct json_object *extra = cm_backup_json(r);
	struct cm_archive_watch watch = { .ctx = r, .progress = on_verified, .cancelled = cm_backup_cancelled };
	struct cm_vaults_file written = { .vault = r->out.vault };
	struct cm_source source;
	int rc;

	pass_warnings(r);
	rc = cm_archive_writer_finish(r->writer, extra, &r->totals, err);
	if (rc < 0)
		return rc;
	CM_FAULT_POINT("backup_finished");
	step(r, 5, "Verifying the backup");
	rc = r->out.vault->ops->reopen(r->out.writer, &written.file, err);
	if (rc < 0)
		return rc;
	source = cm_vaults_source(&written);
	rc = cm_follow_verify(r->follow, &source, &watch, &r->verified, err);
	if (rc == 0 && written.vault->ops->size(written.file) != r->totals.compressed)
		rc = cm_err_set(err, CM_ECORRUPT, "its size is not what was written.");
	written.vault->ops->close(written.file);
	if (rc == CM_ECORRUPT)
		cm_err_prefix(err, "The written backup did not pass its verification");
	r->verified_ms = cm_now_ms();
	cm_backup_show_verified(r, r->bytes_read);
	rc = rc < 0 ? rc : cm_backup_helper_end(r, err);
	return rc < 0 ? rc : cancelled(r, err);
}

/* When the vault says that the file was written: the catalog compares that with its listing. */
static int64_t written_ms(struct cm_vault *v, const char *filename)
{
	struct cm_vault_file *f;
	struct stat st;
	int64_t ms = cm_now_ms();

	if (v->ops->open(v, filename, &f, NULL) < 0)
		return ms;
	if (v->ops->fd(f) >= 0 && fstat(v->ops->fd(f), &st) == 0)
		ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	v->ops->close(f);
	return ms;
}

/* The backup is there. Who holds the database for long delays its row; a catalog that does not know it after that
 * learns of it by its next comparison. */
static void list(struct cm_backup_run *r, const struct cm_catalog_row *row)
{
	int64_t begin = cm_monotonic_ms();
	int rc;

	do
		rc = cm_catalog_put(row, NULL);
	while (rc == CM_EBUSY && cm_monotonic_ms() - begin < LIST_WAIT_MS && !cm_backup_cancelled(r));
	if (rc < 0)
		cm_progress_warn(r->progress, "The backup is complete but not listed yet: read the vault again.");
}

static int publish(struct cm_backup_run *r, struct json_object *companion, struct cm_err *err)
{
	const char *text =
	    json_object_to_json_string_ext(companion, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	struct cm_vault_writer *w = cm_move(&r->out.writer);
	struct cm_vault_entry entry = { .name = r->filename, .size = r->totals.compressed, .has_companion = true };
	struct cm_catalog_row row = { 0 };
	int rc;

	step(r, 6, "Publishing the backup");
	CM_FAULT_POINT("backup_before_commit");
	rc = r->out.vault->ops->commit(w, text, strlen(text), err);
	if (rc < 0)
		return rc;
	CM_FAULT_POINT("backup_committed");
	entry.modified_ms = written_ms(r->out.vault, r->filename);
	cm_backup_row(r->out.vault->ops->kind, &entry, companion, &row);
	list(r, &row);
	cm_catalog_row_release(&row);
	return 0;
}

static struct json_object *result_make(const struct cm_backup_run *r, struct json_object *companion)
{
	static const char *const same[] = { "filename", "container",  "size",	  "content_size",  "files",
					    "sha256",	"parts",      "warnings", "warning_count", "duration_ms",
					    "held_ms",	"created_at", "path" };
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < CM_COUNT(same); i++)
		cm_json_set(o, same[i], json_object_get(cm_json_get(companion, same[i])));
	cm_json_set_int(o, "duration_ms", cm_monotonic_ms() - r->began_ms);
	return o;
}

int cm_backup_publish(struct cm_backup_run *r, struct json_object **ret_result, struct cm_err *err)
{
	cm_autojson struct json_object *companion = cm_backup_companion(r), *details = NULL;
	int rc = publish(r, companion, err);

	if (rc < 0)
		return rc;
	details = json_object_new_object();
	cm_json_set_int(details, "size", (int64_t)r->totals.compressed);
	cm_json_set_int(details, "warnings", r->totals.warnings);
	cm_json_set_int(details, "duration_ms", cm_monotonic_ms() - r->began_ms);
	audit(r, "completed", NULL, details);
	*ret_result = result_make(r, companion);
	return 0;
}

static int run_steps(struct cm_backup_run *r, struct json_object **ret_result, struct cm_err *err)
{
	int rc = cm_backup_prepare(r, err);

	rc = rc < 0 ? rc : write_data(r, err);
	rc = rc < 0 ? rc : cm_backup_complete(r, err);
	return rc < 0 ? rc : cm_backup_publish(r, ret_result, err);
}

void cm_backup_free(struct cm_backup_run *r)
{
	if (r == NULL)
		return;
	if (r->d != NULL)
		cm_docker_set_cancel(r->d, NULL, NULL);
	cm_backup_sizer_stop(cm_move(&r->sizer));
	cm_helper_abort(r->helper);
	cm_helper_abort(r->ending);
	cm_archive_writer_free(r->writer);
	cm_follow_free(r->follow);
	if (r->sofar.file != NULL)
		r->sofar.vault->ops->close(r->sofar.file);
	if (r->out.writer != NULL)
		r->out.vault->ops->discard(r->out.writer);
	cm_vault_free(r->out.vault);
	cm_archive_totals_release(&r->totals);
	cm_backup_plan_release(&r->plan);
	cm_backup_options_release(&r->options);
	json_object_put(r->set);
	free(r->server_name);
	free(r);
}

int cm_backup_new(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		  struct cm_backup_run **ret, struct cm_err *err)
{
	struct cm_backup_run *r = cm_alloc(sizeof(*r));
	int rc;

	*ret = r;
	r->app = app;
	r->params = params;
	r->progress = progress;
	r->created_ms = cm_now_ms();
	r->began_ms = cm_monotonic_ms();
	cm_uuid4(r->id);
	rc = cm_backup_options_parse(params, &r->options, err);
	rc = rc < 0 ? rc : cm_engine_get(app, &r->d, err);
	if (rc == 0) {
		cm_engine_known(app, &r->engine);
		r->server_name = cm_settings_server_name();
	}
	return rc;
}

void cm_backup_failed(const struct cm_backup_run *r, const struct cm_err *why)
{
	audit(r, why->code == CM_ECANCELLED ? "cancelled" : "error", why, NULL);
}

int cm_backup_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		  struct json_object **ret_result, struct cm_err *err)
{
	struct json_object *result = NULL;
	struct cm_backup_run *r;
	struct cm_err why = { 0 };
	int rc = cm_backup_new(app, params, progress, &r, &why);

	rc = rc < 0 ? rc : run_steps(r, &result, &why);
	if (rc < 0) {
		cm_backup_failed(r, &why);
		if (err != NULL)
			*err = why;
	}
	cm_backup_free(r);
	if (rc == 0 && ret_result != NULL)
		*ret_result = cm_move(&result);
	json_object_put(result);
	return rc;
}
