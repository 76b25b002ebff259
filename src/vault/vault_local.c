/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/str.h"
#include "vault/vault_local.h"

int cm_local_name_check(const char *name, struct cm_err *err)
{
	if (cm_vault_name_valid(name))
		return 0;
	return cm_err_set(err, CM_EINVAL, "Invalid filename");
}

void cm_local_hidden(char dst[CM_LOCAL_NAME], const char *name, const char *ending)
{
	snprintf(dst, CM_LOCAL_NAME, ".%.200s%s", name, ending);
}

void cm_local_companion(char dst[CM_LOCAL_NAME], const char *name)
{
	snprintf(dst, CM_LOCAL_NAME, "%.200s.json", name);
}

bool cm_local_exists(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Some file systems do not know RENAME_NOREPLACE: there a look before must do. */
int cm_local_rename_new(int dir, const char *from, const char *to)
{
	if (renameat2(dir, from, dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (cm_local_exists(dir, to)) {
		errno = EEXIST;
		return -1;
	}
	return renameat(dir, from, dir, to);
}

int cm_local_write_small(int dir, const char *name, const char *text, size_t len, struct cm_err *err)
{
	cm_autoclose int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return cm_err_errno(err, errno, "writing the companion of the backup");
	if (cm_fd_write_all(fd, text, len) < 0 || fsync(fd) < 0) {
		int rc = cm_err_errno(err, errno, "writing the companion of the backup");

		unlinkat(dir, name, 0);
		return rc;
	}
	return 0;
}

static int local_open(struct cm_vault *v, const char *name, struct cm_vault_file **ret, struct cm_err *err)
{
	int rc = cm_local_name_check(name, err), fd;
	struct stat st;

	if (rc < 0)
		return rc;
	fd = openat(cm_local(v)->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		if (errno == ENOENT || errno == ELOOP)
			return cm_err_set(err, CM_ENOTFOUND, "Backup file not found");
		return cm_err_errno(err, errno, "opening the backup");
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return cm_err_set(err, CM_ENOTFOUND, "Backup file not found");
	}
	*ret = cm_alloc(sizeof(**ret));
	(*ret)->fd = fd;
	(*ret)->size = (uint64_t)st.st_size;
	return 0;
}

static int local_pread(struct cm_vault_file *f, void *data, size_t len, uint64_t off, struct cm_err *err)
{
	char *p = data;

	while (len > 0) {
		ssize_t n = pread(f->fd, p, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cm_err_errno(err, errno, "reading the backup");
		if (n == 0)
			return cm_err_set(err, CM_ECORRUPT, "The backup ends too early: it is damaged or was cut");
		p += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static uint64_t local_size(struct cm_vault_file *f)
{
	return f->size;
}

static int local_fd(struct cm_vault_file *f)
{
	return f->fd;
}

static void local_close(struct cm_vault_file *f)
{
	if (f == NULL)
		return;
	close(f->fd);
	free(f);
}

static int local_read_companion(struct cm_vault *v, const char *name, struct cm_buf *out, struct cm_err *err)
{
	char companion[CM_LOCAL_NAME];
	int rc = cm_local_name_check(name, err);
	cm_autoclose int fd = -1;

	if (rc < 0)
		return rc;
	cm_local_companion(companion, name);
	fd = openat(cm_local(v)->dir, companion, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return cm_err_errno(err, errno, "reading the companion of the backup");
	for (;;) {
		char part[4096];
		ssize_t n = read(fd, part, sizeof(part));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cm_err_errno(err, errno, "reading the companion of the backup");
		if (n == 0)
			return 0;
		cm_buf_add(out, part, (size_t)n);
		if (cm_buf_failed(out))
			return cm_err_set(err, cm_buf_failed(out), "The companion of the backup is too large");
	}
}

static int local_write_companion(struct cm_vault *v, const char *name, const char *text, size_t len, struct cm_err *err)
{
	char waiting[CM_LOCAL_NAME], final[CM_LOCAL_NAME];
	int rc = cm_local_name_check(name, err), dir = cm_local(v)->dir;

	if (rc < 0)
		return rc;
	if (!cm_local_exists(dir, name))
		return cm_err_set(err, CM_ENOTFOUND, "Backup file not found");
	/* Not ".json.partial": the sweep must never take a half written replacement for the one of a commit. */
	cm_local_hidden(waiting, name, ".json.new");
	cm_local_companion(final, name);
	rc = cm_local_write_small(dir, waiting, text, len, err);
	if (rc < 0)
		return rc;
	if (renameat(dir, waiting, dir, final) < 0) {
		rc = cm_err_errno(err, errno, "writing the companion of the backup");
		unlinkat(dir, waiting, 0);
		return rc;
	}
	/* Deleted at this moment: nothing may remain of it. */
	if (!cm_local_exists(dir, name)) {
		unlinkat(dir, final, 0);
		return cm_err_set(err, CM_ENOTFOUND, "Backup file not found");
	}
	return fsync(dir) < 0 ? cm_err_errno(err, errno, "writing the vault's folder to the disk") : 0;
}

static int local_remove(struct cm_vault *v, const char *name, struct cm_err *err)
{
	char companion[CM_LOCAL_NAME];
	int rc = cm_local_name_check(name, err), dir = cm_local(v)->dir;

	if (rc < 0)
		return rc;
	if (!cm_local_exists(dir, name))
		return cm_err_set(err, CM_ENOTFOUND, "Backup file not found");
	cm_local_companion(companion, name);
	if (unlinkat(dir, companion, 0) < 0 && errno != ENOENT)
		return cm_err_errno(err, errno, "deleting the backup");
	if (unlinkat(dir, name, 0) < 0)
		return cm_err_errno(err, errno, "deleting the backup");
	return fsync(dir) < 0 ? cm_err_errno(err, errno, "writing the vault's folder to the disk") : 0;
}

/* A second descriptor of the folder: reading it must not move the offset of the first. */
static DIR *folder_read(const struct cm_local_vault *v, struct cm_err *err)
{
	int fd = openat(v->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL) {
		cm_err_errno(err, errno, "reading the vault's folder");
		if (fd >= 0)
			close(fd);
	}
	return d;
}

static int local_list(struct cm_vault *v, cm_vault_entry_fn fn, void *ctx, struct cm_err *err)
{
	DIR *d = folder_read(cm_local(v), err);
	struct dirent *e;
	int rc = 0;

	if (d == NULL)
		return CM_EIO;
	while (rc == 0 && (errno = 0, e = readdir(d)) != NULL) {
		struct cm_vault_entry entry = { .name = e->d_name };
		char companion[CM_LOCAL_NAME];
		struct stat st;

		if (!cm_vault_name_valid(e->d_name) ||
		    fstatat(cm_local(v)->dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		cm_local_companion(companion, e->d_name);
		entry.size = (uint64_t)st.st_size;
		entry.modified_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
		entry.has_companion = cm_local_exists(cm_local(v)->dir, companion);
		rc = fn(ctx, &entry);
	}
	if (rc == 0 && errno != 0)
		rc = cm_err_errno(err, errno, "reading the vault's folder");
	closedir(d);
	return rc;
}

/* ".NAME.json.partial" beside a published NAME: the crash came between the two renames of a commit. */
static bool commit_finish(int dir, const char *hidden)
{
	static const char ending[] = ".json.partial";
	char name[CM_LOCAL_NAME], companion[CM_LOCAL_NAME];
	size_t len = strlen(hidden);

	if (!cm_str_has_suffix(hidden, ending) || len >= sizeof(name) || len <= sizeof(ending))
		return false;
	memcpy(name, hidden + 1, len - sizeof(ending));
	name[len - sizeof(ending)] = '\0';
	if (!cm_vault_name_valid(name) || !cm_local_exists(dir, name))
		return false;
	cm_local_companion(companion, name);
	return cm_local_rename_new(dir, hidden, companion) == 0;
}

static int local_sweep(struct cm_vault *v, int *ret_removed, struct cm_err *err)
{
	int dir = cm_local(v)->dir, removed = 0, changed = 0;
	DIR *d = folder_read(cm_local(v), err);
	struct dirent *e;

	if (d == NULL)
		return CM_EIO;
	while ((e = readdir(d)) != NULL) {
		const char *name = e->d_name;

		if (name[0] != '.' || (!cm_str_has_suffix(name, ".partial") && !cm_str_has_suffix(name, ".json.new")))
			continue;
		if (commit_finish(dir, name))
			changed++;
		else if (unlinkat(dir, name, 0) == 0)
			removed++;
	}
	closedir(d);
	if (removed + changed > 0 && fsync(dir) < 0)
		return cm_err_errno(err, errno, "writing the vault's folder to the disk");
	*ret_removed = removed;
	return 0;
}

static int64_t local_free_bytes(struct cm_vault *v)
{
	struct statvfs st;

	if (fstatvfs(cm_local(v)->dir, &st) < 0)
		return -1;
	return (int64_t)((uint64_t)st.f_bavail * st.f_frsize);
}

static void local_destroy(struct cm_vault *v)
{
	close(cm_local(v)->dir);
	free(v);
}

static const struct cm_vault_ops local_ops = {
	.kind = "local",
	.create = cm_local_create,
	.write = cm_local_write,
	.patch = cm_local_patch,
	.peek = cm_local_peek,
	.reopen = cm_local_reopen,
	.commit = cm_local_commit,
	.discard = cm_local_discard,
	.open = local_open,
	.pread = local_pread,
	.size = local_size,
	.fd = local_fd,
	.close = local_close,
	.read_companion = local_read_companion,
	.write_companion = local_write_companion,
	.remove = local_remove,
	.list = local_list,
	.sweep = local_sweep,
	.free_bytes = local_free_bytes,
	.destroy = local_destroy,
};

int cm_vault_local_open(const char *dir, struct cm_vault **ret, struct cm_err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cm_local_vault *v;

	if (fd < 0) {
		const char *why = strerror(errno);
		/* Never CM_ENOTFOUND: a folder that is away says nothing of the backups in it. */
		int rc = cm_err_set(err, CM_EIO,
				    "The vault's folder cannot be opened: check that it exists and that the program "
				    "may read and write it");

		cm_err_detail(err, "%s: %s", dir, why);
		return rc;
	}
	v = cm_alloc(sizeof(*v));
	v->base.ops = &local_ops;
	v->dir = fd;
	*ret = &v->base;
	return 0;
}
