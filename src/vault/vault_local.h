/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the two halves of the local vault share: vault_local.c (the folder) and vault_local_writer.c (a new archive).
 * While NAME is being written it is ".NAME.partial"; its companion waits as ".NAME.json.partial", complete and
 * durable, before NAME appears. So a crash between the two renames of a commit leaves enough to finish it, which is
 * what the sweep does.
 */
#ifndef CM_VAULT_VAULT_LOCAL_H
#define CM_VAULT_VAULT_LOCAL_H

#include "vault/vault.h"

enum { CM_LOCAL_NAME = 256 };

struct cm_local_vault {
	struct cm_vault base;
	int dir;
};

struct cm_vault_file {
	int fd;
	uint64_t size;
};

static inline struct cm_local_vault *cm_local(struct cm_vault *v)
{
	return (struct cm_local_vault *)v;
}

int cm_local_name_check(const char *name, struct cm_err *err);
/* ".NAME<ending>": valid names have at most 200 bytes, so every ending used fits. */
void cm_local_hidden(char dst[CM_LOCAL_NAME], const char *name, const char *ending);
void cm_local_companion(char dst[CM_LOCAL_NAME], const char *name);
bool cm_local_exists(int dir, const char *name);
/* rename(2) that never overwrites; -1 with errno. */
int cm_local_rename_new(int dir, const char *from, const char *to);
/* Writes a small file and makes its bytes durable; on failure it is removed. */
int cm_local_write_small(int dir, const char *name, const char *text, size_t len, struct cm_err *err);

/* The operations of vault_local_writer.c. */
int cm_local_create(struct cm_vault *v, const char *name, struct cm_vault_writer **ret, struct cm_err *err);
int cm_local_write(struct cm_vault_writer *w, const void *data, size_t len, struct cm_err *err);
int cm_local_patch(struct cm_vault_writer *w, uint64_t off, const void *data, size_t len, struct cm_err *err);
int cm_local_peek(struct cm_vault_writer *w, struct cm_vault_file **ret, struct cm_err *err);
int cm_local_reopen(struct cm_vault_writer *w, struct cm_vault_file **ret, struct cm_err *err);
int cm_local_commit(struct cm_vault_writer *w, const char *companion, size_t companion_len, struct cm_err *err);
void cm_local_discard(struct cm_vault_writer *w);

#endif
