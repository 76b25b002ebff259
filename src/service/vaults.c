/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/vaults.h"

#include "core/str.h"
#include "db/catalog.h"
#include "service/audit.h"

int cm_vaults_open(const struct cm_app *app, const char *name, struct cm_vault **ret, struct cm_err *err)
{
	if (name != NULL && name[0] != '\0' && !cm_str_eq(name, "local"))
		return cm_err_set(err, CM_ENOTFOUND, "There is no vault called \"%.60s\".", name);
	return cm_vault_local_open(app->backups_dir, ret, err);
}

int cm_vaults_open_file(const struct cm_app *app, const char *filename, struct cm_vaults_file *ret, struct cm_err *err)
{
	struct cm_vaults_file f = { 0 };
	int rc;

	if (!cm_vault_name_valid(filename))
		return cm_err_set(err, CM_EINVAL, "Invalid filename");
	rc = cm_vaults_open(app, NULL, &f.vault, err);
	if (rc < 0)
		return rc;
	rc = f.vault->ops->open(f.vault, filename, &f.file, err);
	if (rc < 0) {
		cm_vault_free(f.vault);
		return rc;
	}
	*ret = f;
	return 0;
}

void cm_vaults_close_file(struct cm_vaults_file *f)
{
	if (f->vault == NULL)
		return;
	f->vault->ops->close(f->file);
	cm_vault_free(f->vault);
	*f = (struct cm_vaults_file){ 0 };
}

static int source_pread(void *ctx, void *data, size_t len, uint64_t off, struct cm_err *err)
{
	struct cm_vaults_file *f = ctx;

	return f->vault->ops->pread(f->file, data, len, off, err);
}

struct cm_source cm_vaults_source(struct cm_vaults_file *f)
{
	return (struct cm_source){ .ctx = f, .pread = source_pread, .size = f->vault->ops->size(f->file) };
}

static int sink_write(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct cm_vaults_writer *w = ctx;

	return w->vault->ops->write(w->writer, data, len, err);
}

static int sink_patch(void *ctx, uint64_t off, const void *data, size_t len, struct cm_err *err)
{
	struct cm_vaults_writer *w = ctx;

	return w->vault->ops->patch(w->writer, off, data, len, err);
}

struct cm_sink cm_vaults_sink(struct cm_vaults_writer *w)
{
	return (struct cm_sink){ .ctx = w, .write = sink_write, .patch = sink_patch };
}

static void audit_removed(const char *filename, const struct cm_catalog_row *row, const char *user,
			  const struct cm_err *why)
{
	struct cm_audit_event event = {
		.operation = "delete_backup",
		.status = why != NULL ? "error" : "completed",
		.container_id = row->container_id,
		.container_name = row->container_name,
		.backup_filename = filename,
		.error = why != NULL ? why->text : NULL,
		.user = user,
	};

	(void)cm_audit(&event, NULL);
}

int cm_vaults_remove(const struct cm_app *app, const char *filename, const char *user, struct cm_err *err)
{
	struct cm_catalog_row row = { 0 };
	struct cm_vault *v = NULL;
	struct cm_err why = { 0 };
	int rc = 0;

	if (!cm_vault_name_valid(filename))
		return cm_err_set(err, CM_EINVAL, "Invalid filename");
	/* A file that the catalog does not know yet can be removed all the same. */
	if (cm_catalog_get(NULL, filename, &row, NULL) == 0 && row.locked)
		rc = cm_err_set(&why, CM_EBUSY, "%s is locked: unlock it before deleting it.", filename);
	rc = rc < 0 ? rc : cm_vaults_open(app, row.vault, &v, &why);
	if (v != NULL) {
		rc = v->ops->remove(v, filename, &why);
		/* Gone from the vault: then only the list forgets it. */
		if (rc == 0 || rc == CM_ENOTFOUND)
			rc = cm_catalog_remove(v->ops->kind, filename, NULL) == 0 ? 0 : rc;
		cm_vault_free(v);
	}
	if (rc != CM_ENOTFOUND)
		audit_removed(filename, &row, user, rc < 0 ? &why : NULL);
	cm_catalog_row_release(&row);
	if (rc < 0 && err != NULL)
		*err = why;
	return rc;
}
