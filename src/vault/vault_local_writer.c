/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/str.h"
#include "vault/vault_local.h"

/* How much may wait in the page cache before the kernel is told to begin writing: keeps the last fsync short. */
enum { FLUSH_BYTES = 8 << 20 };

struct cm_vault_writer {
	struct cm_local_vault *v;
	int fd;
	uint64_t size;
	uint64_t flushed;
	char name[CM_LOCAL_NAME];
	char partial[CM_LOCAL_NAME];
};

int cm_local_create(struct cm_vault *v, const char *name, struct cm_vault_writer **ret, struct cm_err *err)
{
	int rc = cm_local_name_check(name, err);
	struct cm_vault_writer *w;

	if (rc < 0)
		return rc;
	if (cm_local_exists(cm_local(v)->dir, name))
		return cm_err_set(err, CM_EEXIST, "A backup called %s exists already", name);
	w = cm_alloc(sizeof(*w));
	w->v = cm_local(v);
	cm_str_copy(w->name, sizeof(w->name), name);
	cm_local_hidden(w->partial, name, ".partial");
	w->fd = openat(w->v->dir, w->partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w->fd < 0) {
		rc = cm_err_errno(err, errno, "creating the backup file in the vault");
		if (rc == CM_EEXIST)
			rc = cm_err_set(err, CM_EEXIST, "A backup called %s is being written already", name);
		free(w);
		return rc;
	}
	*ret = w;
	return 0;
}

int cm_local_write(struct cm_vault_writer *w, const void *data, size_t len, struct cm_err *err)
{
	if (cm_fd_write_all(w->fd, data, len) < 0)
		return cm_err_errno(err, errno, "writing the backup into the vault");
	w->size += len;
	if (w->size - w->flushed >= FLUSH_BYTES) {
		/* Only a hint: the fsync of reopen is what counts. */
		(void)sync_file_range(w->fd, (off_t)w->flushed, (off_t)(w->size - w->flushed), SYNC_FILE_RANGE_WRITE);
		w->flushed = w->size;
	}
	return 0;
}

static int pwrite_all(int fd, const char *data, size_t len, uint64_t off)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		data += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

int cm_local_patch(struct cm_vault_writer *w, uint64_t off, const void *data, size_t len, struct cm_err *err)
{
	uint64_t limit = w->size < CM_VAULT_HEAD ? w->size : CM_VAULT_HEAD;

	if (off > limit || len > limit - off)
		return cm_err_set(err, CM_EINTERNAL, "The backup cannot be changed at this place");
	if (pwrite_all(w->fd, data, len, off) < 0)
		return cm_err_errno(err, errno, "writing the backup into the vault");
	return 0;
}

int cm_local_peek(struct cm_vault_writer *w, struct cm_vault_file **ret, struct cm_err *err)
{
	int fd = openat(w->v->dir, w->partial, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return cm_err_errno(err, errno, "opening the written backup");
	*ret = cm_alloc(sizeof(**ret));
	(*ret)->fd = fd;
	return 0;
}

int cm_local_reopen(struct cm_vault_writer *w, struct cm_vault_file **ret, struct cm_err *err)
{
	struct cm_vault_file *f = NULL;
	struct stat st;
	int rc;

	if (fsync(w->fd) < 0)
		return cm_err_errno(err, errno, "writing the backup to the disk");
	rc = cm_local_peek(w, &f, err);
	if (rc < 0 || f == NULL)
		return rc;
	if (fstat(f->fd, &st) < 0 || (uint64_t)st.st_size != w->size) {
		close(f->fd);
		free(f);
		return cm_err_set(err, CM_EIO, "The written backup has another size than what was written");
	}
	f->size = w->size;
	*ret = f;
	return 0;
}

static void writer_free(struct cm_vault_writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

void cm_local_discard(struct cm_vault_writer *w)
{
	if (w == NULL)
		return;
	unlinkat(w->v->dir, w->partial, 0);
	writer_free(w);
}

int cm_local_commit(struct cm_vault_writer *w, const char *companion, size_t companion_len, struct cm_err *err)
{
	char waiting[CM_LOCAL_NAME], final[CM_LOCAL_NAME];
	int dir = w->v->dir, rc = 0;
	bool published = false;

	cm_local_hidden(waiting, w->name, ".json.partial");
	cm_local_companion(final, w->name);
	if (fsync(w->fd) < 0)
		rc = cm_err_errno(err, errno, "writing the backup to the disk");
	if (rc == 0)
		rc = cm_local_write_small(dir, waiting, companion, companion_len, err);
	if (rc == 0) {
		published = cm_local_rename_new(dir, w->partial, w->name) == 0;
		if (!published)
			rc = cm_err_errno(err, errno, "giving the backup its name");
	}
	if (rc == 0 && renameat(dir, waiting, dir, final) < 0)
		rc = cm_err_errno(err, errno, "publishing the backup");
	if (rc == 0 && fsync(dir) < 0) {
		rc = cm_err_errno(err, errno, "writing the vault's folder to the disk");
		unlinkat(dir, final, 0);
	}
	if (rc < 0) {
		unlinkat(dir, waiting, 0);
		unlinkat(dir, published ? w->name : w->partial, 0);
	}
	writer_free(w);
	return rc;
}
