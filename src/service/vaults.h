/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The vaults of this installation. Today one: "local", the folder backups/ of the data folder; handlers and jobs
 * open the vault they need, use it in one thread, and free it. Opening is cheap.
 */
#ifndef CM_SERVICE_VAULTS_H
#define CM_SERVICE_VAULTS_H

#include "archive/sink.h"
#include "core/err.h"
#include "service/app.h"
#include "vault/vault.h"

/* name NULL or "": the default. Caller frees with cm_vault_free. Errors: CM_ENOTFOUND (no vault of that name), CM_EIO.
 */
int cm_vaults_open(const struct cm_app *app, const char *name, struct cm_vault **ret, struct cm_err *err);

/* A file of a vault, opened for reading; the pair lives and ends together. */
struct cm_vaults_file {
	struct cm_vault *vault;
	struct cm_vault_file *file;
};

/* Finds the vault that holds the backup (the catalog knows) and opens it. Errors: CM_EINVAL (no name of a backup),
 * CM_ENOTFOUND ("Backup file not found"). */
int cm_vaults_open_file(const struct cm_app *app, const char *filename, struct cm_vaults_file *ret, struct cm_err *err);
void cm_vaults_close_file(struct cm_vaults_file *f);
/* The same as a source of archive bytes; valid while f stays open where it is. */
struct cm_source cm_vaults_source(struct cm_vaults_file *f);

/* An archive being written, as a sink; valid while w stays where it is. */
struct cm_vaults_writer {
	struct cm_vault *vault;
	struct cm_vault_writer *writer;
};
struct cm_sink cm_vaults_sink(struct cm_vaults_writer *w);

/* Removes a backup, its companion and its catalog row, and writes the audit (user may be NULL). Errors: CM_EINVAL,
 * CM_ENOTFOUND, CM_EBUSY (locked, or just being restored), CM_EIO. */
int cm_vaults_remove(const struct cm_app *app, const char *filename, const char *user, struct cm_err *err);

#endif
