/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/verify.h"

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
	struct cm_catalog_row row;
	struct cm_verify_result found;
	bool damaged;
	char why[512];
};

int cm_verify_params_check(struct json_object *params, struct cm_err *err)
{
	const char *filename = cm_json_str(params, "filename", "");

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

static int read_all(const struct cm_app *app, struct verify *v, struct cm_err *err)
{
	struct cm_archive_watch watch = { .ctx = v, .progress = on_progress, .cancelled = on_cancelled };
	struct cm_vaults_file f;
	struct cm_source source;
	struct cm_err why = { 0 };
	int rc = cm_vaults_open_file(app, v->filename, &f, err);

	if (rc < 0)
		return rc;
	source = cm_vaults_source(&f);
	rc = cm_archive_verify(&source, 0, &watch, &v->found, &why);
	cm_vaults_close_file(&f);
	if (rc == CM_ECORRUPT || rc == CM_EUNSUPPORTED) {
		v->damaged = true;
		cm_str_copy(v->why, sizeof(v->why), why.text);
		return 0;
	}
	if (rc < 0) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	if (v->row.sha256 != NULL && v->found.sha256[0] != '\0' && !cm_str_eq(v->row.sha256, v->found.sha256)) {
		v->damaged = true;
		cm_str_copy(v->why, sizeof(v->why),
			    "It is whole in itself, but it is not the file that was written: its SHA-256 differs.");
	}
	return 0;
}

static struct json_object *problems_make(const struct verify *v)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < v->found.damaged && i < CM_VERIFY_BAD; i++)
		cm_json_add_str(list, v->found.bad[i]);
	if (v->damaged && cm_json_len(list) == 0)
		cm_json_add_str(list, v->why);
	return list;
}

/* The companion remembers it too, so that a catalog made anew knows. A failure costs no more than that. */
static void companion_note(const struct cm_app *app, const struct verify *v, int64_t now)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(CM_COMPANION_MAX);
	cm_autojson struct json_object *o = NULL;
	struct cm_vault *vault;
	const char *out;
	char at[32];

	if (cm_vaults_open(app, v->row.vault, &vault, NULL) < 0)
		return;
	if (vault->ops->read_companion(vault, v->filename, &text, NULL) == 0 &&
	    cm_json_parse(text.data, text.len, &o, NULL) == 0 && cm_str_eq(cm_json_str(o, "format", ""), "cm1")) {
		cm_time_rfc3339(at, now);
		cm_json_set_bool(o, "verified", !v->damaged);
		cm_json_set_str(o, "verified_at", at);
		cm_json_set_str(o, "verify_error", v->damaged ? v->why : NULL);
		cm_json_set(o, "verify_problems", problems_make(v));
		out = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
		(void)vault->ops->write_companion(vault, v->filename, out, strlen(out), NULL);
	}
	cm_vault_free(vault);
}

static struct json_object *result_make(const struct verify *v, int64_t began_ms)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "filename", v->filename);
	cm_json_set_str(o, "state", v->damaged ? "damaged" : "ok");
	cm_json_set_bool(o, "has_hashes", v->found.ours);
	cm_json_set_int(o, "files", (int64_t)v->found.files);
	cm_json_set_int(o, "bytes", (int64_t)v->found.bytes);
	cm_json_set(o, "problems", problems_make(v));
	cm_json_set_int(o, "duration_ms", cm_monotonic_ms() - began_ms);
	return o;
}

static int run(const struct cm_app *app, struct verify *v, struct cm_err *err)
{
	int64_t now;
	int rc;

	cm_progress_step(v->progress, 1, 1, "Reading the backup and comparing every hash");
	rc = read_all(app, v, err);
	if (rc < 0)
		return rc;
	now = cm_now_ms();
	companion_note(app, v, now);
	rc = cm_catalog_set_verified(v->row.vault ? v->row.vault : "local", v->filename, v->damaged ? "damaged" : "ok",
				     v->damaged ? v->why : NULL, now, err);
	/* Not listed (yet): the companion has it. */
	return rc == CM_ENOTFOUND ? 0 : rc;
}

int cm_verify_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		  struct json_object **ret_result, struct cm_err *err)
{
	struct verify v = { .progress = progress };
	int64_t began_ms = cm_monotonic_ms();
	struct cm_err why = { 0 };
	int rc = cm_verify_params_check(params, err);

	if (rc < 0)
		return rc;
	v.filename = cm_json_str(params, "filename", "");
	v.user = cm_json_str(params, "user", NULL);
	(void)cm_catalog_get(NULL, v.filename, &v.row, NULL);
	audit(&v, "started", NULL);
	rc = run(app, &v, &why);
	if (rc < 0)
		audit(&v, rc == CM_ECANCELLED ? "cancelled" : "error", why.text);
	else
		audit(&v, v.damaged ? "error" : "completed", v.damaged ? v.why : NULL);
	if (rc == 0 && v.damaged)
		cm_progress_warn(progress, v.why);
	if (rc == 0 && ret_result != NULL)
		*ret_result = result_make(&v, began_ms);
	if (rc < 0 && err != NULL)
		*err = why;
	cm_catalog_row_release(&v.row);
	return rc;
}
