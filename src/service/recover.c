/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/recover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/journal.h"
#include "docker/helper.h"
#include "service/audit.h"
#include "service/backup_hold.h"
#include "service/clone.h"
#include "service/catalog_sync.h"
#include "service/engine.h"
#include "service/restore_undo.h"
#include "service/vaults.h"

/* Files of others in the folder for temporary files, like uploads, may still be in use: they go when they are old. */
enum { TMP_OLD_MS = 3600 * 1000, TMP_DEPTH = 16, TEXT_SIZE = 1024 };

static void audit(const struct cm_journal_entry *e, const char *text, const char *error)
{
	cm_autojson struct json_object *details = json_object_new_object();
	struct cm_audit_event event = {
		.operation = "recovery",
		.status = "interrupted",
		.container_id = e->container_id,
		.container_name = e->name,
		.error = error,
		.details = details,
	};

	cm_json_set_str(details, "undone", e->kind);
	if (text != NULL)
		cm_json_set_str(details, "text", text);
	if (e->job_id != NULL)
		cm_json_set_str(details, "progress_id", e->job_id);
	(void)cm_audit(&event, NULL);
}

static bool is_hold(const struct cm_journal_entry *e)
{
	return cm_str_eq(e->kind, "stopped") || cm_str_eq(e->kind, "paused") || cm_str_eq(e->kind, "exec_post");
}

static int entry_undo(const struct cm_app *app, const struct cm_journal_entry *e, char *text, struct cm_err *err)
{
	cm_autojson struct json_object *state = NULL;
	struct cm_docker *d;
	bool drill, clone;
	int rc;

	text[0] = '\0';
	if (is_hold(e)) {
		rc = cm_engine_get(app, &d, err);
		return rc < 0 ? rc : cm_hold_undo(d, e, text, err);
	}
	drill = cm_str_eq(e->kind, "drill");
	clone = cm_str_eq(e->kind, "clone");
	if (!drill && !clone && !cm_str_eq(e->kind, "restore"))
		return cm_err_set(err, CM_EUNSUPPORTED, "This program does not know how to undo \"%.40s\".", e->kind);
	if (e->data == NULL || cm_json_parse(e->data, strlen(e->data), &state, NULL) < 0)
		return cm_err_set(err, CM_ECORRUPT, "What the restore noted about itself cannot be read.");
	if (clone) {
		rc = cm_clone_undo(app, state, err);
		if (rc == 0)
			snprintf(text, TEXT_SIZE,
				 cm_json_len(cm_json_arr(state, "images")) > 0
				     ? "What the restore of the export of %.255s had made was removed."
				     : "What a clone of %.255s had made was removed.",
				 e->name ? e->name : "a container");
		return rc;
	}
	rc = cm_restore_undo(app, e->id, state, err);
	if (rc == 0)
		snprintf(text, TEXT_SIZE,
			 drill ? "What a drill of %.255s had made was removed."
			 : cm_str_eq(cm_json_str(state, "what", ""), "redeploy")
			     ? "The redeployment of %.255s was undone."
			     : "The restore of %.255s was undone.",
			 e->name ? e->name : "a container");
	return rc;
}

/* The entries of holds, or all others. */
static int journal_undo(const struct cm_app *app, bool holds, struct json_object *undone, struct json_object *failed,
			struct cm_err *err)
{
	struct cm_journal_entry *list;
	size_t count;
	int rc = cm_journal_list(NULL, &list, &count, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < count; i++) {
		struct cm_err why = { 0 };
		char text[TEXT_SIZE];

		if (is_hold(&list[i]) != holds)
			continue;
		if (entry_undo(app, &list[i], text, &why) == 0) {
			CM_FAULT_POINT("recovery_undone");
			(void)cm_journal_close(list[i].id, NULL);
			CM_FAULT_POINT("recovery_closed");
			if (text[0] == '\0')
				continue;
			audit(&list[i], text, NULL);
			cm_json_add_str(undone, text);
		} else {
			/* Tried again and again while the engine is away: said once. */
			if (list[i].tries == 0)
				audit(&list[i], NULL, why.text);
			(void)cm_journal_failed(list[i].id, why.text, NULL);
			snprintf(text, sizeof(text), "%.255s: %s", list[i].name ? list[i].name : list[i].kind,
				 why.text);
			cm_json_add_str(failed, text);
		}
	}
	cm_journal_list_free(list, count);
	return 0;
}

static int partials_sweep(const struct cm_app *app, struct json_object *failed)
{
	struct cm_err err = { 0 };
	struct cm_vault *v;
	int removed = 0, rc = cm_vaults_open(app, NULL, &v, &err);

	if (rc == 0) {
		rc = v->ops->sweep(v, &removed, &err);
		cm_vault_free(v);
	}
	if (rc < 0)
		cm_json_add_str(failed, err.text);
	return removed;
}

int cm_recover_helpers(const struct cm_app *app, int *ret_removed, struct cm_err *err)
{
	struct cm_docker *d;
	char instance[17];
	int rc = cm_engine_get(app, &d, err);

	cm_engine_instance(app, instance);
	return rc < 0 ? rc : cm_helper_sweep(d, instance, ret_removed, err);
}

/* Removes one thing with all in it, never through a symbolic link. */
static void remove_tree(int dir, const char *name, int depth)
{
	int fd;
	struct dirent *e;
	DIR *d;

	if (unlinkat(dir, name, 0) == 0 || (errno != EISDIR && errno != EPERM) || depth == 0)
		return;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (!cm_str_eq(e->d_name, ".") && !cm_str_eq(e->d_name, ".."))
			remove_tree(fd, e->d_name, depth - 1);
	}
	if (d != NULL)
		closedir(d);
	unlinkat(dir, name, AT_REMOVEDIR);
}

static int tmp_sweep(const struct cm_app *app)
{
	DIR *d = opendir(app->tmp_dir);
	int64_t now = cm_now_ms();
	struct dirent *e;
	int removed = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		struct stat st;

		if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		/* "h-…" holds a helper's socket; one that is just being started goes on without it. */
		if (!cm_str_has_prefix(e->d_name, "h-") && now - (int64_t)st.st_mtim.tv_sec * 1000 < TMP_OLD_MS)
			continue;
		remove_tree(dirfd(d), e->d_name, TMP_DEPTH);
		removed++;
	}
	if (d != NULL)
		closedir(d);
	return removed;
}

/* What appeared in the vault or went away while the program was not running. */
static int catalog_compare(const struct cm_app *app, struct json_object *failed)
{
	struct cm_catalog_changes changes = { 0 };
	struct cm_err err = { 0 };

	if (cm_catalog_sync(app, &changes, &err) < 0)
		cm_json_add_str(failed, err.text);
	return changes.added + changes.updated + changes.removed;
}

int cm_recover(const struct cm_app *app, struct json_object **ret_report, struct cm_err *err)
{
	cm_autojson struct json_object *report = json_object_new_object();
	struct json_object *undone = json_object_new_array(), *failed = json_object_new_array();
	struct cm_err why = { 0 };
	int helpers = 0, rc;

	cm_json_set(report, "undone", undone);
	cm_json_set(report, "failed", failed);
	/* Containers that stand still come first. Then helpers that were left: they hold volumes which the way back of
	 * a restore may want to remove. */
	rc = journal_undo(app, true, undone, failed, err);
	if (rc < 0)
		return rc;
	CM_FAULT_POINT("recovery_let_go");
	if (cm_recover_helpers(app, &helpers, &why) < 0)
		cm_json_add_str(failed, why.text);
	CM_FAULT_POINT("recovery_helpers_gone");
	cm_json_set_int(report, "helpers", helpers);
	rc = journal_undo(app, false, undone, failed, err);
	if (rc < 0)
		return rc;
	CM_FAULT_POINT("recovery_journal_done");
	cm_json_set_int(report, "partials", partials_sweep(app, failed));
	CM_FAULT_POINT("recovery_partials_gone");
	cm_json_set_int(report, "tmp", tmp_sweep(app));
	cm_json_set_int(report, "catalog", catalog_compare(app, failed));
	if (ret_report != NULL)
		*ret_report = cm_move(&report);
	return 0;
}
