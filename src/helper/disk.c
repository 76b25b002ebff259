/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "helper/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "archive/format.h"
#include "core/mem.h"
#include "core/str.h"
#include "helper/disk_int.h"
#include "helper/tree.h"
#include "helper/walk.h"

#define SHARED_DISK ((uint64_t)1 << 30)
enum { SPARE_MOST = 64 << 20, SPARE_SHARE = 64, CHECK_EVERY = 16 << 20 };
enum { DIR_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, FLAGS_MEMORY = 8 << 20, DEPTH_MAX = 4000 };

struct cm_level *cm_disk_top(struct cm_disk *d)
{
	return &d->levels[d->depth - 1];
}

void cm_disk_warn(struct cm_disk *d, const char *path, const char *text)
{
	if (d->o.warn != NULL)
		d->o.warn(d->o.ctx, path, strlen(path), text);
}

int cm_disk_fail(int code, const char *path, const char *why, struct cm_err *err)
{
	cm_autobuf struct cm_buf clean = CM_BUF_INIT(4096);
	size_t len = strlen(path);

	cm_utf8_clean(&clean, path, len < 300 ? len : 300);
	return cm_err_set(err, code, "%s: %s.", clean.data, why);
}

int cm_disk_errno(int errnum, const char *path, const char *doing, struct cm_err *err)
{
	char why[200];

	if (errnum == ENOSPC || errnum == EDQUOT)
		return cm_disk_fail(CM_ENOSPACE, path, "no space left on the target", err);
	snprintf(why, sizeof(why), "%s failed (%s)", doing, strerrordesc_np(errnum) ? strerrordesc_np(errnum) : "?");
	return cm_disk_fail(CM_EIO, path, why, err);
}

static int push(struct cm_disk *d, int fd, size_t path_len, bool existed, const char *path, struct cm_err *err)
{
	struct stat st;

	if (d->depth == DEPTH_MAX || fstat(fd, &st) != 0) {
		close(fd);
		return cm_disk_fail(CM_ECORRUPT, path, "folders are nested too deeply", err);
	}
	if (d->depth == d->level_cap) {
		d->level_cap = d->level_cap ? 2 * d->level_cap : 32;
		d->levels = cm_realloc(d->levels, d->level_cap, sizeof(*d->levels));
	}
	/* A folder that was there keeps its time, unless an entry says otherwise. */
	d->levels[d->depth++] =
	    (struct cm_level){ .fd = fd,
			       .path_len = path_len,
			       .mtime = existed ? st.st_mtim : (struct timespec){ .tv_nsec = UTIME_OMIT },
			       .inherits = fgetxattr(fd, "system.posix_acl_default", NULL, 0) > 0 };
	return 0;
}

/* The content of the deepest open folder is complete. */
static int pop(struct cm_disk *d, struct cm_err *err)
{
	struct cm_level *l = cm_disk_top(d);
	int rc = 0;

	if (l->default_acl != NULL &&
	    fsetxattr(l->fd, "system.posix_acl_default", l->default_acl, l->default_acl_len, 0) != 0)
		cm_disk_warn(d, d->path.data, "its default ACL could not be set");
	if (l->mtime.tv_nsec != UTIME_OMIT &&
	    cm_disk_mtime(l->fd, NULL, l->mtime.tv_sec, (uint32_t)l->mtime.tv_nsec) != 0)
		rc = cm_disk_errno(errno, d->path.len > 0 ? d->path.data : ".", "setting its time", err);
	close(l->fd);
	free(l->default_acl);
	d->depth--;
	d->path.len = d->depth > 0 ? cm_disk_top(d)->path_len : 0;
	if (d->path.cap > 0)
		d->path.data[d->path.len] = '\0';
	return rc;
}

static bool is_empty(int fd)
{
	DIR *dir = fdopendir(openat(fd, ".", DIR_FLAGS));
	const struct dirent *e;
	bool empty = dir != NULL;

	while (empty && (e = readdir(dir)) != NULL)
		empty =
		    strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || strcmp(e->d_name, "lost+found") == 0;
	if (dir != NULL)
		closedir(dir);
	return empty;
}

int cm_disk_open(const struct cm_disk_options *o, struct cm_disk **ret, struct cm_err *err)
{
	struct cm_disk *d = cm_alloc(sizeof(*d));
	int rc = 0;

	d->o = *o;
	d->fd = -1;
	cm_buf_init(&d->path, CM_PATH_MAX);
	cm_buf_init(&d->flags, FLAGS_MEMORY);
	if (!o->file) {
		int fd = open(o->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0) {
			rc = cm_err_set(err, CM_ENOTFOUND, "The folder to restore into does not exist.");
		} else if (!o->merge && !is_empty(fd)) {
			close(fd);
			rc = cm_err_set(err, CM_EEXIST, "The folder to restore into is not empty.");
		} else {
			rc = push(d, fd, 0, true, ".", err);
		}
	}
	if (rc < 0) {
		cm_disk_free(d);
		return rc;
	}
	*ret = d;
	return 0;
}

void cm_disk_free(struct cm_disk *d)
{
	if (d == NULL)
		return;
	if (d->fd >= 0)
		close(d->fd);
	while (d->depth > 0) {
		close(cm_disk_top(d)->fd);
		free(cm_disk_top(d)->default_acl);
		d->depth--;
	}
	free(d->levels);
	cm_buf_release(&d->path);
	cm_buf_release(&d->flags);
	free(d);
}

/* Opens the folder name inside the deepest one and goes into it. make: it may have to be made first. */
static int enter(struct cm_disk *d, const char *name, size_t len, bool make, const char *path, struct cm_err *err)
{
	char one[256];
	int dir = cm_disk_top(d)->fd;

	memcpy(one, name, len);
	one[len] = '\0';
	bool made = make && mkdirat(dir, one, 0755) == 0;
	int fd = openat(dir, one, DIR_FLAGS);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return cm_disk_fail(CM_ECORRUPT, path, "something on the way to it is no folder", err);
	if (fd < 0)
		return cm_disk_errno(errno, path, "opening its folder", err);
	if (d->path.len > 0)
		cm_buf_char(&d->path, '/');
	cm_buf_add(&d->path, one, len);
	return push(d, fd, d->path.len, !made, path, err);
}

static bool on_the_way(const struct cm_disk *d, const char *parent, size_t len)
{
	return d->path.len == 0 || (d->path.len <= len && memcmp(d->path.data, parent, d->path.len) == 0 &&
				    (d->path.len == len || parent[d->path.len] == '/'));
}

/* Makes the deepest open folder the one that path lies in. */
static int go_to_parent(struct cm_disk *d, const char *path, size_t parent_len, struct cm_err *err)
{
	int rc = 0;

	while (rc == 0 && !on_the_way(d, path, parent_len))
		rc = pop(d, err);
	if (rc == 0 && d->path.len != parent_len && d->o.ordered && !d->o.merge)
		return cm_disk_fail(CM_ECORRUPT, path, "it is not where its folder is", err);
	while (rc == 0 && d->path.len != parent_len) {
		size_t from = d->path.len > 0 ? d->path.len + 1 : 0;
		const char *slash = memchr(path + from, '/', parent_len - from);
		size_t end = slash != NULL ? (size_t)(slash - path) : parent_len;
		rc = enter(d, path + from, end - from, true, path, err);
	}
	return rc;
}

/* Something has the name already. 0: it is gone now. */
static int make_room(struct cm_disk *d, const char *path, struct cm_err *err)
{
	if (d->o.ordered && !d->o.merge)
		return cm_disk_fail(CM_ECORRUPT, path, "it is there twice", err);
	if (unlinkat(cm_disk_top(d)->fd, d->name, 0) == 0)
		return 0;
	if ((errno == EISDIR || errno == EPERM) && d->o.merge)
		return cm_tree_remove(cm_disk_top(d)->fd, d->name, err);
	return cm_disk_errno(errno, path, "replacing what has its name", err);
}

static int make_folder(struct cm_disk *d, const struct cm_entry *e, struct cm_err *err)
{
	struct cm_level *top = cm_disk_top(d);
	struct stat st;
	bool existed = false;

	if (mkdirat(top->fd, d->name, 0700) != 0) {
		if (errno != EEXIST)
			return cm_disk_errno(errno, e->path, "making it", err);
		if (d->o.ordered && !d->o.merge)
			return cm_disk_fail(CM_ECORRUPT, e->path, "it is there twice", err);
		existed = fstatat(top->fd, d->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
		int rc = existed ? 0 : make_room(d, e->path, err);
		if (rc < 0)
			return rc;
		if (!existed && mkdirat(top->fd, d->name, 0700) != 0)
			return cm_disk_errno(errno, e->path, "making it", err);
	}
	bool inherits = top->inherits;
	int rc = enter(d, d->name, strlen(d->name), false, e->path, err);
	if (rc == 0)
		rc = cm_disk_attributes_fd(d, cm_disk_top(d)->fd, e, false, existed || inherits, err);
	return rc;
}

/* Of the deepest open folder, which the entry is about. */
static void folder_later(struct cm_disk *d, const struct cm_entry *e)
{
	struct cm_level *l = cm_disk_top(d);

	l->mtime = (struct timespec){ e->mtime_s, e->mtime_ns };
	for (size_t i = 0; i < e->xattr_count; i++) {
		if (strcmp(e->xattrs[i].name, "system.posix_acl_default") != 0 || l->default_acl != NULL)
			continue;
		l->default_acl = cm_alloc(e->xattrs[i].len);
		l->default_acl_len = e->xattrs[i].len;
		memcpy(l->default_acl, e->xattrs[i].value, e->xattrs[i].len);
	}
	l->inherits = fgetxattr(l->fd, "system.posix_acl_default", NULL, 0) > 0;
	cm_disk_flags_later(d, e);
}

/* Finds the folder and name of a hard link's first name without following anything. */
static int make_link(struct cm_disk *d, const struct cm_entry *e, struct cm_err *err)
{
	const char *slash = memrchr(e->link, '/', e->link_len);
	size_t dir_len = slash != NULL ? (size_t)(slash - e->link) : 0;
	const char *name = slash != NULL ? slash + 1 : e->link;
	struct stat st;
	cm_autofree char *dir = cm_strndup(e->link, dir_len);
	int top = cm_disk_top(d)->fd;
	bool same = dir_len == d->path.len && memcmp(dir, d->path.data, dir_len) == 0;

	if (!cm_entry_path_ok(e->link, e->link_len))
		return cm_disk_fail(CM_ECORRUPT, e->path, "it is a hard link to a name that is not allowed", err);
	cm_autoclose int other = same ? -1 : cm_open_below(d->o.target, dir, O_PATH | O_DIRECTORY, NULL);
	int from = same ? top : other;
	if (from < 0 || fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISDIR(st.st_mode))
		return cm_disk_fail(CM_ECORRUPT, e->path, "it is a hard link to something that is not there", err);
	return linkat(from, name, top, d->name, 0) == 0 ? 0 : -1;
}

/* 0, or -1 with errno, or a code of ours (below -1) with err set. */
static int make_other(struct cm_disk *d, const struct cm_entry *e, struct cm_err *err)
{
	int dir = cm_disk_top(d)->fd;

	switch (e->type) {
	case 'f':
		d->fd = openat(dir, d->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		return d->fd >= 0 ? 0 : -1;
	case 'l':
		return symlinkat(e->link, dir, d->name);
	case 'p':
		return mknodat(dir, d->name, S_IFIFO | e->mode, 0);
	case 'c':
	case 'b':
		return mknodat(dir, d->name, (e->type == 'c' ? S_IFCHR : S_IFBLK) | e->mode,
			       makedev(e->rdev_major, e->rdev_minor));
	case 'h':
		return make_link(d, e, err);
	default:
		return cm_disk_fail(CM_ECORRUPT, e->path, "it is of an unknown kind", err);
	}
}

static int make_entry(struct cm_disk *d, const struct cm_entry *e, struct cm_err *err)
{
	int rc = make_other(d, e, err);

	if (rc == -1 && errno == EEXIST) {
		rc = make_room(d, e->path, err);
		if (rc == 0)
			rc = make_other(d, e, err);
	}
	return rc == -1 ? cm_disk_errno(errno, e->path, "making it", err) : rc;
}

static int open_file_target(struct cm_disk *d, const struct cm_entry *e, struct cm_err *err)
{
	if (e->type != 'f' || d->file_done)
		return cm_disk_fail(CM_ECORRUPT, e->path, "only one file belongs here", err);
	d->file_done = true;
	d->fd = open(d->o.target, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	return d->fd >= 0 ? 0 : cm_disk_errno(errno, e->path, "overwriting it", err);
}

int cm_disk_entry(struct cm_disk *d, const struct cm_entry *e, struct cm_err *err)
{
	bool root = e->path_len == 1 && e->path[0] == '.';
	int rc;

	d->entry = *e;
	d->open = true;
	if (d->o.file)
		return open_file_target(d, e, err);
	if (root) {
		if (e->type != 'd')
			return cm_disk_fail(CM_ECORRUPT, e->path, "it is no folder", err);
		rc = go_to_parent(d, "", 0, err);
		if (rc == 0)
			rc = cm_disk_attributes_fd(d, cm_disk_top(d)->fd, e, false, true, err);
		return rc;
	}
	if (!cm_entry_path_ok(e->path, e->path_len))
		return cm_disk_fail(CM_ECORRUPT, e->path, "its name is not allowed", err);
	const char *slash = memrchr(e->path, '/', e->path_len);
	rc = go_to_parent(d, e->path, slash != NULL ? (size_t)(slash - e->path) : 0, err);
	if (rc < 0)
		return rc;
	cm_str_copy(d->name, sizeof(d->name), slash != NULL ? slash + 1 : e->path);
	return e->type == 'd' ? make_folder(d, e, err) : make_entry(d, e, err);
}

/* A few bytes of an archive may stand for more than the disk holds, and a full disk stops every container on it: the
 * last of a disk is never written. Small ones are somebody's limit for this very volume, and may be filled. */
static int leave_some(struct cm_disk *d, struct cm_err *err)
{
	struct statvfs s;

	d->unchecked = 0;
	if (fstatvfs(d->fd, &s) != 0 || (uint64_t)s.f_blocks * s.f_frsize < SHARED_DISK)
		return 0;
	uint64_t share = (uint64_t)s.f_blocks * s.f_frsize / SPARE_SHARE,
		 spare = share < SPARE_MOST ? share : SPARE_MOST;
	/* What is written until the next look counts too. */
	if ((uint64_t)s.f_bavail * s.f_frsize >= spare + CHECK_EVERY)
		return 0;
	return cm_disk_fail(CM_ENOSPACE, d->entry.path, "no space left on the target but the little that others need",
			    err);
}

int cm_disk_write(struct cm_disk *d, uint64_t at, const void *data, size_t len, struct cm_err *err)
{
	const char *p = data;

	d->unchecked += len;
	int rc = d->unchecked >= CHECK_EVERY ? leave_some(d, err) : 0;
	if (rc < 0)
		return rc;

	while (len > 0) {
		ssize_t n = pwrite(d->fd, p, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cm_disk_errno(errno, d->entry.path, "writing it", err);
		p += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* A file with so much begins its way to the disk at once, so that little is left for the sync at the end. */
enum { EARLY_BYTES = 65536 };

static int end_file(struct cm_disk *d, const struct cm_entry *e, struct cm_err *err)
{
	bool exact = d->o.file || cm_disk_top(d)->inherits;

	/* Only a hint: the sync at the end is what counts. */
	if (e->stored >= EARLY_BYTES)
		(void)sync_file_range(d->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	if (e->sparse && ftruncate(d->fd, (off_t)e->size) != 0)
		return cm_disk_errno(errno, e->path, "writing it", err);
	int rc = cm_disk_attributes_fd(d, d->fd, e, true, exact, err);
	if (rc == 0 && cm_disk_mtime(d->fd, NULL, e->mtime_s, e->mtime_ns) != 0)
		rc = cm_disk_errno(errno, e->path, "setting its time", err);
	if (rc == 0)
		cm_disk_flags_later(d, e);
	if (close(d->fd) != 0 && rc == 0)
		rc = cm_disk_errno(errno, e->path, "writing it", err);
	d->fd = -1;
	return rc;
}

int cm_disk_end(struct cm_disk *d, struct cm_err *err)
{
	const struct cm_entry *e = &d->entry;
	int rc = 0;

	if (!d->open)
		return cm_err_set(err, CM_EINTERNAL, "There is no entry to end.");
	d->open = false;
	if (e->type == 'd') {
		folder_later(d, e);
	} else if (e->type == 'f') {
		rc = end_file(d, e, err);
	} else if (e->type != 'h') {
		int dir = cm_disk_top(d)->fd;
		rc = cm_disk_attributes_at(d, dir, d->name, e, err);
		if (rc == 0 && cm_disk_mtime(dir, d->name, e->mtime_s, e->mtime_ns) != 0)
			rc = cm_disk_errno(errno, e->path, "setting its time", err);
	}
	return rc;
}

int cm_disk_deleted(struct cm_disk *d, const char *path, size_t len, bool opaque, struct cm_err *err)
{
	const char *slash = memrchr(path, '/', len);
	int rc;

	/* Back into folders that are done: go_to_parent() keeps their times. */
	d->o.ordered = false;
	if (opaque) {
		rc = go_to_parent(d, path, strcmp(path, ".") == 0 ? 0 : len, err);
		if (rc == 0 && fsetxattr(cm_disk_top(d)->fd, "trusted.overlay.opaque", "y", 1, 0) != 0)
			rc = cm_disk_errno(errno, path, "hiding what the image has in it", err);
		return rc;
	}
	rc = go_to_parent(d, path, slash != NULL ? (size_t)(slash - path) : 0, err);
	if (rc < 0)
		return rc;
	cm_str_copy(d->name, sizeof(d->name), slash != NULL ? slash + 1 : path);
	if (mknodat(cm_disk_top(d)->fd, d->name, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno != EEXIST)
		return cm_disk_errno(errno, path, "deleting it", err);
	rc = make_room(d, path, err);
	if (rc == 0 && mknodat(cm_disk_top(d)->fd, d->name, S_IFCHR, makedev(0, 0)) != 0)
		rc = cm_disk_errno(errno, path, "deleting it", err);
	return rc;
}

int cm_disk_close(struct cm_disk *d, bool sync, struct cm_err *err)
{
	int rc = 0;

	while (d->depth > 0 && rc == 0)
		rc = pop(d, err);
	if (rc < 0)
		return rc;
	cm_disk_flags_now(d);
	if (!sync)
		return 0;
	cm_autoclose int fd = open(d->o.target, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) != 0)
		return cm_disk_errno(errno, ".", "writing it to the disk", err);
	return 0;
}
