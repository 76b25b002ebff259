/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attributes, in the only order that keeps them all: owner, mode, extended attributes, time; flags at the end. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/str.h"
#include "helper/disk_int.h"
#include "helper/walk.h"

static const char acl_access[] = "system.posix_acl_access", acl_default[] = "system.posix_acl_default";

static bool allowed(const struct cm_disk *d, const char *name)
{
	if (d->o.overlay && cm_str_has_prefix(name, "trusted.overlay."))
		return false;
	return cm_str_has_prefix(name, "user.") || cm_str_has_prefix(name, "trusted.") ||
	       cm_str_has_prefix(name, "security.") || strcmp(name, acl_access) == 0 || strcmp(name, acl_default) == 0;
}

static bool entry_has(const struct cm_entry *e, const char *name)
{
	for (size_t i = 0; i < e->xattr_count; i++)
		if (strcmp(e->xattrs[i].name, name) == 0)
			return true;
	return false;
}

/* What the folder had before and the entry does not. Labels (security.*) belong to the machine and stay. */
static void remove_others(struct cm_disk *d, int fd, const struct cm_entry *e)
{
	cm_autofree char *list = cm_alloc(65536);
	ssize_t n = flistxattr(fd, list, 65536);

	for (const char *name = list; n > 0 && name < list + n; name += strlen(name) + 1)
		if (allowed(d, name) && !cm_str_has_prefix(name, "security.") && !entry_has(e, name))
			fremovexattr(fd, name);
}

/* fd, or with fd -1 the path (whose last part is not followed). */
static void set_xattrs(struct cm_disk *d, int fd, const char *path, const struct cm_entry *e, bool with_default)
{
	for (size_t i = 0; i < e->xattr_count; i++) {
		const struct cm_xattr *x = &e->xattrs[i];
		char text[384];
		if (!with_default && strcmp(x->name, acl_default) == 0)
			continue;
		int rc = -1;
		errno = EPERM;
		if (allowed(d, x->name))
			rc = fd >= 0 ? fsetxattr(fd, x->name, x->value, x->len, 0)
				     : lsetxattr(path, x->name, x->value, x->len, 0);
		if (rc == 0)
			continue;
		snprintf(text, sizeof(text), "its attribute %.200s could not be set (%s)", x->name,
			 strerrordesc_np(errno) ? strerrordesc_np(errno) : "?");
		cm_disk_warn(d, e->path, text);
	}
}

int cm_disk_attributes_fd(struct cm_disk *d, int fd, const struct cm_entry *e, bool with_default, bool exact,
			  struct cm_err *err)
{
	if (fchown(fd, e->uid, e->gid) != 0)
		return cm_disk_errno(errno, e->path, "setting its owner", err);
	/* Also when the mode is right already: a new owner has cleared setuid and setgid. */
	if (fchmod(fd, e->mode) != 0)
		return cm_disk_errno(errno, e->path, "setting its mode", err);
	if (exact)
		remove_others(d, fd, e);
	set_xattrs(d, fd, NULL, e, with_default);
	return 0;
}

int cm_disk_attributes_at(struct cm_disk *d, int dir_fd, const char *name, const struct cm_entry *e, struct cm_err *err)
{
	char path[300];

	if (fchownat(dir_fd, name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) != 0)
		return cm_disk_errno(errno, e->path, "setting its owner", err);
	if (e->type != 'l' && (e->mode & 06000) != 0) {
		/* The owner has cleared these; there is no chmod that is sure not to follow a name. */
		cm_autoclose int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		struct stat st;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (fd < 0 || fstat(fd, &st) != 0 || S_ISLNK(st.st_mode) || chmod(path, e->mode) != 0)
			return cm_disk_errno(errno, e->path, "setting its mode", err);
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir_fd, name);
	if (e->type != 'l' && cm_disk_top(d)->inherits && !entry_has(e, acl_access))
		lremovexattr(path, acl_access);
	set_xattrs(d, -1, path, e, true);
	return 0;
}

int cm_disk_mtime(int fd, const char *name, int64_t s, uint32_t ns)
{
	const struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = s, .tv_nsec = ns } };

	return name == NULL ? futimens(fd, t) : utimensat(fd, name, t, AT_SYMLINK_NOFOLLOW);
}

void cm_disk_flags_later(struct cm_disk *d, const struct cm_entry *e)
{
	if (e->flags == 0 || (e->type != 'f' && e->type != 'd'))
		return;
	size_t before = d->flags.len;
	cm_buf_printf(&d->flags, "%08x", e->flags & CM_ENTRY_FLAGS);
	cm_buf_add(&d->flags, e->path, e->path_len);
	cm_buf_char(&d->flags, '\0');
	if (cm_buf_failed(&d->flags)) {
		d->flags.failed = 0;
		d->flags.len = before;
		cm_disk_warn(d, e->path, "its file flags were not set: too many files have some");
	}
}

static bool set_flags(int fd, uint32_t flags)
{
	int now = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &now) != 0)
		return false;
	now |= (int)flags;
	return ioctl(fd, FS_IOC_SETFLAGS, &now) == 0;
}

void cm_disk_flags_now(struct cm_disk *d)
{
	const char *p = d->flags.data, *end = p + d->flags.len;

	while (p < end) {
		char hex[9] = "";
		memcpy(hex, p, 8);
		const char *path = p + 8;
		cm_autoclose int fd = d->o.file ? open(d->o.target, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
						: cm_open_below(d->o.target, path, O_RDONLY | O_NONBLOCK, NULL);
		if (fd < 0 || !set_flags(fd, (uint32_t)strtoul(hex, NULL, 16)))
			cm_disk_warn(d, path, "its file flags (such as immutable) could not be set");
		p = path + strlen(path) + 1;
	}
	cm_buf_reset(&d->flags);
}
