/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A vault: where backups live. One interface, implemented by a local folder and by S3. A backup is an archive and
 * its companion (small JSON, "<file>.json"); it exists when its companion does: the companion is always written last
 * and deleted first. All calls block: task threads only. A vault handle may be used by one thread at a time; open one
 * per thread. No call leaves half a file that cm_vault_list would show.
 */
#ifndef CM_VAULT_VAULT_H
#define CM_VAULT_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/err.h"

/* Bytes at the front of an archive that may be patched until it is committed. */
enum { CM_VAULT_HEAD = 1 << 20 };

struct cm_vault;
struct cm_vault_writer;
struct cm_vault_file;

struct cm_vault_entry {
	const char *name; /* file name of the archive or network file; valid during the callback only */
	uint64_t size;
	int64_t modified_ms;
	bool has_companion;
};

/* Return non-zero to stop the listing; it is passed through. */
typedef int (*cm_vault_entry_fn)(void *ctx, const struct cm_vault_entry *entry);

struct cm_vault_ops {
	const char *kind; /* "local" | "s3" */

	/* Begins a new archive under an invisible name. CM_EEXIST when the name is taken. */
	int (*create)(struct cm_vault *v, const char *name, struct cm_vault_writer **ret, struct cm_err *err);
	int (*write)(struct cm_vault_writer *w, const void *data, size_t len, struct cm_err *err);
	/* Replaces bytes already written, within the first CM_VAULT_HEAD bytes. */
	int (*patch)(struct cm_vault_writer *w, uint64_t off, const void *data, size_t len, struct cm_err *err);
	/* Opens what is written so far for reading, while more is being written; its size is not known. NULL: this kind
	 * of vault cannot. */
	int (*peek)(struct cm_vault_writer *w, struct cm_vault_file **ret, struct cm_err *err);
	/* Makes everything written so far durable and opens it for the verification (not yet visible under its name).
	 */
	int (*reopen)(struct cm_vault_writer *w, struct cm_vault_file **ret, struct cm_err *err);
	/* Publishes archive, then companion. Frees w in every case; after an error nothing of it remains. */
	int (*commit)(struct cm_vault_writer *w, const char *companion, size_t companion_len, struct cm_err *err);
	/* Removes everything written. Frees w. NULL is fine. */
	void (*discard)(struct cm_vault_writer *w);

	int (*open)(struct cm_vault *v, const char *name, struct cm_vault_file **ret, struct cm_err *err);
	/* Reads exactly len bytes at off, or fails. Any thread may call it on one file at the same time. */
	int (*pread)(struct cm_vault_file *f, void *data, size_t len, uint64_t off, struct cm_err *err);
	uint64_t (*size)(struct cm_vault_file *f);
	/* A descriptor for sending the file as it is, or -1 when the vault has none (S3). Owned by f. */
	int (*fd)(struct cm_vault_file *f);
	void (*close)(struct cm_vault_file *f);

	int (*read_companion)(struct cm_vault *v, const char *name, struct cm_buf *out, struct cm_err *err);
	int (*write_companion)(struct cm_vault *v, const char *name, const char *text, size_t len, struct cm_err *err);
	int (*remove)(struct cm_vault *v, const char *name, struct cm_err *err);
	int (*list)(struct cm_vault *v, cm_vault_entry_fn fn, void *ctx, struct cm_err *err);
	/* Removes what a crash left behind: partial files, unfinished uploads. *ret_removed counts them. */
	int (*sweep)(struct cm_vault *v, int *ret_removed, struct cm_err *err);
	/* Free bytes, or -1 when unknown. */
	int64_t (*free_bytes)(struct cm_vault *v);
	void (*destroy)(struct cm_vault *v);
};

/* Each implementation embeds this first. */
struct cm_vault {
	const struct cm_vault_ops *ops;
};

/* The folder must exist. Caller frees with cm_vault_free. */
int cm_vault_local_open(const char *dir, struct cm_vault **ret, struct cm_err *err);
void cm_vault_free(struct cm_vault *v);

/* A name that may be a file of a vault: no '/', no leading '.', no control characters, 1 to 200 bytes, one of the
 * endings .tar.gz .tar.zst .tar .zip, or network_*.json. */
bool cm_vault_name_valid(const char *name);

#endif
