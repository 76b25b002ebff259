/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/verify.h"

#include <stdio.h>
#include <string.h>

#include "archive/verify.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "service/audit.h"
#include "service/backup_meta.h"
#include "service/vaults.h"

struct verify {
	struct cm_progress *progress;
	const char *filename;
	const char *user;
	unsigned threads;
	struct cm_catalog_row row; /* file NULL: not listed (yet) */
	struct cm_verify_found found;
};

const char *cm_verify_state_name(enum cm_verify_state state)
{
	static const char *const names[CM_VERIFIED_STATE_COUNT] = { "ok", "readable", "damaged", "missing" };

	return names[state];
}

static int name_check(const char *filename, struct cm_err *err)
{
	if (filename[0] == '\0')
		return cm_err_set(err, CM_EINVAL, "Filename required");
	if (!cm_vault_name_valid(filename))
		return cm_err_set(err, CM_EINVAL, "Invalid filename");
	if (cm_str_has_suffix(filename, ".json"))
		return cm_err_set(err, CM_EUNSUPPORTED,
				  "A network backup is a small file without hashes: there is "
				  "nothing to verify.");
	return 0;
}

int cm_verify_params_check(struct json_object *params, struct cm_err *err)
{
	return name_check(cm_json_str(params, "filename", ""), err);
}

static void on_progress(void *ctx, uint64_t bytes, uint64_t files)
{
	struct verify *v = ctx;
	uint64_t total = v->row.content_size > 0 ? (uint64_t)v->row.content_size : 0;

	(void)files;
	cm_progress_bytes(v->progress, bytes, bytes <= total ? total : 0);
}

static bool on_cancelled(void *ctx)
{
	return cm_progress_cancelled(((struct verify *)ctx)->progress);
}

static void audit(const struct verify *v, const char *status, const char *error)
{
	struct cm_audit_event event = {
		.operation = "verify",
		.status = status,
		.container_id = v->row.container_id,
		.container_name = v->row.container_name,
		.backup_filename = v->filename,
		.error = error,
		.user = v->user,
	};

	(void)cm_audit(&event, NULL);
}

static void find(struct verify *v, enum cm_verify_state state, const char *why)
{
	v->found.state = state;
	cm_str_copy(v->found.why, sizeof(v->found.why), why);
}

/* What was read is compared with what the catalog knows. */
static void judge(struct verify *v, int rc, const struct cm_err *why)
{
	const struct cm_verify_result *read = &v->found.read;
	char text[sizeof(v->found.why)];

	if (rc == CM_EIO) {
		snprintf(text, sizeof(text),
			 "It cannot be read: %.300s If the disk is at fault, verify again once it is mended.",
			 why->text);
		find(v, CM_VERIFIED_DAMAGED, text);
	} else if (rc < 0) {
		find(v, CM_VERIFIED_DAMAGED, why->text);
	} else if (v->row.sha256 != NULL && read->sha256[0] != '\0' && !cm_str_eq(v->row.sha256, read->sha256)) {
		find(v, CM_VERIFIED_DAMAGED,
		     "It is whole in itself, but it is not the file that was written: its SHA-256 differs.");
	} else {
		find(v, read->ours ? CM_VERIFIED_OK : CM_VERIFIED_READABLE, "");
	}
}

static int read_all(const struct cm_app *app, struct verify *v, struct cm_err *err)
{
	struct cm_archive_watch watch = { .ctx = v, .progress = on_progress, .cancelled = on_cancelled };
	struct cm_vaults_file f;
	struct cm_source source;
	struct cm_err why = { 0 };
	int rc = cm_vaults_open_file(app, v->filename, &f, err);

	if (rc == CM_ENOTFOUND && v->row.file != NULL) {
		find(v, CM_VERIFIED_MISSING, "Its file is no longer in the vault.");
		return 0;
	}
	if (rc < 0)
		return rc;
	source = cm_vaults_source(&f);
	rc = cm_archive_verify(&source, v->threads, &watch, &v->found.read, &why);
	cm_vaults_close_file(&f);
	if (rc < 0 && rc != CM_ECORRUPT && rc != CM_EUNSUPPORTED && rc != CM_EIO) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	judge(v, rc, &why);
	return 0;
}

static struct json_object *problems_make(const struct cm_verify_found *found)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < found->read.damaged && i < CM_VERIFY_BAD; i++)
		cm_json_add_str(list, found->read.bad[i]);
	if (found->why[0] != '\0' && cm_json_len(list) == 0)
		cm_json_add_str(list, found->why);
	return list;
}

/* The companion remembers it too, so that a catalog made anew knows. A failure costs no more than that. */
static void companion_note(const struct cm_app *app, const struct verify *v, int64_t now)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(CM_COMPANION_MAX);
	cm_autojson struct json_object *o = NULL;
	bool damaged = v->found.state == CM_VERIFIED_DAMAGED;
	struct cm_vault *vault;
	const char *out;
	char at[32];

	if (cm_vaults_open(app, v->row.vault, &vault, NULL) < 0)
		return;
	if (vault->ops->read_companion(vault, v->filename, &text, NULL) == 0 &&
	    cm_json_parse_bounded(text.data, text.len, NULL, &o, NULL) == 0 &&
	    cm_str_eq(cm_json_str(o, "format", ""), "cm1")) {
		cm_time_rfc3339(at, now);
		cm_json_set_bool(o, "verified", !damaged);
		cm_json_set_str(o, "verified_at", at);
		cm_json_set_str(o, "verify_error", damaged ? v->found.why : NULL);
		cm_json_set(o, "verify_problems", problems_make(&v->found));
		out = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
		(void)vault->ops->write_companion(vault, v->filename, out, strlen(out), NULL);
	}
	cm_vault_free(vault);
}

static bool still_there(const struct cm_app *app, const char *filename)
{
	struct cm_vaults_file f;

	if (cm_vaults_open_file(app, filename, &f, NULL) == CM_ENOTFOUND)
		return false;
	cm_vaults_close_file(&f);
	return true;
}

static int note(const struct cm_app *app, const struct verify *v, struct cm_err *err)
{
	const char *vault = v->row.vault ? v->row.vault : "local";
	bool damaged = v->found.state == CM_VERIFIED_DAMAGED;
	int64_t now = cm_now_ms();
	int rc;

	if (v->found.state == CM_VERIFIED_MISSING) {
		rc = cm_catalog_set_missing(vault, v->filename, now, err);
	} else {
		companion_note(app, v, now);
		rc = cm_catalog_set_verified(vault, v->filename, cm_verify_state_name(v->found.state),
					     damaged ? v->found.why : NULL, now, err);
	}
	if (rc != CM_ENOTFOUND)
		return rc;
	/* Not listed yet: the companion has it. Or not any more. */
	return still_there(app, v->filename)
		   ? 0
		   : cm_err_set(err, CM_ENOTFOUND, "The backup was deleted while it was being verified.");
}

int cm_verify_file(const struct cm_app *app, const char *filename, const char *user, unsigned threads,
		   struct cm_progress *progress, struct cm_verify_found *ret, struct cm_err *err)
{
	struct verify v = { .progress = progress, .filename = filename, .user = user, .threads = threads };
	struct cm_err why = { 0 };
	int rc = name_check(filename, err);

	if (rc < 0)
		return rc;
	(void)cm_catalog_get(NULL, filename, &v.row, NULL);
	audit(&v, "started", NULL);
	rc = read_all(app, &v, &why);
	rc = rc < 0 ? rc : note(app, &v, &why);
	if (rc < 0)
		audit(&v, rc == CM_ECANCELLED ? "cancelled" : "error", why.text);
	else
		audit(&v, v.found.why[0] != '\0' ? "error" : "completed", v.found.why[0] != '\0' ? v.found.why : NULL);
	cm_catalog_row_release(&v.row);
	if (rc < 0 && err != NULL)
		*err = why;
	if (rc == 0)
		*ret = v.found;
	return rc;
}

static struct json_object *result_make(const char *filename, const struct cm_verify_found *found, int64_t began_ms)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "filename", filename);
	cm_json_set_str(o, "state", cm_verify_state_name(found->state));
	cm_json_set_bool(o, "has_hashes", found->read.ours);
	cm_json_set_int(o, "files", (int64_t)found->read.files);
	cm_json_set_int(o, "bytes", (int64_t)found->read.bytes);
	cm_json_set(o, "problems", problems_make(found));
	cm_json_set_int(o, "duration_ms", cm_monotonic_ms() - began_ms);
	return o;
}

int cm_verify_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		  struct json_object **ret_result, struct cm_err *err)
{
	const char *filename = cm_json_str(params, "filename", "");
	int64_t began_ms = cm_monotonic_ms();
	struct cm_verify_found found = { .state = CM_VERIFIED_MISSING };
	int rc;

	cm_progress_step(progress, 1, 1, "Reading the backup and comparing every hash");
	rc = cm_verify_file(app, filename, cm_json_str(params, "user", NULL), 0, progress, &found, err);
	if (rc < 0)
		return rc;
	if (found.why[0] != '\0')
		cm_progress_warn(progress, found.why);
	*ret_result = result_make(filename, &found, began_ms);
	return 0;
}
