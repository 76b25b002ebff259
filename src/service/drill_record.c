/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The outcome of a drill, where the vault's pages and a catalog made anew find it.
 */
#include <string.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/str.h"
#include "service/backup_meta.h"
#include "service/drill_int.h"
#include "service/vaults.h"

static struct json_object *outcome(struct cm_drill *d, const struct cm_err *why, int64_t now, int64_t duration)
{
	struct json_object *o = json_object_new_object();
	char at[32];

	cm_time_rfc3339(at, now);
	cm_json_set_str(o, "state", why ? "failed" : "ok");
	cm_json_set_str(o, "at", at);
	cm_json_set_int(o, "duration_ms", duration);
	cm_json_set_str(o, "check", cm_drill_kind_name(d->check.kind));
	cm_json_set_str(o, "error", why ? why->text : NULL);
	cm_json_set(o, "notes", json_object_get(d->notes));
	cm_json_set_str(o, "log", d->log.data);
	return o;
}

/* A failure costs no more than that a catalog made anew does not know of the drill. */
static void companion_note(struct cm_drill *d, struct json_object *drill)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(CM_COMPANION_MAX);
	cm_autojson struct json_object *o = NULL;
	struct cm_vault *vault;
	const char *out;

	if (cm_vaults_open(d->app, d->row.vault, &vault, NULL) < 0)
		return;
	if (vault->ops->read_companion(vault, d->filename, &text, NULL) == 0 &&
	    cm_json_parse(text.data, text.len, &o, NULL) == 0 && cm_str_eq(cm_json_str(o, "format", ""), "cm1")) {
		cm_json_set(o, "drill", json_object_get(drill));
		out = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
		(void)vault->ops->write_companion(vault, d->filename, out, strlen(out), NULL);
	}
	cm_vault_free(vault);
}

int cm_drill_record(struct cm_drill *d, const struct cm_err *why, struct cm_err *err)
{
	int64_t now = cm_now_ms(), duration = cm_monotonic_ms() - d->began_ms;
	cm_autojson struct json_object *drill = outcome(d, why, now, duration);
	struct cm_catalog_drill row = { .state = why ? "failed" : "ok",
					.error = why ? why->text : NULL,
					.log = d->log.data,
					.at_ms = now,
					.duration_ms = duration };
	int rc;

	companion_note(d, drill);
	CM_FAULT_POINT("drill_noted");
	rc = cm_catalog_set_drilled(d->row.vault, d->filename, &row, err);
	/* Deleted meanwhile. */
	return rc == CM_ENOTFOUND ? 0 : rc;
}
